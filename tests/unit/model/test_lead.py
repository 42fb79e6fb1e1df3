import json
import string
import unicodedata
from bisect import bisect_left
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leadpipe.model.canary_form import canary_payload
from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import DOCUMENTED as FIELDS
from leadpipe.model.lead import MAX_PAYLOAD_BYTES, Lead, posted_text
from leadpipe.model.text import well_formed
from tests.factories import RECEIVED_AT, SAMPLES, lead, payload, sample

DOCUMENTED = Lead(
    first_name="Some",
    last_name="One",
    email="someone@contoso.com",
    phone="16175555555",
    country="USA",
    company="Contoso",
    title="Esquire",
    lead_source="AzureMarketplace",
    action_code="INS",
    offer_title="Test Microsoft",
    description="Test run through Power Automate",
)
TEST_VALUE = "MSFT_TEST_636573304831318844"
READ_SAMPLES = {
    "https-documented.json": DOCUMENTED,
    "https-camel-case.json": DOCUMENTED,
    "test-lead.json": Lead(
        first_name=TEST_VALUE,
        last_name=TEST_VALUE,
        email=f"{TEST_VALUE}@test.com",
        phone="1234567890",
        country="US",
        company=TEST_VALUE,
        title=TEST_VALUE,
        lead_source="AzureMarketplace",
        action_code="INS",
        offer_title="Contoso Test",
        description=TEST_VALUE,
    ),
    "source-triple.json": Lead(
        first_name="John",
        last_name="Smith",
        email="jsmith@microsoft.com",
        phone="1234567890",
        country="US",
        company="Microsoft",
        title="CTO",
        lead_source="SPZA-PLT|bitnami.openedxcypress",
        description="Please call us about a pilot.",
    ),
    "do-not-contact.json": Lead(
        first_name="Jane",
        last_name="Doe",
        email="jane.doe@fabrikam.com",
        country="FR",
        company="Fabrikam",
        lead_source="SPZA-DNC|docusign.3701c77e-1cfa-4c56-91e6-3ed0b622145a",
        action_code="DNC",
        offer_title="Contoso Sign",
    ),
    "withheld.json": Lead(
        country="US",
        lead_source="AzurePortal-Create|contoso.lab-image",
        action_code="Create",
        offer_title="Contoso Lab Image",
    ),
    "azure-table-row.json": Lead(
        first_name="MSFT_TEST_636737558587117715",
        last_name="MSFT_TEST_636737558587117715",
        email="MSFT_TEST_636737558587117715@test.com",
        phone="1234567890",
        country="US",
        company="MSFT_TEST_636737558587117715",
        title="MSFT_TEST_636737558587117715",
        lead_source="AzureMarketplace-INS|contoso.contoso-test",
        action_code="INS",
        offer_title="Contoso Test",
        description="MSFT_TEST_636737558587117715",
    ),
}


def slug_of(posted: str | bytes) -> str:
    """Why it is no lead."""
    body = posted.encode() if isinstance(posted, str) else posted
    with pytest.raises(InvalidLead) as refused:
        Lead.from_payload(posted_text(body))
    return refused.value.slug


def detail_of(posted: str) -> str:
    with pytest.raises(InvalidLead) as refused:
        Lead.from_payload(posted)
    return refused.value.detail


def description_of(json_value: str) -> str:
    """What a description given as that JSON is read as."""
    return Lead.from_payload(f'{{"OfferTitle": "Widget", "Description": {json_value}}}').description


class TestSamples:
    @pytest.mark.parametrize("name", READ_SAMPLES)
    def test_each_documented_payload_is_read(self, name: str) -> None:
        assert Lead.from_payload(sample(name)) == READ_SAMPLES[name]

    def test_the_documented_test_lead_with_its_missing_comma_is_not_json(self) -> None:
        assert detail_of(sample("test-lead-as-documented.txt")).startswith("line 14, column 3: ")

    def test_every_sample_is_read_here(self) -> None:
        assert {path.name for path in Path(SAMPLES / "marketplace").iterdir()} == {
            *READ_SAMPLES,
            "test-lead-as-documented.txt",
        }


