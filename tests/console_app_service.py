"""What App Service sends to the console on Azure: its settings, and the header that names who has signed in."""

import base64
import json

NAME = "leads-abc123-console.azurewebsites.net"
ROOT = "/api/console"
SETTINGS = {"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_HOSTNAME": NAME}
HEADER = "X-MS-CLIENT-PRINCIPAL"
OPERATOR, READER = "leadpipe.operate", "leadpipe.read"


def principal(name: str, *roles: str, **changes: object) -> str:
    claims = [{"typ": "preferred_username", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
    document = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "role"} | changes
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed_in(name: str, *roles: str) -> dict[str, str]:
    return {HEADER: principal(name, *roles)}


# Headers that App Service does not write, each as it comes; tests/unit/console/test_principal.py has all kinds.
FORGED = {
    "no base64": ["jane@contoso.com; leadpipe.operate"],
    "no JSON": [base64.b64encode(b"leadpipe.operate").decode()],
    "another sign-in": [principal("jane@contoso.com", OPERATOR, auth_typ="google")],
    "claims of another kind": [principal("jane@contoso.com", claims={"roles": OPERATOR})],
    "two headers": [principal("jane@contoso.com", OPERATOR), principal("jane@contoso.com", OPERATOR)],
    "a long one": [principal("jane@contoso.com", OPERATOR, more="x" * 30_000)],
}
