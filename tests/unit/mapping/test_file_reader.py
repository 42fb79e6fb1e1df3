"""Every fault of a mapping file: found when it is read, all at once, each with its line and its reason."""

import pytest

from leadpipe.mapping import toml_lines as lines
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.file_reader import LARGEST_FILE, MOST_FAULTS, MOST_RULES, read_mapping
from leadpipe.mapping.rules import FileMapping
from leadpipe.mapping.toml_lines import unquoted
from tests.factories import LEAD_ID, lead

ID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"


def read(text: str) -> FileMapping:
    return read_mapping(text.encode(), "mapping.toml")


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(FaultyMapping) as failed:
        read_mapping(text if isinstance(text, bytes) else text.encode(), "mapping.toml")
    return [str(fault) for fault in failed.value.faults]


def fault(text: str | bytes) -> str:
    (only,) = faults(text)
    return only


# What is refused of columns


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # an unknown column
        ('jobtitel = "x"', "jobtitel: leadpipe does not know this column; did you mean jobtitle?"),
        ('zzz = "x"', "does not know this column. If Dynamics has it, declare its type: { text"),
        ('address1_zzzzzzzzz = "x"', "does not know this column"),
        ('"a-b" = { text = "x" }', "is not a column's name"),
        ('JobTitle = { text = "x" }', "lower case: jobtitle"),
        (f'CampaignId = {{ lookup = "campaigns({ID})" }}', "lower case: campaignid"),
        ('Contoso_Note = "x"', "lower case: contoso_note"),
        # one that cannot be set
        ('leadid = "x"', "leadpipe chooses it"),
        (f'ownerid = "{ID}"', "give owner or team in a rule"),
        ("statecode = 1", "cannot be set"),
        (f'slaid = "{ID}"', "set sla_lead_sla"),
        (f'customerid = "{ID}"', "set customerid_account or customerid_contact"),
        # a wrong type
        ("jobtitle = 5", "takes a text, not 5"),
        ("jobtitle = true", "takes a text, not true or false"),
        ("jobtitle = { option = 1 }", "takes a text, not option"),
        ('donotemail = "yes"', "takes a yes or no (true or false), not 'yes'"),
        ('numberofemployees = "12"', "takes a number"),
        ("numberofemployees = true", "takes a number"),
        ("numberofemployees = 1.5", "takes a whole number"),
        ("numberofemployees = 1000001", "from 0 to 1000000"),
        ("revenue = inf", "takes a number"),
        (f"contoso_count = {2**63}", "larger number"),
        ("jobtitle = 2026-01-31", "takes a text"),
        ("contoso_hour = 08:00:00", "say what it is"),
        ("contoso_x = { text = 'a', number = 1 }", "say what it is"),
        ("contoso_x = {}", "say what it is"),
        ("contoso_x = { text = 'a', options = {} }", "options means nothing beside text"),
        ("contoso_x = [1]", "say what it is"),
        # a value too long
        (f'mobilephone = "{"1" * 21}"', "takes 20 characters, and the text has 21"),
        (f'mobilephone = "${{phone}}{"1" * 21}"', "the text around its fields has 21"),
        (f'contoso_note = "{"x" * 101}"', "takes 100 characters"),
        ('contoso_note = { text = "xx", length = 1 }', "takes 1 characters"),
        ('contoso_note = { text = "x", length = 0 }', "length is a whole number"),
        ('contoso_note = { text = "x", length = "long" }', "length is a whole number"),
        ('jobtitle = "\\u0007"', "control character"),
        ('lastname = ""', "cannot be left out"),
        # a template
        ('jobtitle = "$nam"', "there is no field $nam; did you mean name?"),
        ('jobtitle = "${zzzzzz}"', "they are first_name, "),
        ('jobtitle = "costs $5"', "write $$"),
        # an option that does not exist
        ("leadsourcecode = 11", "has no option 11; it has 1 Advertisement, "),
        ('leadsourcecode = "Radio"', "has no option 'Radio'; it has 1 Advertisement, "),
        ("leadsourcecode = true", "an option has a whole number"),
        ("statuscode = 3", "has no option 3; it has 1 New, 2 Contacted"),
        ('contoso_tier = { option = "Gold" }', "is given with its number"),
        ('contoso_tier = { option = "$country" }', "say which text is which option"),
        ('contoso_tier = { option = "$country", options = { FR = "x" } }', "an option has a whole number, not 'x'"),
        ('contoso_tier = { option = "$country", options = { FR = 1, fr = 2 } }', "a label twice"),
        ('contoso_tier = { option = "$country", options = [1] }', "options is a table"),
        ('contoso_tier = { option = "Gold", options = { Gold = 1 }, other = 2 }', "other goes with a template"),
        ("contoso_tier = { option = 1, options = { Gold = 1 } }", "not with a number"),
        ('leadsourcecode = { option = "$source", options = { SPZA = 99 } }', "has no option 99"),
        # a date
        ("estimatedclosedate = 5", "takes a date"),
        ('estimatedclosedate = "tomorrow"', 'takes a date: "received", "received + 1 day"'),
        ('estimatedclosedate = "received + 1 month"', "takes a date"),
        ('estimatedclosedate = "received + 99999 weeks"', "within 3650 days of receipt"),
        ("estimatedclosedate = 2026-01-31T08:00:00Z", "takes a day without a time of day: 2026-01-31"),
        ("estimatedclosedate = 1752-12-31", "from the year 1753 on"),
        ("lastonholdtime = 2026-01-31T08:00:00", "write 2026-01-31T08:00:00Z for UTC"),
        ('contoso_due = { date = "received", time = 5 }', "time is true or false"),
        ('contoso_due = { date = "received", length = 5 }', "length means nothing beside date"),
        # a row
        ('campaignid = "autumn"', "a row is given as campaigns("),
        (f'campaignid = "accounts({ID})"', "points into campaigns, not into accounts"),
        ("contoso_Region = { lookup = 5 }", "takes a row of another table"),
        (f'contoso_Region = {{ lookup = "{ID}" }}', "a row is given as contoso_regions("),
    ],
)
def test_a_column_that_cannot_be_set_so_is_refused_with_its_line_and_the_reason(line: str, reason: str) -> None:
    told = fault(f"# mine\n[columns]\n\n{line}\n")
    assert told.startswith("mapping.toml:4: ")
    assert reason in told


