"""What a mapping file makes of a lead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.mapping.default import columns_of
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.fields import NAMES
from leadpipe.mapping.file_reader import read_mapping
from leadpipe.mapping.lead_table import COLUMNS, Kind
from leadpipe.mapping.rules import FileMapping
from leadpipe.model.lead import DOCUMENTED, Lead
from leadpipe.model.text import utf16_length, well_formed
from tests.factories import LEAD_ID, lead

ID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
OTHER_ID = "00001111-aaaa-2222-bbbb-3333cccc4444"
# Those in which the longest template of the property test fits without its fields.
TEXTS = [name for name, known in COLUMNS.items() if known.kind is Kind.TEXT and known.longest >= 20]


def read(text: str) -> FileMapping:
    return read_mapping(text.encode(), "mapping.toml")


def set_by(line: str, **fields: Any) -> dict[str, Any]:
    """The columns that differ from the default mapping's."""
    some = lead(**fields)
    default = columns_of(some, LEAD_ID)
    found = read(f"[columns]\n{line}").columns_of(some, LEAD_ID)
    return {name: found.get(name) for name in {*default, *found} if found.get(name) != default.get(name)}


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ('websiteurl = "https://contoso.com"', {"websiteurl": "https://contoso.com"}),
        ('jobtitle = "$Title of $company"', {"jobtitle": "CTO of Fabrikam"}),
        ('jobtitle = "${TITLE}s, $first_name, $LastName"', {"jobtitle": "CTOs, Jane, Doe"}),
        ('jobtitle = "$$5"', {"jobtitle": "$5"}),
        (
            'fax = "$action_words from $source for $offer"',
            {"fax": "Installation from AzureMarketplace for contoso.wid"},
        ),
        ('subject = "EMEA: $default"', {"subject": "EMEA: Contoso Widget – Installation – Fabrikam"}),
        ('contoso_id = "$lead_id"', {"contoso_id": LEAD_ID}),
        ("numberofemployees = 50", {"numberofemployees": 50}),
        ("revenue = 1.5", {"revenue": 1.5}),
        ("donotphone = true", {"donotphone": True}),
        ("leadqualitycode = 1", {"leadqualitycode": 1}),
        ('leadqualitycode = "hot"', {"leadqualitycode": 1}),
        ("leadsourcecode = 100000001", {"leadsourcecode": 100000001}),
        ('leadsourcecode = { option = "Azure", options = { Azure = 100000001 } }', {"leadsourcecode": 100000001}),
        ('contoso_land = { option = "$country", options = { fr = 1, DE = 2 } }', {"contoso_land": 1}),
        ('contoso_land = { option = "$country", options = { IT = 1 }, other = 9 }', {"contoso_land": 9}),
        ('contoso_land = { option = "$country", options = { IT = 1 } }', {}),
        ("contoso_flag = false", {"contoso_flag": False}),
        ("contoso_number = 3", {"contoso_number": 3}),
        ('contoso_note = { text = "$company", length = 3 }', {"contoso_note": "Fab"}),
        ('estimatedclosedate = "received"', {"estimatedclosedate": "2026-03-14"}),
        ('estimatedclosedate = "Received +2 Weeks"', {"estimatedclosedate": "2026-03-28"}),
        ("estimatedclosedate = 2026-12-31", {"estimatedclosedate": "2026-12-31"}),
        ('overriddencreatedon = "received"', {"overriddencreatedon": "2026-03-14T09:26:53Z"}),
        ('schedulefollowup_qualify = "received + 1 day"', {"schedulefollowup_qualify": "2026-03-15T09:26:53Z"}),
        ('lastonholdtime = { date = "received - 36 hours" }', {"lastonholdtime": "2026-03-12T21:26:53Z"}),
        ("lastonholdtime = 2026-12-31", {"lastonholdtime": "2026-12-31T00:00:00Z"}),
        ("lastonholdtime = 2026-12-31T08:00:00+01:00", {"lastonholdtime": "2026-12-31T07:00:00Z"}),
        ("contoso_day = 2026-12-31", {"contoso_day": "2026-12-31"}),
        ("contoso_day = 2026-12-31T08:00:00Z", {"contoso_day": "2026-12-31T08:00:00Z"}),
        ('contoso_day = { date = "received" }', {"contoso_day": "2026-03-14"}),
        ('contoso_day = { date = "received", time = true }', {"contoso_day": "2026-03-14T09:26:53Z"}),
        # a column that leadpipe does not know is taken as it is declared
        ('spokenlanguage = { text = "$country", length = 2 }', {"spokenlanguage": "FR"}),
        ("spokenlanguage = { option = 2 }", {"spokenlanguage": 2}),
        ("wantsvisit = { yes_no = true }", {"wantsvisit": True}),
        ("seats = { number = 5 }", {"seats": 5}),
        (f'Partner = {{ lookup = "partners({ID})" }}', {"Partner@odata.bind": f"/partners({ID})"}),
        (f'customerid_contact = "{ID}"', {"customerid_contact@odata.bind": f"/contacts({ID})"}),
        (f'parentaccountid = "{ID}"', {"parentaccountid@odata.bind": f"/accounts({ID})"}),
        (f'campaignid = "{ID}"', {"campaignid@odata.bind": f"/campaigns({ID})"}),
        (f'campaignid = "/campaigns({ID.upper()})"', {"campaignid@odata.bind": f"/campaigns({ID})"}),
        (
            f'contoso_Region = {{ lookup = "contoso_regions({ID})" }}',
            {"contoso_Region@odata.bind": f"/contoso_regions({ID})"},
        ),
    ],
)
def test_a_column_is_a_constant_a_template_an_option_or_a_row(line: str, becomes: dict[str, Any]) -> None:
    assert set_by(line) == becomes