class TestFields:
    def test_keys_match_without_regard_to_case(self) -> None:
        posted = '{"USERDETAILS": {"firstname": "Zoë", "LASTNAME": "Li"}, "offertitle": "Widget"}'

        assert Lead.from_payload(posted) == Lead(first_name="Zoë", last_name="Li", offer_title="Widget")

    def test_unknown_keys_do_no_harm(self) -> None:
        assert Lead.from_payload(payload(ProductId="x", nested={"a": [1, None]})) == lead()

    @pytest.mark.parametrize("field", FIELDS)
    def test_any_documented_field_alone_is_a_lead(self, field: str) -> None:
        key = field.replace("_", "")
        person = {"FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title"}
        posted: dict[str, Any] = {key: "x"}
        if key in {name.lower() for name in person}:
            posted = {"UserDetails": posted}

        assert Lead.from_payload(json.dumps(posted)) == Lead(**{field: "x"})

    def test_nulls_are_nothing(self) -> None:
        assert Lead.from_payload(payload(Phone=None, Description=None)) == lead(phone="", description="")

    def test_user_details_that_are_null_leave_the_rest(self) -> None:
        assert Lead.from_payload('{"UserDetails": null, "OfferTitle": "Widget"}') == Lead(offer_title="Widget")

    def test_user_details_that_are_no_object_leave_the_rest(self) -> None:
        read = Lead.from_payload('{"UserDetails": "Jane", "OfferTitle": "Widget"}')

        assert read == Lead(offer_title="Widget", unread=("UserDetails",))

    @pytest.mark.parametrize(
        "name", ["Zoë Ångström", "山田 太郎", "Владимир", "محمد", "नरेन्द्र", "🙂🏽 Смайл", "O'Neill"]
    )
    def test_names_in_any_script_are_kept(self, name: str) -> None:
        assert Lead.from_payload(payload(LastName=name)).last_name == name

    def test_escapes_are_read_as_the_characters_they_are(self) -> None:
        assert description_of(r'"\ud83d\ude42 \u5c71\u7530"') == "🙂 山田"

    @pytest.mark.parametrize("number", ["16175555555", "-7", "1.50", "1e400", "0.1000000000000000055", "0"])
    def test_a_number_where_text_is_documented_is_read_as_it_was_written(self, number: str) -> None:
        assert description_of(number) == number

    def test_truth_values_are_read_as_they_were_written(self) -> None:
        assert (description_of("true"), description_of("false")) == ("true", "false")

    def test_a_nested_value_where_text_is_documented_is_read_as_its_json(self) -> None:
        assert description_of('["é", {"a": null}]') == '["é", {"a": null}]'

    def test_of_equal_keys_the_last_one_wins(self) -> None:
        assert Lead.from_payload('{"OfferTitle": "old", "OfferTitle": "new"}').offer_title == "new"

    def test_of_keys_that_differ_in_case_the_last_one_wins(self) -> None:
        assert Lead.from_payload('{"offerTitle": "old", "OFFERTITLE": "new"}').offer_title == "new"

    def test_of_two_user_details_the_last_one_wins(self) -> None:
        posted = '{"UserDetails": {"FirstName": "Jane"}, "userDetails": {"LastName": "Doe"}}'

        assert Lead.from_payload(posted) == Lead(last_name="Doe")

    def test_a_lone_surrogate_becomes_a_replacement_character(self) -> None:
        assert description_of(r'"a\ud83db"') == "a\ufffdb"

    def test_a_lone_surrogate_inside_a_nested_value_becomes_a_replacement_character(self) -> None:
        assert description_of(r'["\udc00"]') == '["\ufffd"]'

    def test_a_lone_surrogate_in_a_key_does_no_harm(self) -> None:
        assert Lead.from_payload(r'{"\ud800": 1, "OfferTitle": "Widget"}') == Lead(offer_title="Widget")

    def test_a_null_character_is_kept(self) -> None:
        assert description_of(r'"a\u0000b"') == "a\x00b"

    @pytest.mark.parametrize("odd", ["not an address", "a@b", "jane@müller.example", "@", "x" * 500])
    def test_an_odd_address_never_refuses_a_lead(self, odd: str) -> None:
        assert Lead.from_payload(payload(Email=odd, Phone=odd, Country=odd)).email == odd


