"""What the app's own settings say: whether they can be used, what is switched off, how many threads there are."""

from collections.abc import Mapping

from leadpipe.model.settings import Settings
from leadpipe.ops.doctor.finding import Finding, failed, ok, warning

SETTINGS = "settings"
FUNCTIONS = "functions"
THREADS = "threads"
THREADS_WANTED = 32
_FUNCTIONS = ("leads", "deliver", "sweep", "health")
_THREAD_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"
_ON = frozenset({"1", "true"})


def look_at_settings(settings: Settings) -> Finding:
    if not settings.faults:
        return ok(SETTINGS, f"test leads: {settings.test_leads}, do-not-contact leads: {settings.dnc_leads}")
    fix = "correct it among the app settings (in the portal: Settings, Environment variables) or in local.settings.json"
    return failed(SETTINGS, "; ".join(str(fault) for fault in settings.faults), fix, reason="settings")


def look_at_functions(environment: Mapping[str, str]) -> Finding:
    """A function can be switched off by a setting, and then nothing says so when a lead comes."""
    settings = {name: _disabled_by(name, environment) for name in _FUNCTIONS}
    off = {name: setting for name, setting in settings.items() if setting}
    if not off:
        return ok(FUNCTIONS, "none is switched off")
    fact = f"switched off: {', '.join(off)}"
    return failed(FUNCTIONS, fact, f"remove the app setting {' and '.join(off.values())}")


def look_at_threads(environment: Mapping[str, str]) -> Finding:
    """With the worker's own number, deliveries that wait for a slow Dynamics would leave none to take leads in."""
    set_to = environment.get(_THREAD_SETTING, "").strip()
    if set_to.isdecimal() and int(set_to) >= THREADS_WANTED:
        return ok(THREADS, f"{_THREAD_SETTING} is {set_to}")
    fact = f"{_THREAD_SETTING} is {set_to}" if set_to.isdecimal() else f"{_THREAD_SETTING} is not set"
    return warning(
        THREADS, f"{fact}: slow deliveries could keep leads from being taken in", f"set it to {THREADS_WANTED}"
    )


def _disabled_by(function: str, environment: Mapping[str, str]) -> str:
    """https://learn.microsoft.com/azure/azure-functions/disable-function"""
    for setting in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled"):
        if environment.get(setting, "").strip().lower() in _ON:
            return setting
    return ""
