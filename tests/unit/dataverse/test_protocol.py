import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.dataverse.protocol import (
    LEADS,
    Answer,
    Created,
    ReadBack,
    error_of,
    failure_of,
    read_back,
    read_create,
    retry_after,
)
from leadpipe.model.errors import Blocked, DeliveryFailed, Refused, Transient
from leadpipe.model.text import utf16_length
from leadpipe.operations.causes import CAUSES
from tests.factories import LEAD_ID, SAMPLES

CASES = sorted(path.name for path in (SAMPLES / "dataverse").iterdir())

RECEIPTS = {
    "created": Created.NOW,
    "created-and-shown": Created.NOW,
    "id-taken": Created.ID_TAKEN,
    "id-taken-in-decimal": Created.ID_TAKEN,
    "id-taken-in-upper-case": Created.ID_TAKEN,
}
_EXECUTION = "The plug-in execution"
_FAILED = f"{_EXECUTION} failed because"
_TIMED_OUT = f"{_FAILED} the operation has timed-out at the Sandbox"
_NOW = "currently available."
# The reason, the detail, and the pause that was asked for in seconds.
TRANSIENT = {
    "throttled-by-requests": ("throttled", "429 0x80072322", 7.0),
    "throttled-by-execution-time": ("throttled", "429 0x80072321", 30.0),
    "throttled-by-concurrency": ("throttled", "429 0x80072326", 2.5),
    "throttled-without-a-body": ("throttled", "429", 12.0),
    "deadlock": ("dynamics_busy", "500 0x80044150", None),
    "sql-time-out": ("dynamics_busy", "500 0x80044151", None),
    "governed": ("dynamics_busy", "500 0x8004a001", None),
    "unexpected": ("dynamics_error", "500 0x80040216", None),
    "unexpected-without-a-code": ("dynamics_error", "500", None),
    "unexpected-with-an-empty-code": ("dynamics_error", "500 0x0", None),
    "code-as-a-number": ("dynamics_error", "500 0x80040216", None),
    "plugin-crashed": ("plugin_crashed", "500 0x80040224: An unexpected error occurred from ISV code.", None),
    "plugin-time-out": ("plugin_timeout", f"400 0x80044171: {_TIMED_OUT} Client.", None),
    "plugin-time-out-in-the-host": ("plugin_timeout", f"400 0x80044172: {_TIMED_OUT} Host.", None),
    "plugin-time-out-of-the-sandbox": (
        "plugin_timeout",
        f"500 0x80044173: {_FAILED} no Sandbox Hosts are {_NOW}",
        None,
    ),
    "plugin-took-two-minutes": ("plugin_timeout", f"500 0x80081111: {_EXECUTION} took longer than 120 seconds.", None),
    "bad-gateway": ("dynamics_error", "502", None),
    "unavailable": ("dynamics_error", "503", 120.0),
    "unavailable-until-a-date": ("dynamics_error", "503", None),
    "gateway-time-out": ("dynamics_error", "504", None),
    "request-time-out": ("dynamics_error", "408", None),
}
BLOCKED = {
    "token-refused": ("token_refused", "401"),
    "token-refused-with-an-empty-code": ("token_refused", "401 0x0"),
    "no-privilege": ("missing_privilege", "prvCreateLead"),
    "no-privilege-of-a-custom-table": ("missing_privilege", "prvAppendTonew_campaign2"),
    "no-access": ("missing_privilege", "403 0x80040220"),
    "may-not-read": ("missing_privilege", "prvReadLead"),
    "no-role": ("no_role", "403 0x80042f09"),
    "no-application-user": ("no_application_user", "403 0x80072560"),
    "user-disabled": ("user_disabled", "403 0x80040225"),
    "user-invalid": ("user_disabled", "400 0x80041d1f"),
    "column-secured": ("access_denied", "403 0x8004f502"),
    "access-denied": ("access_denied", "403 0x80048306"),
    "access-denied-to-a-row": ("access_denied", "403 0x80048405"),
    "access-denied-in-code": ("access_denied", "403 0x80040256"),
    "access-denied-without-a-body": ("access_denied", "403"),
    "administration-mode": ("organisation_closed", "403 0x8004a113"),
    "organisation-disabled": ("organisation_closed", "403 0x8004a104"),
    "no-such-table": ("table_unknown", "404 0x8006088a"),
    "no-such-table-without-a-code": ("table_unknown", "404 0x0"),
    "no-privilege-without-a-code": ("missing_privilege", "prvAppendToCampaign"),
    "user-unlicensed": ("user_unlicensed", "prvCreateLead"),
    "user-with-administrative-access": ("user_unlicensed", "prvCreateLead"),
    "user-without-a-licence": ("user_unlicensed", "403 0x8004d24b"),
    "ip-not-allowed": ("ip_firewall", "403"),
    "administration-mode-without-a-code": ("organisation_closed", "403 0x0"),
    "storage-full": ("organisation_full", "400 0x80072325"),
    "sign-in-page": ("not_dynamics", "200"),
    "redirect": ("not_dynamics", "302"),
    "no-such-page": ("not_dynamics", "404"),
    "method-not-allowed": ("not_dynamics", "405"),
    "proxy-wants-a-password": ("not_dynamics", "407"),
    "not-this-service": ("not_dynamics", "400 badrequest"),
    "web-page-instead-of-an-answer": ("not_dynamics", "400"),
    "too-much": ("not_dynamics", "413"),
    "error-without-an-object": ("not_dynamics", "400"),
    "error-in-an-array": ("not_dynamics", "400"),
}
# Answers to a read, of which none is an answer to a create.
READ_ANSWERS = {"read-back", "read-back-in-upper-case", "read-back-another"}
REFUSED = {
    "too-long": ("too_long", "A validation error occurred. The length of the 'firstname' attribute"),
    "option-unknown": ("option_unknown", "A validation error occurred. The value 99 of 'leadsourcecode'"),
    "integer-out-of-range": ("out_of_range", "A validation error occurred. The value of 'numberofemployees'"),
    "decimal-out-of-range": ("out_of_range", "A validation error occurred. The value of 'revenue'"),
    "character-refused": ("character_refused", "Invalid character in field 'description'"),
    "column-unknown": ("column_unknown", "An undeclared property 'colour'"),
    "column-of-another-type": ("column_unknown", "Error identified in Payload"),
    "state-and-status-do-not-fit": ("column_unknown", "State code is invalid"),
    "lookup-missing": ("lookup_missing", "campaign With Id = 8f4d3c1e"),
    "key-missing": ("lookup_missing", "A record with the specified key values does not exist"),
    "not-there": ("lookup_missing", "Entity 'lead' With Id"),
    "duplicate-rule": ("duplicate_rule", "A record was not created"),
    "duplicate-rule-as-412": ("duplicate_rule", "A record was not created"),
    "alternate-key-taken": ("duplicate_rule", "A record that has the attribute values Email"),
    "plugin-refused": ("plugin_refused", "Leads from this country are handled by a partner."),
    "version-conflict": ("refused", "The version of the existing record"),
    "code-of-another-kind": ("refused", "Something else."),
    "message-of-another-kind": ("refused", "400"),
    "unexpected-and-not-again": ("refused", "Invalid principal."),
    "invalid-without-a-code": ("refused", "Invalid principal."),
    "no-such-table-of-a-lookup": ("lookup_unknown", "Resource not found for the segment 'contoso_partner'."),
    "no-such-table-of-a-lookup-without-a-code": ("lookup_unknown", "Resource not found for the segment 'contoso_p"),
}