class TestRefusals:
    def test_an_empty_body_is_refused(self) -> None:
        assert slug_of(b"") == "empty_body"

    @pytest.mark.parametrize("body", [b" ", b"\r\n", b"\xef\xbb\xbf"], ids=["a space", "a line end", "a BOM"])
    def test_a_body_of_nothing_but_space_is_not_json(self, body: bytes) -> None:
        assert slug_of(body) == "not_json"

    def test_a_byte_order_mark_is_accepted(self) -> None:
        assert Lead.from_payload(posted_text(b"\xef\xbb\xbf" + payload().encode())) == lead()

    def test_a_second_byte_order_mark_is_not_json(self) -> None:
        assert slug_of(b"\xef\xbb\xbf" * 2 + payload().encode()) == "not_json"

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
    def test_another_encoding_is_not_utf8(self, encoding: str) -> None:
        assert slug_of(payload(FirstName="Zoë").encode(encoding)) == "not_utf8"

    def test_a_surrogate_encoded_as_bytes_is_not_utf8(self) -> None:
        assert slug_of(b'{"OfferTitle": "\xed\xa0\x80"}') == "not_utf8"

    def test_32_kib_are_accepted(self) -> None:
        assert posted_text(b" " * MAX_PAYLOAD_BYTES) == " " * MAX_PAYLOAD_BYTES

    def test_one_byte_more_is_too_large(self) -> None:
        assert slug_of(b" " * (MAX_PAYLOAD_BYTES + 1)) == "too_large"

    @pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
    def test_a_number_that_json_does_not_know_is_not_json(self, name: str) -> None:
        assert detail_of(f'{{"Description": {name}}}') == f"{name} is not a JSON value"

    def test_an_integer_of_thousands_of_digits_is_not_json(self) -> None:
        assert slug_of('{"Description": ' + "9" * 5000 + "}") == "not_json"

    def test_an_integer_of_hundreds_of_digits_is_read(self) -> None:
        assert description_of("9" * 500) == "9" * 500

    def test_nesting_beyond_the_parser_is_not_json(self) -> None:
        depth = 12_000  # Python 3.11 reads about a thousand, 3.13 ten thousand

        assert slug_of(f'{{"Description": {"[" * depth}1{"]" * depth}}}') == "not_json"

    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
    def test_no_depth_of_nesting_is_more_than_not_json(self, opening: str, closing: str) -> None:
        def is_refused(depth: int) -> bool:
            try:
                description_of(opening * depth + "1" + closing * depth)
            except InvalidLead as refused:
                return refused.slug == "not_json"
            return False

        # Writing a nested value takes more of the stack than reading it, so the search ends where only reading works.
        first_refused = bisect_left(range(20_000), True, key=is_refused)

        assert 100 < first_refused < 20_000

    @pytest.mark.parametrize("text", ["Hello", "{", '{"OfferTitle": "Widget"} {}', "{'OfferTitle': 1}", '{"a": "\n"}'])
    def test_broken_json_is_not_json(self, text: str) -> None:
        assert slug_of(text) == "not_json"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("[1]", "an array"),
            (' "lead"', "a string"),
            ("true", "true or false"),
            ("false", "true or false"),
            ("null", "null"),
            ("12", "a number"),
            ("-1.5", "a number"),
        ],
    )
    def test_json_that_is_no_object_is_called_what_it_is(self, text: str, kind: str) -> None:
        assert slug_of(text) == "not_an_object"
        assert detail_of(text) == f"a lead is a JSON object, this is {kind}"

    @pytest.mark.parametrize(
        "text",
        [
            "{}",
            '{"Unknown": "value"}',
            '{"UserDetails": {}}',
            '{"UserDetails": {"FirstName": null}, "LeadSource": ""}',
            '{"OfferTitle": " \\t\\n\\u3000"}',
            '{"UserDetails": {"OfferTitle": "in the wrong place"}}',
        ],
    )
    def test_an_object_without_a_documented_value_has_nothing_in_it(self, text: str) -> None:
        assert slug_of(text) == "nothing_in_it"

    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_lead_or_refused(self, body: bytes) -> None:
        self._read_or_refused(body)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["UserDetails", "userdetails", "Email", "LeadSource", "Description"]) | st.text(),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        ),
        st.booleans(),
    )
    def test_any_json_is_a_lead_or_refused(self, value: Any, escaped: bool) -> None:
        text = json.dumps(value, ensure_ascii=escaped)
        self._read_or_refused(text.encode("utf-8", "surrogatepass"))

    def _read_or_refused(self, body: bytes) -> None:
        slugs = {"empty_body", "too_large", "not_utf8", "not_json", "not_an_object", "nothing_in_it"}
        try:
            read = Lead.from_payload(posted_text(body))
        except InvalidLead as refused:
            assert refused.slug in slugs  # noqa: PT017 - other bodies are leads
        else:
            texts = [*(getattr(read, field) for field in (*FIELDS, "product_id")), *read.unread]
            assert all(text == well_formed(text) for text in texts)
            assert bool(read.fingerprint()) is (read.names_somebody and not read.unread)


