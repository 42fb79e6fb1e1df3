"""Whose an e-mail address is: the lead's own, somebody's whom it mentions, or another, longer address."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from leadpipe.model.errors import InvalidLead
from leadpipe.model.record import Record, State
from leadpipe.operations.addresses import Standing, is_address, standing
from tests.factories import lead_id, payload, record

ANN = "ann@contoso.com"
OWN, MENTIONED = Standing.OWN, Standing.MENTIONED
LONGER = [
    "joann@contoso.com",
    "jo.ann@contoso.com",
    "jo-ann@contoso.com",
    "jo+ann@contoso.com",
    "jo_ann@contoso.com",
    "o'ann@contoso.com",
    "joänn@contoso.com",
    "jöann@contoso.com",
    "ann@contoso.com.au",
    "ann@contoso.community",
    "ann@contoso.com-pany.example",
    "ann@contoso.co",
    "ann@contoso",
]
AROUND = [
    "{}",
    "<{}>",
    '"{}"',
    "'{}'",
    "({})",
    "mailto:{}",
    "mail={}&x=1",
    "to {}.",
    "to {}, or",
    "请联系{}谢谢",
    "{}/x",
]
ANOTHER = {"UserDetails": {"FirstName": "Eve", "LastName": "Five", "Email": "eve@example.com"}}


def rejected(body: str | bytes) -> Record:
    posted = body.encode() if isinstance(body, str) else body
    return Record.rejected(lead_id(), InvalidLead("not_json", ""), posted)


def accepted(**posted: object) -> Record:
    return Record.accepted(lead_id(), json.dumps(posted))


@pytest.mark.parametrize(
    "email", [ANN, " Ann@Contoso.COM ", "Ann <ann@contoso.com>", "ａｎｎ@contoso.com", "x@y.z; ann@contoso.com"]
)
@pytest.mark.parametrize("state", [State.ACCEPTED, State.WRITTEN, State.DUPLICATE, State.DISCARDED])
def test_the_address_of_the_lead_is_its_own_in_every_state(email: str, state: State) -> None:
    assert standing(ANN, record(lead_id(), posted=payload(Email=email), state=state)) is OWN


@pytest.mark.parametrize("other", LONGER)
def test_an_address_that_is_part_of_a_longer_one_is_not_found(other: str) -> None:
    assert standing(ANN, record(lead_id(), posted=payload(Email=other))) is None
    assert standing(ANN, record(lead_id(), posted=payload(Description=f"write to {other} please"))) is None
    assert standing(ANN, rejected(f'{{"UserDetails": {{"Email": "{other}", oops')) is None


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_an_address_does_not_hide_it(around: str) -> None:
    assert standing(ANN, rejected(around.format(ANN))) is OWN
    assert standing(ANN, accepted(**ANOTHER, Description=around.format(ANN))) is MENTIONED


@pytest.mark.parametrize(
    "body",
    [
        '{"UserDetails": {"Email": "ann@contoso.com", oops',
        '{"Description": "or bob@contoso.com", "email" : ["ann@contoso.com"',
        '[{"E-Mail": "ann@contoso.com"}, {"E-Mail": "bob@contoso.com"}]',
        "LastName=Doe&Email=ann%40contoso.com&cc=bob%40contoso.com",
        "<Lead><Email>ann&#64;contoso.com</Email><Text>bob@contoso.com</Text></Lead>",
        '{"UserDetails": "{\\"Email\\": \\"ann\\u0040contoso.com\\"}", "Text": "bob@contoso.com", oops',
        "name\tann@contoso.com",
        '{"Email": "ann@contoso.com"}'.encode("utf-16"),
        '{"Name": "M\xfcller", "Email": "ann@contoso.com", "cc": "bob@contoso.com"}'.encode("latin-1"),
    ],
    ids=range(9),
)
def test_a_rejected_post_has_the_address_behind_a_key_for_mail_or_alone(body: str | bytes) -> None:
    assert standing(ANN, rejected(body)) is OWN


@pytest.mark.parametrize(
    "posted",
    [
        {"OfferTitle": "Widget", "Description": "please write to\nann@contoso.com"},
        {"OfferTitle": "Widget", "Contact": {"mail_address": ANN}, "Description": "or bob@contoso.com"},
        {"OfferTitle": "Widget", "Contact": json.dumps(json.dumps({"Email": ANN})), "Copy": "bob@contoso.com"},
        {"UserDetails": {"LastName": ANN}, "Description": "bob@contoso.com"},
        {"UserDetails": {"Company": f"of {ANN}"}, "Description": "bob@contoso.com"},
    ],
    ids=range(5),
)
def test_a_lead_without_an_address_that_was_read_has_what_it_says_of_itself(posted: dict[str, object]) -> None:
    assert standing(ANN, accepted(**posted)) is OWN


@pytest.mark.parametrize(
    "lead",
    [
        accepted(**ANOTHER, Description="please write to my colleague ann@contoso.com instead"),
        accepted(**ANOTHER, Colleague={"Email": ANN}),
        accepted(UserDetails={"FirstName": "Eve", "LastName": "Five"}, Description="my colleague is ann@contoso.com"),
        rejected('{"UserDetails": {"Email": "eve@example.com"}, "Description": "not to ann@contoso.com", oops'),
        rejected("from eve@example.com to ann@contoso.com"),
        Record.poisoned(lead_id(), "plugin_refused", "ann@contoso.com is blocked", json.dumps(ANOTHER)),
        Record.poisoned(lead_id(), "plugin_refused", "ann@contoso.com is blocked", '{"OfferTitle": "Widget"}'),
    ],
    ids=range(7),
)
def test_the_lead_of_somebody_else_only_mentions_it(lead: Record) -> None:
    assert standing(ANN, lead) is MENTIONED


JOERG = "jörg@müller.example"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_address_with_umlauts_is_found_in_the_bytes_of_any_encoding(encoding: str) -> None:
    body = f'{{"Name": "Müller", "Email": "{JOERG}", "cc": "bob@contoso.com"'
    assert standing(JOERG.upper(), rejected(body.encode(encoding))) is OWN
    assert standing("rg@müller.example", rejected(body.encode(encoding))) is None


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le"])
def test_no_encoding_ends_a_word_too_early(encoding: str) -> None:
    body = '{"Email": "jöann@contoso.com"'
    assert standing(ANN, rejected(body.encode(encoding))) is None


def test_a_character_cut_in_two_at_the_end_does_not_change_the_encoding() -> None:
    body = f'{{"Email": "j\u00f6{ANN}", "Text": "\u00e4'.encode()[:-1]
    assert standing(ANN, rejected(body)) is None
    assert standing(f"jö{ANN}", rejected(body)) is OWN


def test_some_zero_bytes_and_wide_letters_hide_no_address() -> None:
    assert standing(ANN, rejected(b"\0\0" + f'{{"Email": "{ANN}"'.encode())) is OWN
    assert standing(ANN, rejected(("中" * 200 + f" {ANN} " + "文" * 200).encode("utf-16-le"))) is OWN


@pytest.mark.parametrize("column", ["offer", "source", "name"])
def test_an_address_in_another_column_alone_is_mentioned(column: str) -> None:
    assert standing(ANN, replace(record(lead_id()), **{column: f"by {ANN}"})) is MENTIONED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_an_address_in_base64_or_in_an_address_of_the_web_encoded_twice_is_found(
    encode: Callable[[bytes], bytes], encoding: str
) -> None:
    person = json.dumps({"FirstName": "Zoe?>~~", "Email": ANN})
    hidden = encode(person.encode(encoding)).decode()
    for text in (hidden, hidden.rstrip("="), quote(quote(person)), quote(hidden)):
        assert standing(ANN, accepted(UserDetails=text, OfferTitle="Widget")) is OWN
        assert standing("other@contoso.com", accepted(UserDetails=text, OfferTitle="Widget")) is None


def test_long_words_hide_no_address() -> None:
    words = "Straightforward1 internationalization/counterrevolutionary"
    assert standing(ANN, rejected(f"{words} {ANN} {words}")) is OWN


def test_an_escape_before_an_address_is_no_letter_of_it() -> None:
    lead = accepted(**ANOTHER, Description="write to\nann@contoso.com")
    assert standing(ANN, lead) is MENTIONED
    assert standing("nann@contoso.com", lead) is None


def test_nothing_is_found_where_nothing_is_kept() -> None:
    assert standing(ANN, Record.poisoned(lead_id(), "removed", "", None)) is None


@pytest.mark.parametrize(
    ("text", "whole"), [(" jo@x.example ", True), ("x", False), ("@x", False), ("jo@", False), ("a b@c", False)]
)
def test_an_address_has_something_on_both_sides_of_its_at(text: str, whole: bool) -> None:
    assert is_address(text) is whole
