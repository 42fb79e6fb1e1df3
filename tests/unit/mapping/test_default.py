import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.mapping.default import LENGTHS, columns_of
from leadpipe.model.lead import Lead
from leadpipe.model.text import fit, utf16_length, well_formed
from tests.factories import LEAD_ID, SAMPLES, lead, sample

DOCUMENTED = {
    "leadid": "019cebab-8995-7000-8000-000000000000",
    "subject": "Test Microsoft \u2013 Installation \u2013 Contoso",
    "firstname": "Some",
    "lastname": "One",
    "companyname": "Contoso",
    "jobtitle": "Esquire",
    "emailaddress1": "someone@contoso.com",
    "telephone1": "16175555555",
    "address1_country": "USA",
    "description": "Test run through Power Automate\n\n"
    "Source: AzureMarketplace\n"
    "Action: INS\n"
    "Offer: Test Microsoft\n"
    "Lead id: 019cebab-8995-7000-8000-000000000000",
    "leadsourcecode": 8,
}
SAMPLE_COLUMNS: dict[str, dict[str, Any]] = {
    "https-documented.json": DOCUMENTED,
    "https-camel-case.json": DOCUMENTED,
    "test-lead.json": {
        "leadid": "019cebab-8995-7000-8000-000000000000",
        "subject": "Contoso Test \u2013 Installation \u2013 MSFT_TEST_636573304831318844",
        "firstname": "MSFT_TEST_636573304831318844",
        "lastname": "MSFT_TEST_636573304831318844",
        "companyname": "MSFT_TEST_636573304831318844",
        "jobtitle": "MSFT_TEST_636573304831318844",
        "emailaddress1": "MSFT_TEST_636573304831318844@test.com",
        "telephone1": "1234567890",
        "address1_country": "US",
        "description": "MSFT_TEST_636573304831318844\n\n"
        "Source: AzureMarketplace\n"
        "Action: INS\n"
        "Offer: Contoso Test\n"
        "Lead id: 019cebab-8995-7000-8000-000000000000",
        "leadsourcecode": 8,
    },
    "source-triple.json": {
        "leadid": "019cebab-8995-7000-8000-000000000000",
        "subject": "bitnami.openedxcypress \u2013 Contact me \u2013 Microsoft",
        "firstname": "John",
        "lastname": "Smith",
        "companyname": "Microsoft",
        "jobtitle": "CTO",
        "emailaddress1": "jsmith@microsoft.com",
        "telephone1": "1234567890",
        "address1_country": "US",
        "description": "Please call us about a pilot.\n\n"
        "Source: AppSource\n"
        "Action: PLT\n"
        "Offer: bitnami.openedxcypress\n"
        "Lead id: 019cebab-8995-7000-8000-000000000000",
        "leadsourcecode": 8,
    },
    "do-not-contact.json": {
        "leadid": "019cebab-8995-7000-8000-000000000000",
        "subject": "Contoso Sign \u2013 Do not contact \u2013 Fabrikam",
        "firstname": "Jane",
        "lastname": "Doe",
        "companyname": "Fabrikam",
        "emailaddress1": "jane.doe@fabrikam.com",
        "address1_country": "FR",
        "description": "Source: AppSource\n"
        "Action: DNC\n"
        "Offer: docusign.3701c77e-1cfa-4c56-91e6-3ed0b622145a\n"
        "Lead id: 019cebab-8995-7000-8000-000000000000",
        "leadsourcecode": 8,
        "donotemail": True,
        "donotbulkemail": True,
        "donotphone": True,
        "donotpostalmail": True,
        "donotfax": True,
    },
    "withheld.json": {
        "leadid": "019cebab-8995-7000-8000-000000000000",
        "subject": "Contoso Lab Image \u2013 Purchase",
        "lastname": "(withheld)",
        "address1_country": "US",
        "description": "Source: AzurePortal\n"
        "Action: Create\n"
        "Offer: contoso.lab-image\n"
        "Personal data: withheld by the marketplace\n"
        "Lead id: 019cebab-8995-7000-8000-000000000000",
        "leadsourcecode": 8,
    },
    "azure-table-row.json": {
        "leadid": "019cebab-8995-7000-8000-000000000000",
        "subject": "Contoso Test \u2013 Installation \u2013 MSFT_TEST_636737558587117715",
        "firstname": "MSFT_TEST_636737558587117715",
        "lastname": "MSFT_TEST_636737558587117715",
        "companyname": "MSFT_TEST_636737558587117715",
        "jobtitle": "MSFT_TEST_636737558587117715",
        "emailaddress1": "MSFT_TEST_636737558587117715@test.com",
        "telephone1": "1234567890",
        "address1_country": "US",
        "description": "MSFT_TEST_636737558587117715\n\n"
        "Source: AzureMarketplace\n"
        "Action: INS\n"
        "Offer: contoso.contoso-test\n"
        "Lead id: 019cebab-8995-7000-8000-000000000000",
        "leadsourcecode": 8,
    },
}
FOOTER = "Source: AzureMarketplace\nAction: INS\nOffer: contoso.widget\nLead id: 019cebab-8995-7000-8000-000000000000"

