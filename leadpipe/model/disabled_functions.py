"""Finds the functions that an app setting has switched off: the platform does not report it when a lead comes.

https://learn.microsoft.com/azure/azure-functions/disable-function
"""

from collections.abc import Mapping

# Not `openapi`, which nothing waits for: switching it off is how to keep the endpoint's description private.
_FUNCTIONS = ("leads", "deliver", "sweep", "health")
_ON = frozenset({"1", "true"})


def switched_off(environment: Mapping[str, str]) -> dict[str, str]:
    """Each function that is switched off, and the setting that switches it off."""
    found = {name: _disabled_by(name, environment) for name in _FUNCTIONS}
    return {name: setting for name, setting in found.items() if setting}


def _disabled_by(function: str, environment: Mapping[str, str]) -> str:
    for setting in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled"):
        if environment.get(setting, "").strip().lower() in _ON:
            return setting
    return ""
