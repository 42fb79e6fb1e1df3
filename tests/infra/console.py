"""Checks the console's app: who gets past its sign-in, that the other app has none, and that it has one instance."""

from collections.abc import Iterator, Mapping

from tests.infra.bicep import Bicep, text_of
from tests.infra.names import SECOND_APP

SIGN_IN = {
    "requireAuthentication": True,
    "unauthenticatedClientAction": "RedirectToLoginPage",
    "redirectToProvider": "azureactivedirectory",
}


def console_faults(files: Mapping[str, Bicep]) -> Iterator[str]:
    """With the sign-in before the other app, the marketplace's posts would be sent to a page for people."""
    found = [(name, body) for name, file in sorted(files.items()) for body in _sign_ins(file)]
    if [name for name, _ in found] != ["console.bicep"]:
        yield f"people sign in by {[name for name, _ in found]}, not by console.bicep alone"
    for _, body in found:
        properties = body.get("properties")
        given = properties if isinstance(properties, dict) else {}
        if given.get("platform") != {"enabled": True} or given.get("globalValidation") != SIGN_IN:
            yield "console.bicep: the sign-in is not asked for at every address"
        if given.get("login") != {"tokenStore": {"enabled": False}}:
            yield "console.bicep: tokens are kept, which nothing needs"
    console, group = files["console.bicep"], files["leadpipe.bicep"]
    app, module = console.get("app"), group.get("console")
    if app is None or "maximumInstanceCount: 1\n" not in text_of(app.node):
        yield "console.bicep: the console may have more than one instance, and its plans are in one's memory"
    settings = console.get("settings")
    if settings is None or "LEADPIPE_APP: 'console' })" not in text_of(settings.node):
        yield "console.bicep: LEADPIPE_APP is not console, so it would take and deliver leads"
    if module is None or f"name: '${{appName}}{SECOND_APP}'" not in text_of(module.node):
        yield f"leadpipe.bicep: the console's app is not named by appName and {SECOND_APP}"
    if module is None or "if (!empty(consoleClientId))" not in text_of(module.node):
        yield "leadpipe.bicep: the console is made without being asked for"


def _sign_ins(file: Bicep) -> Iterator[dict[object, object]]:
    for each in file.of("resource"):
        body = file.body(each)
        is_config = each.kind.startswith("Microsoft.Web/sites/config@") and isinstance(body, dict)
        if is_config and isinstance(body, dict) and str(body.get("name")).lower().startswith("authsettings"):
            yield body