class TestSource:
    @pytest.mark.parametrize(
        ("lead_source", "source", "action", "offer"),
        [
            ("AzureMarketplace", "AzureMarketplace", "", ""),
            ("SPZA-PLT|bitnami.openedxcypress", "AppSource", "PLT", "bitnami.openedxcypress"),
            ("AzureMarketplace-INS|checkpoint.r77-10sg-byol", "AzureMarketplace", "INS", "checkpoint.r77-10sg-byol"),
            ("AppSource (SPZA)-DNC|contoso.a|b", "AppSource", "DNC", "contoso.a|b"),
            ("Some-Source-INS|contoso.widget", "Some-Source", "INS", "contoso.widget"),
            ("AzurePortal|contoso.widget", "AzurePortal", "", "contoso.widget"),
            ("Azure-Portal", "Azure-Portal", "", ""),
            (" SPZA - PLT | contoso.widget ", "AppSource", "PLT", "contoso.widget"),
            ("", "", "", ""),
            ("|", "", "", ""),
            ("-|", "", "", ""),
        ],
    )  # fmt: skip
    def test_a_lead_source_is_a_source_or_a_triple(
        self, lead_source: str, source: str, action: str, offer: str
    ) -> None:
        read = Lead(lead_source=lead_source)

        assert (read.source, read.action, read.offer) == (source, action, offer)

    def test_the_action_code_counts_more_than_the_triples(self) -> None:
        assert lead(action_code=" PLT ", lead_source="SPZA-INS|contoso.widget").action == "PLT"

    @pytest.mark.parametrize(
        "dnc",
        [
            lead(action_code="DNC"),
            lead(action_code=" dnc "),
            lead(action_code="", lead_source="SPZA-DNC|contoso.widget"),
            lead(action_code="", lead_source="SPZA - dnc |contoso.widget"),
            lead(action_code="INS", lead_source="SPZA-DNC|contoso.widget"),
        ],
    )
    def test_do_not_contact_is_recognised_wherever_it_stands(self, dnc: Lead) -> None:
        assert dnc.is_do_not_contact

    @pytest.mark.parametrize("code", ["INS", "PLT", "Create", "StartTestDrive", ""])
    def test_other_actions_may_be_contacted(self, code: str) -> None:
        assert not lead(action_code=code).is_do_not_contact


class TestPerson:
    @pytest.mark.parametrize(
        ("first", "last", "name"),
        [(" Jane ", "Doe", "Jane Doe"), ("Jane", "", "Jane"), ("", "Doe", "Doe"), (" ", "", "")],
    )
    def test_a_name_is_made_of_what_there_is(self, first: str, last: str, name: str) -> None:
        assert lead(first_name=first, last_name=last).name == name

    @pytest.mark.parametrize("field", ["first_name", "last_name", "email", "company"])
    def test_one_field_is_enough_to_recognise_a_test_lead(self, field: str) -> None:
        assert lead(**{field: f" {TEST_VALUE} "}).is_test

    def test_a_test_leads_address_is_recognised(self) -> None:
        assert lead(email=f"{TEST_VALUE}@test.com").is_test

    @pytest.mark.parametrize("text", ["MSFT_TEST", "MSFT_TEST_1 Ltd", "my MSFT_TEST_1", "MSFT_TEST_1@example.com"])
    def test_a_customer_whose_name_looks_like_a_test_is_none(self, text: str) -> None:
        assert not lead(company=text, email=text).is_test

    def test_a_lead_without_anything_that_says_who_it_is_was_withheld(self) -> None:
        assert Lead.from_payload(sample("withheld.json")).is_withheld

    @pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone", "company"])
    def test_one_field_that_says_who_it_is_is_enough(self, field: str) -> None:
        assert not Lead(**{field: "x"}).is_withheld

    def test_what_is_unread_was_not_withheld(self) -> None:
        assert not Lead(unread=("contact",)).is_withheld

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({}, "(withheld)"),
            ({"first_name": " ", "country": "US"}, "(withheld)"),
            ({"unread": ("contact",)}, "(unread)"),
            ({"first_name": "Jane", "unread": ("contact",)}, "Jane"),
            ({"email": "x"}, ""),
            ({"company": "x", "unread": ("contact",)}, ""),
        ],
    )
    def test_a_list_shows_why_nobody_is_named(self, fields: dict[str, Any], shown: str) -> None:
        assert Lead(**fields).shown_name == shown