TEXT = st.text(st.characters()).map(well_formed) | st.text("ab \n\x00é🙂", max_size=400)
LEADS = st.builds(
    Lead,
    **dict.fromkeys(
        [
            "first_name", "last_name", "email", "phone", "country", "company", "title",
            "lead_source", "action_code", "offer_title", "description",
        ],
        TEXT,
    ),
    unread=st.lists(TEXT, max_size=10).map(tuple),
)  # fmt: skip


def column(name: str, **fields: Any) -> Any:
    """What that column of `lead()` gets, None where it is left out."""
    return columns_of(lead(**fields), LEAD_ID).get(name)


class TestSamples:
    @pytest.mark.parametrize("name", SAMPLE_COLUMNS)
    def test_every_documented_lead_has_these_columns(self, name: str) -> None:
        assert columns_of(Lead.from_payload(sample(name)), LEAD_ID) == SAMPLE_COLUMNS[name]

    def test_every_sample_that_is_a_lead_is_in_the_table(self) -> None:
        assert {path.name for path in (SAMPLES / "marketplace").glob("*.json")} == {*SAMPLE_COLUMNS}


class TestSubject:
    @pytest.mark.parametrize(
        ("fields", "subject"),
        [
            ({}, "Contoso Widget \u2013 Installation \u2013 Fabrikam"),
            ({"offer_title": ""}, "contoso.widget \u2013 Installation \u2013 Fabrikam"),
            ({"offer_title": "", "lead_source": ""}, "Marketplace lead \u2013 Installation \u2013 Fabrikam"),
            ({"company": ""}, "Contoso Widget \u2013 Installation \u2013 Jane Doe"),
            ({"company": "", "first_name": "", "last_name": ""}, "Contoso Widget \u2013 Installation"),
            (dict.fromkeys(["action_code", "lead_source", "company", "first_name", "last_name"], ""), "Contoso Widget"),
            ({"company": " \x00 "}, "Contoso Widget \u2013 Installation \u2013 Jane Doe"),
        ],
    )  # fmt: skip
    def test_it_says_product_action_and_who(self, fields: dict[str, str], subject: str) -> None:
        assert column("subject", **fields) == subject

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("INS", "Installation"),
            ("ins", "Installation"),
            ("PLT", "Contact me"),
            ("DNC", "Do not contact"),
            ("Create", "Purchase"),
            ("StartTestDrive", "Test drive"),
            ("XYZ", "XYZ"),
        ],
    )
    def test_an_action_is_told_in_words_where_it_is_known(self, code: str, words: str) -> None:
        assert column("subject", action_code=code) == f"Contoso Widget \u2013 {words} \u2013 Fabrikam"


class TestLastName:
    @pytest.mark.parametrize(
        ("fields", "last_name"),
        [
            ({}, "Doe"),
            ({"last_name": ""}, "Fabrikam"),
            ({"last_name": "", "company": ""}, "jane.doe@fabrikam.com"),
            ({"last_name": "", "company": "", "email": ""}, "+33 1 23 45 67 89"),
            ({"last_name": "", "company": "", "email": "", "phone": ""}, "(withheld)"),
            ({"last_name": "\x00 \x1f"}, "Fabrikam"),
        ],
    )
    def test_it_is_never_empty(self, fields: dict[str, str], last_name: str) -> None:
        assert column("lastname", **fields) == last_name


