import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadpipe.mapping.note import LENGTHS, note_of
from leadpipe.model.lead import Lead
from leadpipe.model.text import utf16_length
from tests.factories import LEAD_ID, OTHER_LEAD_ID, lead


def test_a_note_says_the_action_the_offer_the_time_and_the_customers_words() -> None:
    later = lead(action_code="PLT", lead_source="AzureMarketplace-PLT|contoso.widget", description="Call me at noon.")
    assert note_of(later, LEAD_ID, OTHER_LEAD_ID) == {
        "annotationid": LEAD_ID,
        "subject": "Contact me – Contoso Widget",
        "notetext": "Call me at noon.\n\n"
        "Action: Contact me\n"
        "Offer: contoso.widget\n"
        "Received: 2026-03-14 09:26 UTC\n"
        "Source: AzureMarketplace\n"
        "Name: Jane Doe\n"
        "E-mail: jane.doe@fabrikam.com\n"
        "Phone: +33 1 23 45 67 89\n"
        "Company: Fabrikam\n"
        "Title: CTO\n"
        "Country: FR\n"
        f"Lead id: {LEAD_ID}",
        "objectid_lead@odata.bind": f"/leads({OTHER_LEAD_ID})",
    }


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"action_code": "Webinar"}, "Webinar – Contoso Widget"),
        ({"action_code": "", "lead_source": "AzurePortal"}, "Marketplace lead – Contoso Widget"),
        ({"offer_title": " "}, "Installation – contoso.widget"),
        ({"action_code": "create"}, "Purchase – Contoso Widget"),
    ],
)
def test_the_subject_has_the_action_in_words_and_the_offer(changes: dict[str, str], subject: str) -> None:
    assert note_of(lead(**changes), LEAD_ID, OTHER_LEAD_ID)["subject"] == subject


def test_without_words_the_note_begins_with_the_action() -> None:
    text = note_of(lead(description="Campaigns: "), LEAD_ID, OTHER_LEAD_ID)["notetext"]
    assert text.startswith("Action: Installation\n")


@given(texts=st.lists(st.text(max_size=600), min_size=5, max_size=5))
def test_no_column_is_longer_than_dynamics_takes_or_holds_what_it_refuses(texts: list[str]) -> None:
    fields = ("action_code", "offer_title", "description", "first_name", "phone")
    columns = note_of(lead(**dict(zip(fields, texts, strict=True))), LEAD_ID, OTHER_LEAD_ID)
    for name, longest in LENGTHS.items():
        assert utf16_length(columns[name]) <= longest
        assert "\x00" not in columns[name]


@given(st.text(st.characters()))
@example("\ud800")
def test_whatever_is_posted_can_be_sent_as_a_note(text: str) -> None:
    posted = json.dumps(
        {"UserDetails": {"FirstName": text, "Email": text}, "Description": text, "OfferTitle": f"x{text}"}
    )
    columns = note_of(Lead.from_payload(posted), LEAD_ID, OTHER_LEAD_ID)
    assert json.dumps(columns, ensure_ascii=False).encode()


def test_a_description_of_100_000_characters_still_fits() -> None:
    columns = note_of(lead(description="\U0001f600" * 60_000), LEAD_ID, OTHER_LEAD_ID)
    assert utf16_length(columns["notetext"]) <= LENGTHS["notetext"]
    assert columns["notetext"].endswith(LEAD_ID)