def answer(case: str) -> Answer:
    """The recorded answer as the client hands it on: header names in lower case, the body as bytes."""
    found = json.loads((SAMPLES / "dataverse" / case / "answer.json").read_text(encoding="utf-8"))
    body = found["body"] if isinstance(found["body"], str) else json.dumps(found["body"])
    headers = {name.lower(): value for name, value in found["headers"].items()}
    return Answer(status=found["status"], headers=headers, body=body.encode())


def reply(status: int = 400, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body)


def error(code: Any, message: Any = "") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def create_failure(case: str) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        read_create(answer(case))
    return failure.value


def back_failure(case: str) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        read_back(answer(case), LEAD_ID, LEADS)
    return failure.value


class TestCreate:
    def test_every_recorded_answer_is_in_one_of_the_tables(self) -> None:
        assert sorted([*RECEIPTS, *TRANSIENT, *BLOCKED, "owner-lacks-privilege", *REFUSED, *READ_ANSWERS]) == CASES

    @pytest.mark.parametrize("case", RECEIPTS)
    def test_a_receipt_is_a_receipt(self, case: str) -> None:
        assert read_create(answer(case)) is RECEIPTS[case]

    @pytest.mark.parametrize("case", TRANSIENT)
    def test_what_time_heals_is_transient(self, case: str) -> None:
        failure = create_failure(case)
        slug, detail, seconds = TRANSIENT[case]

        assert isinstance(failure, Transient)
        assert (failure.slug, failure.detail) == (slug, detail)
        assert failure.retry_after == (None if seconds is None else timedelta(seconds=seconds))

    @pytest.mark.parametrize("case", BLOCKED)
    def test_what_somebody_has_to_mend_blocks_every_lead(self, case: str) -> None:
        failure = create_failure(case)

        assert isinstance(failure, Blocked)
        assert (failure.slug, failure.detail) == BLOCKED[case]
        assert not failure.lead_only

    def test_an_owner_without_the_privilege_blocks_that_lead_only(self) -> None:
        failure = create_failure("owner-lacks-privilege")

        assert isinstance(failure, Blocked)
        assert (failure.slug, failure.detail, failure.lead_only) == ("owner_lacks_privilege", "prvReadLead", True)

    @pytest.mark.parametrize("case", REFUSED)
    def test_what_no_retry_can_fix_is_refused_with_the_organisations_words(self, case: str) -> None:
        failure = create_failure(case)
        slug, detail = REFUSED[case]

        assert isinstance(failure, Refused)
        assert failure.slug == slug
        assert failure.detail.startswith(detail)

    @pytest.mark.parametrize("case", [case for case in CASES if case not in RECEIPTS])
    def test_every_reason_has_a_cause_and_a_fix(self, case: str) -> None:
        assert create_failure(case).slug in CAUSES

    @pytest.mark.parametrize("case", sorted(READ_ANSWERS))
    def test_an_answer_to_something_else_is_no_receipt(self, case: str) -> None:
        assert create_failure(case).slug == "not_dynamics"

    @pytest.mark.parametrize("case", [*BLOCKED, "owner-lacks-privilege"])
    def test_ids_of_users_and_roles_are_not_told(self, case: str) -> None:
        assert "8f4d3c1e" not in create_failure(case).detail

    @pytest.mark.parametrize("status", [400, 409, 412, 500, 503])
    def test_the_code_says_that_the_id_is_taken_whatever_the_status(self, status: int) -> None:
        assert read_create(reply(status, error("0x80040237"))) is Created.ID_TAKEN

    def test_without_a_code_412_says_so_if_it_is_an_answer_of_dataverses(self) -> None:
        assert read_create(reply(412, error("", "taken"))) is Created.ID_TAKEN
        assert read_create(reply(412, b"", odata_version="4.0")) is Created.ID_TAKEN
        for body in (b"", b"<html>", error("PreconditionFailed")):
            with pytest.raises(Blocked, match="not_dynamics"):
                read_create(reply(412, body))

    @pytest.mark.parametrize("status", [400, 409, 412, 500, 503])
    @pytest.mark.parametrize(
        ("code", "slug"),
        [
            ("0x80040333", "duplicate_rule"),
            ("0x80060892", "duplicate_rule"),
            ("0x80040217", "lookup_missing"),
            ("0x80040265", "plugin_refused"),
            ("0x80040203", "refused"),
            ("0x80040200", "refused"),
        ],
    )
    def test_a_code_refuses_the_lead_whatever_the_status(self, status: int, code: str, slug: str) -> None:
        failure = failure_of(reply(status, error(code, "why")))

        assert (type(failure), failure.slug, failure.detail) == (Refused, slug, "why")

    @pytest.mark.parametrize(
        ("status", "code", "slug"),
        [(503, "0x80072322", "throttled"), (400, "0x8004a001", "dynamics_busy"), (400, "0x80040224", "plugin_crashed")],
    )
    def test_a_code_that_time_heals_is_transient_whatever_the_status(self, status: int, code: str, slug: str) -> None:
        failure = failure_of(reply(status, error(code)))

        assert (type(failure), failure.slug) == (Transient, slug)

    @pytest.mark.parametrize("code", ["0x80040216", "0x0", "", None])
    @pytest.mark.parametrize(
        ("status", "kind", "slug"),
        [
            (400, Refused, "refused"),
            (409, Refused, "refused"),
            (413, Refused, "refused"),
            (422, Refused, "refused"),
            (401, Blocked, "token_refused"),
            (403, Blocked, "access_denied"),
            (404, Blocked, "not_dynamics"),
            (405, Blocked, "not_dynamics"),
            (429, Transient, "throttled"),
            (500, Transient, "dynamics_error"),
            (501, Transient, "dynamics_error"),
            (505, Transient, "dynamics_error"),
        ],
    )
    def test_with_a_general_code_the_status_decides(
        self, code: str | None, status: int, kind: type[DeliveryFailed], slug: str
    ) -> None:
        failure = failure_of(reply(status, error(code, "Invalid principal.")))

        assert (type(failure), failure.slug) == (kind, slug)
        assert kind is not Refused or failure.detail == "Invalid principal."

    @pytest.mark.parametrize("code", ["0x0", ""])
    @pytest.mark.parametrize(
        "text",
        [
            "Invalid property 'colour' was found in entity 'Microsoft.Dynamics.CRM.lead'.",
            "Cannot convert the literal 'eight' to the expected type 'Edm.Int32'.",
            "An error occurred while validating input parameters: a node with type 'Edm.String' was found.",
        ],
    )
    def test_without_a_code_a_text_about_a_property_or_a_type_is_about_the_mapping(self, code: str, text: str) -> None:
        assert failure_of(reply(400, error(code, text))).slug == "column_unknown"

    @pytest.mark.parametrize("status", [400, 402, 406, 409, 410, 411, 412, 413, 414, 415, 422, 423, 431, 451, 499])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"<?xml version='1.0'?><error><code>0x80040216</code></error>",
            b"Bad Request",
            b"[]",
            b"null",
            b'"0x80040265"',
            b"{}",
            b'{"error": "refused"}',
            b'{"error": {}}',
            b'{"error": [{"code": "0x80040265"}]}',
            b'{"Message": "refused"}',
            b'{"error": {"code": "Forbidden", "message": "blocked by the firewall"}}',
            b"\xff\xfe\xfd",
            b"[" * 100_000,
        ],
    )
    def test_what_is_no_error_of_dataverses_refuses_no_lead(self, status: int, body: bytes) -> None:
        failure = failure_of(reply(status, body))

        assert isinstance(failure, Blocked)
        assert failure.slug == "not_dynamics"

    @pytest.mark.parametrize(
        ("status", "code", "text", "kind", "slug"),
        [
            (404, "0x8006088a", "Resource not found for the segment 'LEADS'.", Blocked, "table_unknown"),
            (404, "0x8006088a", "Ressource für das Segment „leads“ nicht gefunden.", Blocked, "table_unknown"),
            (404, "0x8006088a", "", Blocked, "table_unknown"),
            (400, "", "Resource not found for the segment 'leads(1)'.", Blocked, "table_unknown"),
            (404, "0x8006088a", "Ressource für das Segment „contoso_x“ nicht gefunden.", Refused, "lookup_unknown"),
            (404, "", "Resource not found for the segment 'contoso_leads'.", Refused, "lookup_unknown"),
            (400, "0x80040216", 'Resource not found for the segment "contoso_x".', Refused, "lookup_unknown"),
            (404, "0x8006088a", "Resource not found for the segment 'v9.2'.", Blocked, "not_dynamics"),
            (404, "0x8006088a", "Resource not found for the segment contoso_x.", Refused, "lookup_unknown"),
            (404, "0x8006088a", "Resource not found for the segment leads.", Blocked, "table_unknown"),
            (404, "", "Resource not found for the segment \u2039contoso_x\u203a.", Refused, "lookup_unknown"),
            (404, "0x8006088a", "Resource not found for the segment ''.", Blocked, "table_unknown"),
            (404, "", "Resource not found for the segment 'api'.", Blocked, "not_dynamics"),
            (400, "0x8006088a", "The 'query' is malformed.", Refused, "refused"),
            (404, "", "No HTTP resource was found that matches the request URI.", Blocked, "not_dynamics"),
            (404, "0x0", "campaign With Id = 8f4d3c1e Does Not Exist", Refused, "lookup_missing"),
            (403, "", "SecLib::RetrievePrivilegeForUser failed - no roles are assigned to user.", Blocked, "no_role"),
            (403, "", "SecLib::CheckPrivilege failed. PrivilegeName: prvReadLead, X: 1", Blocked, "missing_privilege"),
            (401, "", "The user is unlicensed.", Blocked, "user_unlicensed"),
        ],
    )
    def test_under_a_general_code_a_known_sentence_decides(
        self, status: int, code: str, text: str, kind: type[DeliveryFailed], slug: str
    ) -> None:
        failure = failure_of(reply(status, error(code, text)))

        assert (type(failure), failure.slug) == (kind, slug)

    @pytest.mark.parametrize("code", ["0x0", "0x80040216", "0x80040265"])
    @pytest.mark.parametrize(
        "said",
        [
            "unlicensed user, access to your IP is blocked, administration mode",
            "Resource not found for the segment 'leads'",
            "Principal user (accessMode=1), is missing prvCreateLead privilege",
            "SecLib::CheckPrivilege failed. PrivilegeName: prvCreateLead",
            "no roles are assigned to user",
        ],
    )
    def test_what_a_lead_says_shuts_nothing_when_dynamics_quotes_it(self, code: str, said: str) -> None:
        assert isinstance(failure_of(reply(400, error(code, f"Cannot convert the literal '{said}'."))), Refused)

    def test_a_privilege_that_a_failing_organisation_names_stays_named(self) -> None:
        failure = failure_of(reply(500, error("0x80040216", "Checking prvReadTeam failed for 8f4d3c1e.")))

        assert (type(failure), failure.detail) == (Transient, "500 0x80040216 prvReadTeam")

    @given(st.integers(100, 599), st.binary(max_size=60), st.text(max_size=8))
    def test_any_answer_is_a_receipt_or_one_failure(self, status: int, body: bytes, pause: str) -> None:
        try:
            read_create(reply(status, body, retry_after=pause))
        except DeliveryFailed as failure:
            assert failure.slug in CAUSES  # noqa: PT017 - other answers are receipts