# What is refused of rules

RULE = f'[[rules]]\nteam = "{ID}"\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[[rules]]\nwhen = { country = 'FR' }", 1, "the rule sets nothing"),
        (
            '[[rules]]\nowner = "Jane"',
            2,
            "owner is given by name, and has no id yet: run `leadpipe mapping",
        ),
        ("[[rules]]\nowner = 5", 2, "owner is given by its id"),
        ("[[rules]]\nteam = ''", 2, "team is given by its id"),
        ('[[rules]]\ncampaign = "Autumn"', 2, "campaign is given by its id"),
        ("[[rules]]\ncampaign = 5", 2, "campaign is given by its id"),
        (f'{RULE}owner = "{ID}"', 2, "owner and team are set together"),
        (f"{RULE}whn = 1", 3, "whn means nothing here; did you mean when?"),
        (f"{RULE}when = {{ contry = 'FR' }}", 3, "did you mean country?"),
        (f"{RULE}when = 'FR'", 3, "when is a table"),
        (f"{RULE}when = {{ country = 33 }}", 3, "country is a text or a list of texts"),
        (f"{RULE}when = {{ offer = 'a*b' }}", 3, "a * may only stand at the end"),
        (f"{RULE}name = 5", 3, "name is a text"),
        (f"{RULE}campaign = '{ID}'\ncolumns.campaignid = '{ID}'", 4, "give one of the two"),
        (f"{RULE}[rules.columns]\njobtitel = 'x'", 4, "did you mean jobtitle?"),
        (f"{RULE}columns = 5", 3, "columns is a table"),
        ("[rules]\na = 1", 1, "each begins with [[rules]]"),
        ("rules = 5", 1, "each begins with [[rules]]"),
        ("colums = {}", 1, "colums means nothing here; did you mean columns?"),
        (
            f"{RULE}name = 'a'\nwhen = {{ country = 'FR' }}\n{RULE}name = 'a'\nwhen = {{ country = 'DE' }}",
            5,
            "two rules are called a",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_line_and_the_reason(text: str, line: int, reason: str) -> None:
    told = fault(text)
    assert told.startswith(f"mapping.toml:{line}: ")
    assert reason in told


def rule(when: str, sets: str = f'team = "{ID}"') -> str:
    return f"[[rules]]\nwhen = {when}\n{sets}\n"


@pytest.mark.parametrize(
    "text",
    [
        rule("{ country = [] }"),
        rule("{ source = 'AzureMarketplace-INS|contoso.widget' }"),
        rule("{ country = 'FR' }") + rule("{ country = 'fr' }"),
        rule("{ offer = 'contoso.*' }") + rule("{ offer = 'Contoso.widget', country = 'FR' }"),
        rule("{ offer = 'contoso.*' }") + rule("{ offer = 'contoso.w*' }"),
        rule("{}") + rule("{ action = 'INS' }"),
        rule("{ country = '*' }") + rule("{}"),
        rule("{ country = '*', offer = ['x', '*'] }") + rule("{ offer = 'x' }"),
        rule("{ country = ['FR', 'DE'] }") + rule("{ country = 'DE' }"),
        rule("{ country = 'FR' }") + rule("{ country = 'DE' }") + rule("{ country = ['DE', 'FR'] }"),
        rule("{}", f"owner = '{ID}'\ncampaign = '{ID}'") + rule("{ country = 'FR' }"),
    ],
)
def test_a_rule_that_can_never_match_is_refused(text: str) -> None:
    assert "can never match" in fault(text)


@pytest.mark.parametrize(
    "text",
    [
        rule("{ country = 'FR' }") + rule("{}"),
        rule("{ country = '' }") + rule("{}"),
        rule("{ country = '*', offer = 'x' }") + rule("{}"),
        rule("{ offer = 'contoso.widget' }") + rule("{ offer = 'contoso.*' }"),
        rule("{ country = 'FR' }") + rule("{ country = ['FR', 'DE'] }"),
        rule("{ country = 'FR' }") + rule("{ offer = 'x' }"),
        rule("{ country = 'FR', offer = 'x' }") + rule("{ country = 'FR' }"),
        rule("{}") + rule("{ country = 'FR' }", f"campaign = '{ID}'"),
    ],
)
def test_a_rule_that_still_has_a_say_is_none_of_those(text: str) -> None:
    assert read(text).rules


def test_the_rules_above_that_hide_another_are_told_in_their_order() -> None:
    text = "".join(
        f"[[rules]]\nname = '{name}'\nwhen = {{ country = {countries} }}\nteam = '{ID}'\n"
        for name, countries in (("b", "'FR'"), ("a", "'DE'"), ("c", "['DE', 'FR']"))
    )
    assert fault(text).endswith(
        "c can never match: b (line 1) and a (line 5) above are for the same leads and come first"
    )


def test_two_rules_of_one_name_are_told_beside_other_faults() -> None:
    text = "[[rules]]\nname = 'a'\nteam = 'x'\n[[rules]]\nname = 'a'\nteam = 'y'\n"
    told = faults(text)
    assert [each.split(":")[1] for each in told] == ["3", "4", "6"]
    assert "two rules are called a" in told[1]


# How much is read


def test_a_file_over_its_size_is_refused_before_it_is_parsed() -> None:
    largest = "x = 1 #".ljust(LARGEST_FILE, "#")
    assert "x means nothing here" in fault(largest)
    assert fault(f"{largest}#").startswith("mapping.toml: is larger than 64 KiB: ")


def test_one_rule_too_many_is_refused_on_its_line() -> None:
    allowed = "".join(f"[[rules]]\nwhen.country = '{n}'\nteam = '{ID}'\n" for n in range(MOST_RULES))
    assert len(read(allowed).rules) == MOST_RULES
    told = fault(allowed + RULE)
    assert told == f"mapping.toml:{3 * MOST_RULES + 1}: is rule {MOST_RULES + 1}: a file has {MOST_RULES} at most"


def test_looking_for_faults_ends_after_many() -> None:
    told = faults("[columns]\n" + "".join(f"jo{number} = 1\n" for number in range(2 * MOST_FAULTS)))
    assert len(told) == MOST_FAULTS + 1
    assert told[-1].startswith(f"mapping.toml:{MOST_FAULTS + 2}: has more faults from here on")


@pytest.mark.parametrize("text", ["{} = 1", "[{}]", "[columns]\nx = {{ {} = 1 }}"])
@pytest.mark.parametrize("part", ["a", "'.'", '"""'])
def test_a_key_of_thousands_of_parts_is_refused_unparsed(text: str, part: str) -> None:
    if part == '"""':
        text, part = 'a = """\n"""\n' + text, "a"
    told = fault(text.format(".".join([part] * 10_000)))
    line = text.split("{")[0].count("\n") + 1
    assert told == f"mapping.toml:{line}: has a key with too many parts"


def test_dots_in_texts_comments_and_numbers_are_no_parts_of_a_key() -> None:
    dots = "." * 100
    text = f'# {dots}\n[columns] # {dots}\njobtitle = \'{dots}\'\nfax = "\\"{dots[:40]}"\ncontoso_x = 1.5\n'
    assert read(text).columns["contoso_x"].line == 5


def test_tables_within_tables_deeper_than_the_parser_goes_are_a_fault_of_the_file() -> None:
    text = "x = 1"
    for _ in range(150):
        text = f"{'.'.join('abcdefgh')} = {{ {text} }}"
    assert "is nested deeper" in fault(text)


def test_a_list_of_thousands_of_lines_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    loads = lines.tomllib.loads
    monkeypatch.setattr(lines.tomllib, "loads", lambda text: parsed.append(len(text)) or loads(text))
    text = RULE + "when = { country = [\n" + "'a',\n" * 5000 + "] }\n"
    assert read(text).rules
    assert sum(parsed) <= 2 * len(text)


@pytest.mark.parametrize(
    "text", ['\\"""\n' * 12_000, '"' + '\\"' * 30_000, "'''x" + '"' * 60_000, '"""\\', '"""x', "'x"]
)
def test_quotes_that_are_never_closed_are_looked_through_once(text: str) -> None:
    """Else this test takes a minute."""
    assert not unquoted(text).strip("\\\n\r")
    assert "is not TOML" in fault(f"a = {text}")


# The file as a whole


def test_all_faults_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = '[[rules]]\nowner = "x"\n[rules.columns]\njobtitel = "y"\n[columns]\nmobilephone = 5\n'
    assert [told.split(":")[1] for told in faults(text)] == ["2", "4", "6"]


def test_the_short_form_names_three_faults_and_how_many_more_there_are() -> None:
    with pytest.raises(FaultyMapping) as failed:
        read("[columns]\n" + "\n".join(f"x{number} = 1" for number in range(5)))
    assert failed.value.slug == "mapping_unusable"
    assert failed.value.detail.count("mapping.toml:") == 3
    assert failed.value.detail.endswith("and 2 more")


def test_the_short_form_fits_into_a_cell_of_the_ledger() -> None:
    with pytest.raises(FaultyMapping) as failed:
        read(f"[[rules]]\nname = '{'x' * 50_000}'\nteam = '{ID}'\n" + RULE)
    assert len(failed.value.detail) < 2000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[columns]\nsubject = ", "mapping.toml:2: is not TOML: Invalid value"),
        (b"[columns]\na_b = 1\na_b = 2", "mapping.toml:3: is not TOML: Cannot overwrite a value"),
        (b"[columns]\nsubject = 'a", "is not TOML"),
        (b"[columns]\nrevenue = " + b"1" * 5000, "is not TOML"),
        (b"a = " + b"[" * 50_000, "is nested deeper"),
        (b"[columns]\nsubject = 'caf\xe9'", "mapping.toml:2: is not UTF-8"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(content: bytes, says: str) -> None:
    assert says in fault(content)


def test_a_template_is_looked_for_among_microsofts_labels_where_the_file_has_none() -> None:
    mapping = read('[columns]\nleadqualitycode = { option = "$title" }\n')
    assert mapping.columns_of(lead(title="warm"), LEAD_ID)["leadqualitycode"] == 2
    assert "leadqualitycode" not in mapping.columns_of(lead(title="Lukewarm"), LEAD_ID)


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault() -> None:
    assert read_mapping(b"\xef\xbb\xbf[columns]\r\njobtitle = 'x'\r\n", "m").columns["jobtitle"].line == 2


def test_an_empty_file_changes_nothing() -> None:
    assert read("# nothing yet\n").columns_of(lead(), LEAD_ID)["subject"].startswith("Contoso Widget")