def test_an_empty_result_leaves_the_column_out() -> None:
    assert set_by('jobtitle = ""') == {"jobtitle": None}
    assert set_by('companyname = " $phone "', phone="") == {"companyname": None}


def test_an_empty_text_leaves_out_a_column_of_any_type() -> None:
    assert set_by('leadsourcecode = ""') == {"leadsourcecode": None}
    assert set_by('campaignid = ""\nrevenue = ""\nestimatedclosedate = ""\ndonotphone = ""') == {}
    rule = "[[rules]]\n[rules.columns]\nleadqualitycode = ''\n"
    assert "leadqualitycode" not in read(f"[columns]\nleadqualitycode = 1\n{rule}").columns_of(lead(), LEAD_ID)


def test_a_column_left_out_still_forbids_contact_where_the_customer_asked_for_it() -> None:
    columns = read("[columns]\ndonotemail = ''").columns_of(lead(action_code="DNC"), LEAD_ID)
    assert columns["donotemail"] is True


@pytest.mark.parametrize("column", ["subject", "lastname"])
def test_what_dynamics_asks_for_stays_the_defaults_rather_than_empty(column: str) -> None:
    assert set_by(f'{column} = "$phone"', phone="") == {}


def test_what_a_lead_says_is_never_read_as_a_template() -> None:
    assert set_by('jobtitle = "$company"', company="$email ${x} $") == {
        "jobtitle": "$email ${x} $",
    }


def test_who_asked_not_to_be_contacted_is_not_whatever_the_file_says() -> None:
    columns = read("[columns]\ndonotemail = false").columns_of(lead(action_code="DNC"), LEAD_ID)
    assert columns["donotemail"] is True


def rules(*each: str) -> FileMapping:
    return read("".join(f"[[rules]]\n{text}\n" for text in each))


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ("{}", True),
        ("{ country = 'fr' }", True),
        ("{ country = ['DE', ' FR '] }", True),
        ("{ country = 'F' }", False),
        ("{ country = 'F*' }", True),
        ("{ offer = 'contoso.widget' }", True),
        ("{ offer = 'Contoso Widget' }", True),
        ("{ offer = 'contoso.*' }", True),
        ("{ offer = '*' }", True),
        ("{ offer = 'other' }", False),
        ("{ source = 'AzureMarketplace' }", True),
        ("{ action = 'INS', country = 'FR' }", True),
        ("{ action = 'INS', country = 'DE' }", False),
        ("{ country = '' }", False),
    ],
)
def test_a_rule_is_for_the_leads_that_its_conditions_say(when: str, matches: bool) -> None:
    mapping = rules(f"when = {when}\n[rules.columns]\nfax = 'x'")
    assert bool(mapping.matching(lead())) is matches
    assert ("fax" in mapping.columns_of(lead(), LEAD_ID)) is matches


@pytest.mark.parametrize("posted", ["SPZA", "AppSource", "AppSource (SPZA)", "spza-INS|contoso.widget"])
@pytest.mark.parametrize("rule", ["SPZA", "AppSource", "appsource (spza)", "SP*", "App*", "AppSource (*"])
def test_a_rule_for_one_spelling_of_a_source_is_for_all_of_them(posted: str, rule: str) -> None:
    mapping = rules(f"when = {{ source = '{rule}' }}\n[rules.columns]\nfax = 'x'")
    assert mapping.matching(lead(lead_source=posted))
    assert not mapping.matching(lead(lead_source="AzureMarketplace"))