class TestReadBack:
    @pytest.mark.parametrize(
        ("case", "found"),
        [
            ("read-back", ReadBack.YES),
            ("read-back-in-upper-case", ReadBack.YES),
            ("not-there", ReadBack.NO),
            ("may-not-read", ReadBack.MAY_NOT_READ),
            ("no-access", ReadBack.MAY_NOT_READ),
        ],
    )
    def test_it_tells_whether_the_lead_is_there(self, case: str, found: ReadBack) -> None:
        assert read_back(answer(case), LEAD_ID, LEADS) is found

    @pytest.mark.parametrize(
        ("case", "failed", "slug"),
        [
            ("read-back-another", Blocked, "not_dynamics"),
            ("sign-in-page", Blocked, "not_dynamics"),
            ("no-such-page", Blocked, "not_dynamics"),
            ("no-such-table", Blocked, "table_unknown"),
            ("no-role", Blocked, "no_role"),
            ("token-refused", Blocked, "token_refused"),
            ("throttled-by-requests", Transient, "throttled"),
            ("bad-gateway", Transient, "dynamics_error"),
        ],
    )
    def test_anything_else_is_a_failure_like_any_other(
        self, case: str, failed: type[DeliveryFailed], slug: str
    ) -> None:
        failure = back_failure(case)

        assert isinstance(failure, failed)
        assert failure.slug == slug

    @pytest.mark.parametrize("code", ["0x80040216", "0x0", "0x80040265"])
    def test_what_is_refused_is_this_look_and_not_the_lead(self, code: str) -> None:
        with pytest.raises(Transient, match="dynamics_error"):
            read_back(reply(400, error(code, "no")), LEAD_ID, LEADS)

    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"leadid": null}', b'{"leadid": 7}', b"\xff"])
    def test_success_without_the_id_is_no_sight_of_the_lead(self, body: bytes) -> None:
        with pytest.raises(Blocked):
            read_back(reply(200, body), LEAD_ID, LEADS)