class TestDescription:
    @pytest.mark.parametrize(
        ("description", "words", "campaign"),
        [
            ("Please call.", "Please call.", ""),
            ("", "", ""),
            (" \t\r\n ", "", ""),
            ("Campaigns:", "", ""),
            ("Campaigns: ", "", ""),
            (" campaigns :\t\r\n", "", ""),
            ("Campaigns: Summer 26 ", "Campaigns: Summer 26 ", "Summer 26"),
            ("CAMPAIGNS:a:b\r\nPlease call.", "CAMPAIGNS:a:b\r\nPlease call.", "a:b"),
            ("Please call.\nCampaigns: Summer", "Please call.\nCampaigns: Summer", "Summer"),
            ("Campaigns:\nPlease call.", "Campaigns:\nPlease call.", ""),
            ("Our Campaigns: all of them", "Our Campaigns: all of them", ""),
        ],
    )
    def test_a_campaign_alone_or_blanks_are_no_words(self, description: str, words: str, campaign: str) -> None:
        said = lead(description=description)

        assert (said.words, said.campaign) == (words, campaign)
        assert said.description == description


WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
SPACE = st.text(" \t\r\n\u00a0\u2003\u3000", min_size=1, max_size=3)
SAID = st.text(string.ascii_letters + string.digits + " éßŞ山🙂", max_size=12)
# Somebody is named: leads of nobody have no fingerprint.
LEADS = st.builds(Lead, **{**dict.fromkeys(FIELDS, SAID), "last_name": SAID.map(lambda name: f"{name} Doe")})


class TestFingerprint:
    def test_it_is_the_same_wherever_it_is_made(self) -> None:
        # Written out: a change would make every lead in flight a new one.
        assert lead().fingerprint() == "eca51636b889e1d0b59ed3fe421bd9561c046e8bd45c54a73794f284cccc6552"

    def test_both_documented_cases_say_the_same(self) -> None:
        documented, camel_case = sample("https-documented.json"), sample("https-camel-case.json")

        assert Lead.from_payload(documented).fingerprint() == Lead.from_payload(camel_case).fingerprint()

    def test_a_missing_field_says_what_an_empty_or_null_one_says(self) -> None:
        posted = [
            '{"UserDetails": {"LastName": "x"}}',
            '{"UserDetails": {"LastName": "x"}, "Description": null}',
            '{"UserDetails": {"LastName": "x"}, "Description": ""}',
        ]

        assert len({Lead.from_payload(text).fingerprint() for text in posted}) == 1

    def test_what_is_not_documented_says_nothing(self) -> None:
        assert Lead.from_payload(payload(Extra="x")).fingerprint() == lead().fingerprint()

    @given(st.lists(WORD, min_size=1, max_size=4), SPACE, st.text(" \t\n\u3000", max_size=2))
    def test_white_space_does_not_count(self, words: list[str], space: str, around: str) -> None:
        plain, spaced = " ".join(words), around + space.join(words) + around

        assert lead(description=plain).fingerprint() == lead(description=spaced).fingerprint()

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["NFC", "NFD"]))
    def test_the_unicode_form_does_not_count(self, text: str, form: Any) -> None:
        other = unicodedata.normalize(form, text)

        assert lead(company=text).fingerprint() == lead(company=other).fingerprint()

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    @example("jane@straße.example")
    def test_the_case_of_the_e_mail_address_does_not_count(self, text: str) -> None:
        # A few letters change under upper() to ones that Unicode does not call the same.
        assume(text.upper().casefold() == text.casefold())

        assert lead(email=text).fingerprint() == lead(email=text.upper()).fingerprint()

    def test_neither_form_nor_case_of_an_address_counts_where_the_form_has_no_single_letter(self) -> None:
        assert lead(email="\u0390@x").fingerprint() == lead(email="\u0390@x".upper()).fingerprint()

    @pytest.mark.parametrize("field", [field for field in FIELDS if field != "email"])
    def test_the_case_of_any_other_field_counts(self, field: str) -> None:
        assert lead(**{field: "Word"}).fingerprint() != lead(**{field: "word"}).fingerprint()

    @pytest.mark.parametrize("field", FIELDS)
    def test_every_documented_field_counts(self, field: str) -> None:
        assert lead(**{field: "something else"}).fingerprint() != lead().fingerprint()

    def test_the_same_words_in_other_fields_are_something_else(self) -> None:
        one, other = lead(first_name="Kim", last_name="Lee"), lead(first_name="Lee", last_name="Kim")

        assert one.fingerprint() != other.fingerprint()

    @pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone"])
    def test_whoever_is_named_by_anything_has_one(self, field: str) -> None:
        assert Lead(**{field: "x"}).fingerprint()

    @pytest.mark.parametrize(
        "nobody",
        [
            Lead(company="x", title="x", country="x", offer_title="x"),
            lead(unread=("contact",)),
            Lead(email=" "),
            Lead(last_name="-", phone="***"),
            Lead(first_name="N/A", last_name="null", email="n/a", phone="0000000"),
            Lead(first_name="Undefined", last_name="(withheld)", email="xxx@xxx.xxx", phone="Not provided"),
            Lead(first_name="\u3164", last_name="\u200b"),
        ],
    )
    def test_a_lead_of_nobody_or_with_something_unread_has_none(self, nobody: Lead) -> None:
        assert nobody.fingerprint() == ""

    @given(LEADS, LEADS)
    def test_leads_that_say_something_else_have_other_fingerprints(self, one: Lead, other: Lead) -> None:
        same = said(one) == said(other)

        assert (one.fingerprint() == other.fingerprint()) is same