class TestDescription:
    def test_the_customers_words_come_first(self) -> None:
        assert column("description", description=" Call me.\r\nSoon. ") == f"Call me.\r\nSoon.\n\n{FOOTER}"

    def test_without_words_it_tells_where_the_lead_came_from(self) -> None:
        assert column("description", description=" \x00") == FOOTER

    def test_what_is_not_known_has_no_line(self) -> None:
        fields = {"description": "", "lead_source": "", "action_code": "", "offer_title": " "}

        assert column("description", **fields) == f"Lead id: {LEAD_ID}"

    def test_long_words_give_way_to_what_follows_them(self) -> None:
        told = column("description", description="🙂" * 2000)

        assert told.endswith(f"🙂\n\n{FOOTER}")
        assert 1998 <= utf16_length(told) <= 2000

    def test_a_long_offer_leaves_room_for_words(self) -> None:
        told = column("description", lead_source=f"{'s' * 9000}-INS|{'o' * 9000}", description="Call me.")

        assert told == (f"Call me.\n\nSource: {'s' * 200}\nAction: INS\nOffer: {'o' * 200}\nLead id: {LEAD_ID}")

    def test_a_withheld_lead_says_so(self) -> None:
        nobody = dict.fromkeys(("first_name", "last_name", "email", "phone", "company"), "")

        assert "\nPersonal data: withheld by the marketplace\nLead id: " in column("description", **nobody)
        assert "withheld" not in column("description", **{**nobody, "company": "Fabrikam"})

    def test_what_was_not_read_is_named_and_nobody_is_called_withheld_for_it(self) -> None:
        nobody = {**dict.fromkeys(("first_name", "last_name", "email", "phone", "company"), ""), "unread": ("a.b", "c")}

        assert column("lastname", **nobody) == "(unread)"
        assert "\nNot read: a.b, c\nLead id: " in column("description", **nobody)
        assert "withheld" not in column("description", **nobody)

    @pytest.mark.parametrize("description", [" ", "Campaigns:", "Campaigns: ", "\n campaigns :\t\n"])
    def test_what_the_marketplace_sends_instead_of_words_is_left_out(self, description: str) -> None:
        assert column("description", description=description) == FOOTER

    def test_a_campaign_stays_where_it_was_said(self) -> None:
        assert column("description", description="Campaigns: Summer") == f"Campaigns: Summer\n\n{FOOTER}"

    def test_each_line_of_the_footer_stays_one_line(self) -> None:
        told = column("description", description="", action_code="IN\nS", lead_source="A\r\nB|contoso.widget")

        assert told.splitlines() == ["Source: A B", "Action: IN S", "Offer: contoso.widget", f"Lead id: {LEAD_ID}"]


class TestFitting:
    def test_a_full_column_keeps_every_unit(self) -> None:
        assert column("firstname", first_name="x" * 50) == "x" * 50

    def test_a_character_that_does_not_fit_whole_is_left_out(self) -> None:
        assert column("firstname", first_name="x" * 49 + "🙂") == "x" * 49

    def test_a_shortened_text_does_not_end_in_a_space(self) -> None:
        assert fit("one two", 4) == "one"

    def test_refused_characters_do_not_hide_the_space_beside_them(self) -> None:
        assert fit("\x00 one \x00", 10) == "one"

    def test_empty_columns_are_left_out(self) -> None:
        assert column("telephone1", phone=" \x0b") is None

    @given(LEADS)
    def test_no_column_is_ever_longer_than_it_may_be(self, read: Lead) -> None:
        columns = columns_of(read, LEAD_ID)

        assert all(utf16_length(columns[name]) <= units for name, units in LENGTHS.items() if name in columns)

    @given(LEADS)
    def test_every_text_is_well_formed_and_not_empty(self, read: Lead) -> None:
        texts = [value for value in columns_of(read, LEAD_ID).values() if isinstance(value, str)]

        assert all(text and text == well_formed(text) and "\x00" not in text for text in texts)

    @given(st.text(st.characters()))
    def test_whatever_is_posted_can_be_sent(self, text: str) -> None:
        posted = json.dumps({"UserDetails": {"FirstName": text, "Email": text}, "Description": text, "OfferTitle": "x"})

        assert json.dumps(columns_of(Lead.from_payload(posted), LEAD_ID), ensure_ascii=False).encode()

    @given(LEADS)
    def test_what_every_lead_needs_is_always_there(self, read: Lead) -> None:
        columns = columns_of(read, LEAD_ID)

        assert columns["leadid"] == LEAD_ID
        assert columns["leadsourcecode"] == 8
        assert columns["description"].endswith(f"Lead id: {LEAD_ID}")
        assert {"subject", "lastname"} <= columns.keys()

    def test_lengths_are_the_documented_ones(self) -> None:
        assert LENGTHS == {
            "subject": 300,
            "firstname": 50,
            "lastname": 50,
            "companyname": 100,
            "jobtitle": 100,
            "emailaddress1": 100,
            "telephone1": 50,
            "address1_country": 80,
            "description": 2000,
        }


class TestDoNotContact:
    COLUMNS = ("donotemail", "donotbulkemail", "donotphone", "donotpostalmail", "donotfax")

    @pytest.mark.parametrize("name", COLUMNS)
    def test_it_forbids_every_way_of_contact(self, name: str) -> None:
        assert column(name, action_code="DNC") is True

    @pytest.mark.parametrize("name", COLUMNS)
    def test_any_other_lead_says_nothing_of_it(self, name: str) -> None:
        assert column(name, action_code="INS") is None