class TestError:
    @pytest.mark.parametrize(
        ("code", "read"),
        [
            ("0x80040237", "0x80040237"),
            (" 0X8004A001 ", "0x8004a001"),
            ("-2147220937", "0x80040237"),
            (-2147015902, "0x80072322"),
            ("-1", "0xffffffff"),
            ("2147746359", "0x80040237"),
            (2147746359, "0x80040237"),
            (-2147220937.0, "0x80040237"),
            ("0x00000000", "0x0"),
            (None, ""),
            ("", ""),
            (0, ""),
            ("0", ""),
            (True, ""),
            ([1], ""),
            ({"value": "0x80040237"}, ""),
        ],
    )
    def test_a_code_is_read_as_lower_case_hex(self, code: Any, read: str) -> None:
        assert error_of(reply(body=error(code)))[0] == read

    def test_a_code_of_thousands_of_digits_is_left_as_it_is(self) -> None:
        code = "-" + "9" * 5000

        assert error_of(reply(body=error(code)))[0] == code

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>", b"\xff\xfe", b"null", b"[]", b"7", b'{"error": null}', b'{"error": []}', b"[" * 100_000],
    )
    def test_a_body_of_another_kind_has_neither_code_nor_text(self, body: bytes) -> None:
        assert error_of(reply(body=body)) == ("", "")

    @pytest.mark.parametrize(
        ("body", "read"),
        [
            ({"odata.error": {"code": "0x80040333", "message": {"lang": "en", "value": "v3"}}}, ("0x80040333", "v3")),
            ({"error": {"code": "0x0", "message": {"lang": "en", "value": "v2"}}}, ("0x0", "v2")),
            ({"error": {"code": "", "message": "", "innererror": {"code": "0x80040333"}}}, ("0x80040333", "")),
            (
                {"error": {"code": "0x80040216", "message": "outer", "innererror": {"code": "0x0", "message": "in"}}},
                ("0x80040216", "outer"),
            ),
            (
                {"error": {"code": "0x0", "innererror": {"message": "", "innererror": {"code": "0x80040265"}}}},
                ("0x80040265", ""),
            ),
            ({"error": {"message": "text alone"}}, ("", "text alone")),
            ({"error": {"code": {"a": [1]}, "message": [2]}}, ("", "")),
        ],
    )
    def test_other_shapes_of_an_error_are_read(self, body: Any, read: tuple[str, str]) -> None:
        assert error_of(reply(body=json.dumps(body).encode())) == read

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
    def test_other_encodings_of_json_are_read(self, encoding: str) -> None:
        body = json.dumps({"error": {"code": "0x0", "message": "é"}}, ensure_ascii=False).encode(encoding)

        assert error_of(reply(body=body)) == ("0x0", "é")

    def test_errors_without_end_inside_each_other_do_no_harm(self) -> None:
        inner: dict[str, Any] = {"code": "0x80040265"}
        for _ in range(50):
            inner = {"code": "0x0", "innererror": inner}

        assert error_of(reply(body=json.dumps({"error": inner}).encode())) == ("0x0", "")

    def test_a_byte_order_mark_does_no_harm(self) -> None:
        assert error_of(reply(body=b"\xef\xbb\xbf" + error("0x0", "text"))) == ("0x0", "text")

    def test_a_text_is_well_formed(self) -> None:
        assert error_of(reply(body=error("0x0", "a\ud800"))) == ("0x0", "a\ufffd")

    def test_a_detail_is_one_line_of_500_units_at_most(self) -> None:
        detail = failure_of(reply(400, error("0x80040265", "🙂\r\n " * 400))).detail

        assert utf16_length(detail) <= 500
        assert len(detail.splitlines()) == 1

    @given(st.text(st.characters()), st.text(st.characters()))
    def test_whatever_it_says_is_fit_to_be_kept(self, code: str, message: str) -> None:
        assert failure_of(reply(400, error(code, message))).detail.encode()


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("7", 7), (" 7 ", 7), ("0", 0), ("2.5", 2.5), ("86400", 86_400), ("86401", 86_400), ("999999999", 86_400)],
    )
    def test_it_is_read_in_seconds_and_a_day_at_most(self, header: str, seconds: float) -> None:
        assert retry_after(reply(retry_after=header)) == timedelta(seconds=seconds)

    @pytest.mark.parametrize("header", ["", "soon", "-1", "1e9", "Fri, 31 Dec 2027 23:59:59 GMT", "9" * 400, ".5"])
    def test_anything_else_asks_for_nothing(self, header: str) -> None:
        assert retry_after(reply(retry_after=header)) is None

    def test_without_the_header_nothing_is_asked_for(self) -> None:
        assert retry_after(reply()) is None
