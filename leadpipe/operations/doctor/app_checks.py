"""Checks the app's own settings: whether they can be used, what they switch off, how many threads they give."""

from collections.abc import Iterator, Mapping

from leadpipe.model.settings import Area, Settings
from leadpipe.operations.disabled_functions import switched_off
from leadpipe.operations.doctor.finding import Finding, failed, ok, warning

SETTINGS = "settings"
FUNCTIONS = "functions"
THREADS = "threads"
THREADS_WANTED = 32
_THREAD_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"
_FIX = "correct it among the app settings (in the portal: Settings, Environment variables) or in local.settings.json"


def look_at_settings(settings: Settings) -> Iterator[Finding]:
    if not settings.faults:
        yield ok(SETTINGS, f"test leads: {settings.test_leads}, do-not-contact leads: {settings.dnc_leads}")
    for fault in settings.faults:
        if fault.area is Area.NOTED:
            yield warning(SETTINGS, f"{fault}: leads go on", _FIX)
        else:
            yield failed(SETTINGS, str(fault), _FIX, reason="settings")


def look_at_functions(environment: Mapping[str, str]) -> Finding:
    """Checks whether a setting switches a function off: nothing else reports it when a lead comes."""
    off = switched_off(environment)
    if not off:
        return ok(FUNCTIONS, "none is switched off")
    fact = f"switched off: {', '.join(off)}"
    return failed(FUNCTIONS, fact, f"remove the app setting {' and '.join(off.values())}")


def look_at_threads(environment: Mapping[str, str]) -> Finding:
    """Checks the number of threads: the default is so low that deliveries to a slow Dynamics would block intake."""
    set_to = environment.get(_THREAD_SETTING, "").strip()
    if set_to.isdecimal() and int(set_to) >= THREADS_WANTED:
        return ok(THREADS, f"{_THREAD_SETTING} is {set_to}")
    said = set_to if set_to.isdecimal() else "not a number" if set_to else "not set"
    fact = f"{_THREAD_SETTING} is {said}: slow deliveries could keep leads from being taken in"
    return warning(THREADS, fact, f"set it to {THREADS_WANTED}")
