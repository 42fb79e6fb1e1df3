"""What the codes of the storage service mean: exists, missing, changed, refused; each only by its code."""

from collections.abc import Callable, Iterator

import pytest

from leadpipe.model.errors import Changed, LeadpipeError, RowRefused, StorageFailed
from leadpipe.model.ports import Marks
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.settings import StorageByKey
from leadpipe.operations.causes import CAUSES, fix_now
from leadpipe.storage.claims import TRIES
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.tables import rows_of
from tests.answering import Answer, Server, answering, batch, json_of, queue_error, table_error, with_header
from tests.storage_methods import (
    BATCHES,
    EVERY,
    MINE,
    OF_QUEUES,
    OF_TABLES,
    READ,
    READS_OF_TABLES,
    REMOVALS,
    WRITES_OF_TABLES,
    outcome,
)

WRITTEN = Answer(status=204, headers={"ETag": READ})
QUEUED = Answer(
    status=201,
    body=b"<QueueMessagesList><QueueMessage><MessageId>1</MessageId><PopReceipt>r</PopReceipt></QueueMessage>"
    b"</QueueMessagesList>",
    headers={"Content-Type": "application/xml"},
)
ABSENT = {
    "ledger.read": None,
    "ledger.events": [],
    "ledger.between": [],
    "ledger.due": [],
    "ledger.first_day": None,
    "ledger.forget_details": None,
    "ledger.ping": None,
    "claims.read": None,
    "claims.of_leads_received": [],
    "fallback.has": False,
    "fallback.lead_ids": [],
    "fallback.arrivals": [],
    "fallback.remove": None,
    "marks.read": Marks(),
}
ABOUT_THE_ROW = [
    *[(400, code) for code in ("PropertyValueTooLarge", "EntityTooLarge", "KeyValueTooLarge", "TooManyProperties")],
    *[(400, code) for code in ("PropertiesNeedValue", "PropertyNameInvalid", "PropertyNameTooLong", "InvalidInput")],
    *[(400, code) for code in ("InvalidValueType", "OutOfRangeInput", "DuplicatePropertiesSpecified")],
    *[(413, code) for code in ("RequestBodyTooLarge", "ContentLengthExceeded")],
]
ABOUT_THE_REQUEST = [
    *[
        (400, code)
        for code in ("InvalidHeaderValue", "InvalidUri", "InvalidQueryParameterValue", "InvalidResourceName")
    ],
    *[
        (400, code)
        for code in ("OutOfRangeQueryParameterValue", "MissingRequiredHeader", "Md5Mismatch", "SomethingNew")
    ],
    *[(404, "PropertyValueTooLarge"), (500, "RequestBodyTooLarge"), (503, "InvalidInput")],
]
REFUSALS = [
    (403, "KeyBasedAuthenticationNotPermitted", "storage_keys_off", ["identity", "__accountName"]),
    (403, "AuthorizationFailure", "storage_network_closed", ["blob", "queue", "table", "private endpoints"]),
    (
        403,
        "AuthorizationPermissionMismatch",
        "storage_role_missing",
        ["Storage Table Data Contributor", "Blob", "Queue"],
    ),
    (403, "AuthenticationFailed", "storage_not_authenticated", ["Access keys", "clock"]),
    (401, "InvalidAuthenticationInfo", "storage_not_authenticated", ["Access keys", "clock"]),
    (400, "InvalidAuthenticationInfo", "storage_not_authenticated", ["Access keys", "clock"]),
    (401, "NoAuthenticationInformation", "storage_not_authenticated", []),
    (403, "AccountIsDisabled", "storage_account_disabled", ["subscription"]),
    (403, "InsufficientAccountPermissions", "storage_refused", []),
    (403, "AuthorizationSourceIPMismatch", "storage_refused", []),
    (401, "SomethingNew", "storage_refused", []),
    (409, "AccountBeingCreated", "storage_error", []),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as server:
        yield server


@pytest.fixture
def storage(server: Server) -> Storage:
    return connect(StorageByKey(connection_string=server.account), retries=0)


def refusal(method: str, status: int, code: str) -> Answer:
    """What the service that the method asks answers; in a batch, what it answers to the first of the changes."""
    if method in BATCHES:
        return batch(table_error(status, code))
    return queue_error(status, code) if "queue" in method else table_error(status, code)


# Missing


@pytest.mark.parametrize("code", ["ResourceNotFound", "EntityNotFound", "TableNotFound"])
@pytest.mark.parametrize("method", ABSENT)
def test_a_row_or_table_is_missing_where_the_code_says_so(
    method: str, code: str, server: Server, storage: Storage
) -> None:
    server.answer = table_error(404, code)
    assert outcome(EVERY[method], storage) == ABSENT[method]


@pytest.mark.parametrize("method", ["poison_queue.receive", "poison_queue.peek", "poison_queue.depth", "queue.depth"])
def test_a_queue_that_the_service_does_not_have_is_empty(method: str, server: Server, storage: Storage) -> None:
    server.answer = queue_error(404, "QueueNotFound")
    assert outcome(OF_QUEUES[method], storage) in ([], 0)


@pytest.mark.parametrize("method", OF_QUEUES)
def test_a_queue_is_not_missing_because_something_else_is(method: str, server: Server, storage: Storage) -> None:
    server.answer = queue_error(404, "ResourceNotFound")
    assert isinstance(outcome(OF_QUEUES[method], storage), StorageFailed)


@pytest.mark.parametrize(("status", "code"), [(404, "MessageNotFound"), (400, "PopReceiptMismatch")])
def test_a_message_that_somebody_else_has_received_or_deleted_is_no_longer_ours(
    status: int, code: str, server: Server, storage: Storage
) -> None:
    server.answer = queue_error(status, code)
    assert outcome(REMOVALS["poison_queue.delete"], storage) is None


# There already


@pytest.mark.parametrize(
    ("method", "given"), [("ledger.insert", None), ("marks.write, the first", False), ("fallback.keep", None)]
)
def test_a_row_exists_where_the_code_says_so(method: str, given: object, server: Server, storage: Storage) -> None:
    server.answer = table_error(409, "EntityAlreadyExists")
    assert outcome(EVERY[method], storage) is given


@pytest.mark.parametrize("method", [*WRITES_OF_TABLES, "queue.put"])
@pytest.mark.parametrize("code", ["TableBeingDeleted", "QueueBeingDeleted", "TableAlreadyExists", "QueueAlreadyExists"])
def test_no_other_conflict_means_that_a_row_or_message_is_kept(
    method: str, code: str, server: Server, storage: Storage
) -> None:
    server.answer = refusal(method, 409, code)
    got = outcome(EVERY[method], storage)
    assert isinstance(got, StorageFailed)
    assert code in got.detail


def test_a_claim_that_exists_and_cannot_be_found_is_not_asked_for_for_ever(server: Server, storage: Storage) -> None:
    server.answers = lambda method, _path: (
        table_error(409, "EntityAlreadyExists") if method == "POST" else table_error(404, "ResourceNotFound")
    )
    assert isinstance(outcome(EVERY["claims.take"], storage), StorageFailed)
    assert len(server.requests) == 2 * TRIES


# Tables and queues that are made when they are needed


def made_by(creation: Answer, missing: Answer, kept: Answer) -> Callable[[str, str], Answer]:
    """A service without the table or queue: `creation` is its answer to making it, after which all is well."""
    tried = False

    def answer(method: str, path: str) -> Answer:
        nonlocal tried
        if path.endswith("/Tables") or (method == "PUT" and path.endswith("/leads")):
            tried = True
            return creation
        return kept if tried else missing

    return answer


@pytest.mark.parametrize("creation", [Answer(status=204), table_error(409, "TableAlreadyExists")])
def test_a_missing_table_is_made_and_the_row_written_also_when_somebody_else_made_it(
    creation: Answer, server: Server, storage: Storage
) -> None:
    for method in ("ledger.insert", "claims.take", "fallback.keep", "marks.write, the first"):
        server.answers = made_by(creation, table_error(404, "TableNotFound"), WRITTEN)
        assert not isinstance(outcome(EVERY[method], storage), BaseException)


@pytest.mark.parametrize("code", ["TableBeingDeleted", "", "ResourceAlreadyExists", "EntityAlreadyExists"])
def test_a_table_that_cannot_be_made_keeps_no_row(code: str, server: Server, storage: Storage) -> None:
    for method in ("ledger.insert", "claims.take", "fallback.keep", "marks.write, the first"):
        server.answers = made_by(table_error(409, code), table_error(404, "TableNotFound"), WRITTEN)
        assert isinstance(outcome(EVERY[method], storage), StorageFailed)


@pytest.mark.parametrize("creation", [Answer(status=201), queue_error(409, "QueueAlreadyExists")])
def test_a_missing_queue_is_made_and_the_message_put(creation: Answer, server: Server, storage: Storage) -> None:
    server.answers = made_by(creation, queue_error(404, "QueueNotFound"), QUEUED)
    assert outcome(EVERY["queue.put"], storage) is None


@pytest.mark.parametrize("code", ["QueueBeingDeleted", "", "QueueDisabled", "ContainerAlreadyExists"])
def test_a_queue_that_cannot_be_made_keeps_no_message(code: str, server: Server, storage: Storage) -> None:
    server.answers = made_by(queue_error(409, code), queue_error(404, "QueueNotFound"), QUEUED)
    for method in ("queue.put", "queue.ping"):
        assert isinstance(outcome(EVERY[method], storage), StorageFailed)


# Changed since it was read


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (412, "UpdateConditionNotSatisfied"),
        (412, "ConditionNotMet"),
        (404, "ResourceNotFound"),
        (404, "EntityNotFound"),
    ],
)
def test_a_row_that_was_written_or_deleted_since_is_changed(
    status: int, code: str, server: Server, storage: Storage
) -> None:
    for method in ("ledger.write", "ledger.write with an event"):
        server.answer = refusal(method, status, code)
        assert type(outcome(EVERY[method], storage)) is Changed
    for method in ("claims.take_over", "marks.write"):
        server.answer = refusal(method, status, code)
        assert outcome(EVERY[method], storage) is False