def test_a_rule_behind_one_for_another_spelling_of_its_source_can_never_match() -> None:
    rule = "[[rules]]\nwhen = {{ source = '{}' }}\n[rules.columns]\nfax = 'x'\n"
    with pytest.raises(FaultyMapping, match="can never match"):
        read(rule.format("AppSource (SPZA)") + rule.format("SPZA"))


@pytest.mark.parametrize("label", ["SPZA", "AppSource", "appsource (SPZA)"])
def test_an_option_for_one_spelling_of_a_source_is_for_all_of_them(label: str) -> None:
    line = f'contoso_source = {{ option = "$source", options = {{ "{label}" = 1, AzurePortal = 2 }}, other = 3 }}'
    for posted in ("SPZA", "AppSource", "AppSource (SPZA)-INS|a.b"):
        assert set_by(line, lead_source=posted)["contoso_source"] == 1
    assert set_by(line, lead_source="AzurePortal")["contoso_source"] == 2
    assert set_by(line, lead_source="TestDrive")["contoso_source"] == 3


def test_a_campaign_and_the_words_are_fields() -> None:
    line = 'contoso_note = "$campaign|$description"'
    assert set_by(line, description="Campaigns: Summer") == {"contoso_note": "Summer|Campaigns: Summer"}
    assert set_by(line, description="Campaigns: ") == {"contoso_note": "|"}


def test_an_empty_text_is_for_leads_without_one() -> None:
    mapping = rules("when = { offer = '', country = '' }\n[rules.columns]\nfax = 'x'")
    assert mapping.matching(lead(country=" ", lead_source="AzureMarketplace", offer_title=""))
    assert not mapping.matching(lead(country=""))


def test_rules_add_up_and_the_first_has_its_way() -> None:
    mapping = rules(
        f"name = 'France'\nwhen = {{ country = 'FR' }}\nteam = '{ID}'",
        f"name = 'widgets'\nwhen = {{ offer = 'contoso.widget' }}\nowner = '{OTHER_ID}'\ncampaign = '{ID}'",
        f"name = 'rest'\nowner = '{OTHER_ID}'\ncampaign = '{OTHER_ID}'\n[rules.columns]\nfax = 'x'",
    )
    columns = mapping.columns_of(lead(), LEAD_ID)
    assert columns["ownerid@odata.bind"] == f"/teams({ID})"
    assert columns["campaignid@odata.bind"] == f"/campaigns({ID})"
    assert columns["fax"] == "x"
    told = {each.column: each.rule and each.rule.name for each in mapping.fill(lead(), LEAD_ID)}
    assert told["ownerid@odata.bind"] == "France"
    assert told["campaignid@odata.bind"] == "widgets"
    assert told["fax"] == "rest"
    assert told["subject"] is None


def test_a_rule_counts_more_than_what_is_for_every_lead() -> None:
    mapping = read("[columns]\nfax = 'all'\n[[rules]]\nwhen = { country = 'FR' }\n[rules.columns]\nfax = 'FR'")
    assert mapping.columns_of(lead(), LEAD_ID)["fax"] == "FR"
    assert mapping.columns_of(lead(country="DE"), LEAD_ID)["fax"] == "all"


def test_the_lead_id_is_always_leadpipes_own() -> None:
    assert read("[columns]\nfax = 'x'").columns_of(lead(), LEAD_ID)["leadid"] == LEAD_ID


said = st.text(max_size=400).map(well_formed)
leads = st.builds(Lead, **dict.fromkeys(DOCUMENTED, said), unread=st.lists(said, max_size=10).map(tuple))
pieces = st.one_of(st.sampled_from([f"${{{name}}}" for name in NAMES]), st.sampled_from(["–", " ", "$$", "😀"]))


@given(leads, st.sampled_from(TEXTS), st.lists(pieces, min_size=1, max_size=6))
def test_no_lead_makes_a_text_longer_than_its_column(some: Lead, column: str, template: list[str]) -> None:
    if column in {"subject", "lastname"} and not "".join(template).strip():
        return
    columns = read(f'[columns]\n{column} = "{"".join(template)}"').columns_of(some, LEAD_ID)
    for name, value in columns.items():
        if isinstance(value, str) and name in COLUMNS:
            assert 0 < utf16_length(value) <= COLUMNS[name].longest
    assert columns["subject"]
    assert columns["lastname"]
