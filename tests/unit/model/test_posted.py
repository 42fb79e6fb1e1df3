"""Where a person may stand in what was posted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from leadpipe.model.lead import Lead
from leadpipe.model.posted import PERSON_KEYS
from tests.factories import lead, payload

PERSON = {
    "FirstName": "Jane",
    "LastName": "Doe",
    "Email": "jane.doe@fabrikam.com",
    "Phone": "+33 1 23 45 67 89",
    "Country": "FR",
    "Company": "Fabrikam",
    "Title": "CTO",
}
REST = {
    "LeadSource": "AzureMarketplace-INS|contoso.widget",
    "ActionCode": "INS",
    "OfferTitle": "Contoso Widget",
    "Description": "Please call.",
}
SNAKE = {"FirstName": "first_name", "LastName": "last_name"}


def read(**posted: Any) -> Lead:
    return Lead.from_payload(json.dumps(posted))


def spelt(keys: Callable[[str], str]) -> dict[str, str]:
    return {keys(key): value for key, value in {**PERSON, **REST}.items()}


def encoded(value: object, times: int) -> Any:
    for _ in range(times):
        value = json.dumps(value)
    return value


@pytest.mark.parametrize(
    "key", ["UserDetails", "userDetails", "user_details", "User Details", "CustomerInfo", "customer-info"]
)
@pytest.mark.parametrize(
    "value",
    [
        PERSON,
        {key.lower(): value for key, value in PERSON.items()},
        {SNAKE.get(key, key.lower()): value for key, value in PERSON.items()},
        [PERSON],
        [[PERSON]],
        *(encoded(PERSON, times) for times in (1, 2, 3, 5)),
        encoded([PERSON], 1),
        [encoded(PERSON, 2)],
        f"\ufeff \r\n{json.dumps(PERSON)}\n ",
        encoded(f" {json.dumps(PERSON)}\ufeff", 1),
        json.dumps(json.dumps(PERSON)).strip('"'),
        encoded(PERSON, 2).removesuffix('"'),
    ],
    ids=str,
)
def test_a_person_is_read_as_an_object_or_as_its_json_text(key: str, value: Any) -> None:
    assert read(**REST, **{key: value}) == lead()


@pytest.mark.parametrize(
    "keys",
    [
        str,
        str.lower,
        str.upper,
        lambda key: key[0].lower() + key[1:],
        lambda key: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key).strip("_"),
        lambda key: "".join(f"-{letter}" if letter.isupper() else letter for letter in key).strip("-"),
        lambda key: "".join(f" {letter}" if letter.isupper() else letter for letter in key).strip(),
    ],
)
def test_a_person_is_read_at_the_top_level_in_any_spelling_of_the_keys(keys: Callable[[str], str]) -> None:
    assert read(**spelt(keys)) == lead()


def test_the_web_to_lead_forms_test_lead_is_read() -> None:
    text = "MSFT_TEST_636573304831318844"
    found = Lead.from_payload(
        f'{{"encoding": "UTF-8", "oid": "00D000000000001", "encoding": "UTF-8", "first_name": "{text}", "last_name":'
        f' "{text}", "email": "{text}@test.com", "phone": "1234567890", "country": "US", "company": "{text}", "title":'
        f' "{text}", "description": "{text}", "lead_source": "{text}-{text}|Contoso Offer"}}'
    )
    assert (found.name, found.email, found.phone) == (f"{text} {text}", f"{text}@test.com", "1234567890")
    assert (found.source, found.action, found.offer) == (text, text, "Contoso Offer")
    assert (found.is_test, found.unread) == (True, ())


def test_a_row_of_the_marketplaces_table_is_read_as_it_is() -> None:
    found = read(
        PartitionKey="20260314",
        RowKey="r",
        ProductId="contoso.widget",
        CustomerInfo=json.dumps(PERSON),
        LeadSource="AzureMarketplace",
        ActionCode="INS",
        PublisherDisplayName="Contoso",
        OfferDisplayName="Contoso Widget",
        CreatedTime="03/14/2026 09:26:53",
        Description="Please call.",
    )
    assert found == lead(lead_source="AzureMarketplace", product_id="contoso.widget")
    assert (found.source, found.offer) == ("AzureMarketplace", "contoso.widget")


def test_the_columns_of_a_row_that_was_taken_in_are_read_after_all_else() -> None:
    row = {"PartitionKey": "p", "RowKey": "r", "CustomerInfo": encoded(PERSON, 2), "ProductId": "contoso.other"}
    assert read(UserDetails={}, **REST, TableRow=row) == lead()
    assert read(UserDetails={**PERSON, "Phone": ""}, **REST, TableRow=row) == lead()
    assert read(UserDetails={**PERSON, "LastName": "Li"}, **REST, TableRow=row) == lead(last_name="Li")


@pytest.mark.parametrize(
    "posted",
    [
        {"UserDetails": None, **PERSON},
        {"UserDetails": "", **PERSON},
        {"UserDetails": "null", **PERSON},
        {"UserDetails": [], "CustomerInfo": PERSON},
        {"UserDetails": {}, "CustomerInfo": encoded(PERSON, 1)},
        {"UserDetails": dict.fromkeys(PERSON, " "), "customerInfo": encoded(PERSON, 2)},
        {"UserDetails": dict.fromkeys(PERSON), "CustomerInfo": None, **PERSON},
        {"UserDetails": {"FirstName": "Jane"}, "CustomerInfo": {"LastName": "Doe"}, **PERSON, "FirstName": "Eve"},
        {"UserDetails": dict.fromkeys(PERSON, "-"), "CustomerInfo": dict.fromkeys(PERSON, "N/A"), **PERSON},
        {"UserDetails": PERSON, "CustomerInfo": dict.fromkeys(PERSON, "x"), **dict.fromkeys(PERSON, "y")},
    ],
    ids=str,
)
def test_each_field_is_the_first_that_is_not_blank(posted: dict[str, Any]) -> None:
    assert read(**REST, **posted) == lead()


def test_a_number_is_a_phone_wherever_it_stands() -> None:
    for posted in (
        {"UserDetails": {"Phone": 16175555555}},
        {"phone": 16175555555},
        {"CustomerInfo": '{"Phone": 16175555555}'},
    ):
        assert read(**posted) == Lead(phone="16175555555")


@pytest.mark.parametrize("value", [True, {"Name": "x"}, ["x"]])
def test_only_a_text_or_number_at_the_top_level_is_a_persons_field(value: Any) -> None:
    assert read(Company=value, Title=value, **REST) == Lead(
        **vars_of(lead(), "lead_source", "action_code", "offer_title", "description")
    )


def vars_of(some: Lead, *fields: str) -> dict[str, str]:
    return {field: getattr(some, field) for field in fields}


def test_of_keys_spelt_in_other_ways_the_documented_one_goes_first_then_the_last() -> None:
    assert read(first_name="a", FirstName="b", **{"first-name": "c"}).first_name == "b"
    assert read(first_name="a", FirstName="", **{"first-name": "c"}).first_name == "c"
    assert read(FirstName="a", firstName="b").first_name == "b"
    assert read(first_name="a", **{"first-name": ""}).first_name == "a"


def test_an_empty_key_never_hides_one_that_names_somebody() -> None:
    person = json.dumps(PERSON)
    nobody = ["null", '""', "{}", "[{}]", '{"FirstName": " "}', '{"Email": [null, {"a": ""}]}']
    texts = [f'{{"UserDetails": {person}, "{key}": {no}}}' for key in ("UserDetails", "USERDETAILS") for no in nobody]
    texts += [f'{{"user_details": {person}, "UserDetails": {no}, "user-details": {no}}}' for no in nobody]
    texts += ['{"UserDetails": {"FirstName": "Jane", "LastName": "Doe", "firstname": "", "LASTNAME": null}}']
    assert {Lead.from_payload(text).name for text in texts} == {"Jane Doe"}


def test_a_person_in_parts_is_read_from_all_spellings_of_the_key() -> None:
    found = read(user_details={"FirstName": "Eve", "Email": "jane.doe@fabrikam.com"}, UserDetails={"FirstName": "Jane"})
    assert (found.first_name, found.email, found.unread) == ("Jane", "jane.doe@fabrikam.com", ())


def test_a_nested_value_without_anything_in_it_is_no_name() -> None:
    assert read(UserDetails={"FirstName": {"value": None}, "Email": [""]}, OfferTitle="x") == Lead(offer_title="x")


def test_looking_for_something_in_a_deep_value_has_no_depth() -> None:
    deep = "[" * 900 + "]" * 900
    found = Lead.from_payload(f'{{"FirstName": "Jane", "first_name": {deep}, "firstname": {deep}}}')
    assert found == Lead(first_name="Jane")


def test_an_offer_id_of_its_own_counts_where_the_source_names_none() -> None:
    assert read(ProductId="contoso.widget", LeadSource="SPZA").offer == "contoso.widget"
    assert read(product_id="contoso.widget", LeadSource="SPZA-INS|contoso.other").offer == "contoso.other"
    assert read(ProductId="contoso.widget", OfferTitle="x", OfferDisplayName="y").offer_title == "x"


def test_leads_for_other_products_are_not_the_same_lead() -> None:
    one, other = (read(UserDetails=PERSON, LeadSource="SPZA", ProductId=product) for product in ("a.b", "a.c"))
    assert one.fingerprint() != other.fingerprint()


# Texts that are cut off, or are no JSON


WHOLE = json.dumps(PERSON)


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_text_that_is_cut_off_gives_its_complete_pairs(times: int) -> None:
    whole = encoded(WHOLE, times)
    for length in range(1, len(whole) - times):
        found = read(UserDetails=whole[:length], OfferTitle="Widget")
        assert "UserDetails" in found.unread or found == Lead(**vars_of(lead(), *PERSON_KEYS), offer_title="Widget")
        for field, key in {"first_name": "FirstName", "last_name": "LastName", "email": "Email"}.items():
            pair = f'"{key}": "{PERSON[key]}"'
            for _ in range(times):
                pair = json.dumps(pair)[1:-1]
            assert getattr(found, field) == (PERSON[key] if pair in whole[:length] else "")


def test_a_text_that_is_cut_off_in_an_escape_gives_what_stands_before() -> None:
    for cut in (
        '{"LastName": "Zoë", "FirstName": "Zo\\',
        '{"LastName": "Zo\\u00eb", "FirstName": "Zo\\u00',
        '{"LastName":"Zoë","a":"\\ud83d',
    ):
        assert read(UserDetails=cut).last_name == "Zoë"
        assert read(UserDetails=json.dumps(cut)[:-3]).last_name == "Zoë"


def test_a_number_that_may_go_on_is_not_complete() -> None:
    assert read(UserDetails='{"LastName": "Doe", "Phone": 1617').phone == ""
    assert read(UserDetails='{"LastName": "Doe", "Phone": 1617, "Em').phone == "1617"


def test_pairs_inside_of_other_objects_are_not_the_persons() -> None:
    assert read(UserDetails='{"Boss": {"FirstName": "Eve"}, "FirstName": "Jane", "Em').first_name == "Jane"
    assert read(UserDetails='[{"FirstName": "Jane"}, {"FirstName": "Eve"').first_name == "Jane"
    assert read(UserDetails='"FirstName": "Jane", "LastName": "Do').name == "Jane"
    assert read(UserDetails='{"FirstName": "Jane", "LastName": "Doe"} and more').name == "Jane Doe"


@pytest.mark.parametrize(
    "text", ["Jane", "{FirstName: 'Jane'}", "<FirstName>Jane</FirstName>", '{"FirstName": "J\\x"', '{"a": tru, "b']
)
def test_a_text_without_complete_pairs_gives_nothing_and_is_unread(text: str) -> None:
    assert read(UserDetails=text, OfferTitle="Widget") == Lead(offer_title="Widget", unread=("UserDetails",))


# Fingerprints are what they were before there were other places


FINGERPRINTS = {
    payload(): "eca51636b889e1d0b59ed3fe421bd9561c046e8bd45c54a73794f284cccc6552",
    payload(Extra="x", ProductId="contoso.other", nested={"A": [1, None]}): (
        "eca51636b889e1d0b59ed3fe421bd9561c046e8bd45c54a73794f284cccc6552"
    ),
    payload(Description="Campaigns: "): "ddc31e4f5049e55c64d7ee9bff85c416d677143fea9d7ae073f2b7fea4eb6ee5",
    payload(Description=" ", LeadSource="SPZA"): "0563efe4e6d7a043c830e3f449b8d97a31c9bf0b3c6342f221d9bf1edcc36fcf",
    '{"userdetails": {"LASTNAME": {"A": [1, "B"]}, "Email": " J@X.example ", "phone": 16175555555}, "description":'
    ' {"Deep": ["\\ud83d", {"KEY": null}]}, "offerTitle": "old", "OFFERTITLE": 1.50, "leadsource":'
    ' "AppSource (SPZA)-PLT|contoso.a|b"}': "26f28bc41ab647b540fdd8e1d61d350eaeaef0404a9b4793f3918bd086b95974",
    r'{"UserDetails": {"LastName": "a\ud800b", "Title": true, "Company": ["x"]}, "ActionCode": null}': (
        "09ad59fd3302c2d5490299b7fe56951167c4481889698992e7a67b1d7b566767"
    ),
    # A row of the marketplace's table, as it was taken in.
    '{"UserDetails": {"FirstName": "A", "LastName": "B", "Email": "r4@example.com"}, "LeadSource":'
    ' "AzureMarketplace-INS|contoso.offer", "ActionCode": "INS", "OfferTitle": "Contoso", "Description": "d",'
    ' "TableRow": {"PartitionKey": "2026-11-25", "RowKey": "r4", "ProductId": "contoso.offer",'
    ' "PublisherDisplayName": "Contoso", "CreatedTime": "11/25/2026 08:00:00"}}': (
        "aecac89044eec383922b03dbe8be8044f99eaac5b937c8c1640765f457a0b0c7"
    ),
}


@pytest.mark.parametrize("posted", FINGERPRINTS)
def test_a_lead_that_was_always_read_keeps_its_fingerprint(posted: str) -> None:
    assert Lead.from_payload(posted).fingerprint() == FINGERPRINTS[posted]


@pytest.mark.parametrize("times", [1, 2])
def test_the_same_person_has_the_same_fingerprint_wherever_it_stands(times: int) -> None:
    posted = [{"UserDetails": encoded(PERSON, times)}, {"CustomerInfo": encoded(PERSON, times)}, PERSON]
    assert {read(**REST, **each).fingerprint() for each in posted} == {lead().fingerprint()}