def test_an_event_that_is_there_already_is_a_change(server: Server, storage: Storage) -> None:
    server.answer = batch(table_error(409, "EntityAlreadyExists"))
    assert type(outcome(EVERY["ledger.write with an event"], storage)) is Changed


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "TableNotFound"), (409, "TableBeingDeleted"), (412, "LeaseIdMissing"), (404, ""), (412, "")],
)
@pytest.mark.parametrize("method", ["ledger.write", "ledger.write with an event", "claims.take_over", "marks.write"])
def test_nothing_else_is_a_change(method: str, status: int, code: str, server: Server, storage: Storage) -> None:
    server.answer = refusal(method, status, code)
    assert type(outcome(EVERY[method], storage)) is StorageFailed


def test_a_batch_whose_two_changes_are_done_gives_the_new_version(server: Server, storage: Storage) -> None:
    server.answer = batch(WRITTEN, WRITTEN)
    assert getattr(outcome(EVERY["ledger.write with an event"], storage), "version", None) == READ


# A row or message that storage does not take


@pytest.mark.parametrize(("status", "code"), ABOUT_THE_ROW)
def test_a_refusal_of_the_row_itself_is_no_outage(status: int, code: str, server: Server, storage: Storage) -> None:
    for method in (*WRITES_OF_TABLES, *BATCHES):
        server.answer = refusal(method, status, code)
        got = outcome(EVERY[method], storage)
        assert isinstance(got, RowRefused), (method, got)
        assert got.slug == "row_refused"
        # The SDK keeps no code of a 413 within a batch.
        assert (f"{status}" if method in BATCHES and status == 413 else f"{status} {code}") in got.detail


