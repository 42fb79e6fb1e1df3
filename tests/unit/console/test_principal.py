"""The header of App Service Authentication: who is read from it, and that all else is refused."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadpipe.console.principal import LONGEST_HEADER, LONGEST_NAME, AppRole, Principal, Unreadable, principal_of

UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ROLE_OF_DOTNET = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ID = "11112222-bbbb-3333-cccc-4444dddd5555"


def claim(kind: Any, value: Any) -> dict[str, Any]:
    return {"typ": kind, "val": value}


NAME = claim("preferred_username", "jane@contoso.com")


def document(*claims: Any, **changes: Any) -> dict[str, Any]:
    return {"auth_typ": "aad", "claims": [*claims], "name_typ": "name", "role_typ": ROLE_OF_DOTNET} | changes


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.b64encode(text).decode()


def test_a_person_has_a_name_and_the_roles_of_the_claims() -> None:
    found = principal_of(encoded(document(NAME, claim("roles", "leadpipe.read"), claim("roles", "other"))))
    assert found == Principal(name="jane@contoso.com", roles=frozenset({"leadpipe.read", "other"}))


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ((claim("name", "Jane Doe"), NAME, claim(UPN, "other@contoso.com")), "jane@contoso.com"),
        ((claim("name", "Jane Doe"), claim(UPN, "jane@contoso.com")), "jane@contoso.com"),
        ((claim("name", " Jané Doe "),), "Jané Doe"),
        ((claim("preferred_username", " "), claim("name", "Jane Doe")), "Jane Doe"),
        ((claim("preferred_username", "jane\x1b[2J"), claim("name", "Jane Doe")), "Jane Doe"),
        ((claim("name", "n" * (LONGEST_NAME + 1)), claim(OBJECT_ID, ID)), ID),
        ((claim("oid", ID),), ID),
        ((claim("name", "Jane Doe"), claim("name", "John Doe")), "Jane Doe"),
    ],
)
def test_a_person_is_called_by_the_best_name_that_fits_a_history(claims: tuple[Any, ...], name: str) -> None:
    assert principal_of(encoded(document(*claims))).name == name


@pytest.mark.parametrize(
    "other", [ROLE_OF_DOTNET, "role", "Roles", "roles ", "groups", "wids", "http://schemas.microsoft.com/roles", ""]
)
def test_a_role_in_a_claim_of_another_type_is_none(other: str) -> None:
    found = principal_of(encoded(document(NAME, claim(other, "leadpipe.operate"), role_typ=other)))
    assert found.roles == frozenset()


@pytest.mark.parametrize("value", ["Leadpipe.Operate", "leadpipe.operate ", "leadpipe.read,leadpipe.operate", "*"])
def test_a_role_that_only_resembles_one_is_another(value: str) -> None:
    assert principal_of(encoded(document(NAME, claim("roles", value)))).roles.isdisjoint(AppRole)


FORGED = {
    "nothing": "",
    "no base64": "{}",
    "other base64": encoded(document(NAME, x="?" * 50)).replace("/", "_").replace("+", "-") + "_-",
    "base64 without its end": encoded(document(NAME, x="12")).rstrip("=")[:-1],
    "two headers": f"{encoded(document(NAME))},{encoded(document(NAME))}",
    "a header twice": encoded(document(NAME)) * 2,
    "blanks around it": f" {encoded(document(NAME))} ",
    "letters of another alphabet": "е30=",
    "no text": encoded(b"\xff\xfe"),
    "a surrogate": "\udce9",
    "no JSON": encoded(b"claims"),
    "half of JSON": encoded(b'{"auth_typ": "aad"'),
    "nested too deep": encoded(b"[" * 9000),
    "a number of thousands of digits": encoded(b"1" * 9000),
    "a list": encoded([document(NAME)]),
    "a text": encoded("aad"),
    "null": encoded(None),
    "an empty object": encoded({}),
    "a key twice": encoded(
        b'{"auth_typ": "aad", "claims": [], "claims": [{"typ": "roles", "val": "leadpipe.operate"}]}'
    ),
    "no sign-in": encoded({"claims": [NAME]}),
    "another sign-in": encoded(document(NAME, auth_typ="google")),
    "another spelling": encoded(document(NAME, auth_typ="AAD")),
    "sign-ins": encoded(document(NAME, auth_typ=["aad"])),
    "no claims": encoded({"auth_typ": "aad"}),
    "claims that are null": encoded(document(claims=None)),
    "claims in an object": encoded(document(claims={"roles": ["leadpipe.operate"]})),
    "claims in a text": encoded(document(claims="roles")),
    "a claim that is a text": encoded(document(NAME, "leadpipe.operate")),
    "a claim without a value": encoded(document(NAME, {"typ": "roles"})),
    "a claim with a list": encoded(document(NAME, claim("roles", ["leadpipe.operate"]))),
    "a claim with a number": encoded(document(NAME, claim("roles", 1))),
    "a type that is null": encoded(document(NAME, claim(None, "leadpipe.operate"))),
    "nobody": encoded(document(claim("roles", "leadpipe.operate"))),
    "a name of control characters": encoded(document(claim("name", "\x00\x1b"))),
    "a huge one": encoded(document(NAME, x="y" * LONGEST_HEADER)),
}


@pytest.mark.parametrize("header", FORGED.values(), ids=FORGED)
def test_a_header_that_app_service_does_not_write_is_refused_without_a_word_of_it(header: str) -> None:
    with pytest.raises(Unreadable) as refused:
        principal_of(header)
    assert not [word for word in ("jane", "operate", "google") if word in str(refused.value)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["auth_typ", "claims", "typ", "val"]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.text() | st.binary().map(encoded) | JSON.map(encoded) | st.lists(JSON).map(lambda c: encoded(document(*c))))
def test_any_header_is_a_person_or_is_refused(header: str) -> None:
    try:
        found = principal_of(header)
    except Unreadable:
        return
    assert found.name
