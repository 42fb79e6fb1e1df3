"""What a page shows of a lead before anybody asked: nothing personal, whatever a mapping makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.console.masking import HIDDEN, Mask, masked, masked_lead, masked_values
from leadpipe.mapping.fields import NAMES
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.model.lead import Lead
from leadpipe.operations.mapping.shown import rows_of_lead
from tests.factories import LEAD_ID, lead, payload, record

PERSONAL = ("first_name", "last_name", "email", "phone", "title", "description")


def shown(lead: Lead, lines: str = "") -> dict[str, str]:
    mapping = read_mapping(f"[columns]\n{lines}".encode(), "mapping.toml")
    rows = (rows_of_lead(mapping, each, LEAD_ID) for each in (lead, masked_lead(lead)))
    return {row["column"]: str(value) for row, value in masked_values(*rows)}


def test_the_default_columns_keep_what_is_not_personal() -> None:
    found = shown(lead())
    assert found["subject"] == "Contoso Widget – Installation – Fabrikam"
    assert (found["companyname"], found["address1_country"], found["leadsourcecode"]) == ("Fabrikam", "FR", "8")
    assert (found["firstname"], found["emailaddress1"], found["leadid"]) == ("J•••", "j•••@fabrikam.com", LEAD_ID)
    assert found["description"].startswith("P•••\n\nSource: AzureMarketplace\n")
    assert shown(lead(company=""))["subject"] == "Contoso Widget – Installation – J••• D•••"


@pytest.mark.parametrize(
    ("field", "text", "column"),
    [
        ("description", "Please call. " * 300, "description"),
        ("first_name", "Jane " * 100, "firstname"),
        ("email", f"{'jane.' * 60}@fabrikam.com", "emailaddress1"),
        ("last_name", "Doe-" * 100, "lastname"),
    ],
)
def test_a_text_that_its_column_cuts_is_hidden(field: str, text: str, column: str) -> None:
    found = shown(lead(**{field: text}))[column]
    assert HIDDEN in found
    assert text[1:6] not in found


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ('subject = "${first_name}_${last_name}"', "J•••_D•••"),
        ('subject = "T$phone"', "T+•••"),
        ('subject = "$company@$first_name.$last_name"', "Fabrikam@J•••.D•••"),
        ('subject = "$name of $company"', "J••• D••• of Fabrikam"),
        ('subject = "$default!"', "Contoso Widget – Installation – Fabrikam!"),
        ('subject = "Hot"', "Hot"),
        ('subject = { text = "$email", length = 3 }', "j••"),
    ],
)
def test_a_rule_may_join_texts_as_it_likes(line: str, becomes: str) -> None:
    assert shown(lead(), line)["subject"] == becomes


def test_a_number_is_the_one_that_dynamics_gets_also_where_a_personal_text_chose_it() -> None:
    line = 'leadqualitycode = { option = "$title", options = { CTO = 1, "C•••" = 2 }, other = 3 }'
    assert shown(lead(), line)["leadqualitycode"] == "1"


def test_a_campaign_is_words_of_the_customer_too() -> None:
    found = shown(lead(description="Hello\nCampaigns: spring-2026"), 'subject = "$campaign"')
    assert found["subject"] == "s•••"
    assert "spring" not in found["description"]


# Upper case, which no template, field of the others or word of leadpipe's has.
@given(
    texts=st.lists(st.text("QWZ .@\n+", min_size=3, max_size=300), min_size=6, max_size=6),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    joint=st.sampled_from(["", "_", "T", "@", " "]),
)
def test_whatever_is_posted_and_mapped_at_most_first_letters_are_shown(
    texts: list[str], names: list[str], joint: str
) -> None:
    local = [text.replace("@", "") for text in texts]
    some = lead(**dict(zip(PERSONAL, local, strict=True)))
    template = joint.join(f"${{{name}}}" for name in names)
    found = shown(some, f'subject = "{template}"\nwebsiteurl = "{template}"')
    for text in found.values():
        assert not any(pair in text for pair in (a + b for a in "QWZ" for b in "QWZ")), text


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", ""),
        ("Jane", "J•••"),
        ("jane@fabrikam.com", "j•••@fabrikam.com"),
        ("fabrikam@Jane", "f•••"),
        ("a@b@jane.doe", "a•••"),
        ("jane@fabrikam.com\nJane", "j•••"),
    ],
)
def test_of_an_address_alone_the_domain_is_shown(text: str, becomes: str) -> None:
    assert masked(text) == becomes


@pytest.mark.parametrize(
    ("detail", "becomes"),
    [
        ("Jane_Doe is refused", "J•••_D••• is refused"),
        ("no jane.doe@fabrikam.com, no Fabrikam", "no j•••@fabrikam.com, no Fabrikam"),
        ("T+33 1 23 45 6 is cut", "T••• is cut"),
        ("'I would like a quote for' is too long: new_region", "'•••' is too long: new_region"),
        ("I would like Janet", "I would like Janet"),
    ],
)
def test_an_answer_that_quotes_the_lead_in_part_is_hidden_in_part(detail: str, becomes: str) -> None:
    words = "I would like a quote for forty seats."
    some = lead(description=words)
    mask = Mask(record(posted=payload(Description=words)), some, revealed=False)
    assert mask(detail) == becomes
    assert Mask(record(), some, revealed=True)(detail) == detail