@pytest.mark.parametrize(("status", "code"), [(400, "MessageTooLarge"), (413, "RequestBodyTooLarge")])
def test_a_refusal_of_the_message_itself_is_no_outage(status: int, code: str, server: Server, storage: Storage) -> None:
    server.answer = queue_error(status, code)
    got = outcome(EVERY["queue.put"], storage)
    assert isinstance(got, RowRefused)
    assert (got.slug, f"{status} {code}" in got.detail) == ("row_refused", True)


def test_a_batch_that_is_refused_as_a_whole_for_its_size_is_no_outage(server: Server, storage: Storage) -> None:
    server.answer = table_error(413, "RequestBodyTooLarge")
    assert isinstance(outcome(EVERY["ledger.write with an event"], storage), RowRefused)


@pytest.mark.parametrize(("status", "code"), ABOUT_THE_REQUEST)
def test_a_refusal_of_the_request_is_an_outage(status: int, code: str, server: Server, storage: Storage) -> None:
    for method in (*WRITES_OF_TABLES, *BATCHES, "queue.put"):
        server.answer = refusal(method, status, code)
        assert type(outcome(EVERY[method], storage)) is StorageFailed, method


@pytest.mark.parametrize(("status", "code"), ABOUT_THE_ROW)
def test_a_read_or_a_removal_carries_no_row_that_could_be_refused(
    status: int, code: str, server: Server, storage: Storage
) -> None:
    for method in (*READS_OF_TABLES, *REMOVALS):
        server.answer = refusal(method, status, code)
        assert type(outcome(EVERY[method], storage)) is StorageFailed, method