def said(read: Lead) -> list[str]:
    """What a lead of LEADS says; its letters have one Unicode form only."""
    return [
        " ".join(value.casefold().split() if name == "email" else value.split())
        for name, value in ((name, getattr(read, name)) for name in FIELDS)
    ]


TITLE_ALONE = {"lead_source": "AzureMarketplace", "offer_title": "Contoso Widget"}


class TestCustomer:
    @pytest.mark.parametrize(
        "changes",
        [
            {"email": " JANE.DOE@Fabrikam.com "},
            {"lead_source": "AzurePortal-Create|Contoso.Widget"},
            {"action_code": "PLT", "description": "Something else.", "first_name": "J.", "phone": ""},
            {"offer_title": "Another title of the same offer"},
        ],
    )
    def test_one_customer_and_one_offer_are_the_same_whatever_else_was_sent(self, changes: dict[str, str]) -> None:
        assert lead(**changes).customer() == lead().customer() != ""

    @pytest.mark.parametrize(
        "changes",
        [
            {"email": "john.doe@fabrikam.com"},
            {"lead_source": "AzureMarketplace-INS|contoso.gadget"},
            TITLE_ALONE,
            {**TITLE_ALONE, "offer_title": "contoso.widget"},
        ],
    )
    def test_another_person_or_offer_is_another_customer(self, changes: dict[str, str]) -> None:
        assert lead(**changes).customer() not in {lead().customer(), ""}

    def test_without_an_offers_id_its_title_counts(self) -> None:
        assert lead(**TITLE_ALONE).customer() == lead(**TITLE_ALONE | {"offer_title": "CONTOSO  widget"}).customer()

    @pytest.mark.parametrize(
        "changes",
        [
            {"email": ""},
            {"email": "N/A"},
            {"email": "***"},
            {"lead_source": "AzureMarketplace", "offer_title": " "},
            {"unread": ("Contact",)},
            {"last_name": "MSFT_TEST_123"},
        ],
    )
    def test_leads_that_may_be_of_different_people_or_are_nobodys_have_no_customer(
        self, changes: dict[str, str]
    ) -> None:
        assert lead(**changes).customer() == ""

    def test_a_canary_has_no_customer(self) -> None:
        assert Lead.from_payload(canary_payload(RECEIVED_AT)).customer() == ""

    @given(email=st.text(min_size=1), title=st.text())
    def test_a_customer_is_never_a_fingerprint(self, email: str, title: str) -> None:
        read = lead(email=email, offer_title=title)
        assert read.customer() != read.fingerprint()
