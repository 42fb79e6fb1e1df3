"""Storage that answers anything: each method of each adapter, over real sockets.

Only a failure of leadpipe's own comes out, and nothing counts for written, there or missing that no code said.
"""

import gc
import sys
from collections.abc import Iterator

import pytest

from leadpipe.model.errors import StorageFailed
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import Storage, connect
from tests.answering import Answer, Server, answering, batch, json_of, page, queue_error, table_error, with_header
from tests.storage_methods import EVERY, READ, REMOVALS, outcome

pytestmark = [pytest.mark.usefixtures("no_collection")]
# On Python 3.13 an exception that has passed a context manager stays in a circle with what the SDK had in its hands:
# the socket of an answer that is no batch is closed by the garbage collector.
if sys.version_info >= (3, 13):
    pytestmark += [pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "application/xml"}
MULTIPART = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
LONG = "A" * 5000

HOSTILE: dict[str, Answer] = {
    **{f"a page with {status}": page(status) for status in (200, 201, 202, 203, 207)},
    **{f"a page with {status}": page(status) for status in (400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 411)},
    **{f"a page with {status}": page(status) for status in (412, 413, 415, 416, 418, 421, 429, 431, 451)},
    **{f"a page with {status}": page(status) for status in (500, 501, 502, 503, 504, 505, 511, 520, 599)},
    **{f"{status} without a code": json_of(status, "{}") for status in (400, 403, 404, 409, 412, 413)},
    **{f"an empty {status}": Answer(status=status) for status in (200, 201, 202, 302, 304, 404, 409, 412, 500)},
    "200 and a word": Answer(status=200, body=b"OK", headers={"Content-Type": "text/plain"}),
    "200 without a type": Answer(status=200, body=b"<html></html>"),
    "200 and a page that says JSON": Answer(status=200, body=page(200).body, headers=JSON),
    "200 and a page that is XML": Answer(status=200, body=page(200).body, headers=XML),
    "201 and a page that is XML": Answer(status=201, body=page(200).body, headers=XML),
    "200 and XML of another kind": Answer(status=200, body=b"<EnumerationResults/>", headers=XML),
    "200 and XML that ends": Answer(status=200, body=b"<QueueMessagesList><QueueMessage>", headers=XML),
    **{
        f"200 and the JSON {text}": json_of(200, text)
        for text in (
            *("{}", "[]", "null", "1", '"x"', "[1]", "[[]]", '{"value": null}', '{"value": 1}', '{"value": "x"}'),
            *('{"value": {}}', '{"value": [1]}', '{"value": [null]}', '{"value": [[]]}', '{"value": [{}]}'),
            *('{"error": "gone"}', '{"value": [{"PartitionKey": 1, "RowKey": 2}]}', '{"value": [{"RowKey": "x"}]}'),
            *('{"PartitionKey": "x", "RowKey": "y"}', '{"value": [', '{"odata.metadata": ""}', "[" * 100_000),
        )
    },
    "201 and the JSON {}": json_of(201, "{}"),
    "200 in bytes that are no text": Answer(status=200, body=b"\xff\xfe\x00{", headers=JSON),
    "200 in a charset that nobody knows": json_of(200, "{}", **{"Content-Type": "application/json; charset=x-none"}),
    "200 that says gzip and is not": json_of(200, "{}", **{"Content-Encoding": "gzip"}),
    "200 that ends early": Answer(status=200, body=b'{"value": []', headers=JSON, close_early=True),
    "202 that is no batch": json_of(202, "{}"),
    "202 with parts that end": Answer(status=202, body=b"--batchresponse_1\r\n", headers=MULTIPART),
    "202 without parts": batch(),
    "202 with one part of two": batch(Answer(status=204, headers={"ETag": READ})),
    "202 with parts without versions": batch(Answer(status=204), Answer(status=204)),
    "202 with a page as a part": batch(page(404)),
    **{f"409 {code} of a table": table_error(409, code) for code in ("TableBeingDeleted", "AccountBeingCreated")},
    **{f"409 {code} of a queue": queue_error(409, code) for code in ("QueueBeingDeleted", "QueueDisabled")},
    "404 that the account is not there": table_error(404, "AccountNotFound"),
    "404 that a container is not there": queue_error(404, "ContainerNotFound"),
    "409 that a container is there": queue_error(409, "ContainerAlreadyExists"),
    "409 that something is there": table_error(409, "ResourceAlreadyExists"),
    "412 of another kind": table_error(412, "LeaseIdMissing"),
    "a refusal whose code is an object": json_of(409, '{"odata.error": {"code": {"a": 1}}}'),
    "a refusal whose code is a number": json_of(409, '{"odata.error": {"code": 7}}'),
    "a refusal whose code is long": table_error(409, LONG),
    "a refusal whose code has line ends": with_header(
        table_error(409, "Entity\\nAlreadyExists"), "x-ms-error-code", ";"
    ),
    "a refusal that is a text": json_of(404, '{"odata.error": "ResourceNotFound"}'),
    "a refusal without a text": json_of(404, '{"odata.error": {"message": "x"}}'),
    "a refusal that is a list": json_of(404, '["ResourceNotFound"]'),
    "401 that asks for another sign-in": page(401, **{"WWW-Authenticate": "Bearer realm=x"}),
    "407 of a proxy": page(407, **{"Proxy-Authenticate": "Basic realm=x"}),
    "503 ServerBusy": table_error(503, "ServerBusy"),
    "500 OperationTimedOut": queue_error(500, "OperationTimedOut"),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as server:
        yield server


@pytest.fixture
def storage(server: Server) -> Iterator[Storage]:
    yield connect(StorageByKey(connection_string=server.account), retries=0)
    if sys.version_info >= (3, 13):
        gc.collect()  # here, where such a socket is expected


@pytest.mark.parametrize("method", EVERY)
def test_an_answer_that_is_not_what_was_asked_is_a_failure_and_never_a_result(
    method: str, server: Server, storage: Storage
) -> None:
    for name, answer in HOSTILE.items():
        server.answer = answer
        got = outcome(EVERY[method], storage)
        assert type(got) is StorageFailed, (name, got)


@pytest.mark.parametrize("method", ["ledger.insert", "ledger.write with an event", "ledger.between", "queue.put"])
def test_a_failure_says_what_came_in_few_words_and_quotes_nothing_of_it(
    method: str, server: Server, storage: Storage
) -> None:
    for name, answer in HOSTILE.items():
        server.answer = answer
        got = outcome(EVERY[method], storage)
        assert isinstance(got, StorageFailed), name
        assert len(got.detail) < 120, (name, got.detail)
        assert not any(text in got.detail for text in ("Sorry", "\n", str(server.port), "AAAA")), (name, got.detail)


@pytest.mark.parametrize("method", EVERY)
def test_a_success_with_nothing_in_it_counts_only_where_a_success_has_nothing_in_it(
    method: str, server: Server, storage: Storage
) -> None:
    server.answer = Answer(status=204)
    got = outcome(EVERY[method], storage)
    assert got is None if method in REMOVALS else type(got) is StorageFailed


@pytest.mark.parametrize("method", EVERY)
def test_no_redirect_is_followed(method: str, server: Server, storage: Storage) -> None:
    with answering() as elsewhere:
        elsewhere.answer = table_error(404, "ResourceNotFound")
        for status in (300, 301, 302, 303, 307, 308):
            server.answer = Answer(status=status, headers={"Location": f"{elsewhere.url}/contoso/leadledger"})
            got = outcome(EVERY[method], storage)
            assert isinstance(got, StorageFailed)
            assert str(status) in got.detail
        assert elsewhere.requests == []


@pytest.mark.parametrize("method", EVERY)
def test_a_pause_that_the_answer_asks_for_holds_no_thread(method: str, server: Server) -> None:
    storage = connect(StorageByKey(connection_string=server.account), retries=1)
    for name in ("Retry-After", "retry-after-ms", "x-ms-retry-after-ms"):
        server.answer = page(409, **{name: "3600000"})
        assert isinstance(outcome(EVERY[method], storage), StorageFailed)


def test_a_busy_table_service_is_asked_once_more_and_not_when_it_says(server: Server) -> None:
    storage = connect(StorageByKey(connection_string=server.account), retries=1)
    server.answer = page(503, **{"Retry-After": "3600"})
    assert isinstance(outcome(EVERY["ledger.read"], storage), StorageFailed)
    assert len(server.requests) == 2
