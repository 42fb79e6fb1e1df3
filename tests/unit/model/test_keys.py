"""What LEADPIPE_KEYS means, and which key a post came with."""

import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.keys import EndpointKey, Presented, is_key_name, key_presented, keys_of

A, B = "a" * 20, "b" * 20
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key)"
NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-"
NAMES = st.text(NAME_CHARACTERS, min_size=1, max_size=64)
VALUES = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) != ","], min_size=16, max_size=60)


def read(text: str) -> dict[str, str]:
    return {key.name: key.value for key in keys_of(text)[0]}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (A, {"key1": A}),
        (f"{A},{B}", {"key1": A, "key2": B}),
        (f" old:{A} , {B} ", {"old": A, "key2": B}),
        (f"a:x:y=/+{A}==", {"a": f"x:y=/+{A}=="}),
        (f"Partner.Center_1-x:{A}", {"Partner.Center_1-x": A}),
        (f"{'n' * 64}:{A}", {"n" * 64: A}),
        (f"{'n' * 65}:{A}", {"key1": f"{'n' * 65}:{A}"}),
        (f"no/name:{A}", {"key1": f"no/name:{A}"}),
        (f":{A}", {"key1": f":{A}"}),
        (f"a: {A}", {"a": A}),
    ],
)
def test_a_key_is_a_name_and_a_value_or_a_value_alone(text: str, keys: dict[str, str]) -> None:
    assert read(text) == keys
    assert keys_of(text)[1] == []


@pytest.mark.parametrize(
    ("text", "keys", "problem"),
    [
        (f"{A},,{B}", {"key1": A, "key3": B}, "key 2 of 3 is empty; it does not count"),
        (f"{A},b:", {"key1": A}, "key 2 of 2 is empty; it does not count"),
        ("", {}, "key 1 of 1 is empty; it does not count"),
        (
            f"a:{A},b:two words and more",
            {"a": A},
            "key 2 of 2 has blanks or characters beyond ASCII, which no header carries; it does not count",
        ),
        (
            f"a:schlüssel-schlüssel,b:{B}",
            {"b": B},
            "key 1 of 2 has blanks or characters beyond ASCII, which no header carries; it does not count",
        ),
        (
            f"a:{A},b:{REFERENCE}",
            {"a": A},
            (
                "key 2 of 2 is an unresolved reference: the platform resolves a setting only whole, so put all keys"
                " into one secret; it does not count"
            ),
        ),
    ],
)
def test_one_that_cannot_be_read_is_named_by_its_place_and_the_others_count(
    text: str, keys: dict[str, str], problem: str
) -> None:
    assert read(text) == keys
    assert keys_of(text)[1] == [problem]


def test_a_comma_inside_a_reference_makes_no_key_of_its_rest() -> None:
    assert read(f"a:{REFERENCE.replace('/key', '/k,e,y')}") == {}
    assert read(f"{REFERENCE.replace('/key', '/k,e,y')},b:{B}") == {"b": B}


def test_brackets_are_part_of_a_key_where_there_is_no_reference() -> None:
    assert read(f"a:{A},b:{B})") == {"a": A, "b": f"{B})"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:short", "key 1 of 1 is shorter than 16 characters, so it could be guessed"),
        (f"a:{A},b:{A}", "key 2 of 2 is the same as one before it, whose name its leads get"),
        (
            f"a:{A},a:{B}",
            "key 2 of 2 has the name of one before it, so that nobody can tell which of the two is in use",
        ),
        (
            f"key2:{A},{B}",
            "key 2 of 2 has the name of one before it, so that nobody can tell which of the two is in use",
        ),
    ],
)
def test_an_odd_key_counts_all_the_same_and_is_named(text: str, problem: str) -> None:
    keys, problems = keys_of(text)
    assert len(keys) == text.count(",") + 1
    assert problems == [problem]


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5, unique_by=(lambda t: t[0], lambda t: t[1])))
def test_what_is_written_with_names_is_read_back(keys: list[tuple[str, str]]) -> None:
    text = ",".join(f"{name}:{value}" for name, value in keys)
    assert keys_of(text) == ([EndpointKey(name=name, value=value) for name, value in keys], [])


@given(st.text(max_size=200))
def test_any_text_gives_keys_with_sound_names_and_problems_without_values(text: str) -> None:
    keys, problems = keys_of(text)
    assert all(is_key_name(key.name) and key.value for key in keys)
    assert bool(keys) or bool(problems)


@given(st.text(max_size=40), st.lists(VALUES, min_size=1, max_size=4))
def test_no_problem_and_no_repr_has_a_value(odd: str, values: list[str]) -> None:
    keys, problems = keys_of(",".join([*values, odd, *values]))
    said = f"{keys} {problems} {[Presented(header=value, code=value) for value in values]}"
    assert not any(value.rpartition(":")[2] in said for value in values if len(value.rpartition(":")[2]) >= 16)


KEYS = [EndpointKey(name="a", value=A), EndpointKey(name="b", value=f"{B}+/=")]


@pytest.mark.parametrize(
    ("presented", "name"),
    [
        (Presented(header=A), "a"),
        (Presented(code=A), "a"),
        (Presented(header=f"{B}+/="), "b"),
        (Presented(code=f"{B}+/="), "b"),
        (Presented(code=f"{B} /="), "b"),  # an address that was not encoded
        (Presented(header=f"{B} /="), None),
        (Presented(header="wrong", code=A), "a"),
        (Presented(header=A, code="wrong"), "a"),
        (Presented(header=f"{B}+/=", code=A), "b"),
        (Presented(), None),
        (Presented(header="", code=""), None),
        (Presented(header=A[:-1]), None),
        (Presented(header=f"{A}a"), None),
        (Presented(header=A.upper()), None),
        (Presented(header=f"a:{A}"), None),
        (Presented(code=f"{A},{A}"), None),
        (Presented(header="ключ"), None),
        (Presented(header="\ud800", code="\x00"), None),
    ],
)
def test_the_header_or_the_address_has_one_of_the_keys(presented: Presented, name: str | None) -> None:
    assert key_presented(presented, KEYS) == name


def test_without_keys_nothing_is_right() -> None:
    assert key_presented(Presented(header=A), []) is None


@pytest.mark.parametrize("header", [A, f"{B}+/=", "wrong", ""])
def test_every_text_is_compared_with_every_key_wherever_it_is_found(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    really = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return really(left, right)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    key_presented(Presented(header=header, code="wrong"), KEYS)
    assert compared == [(32, 32)] * 4


@given(st.text(max_size=60), st.text(max_size=60), st.lists(VALUES, max_size=4, unique=True))
def test_only_the_key_itself_is_right(header: str, code: str, values: list[str]) -> None:
    keys = [EndpointKey(name=f"k{number}", value=value) for number, value in enumerate(values)]
    found = key_presented(Presented(header=header, code=code), keys)
    assert (found is not None) == (header in values or code.replace(" ", "+") in values)