# Refusals, each with its cause


@pytest.mark.parametrize(("status", "code", "slug", "named"), REFUSALS)
def test_each_refusal_has_its_own_cause_and_keeps_its_code(
    status: int, code: str, slug: str, named: list[str], server: Server, storage: Storage
) -> None:
    for method in EVERY:
        server.answer = refusal(method, status, code) if "rights" not in method else table_error(status, code)
        got = outcome(EVERY[method], storage)
        assert isinstance(got, LeadpipeError)
        assert (got.slug, f"{status} {code}" in got.detail) == (slug, True), method
    assert all(word in CAUSES[slug].fix for word in named)
    assert fix_now(slug)
    assert (slug in BLOCKED) is (slug != "storage_error")


def test_a_code_counts_wherever_the_service_puts_it(server: Server, storage: Storage) -> None:
    for answer in (
        table_error(409, "EntityAlreadyExists"),
        with_header(Answer(status=409), "x-ms-error-code", "EntityAlreadyExists"),
        with_header(json_of(409, "[]"), "x-ms-error-code", "EntityAlreadyExists"),
    ):
        server.answer = answer
        assert outcome(EVERY["ledger.insert"], storage) is None


def test_a_claim_that_is_written_is_ours(server: Server, storage: Storage) -> None:
    server.answer = WRITTEN
    assert outcome(EVERY["claims.take"], storage) == MINE


def test_every_method_is_tried() -> None:
    assert {*OF_TABLES, *REMOVALS, *OF_QUEUES} < {*EVERY}


def test_a_query_that_goes_on_over_empty_pages_ends_when_it_is_told(server: Server, storage: Storage) -> None:
    more = {"x-ms-continuation-NextPartitionKey": "1", "x-ms-continuation-NextRowKey": "1"}
    server.answer = json_of(200, '{"value": []}', **more)
    asked = iter([True, True, False])
    assert [
        *rows_of(storage.table("leadledger"), "PartitionKey eq @day", {"day": "1"}, go_on=lambda: next(asked))
    ] == []
    assert len(server.requests) == 3
