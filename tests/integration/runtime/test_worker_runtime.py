"""leadpipe in Microsoft's own worker runtime (`azure-functions-runtime`), over the messages that the host sends it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, QueueMessage, TextBase64EncodePolicy

from devkit.functions_host.http_functions import Call, _request
from devkit.functions_host.message import body_of, metadata_of
from leadpipe.model.openapi import document
from leadpipe.model.record import State
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import connect
from leadpipe.storage.ledger import AzureLedger
from tests.console_app_service import NAME, READER, ROOT, SETTINGS, signed_in
from tests.factories import sample
from tests.host_process import ROOT as PROJECT
from tests.host_process import clean_environment
from tests.integration.runtime import protos
from tests.integration.runtime.worker import Worker, running, typed
from tests.standin_process import Standin

if sys.version_info < (3, 13):
    pytest.skip("Microsoft has its worker's runtime for Python 3.13 and newer", allow_module_level=True)

SUCCESS, FAILURE = protos.StatusResult.Success, protos.StatusResult.Failure


@pytest.fixture(scope="module")
def environment(module_standin: Standin, module_storage_account: str) -> dict[str, str]:
    return {**clean_environment(), **module_standin.settings, "AzureWebJobsStorage": module_storage_account}


@pytest.fixture(scope="module")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with running(environment, tmp_path_factory.mktemp("worker") / "log") as worker:
        assert worker.start().result == protos.StatusResult(status=SUCCESS)
        worker.index()
        yield worker


@pytest.fixture(scope="module")
def ledger(module_storage_account: str) -> AzureLedger:
    return AzureLedger(connect(StorageByKey(connection_string=module_storage_account), retries=1))


@pytest.fixture
def queue(module_storage_account: str) -> Iterator[QueueClient]:
    with QueueClient.from_connection_string(module_storage_account, "leads") as queue:
        yield queue


@pytest.fixture
def poison_queue(module_storage_account: str) -> Iterator[QueueClient]:
    policy = TextBase64EncodePolicy()
    with QueueClient.from_connection_string(
        module_storage_account, "leads-poison", message_encode_policy=policy
    ) as queue:
        yield queue


def trigger(metadata: protos.RpcFunctionMetadata) -> dict[str, Any]:
    """What the host learns of it, without the names of what is bound."""
    bindings = [json.loads(binding) for binding in metadata.raw_bindings]
    assert [binding["type"] for binding in bindings[1:]] in ([], ["http"])
    return {name: value for name, value in bindings[0].items() if name not in {"direction", "name"}}


def http(worker: Worker, function: str, call: Call) -> tuple[int, dict[str, Any]]:
    """The status and the document that the host gets from a function."""
    answer = worker.invoke(function, typed(_request(call, {})))
    assert answer.result == protos.StatusResult(status=SUCCESS)
    assert answer.return_value is not None
    returned = answer.return_value.http
    assert returned.headers["content-type"] == "application/json"
    return int(returned.status_code), json.loads(returned.body.bytes)


def post(worker: Worker, body: bytes) -> tuple[int, dict[str, Any]]:
    return http(worker, "leads", Call(method="POST", path="/api/leads", body=body))


def accepted(worker: Worker, name: str) -> str:
    status, said = post(worker, sample(name).encode())
    assert status == 202
    return str(said["lead_id"])


def text_of(message: QueueMessage) -> str:
    return body_of(message.content, base64_encoded=True).decode()


def deliver(worker: Worker, message: QueueMessage) -> protos.InvocationResponse:
    text = text_of(message)
    metadata = {name: typed(value) for name, value in metadata_of(message, text).items()}
    return worker.invoke("deliver", protos.TypedData(string=text), metadata)


def taken(queue: QueueClient) -> QueueMessage:
    """The one message that waits there; it is taken out."""
    (message,) = queue.receive_messages(max_messages=32)
    queue.delete_message(message)
    return message


def test_the_runtime_starts_and_says_what_our_host_takes_for_granted(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running(environment, tmp_path / "log") as worker:
        said = worker.start()

    assert said.result == protos.StatusResult(status=SUCCESS)
    assert said.worker_metadata.runtime_version == "{}.{}".format(*sys.version_info[:2])
    assert f"`azure-functions-runtime` {said.worker_metadata.worker_version}" in (PROJECT / "docs/proof.md").read_text()
    # A request comes once, its body as bytes.
    assert {"RawHttpBodyBytes", "RpcHttpBodyOnly", "RpcHttpTriggerMetadataRemoved"} <= said.capabilities.keys()


def test_it_finds_the_five_functions_with_their_triggers(worker: Worker) -> None:
    found = worker.index()

    assert {each.name: trigger(each) for each in found} == {
        "leads": {"type": "httpTrigger", "route": "leads", "methods": ["POST"], "authLevel": "FUNCTION"},
        "health": {"type": "httpTrigger", "route": "health", "methods": ["GET"], "authLevel": "ANONYMOUS"},
        "openapi": {"type": "httpTrigger", "route": "openapi.json", "methods": ["GET"], "authLevel": "ANONYMOUS"},
        "deliver": {"type": "queueTrigger", "queueName": "leads", "connection": "AzureWebJobsStorage"},
        "sweep": {"type": "timerTrigger", "schedule": "0 * * * * *", "useMonitor": False},
    }
    assert {(each.script_file, each.retry_options) for each in found} == {("function_app.py", None)}


def test_it_finds_the_consoles_one_function_in_the_app_of_the_console(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running({**environment, **SETTINGS, "LEADPIPE_APP": "console"}, tmp_path / "log") as worker:
        assert worker.start().result == protos.StatusResult(status=SUCCESS)
        (console,) = worker.index()
        headers = {
            "host": NAME,
            **{name.lower(): value for name, value in signed_in("jane@contoso.com", READER).items()},
        }
        call = Call(method="GET", path=f"{ROOT}/", headers=headers)
        page = worker.invoke("console", typed(_request(call, {}))).return_value

    assert trigger(console) == {
        "type": "httpTrigger", "route": "console/{*path}", "methods": ["GET", "HEAD", "POST"], "authLevel": "ANONYMOUS",
    }  # fmt: skip
    assert page is not None
    assert page.http.status_code == "200"
    assert b"jane@contoso.com" in page.http.body.bytes


def test_settings_without_sense_hide_no_function(environment: dict[str, str], tmp_path: Path) -> None:
    senseless = {**environment, "AzureWebJobsStorage": "", "LEADPIPE_APP": "neither", "LEADPIPE_AUTH": "nobody"}
    with running(senseless, tmp_path / "log") as worker:
        assert worker.start().result == protos.StatusResult(status=SUCCESS)
        assert {each.name for each in worker.index()} == {"leads", "health", "openapi", "deliver", "sweep"}
        assert http(worker, "health", Call(method="GET", path="/api/health"))[0] == 503


def test_a_posted_lead_is_queued_delivered_and_in_dynamics(
    worker: Worker, queue: QueueClient, ledger: AzureLedger, module_standin: Standin
) -> None:
    lead_id = accepted(worker, "https-documented.json")
    run = deliver(worker, taken(queue))

    assert (run.result, run.return_value) == (protos.StatusResult(status=SUCCESS), None)
    record = ledger.read(lead_id)
    assert record is not None
    assert record.state is State.WRITTEN
    (lead,) = (lead for lead in module_standin.leads() if lead["leadid"] == lead_id)
    assert (lead["lastname"], lead["companyname"]) == ("One", "Contoso")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "empty_body"),
        (b"[]", 400, "not_an_object"),
        (b"\xff\xfe{\x00", 400, "not_utf8"),
        (sample("test-lead-as-documented.txt").encode(), 400, "not_json"),
        (b"x" * 40_000, 413, "too_large"),
    ],
    ids=["nothing", "an array", "UTF-16", "a comma missing", "too much"],
)
def test_what_is_no_lead_is_refused(worker: Worker, body: bytes, status: int, error: str) -> None:
    answered, said = post(worker, body)

    assert (answered, said["error"]) == (status, error)


def test_health_is_ready_and_the_endpoint_is_described(worker: Worker) -> None:
    assert http(worker, "health", Call(method="GET", path="/api/health")) == (200, {"status": "ready"})
    status, described = http(worker, "openapi", Call(method="GET", path="/api/openapi.json"))
    assert (status, described) == (200, document())


def test_the_sweep_puts_a_lead_from_the_poison_queue_back(
    worker: Worker, queue: QueueClient, poison_queue: QueueClient, ledger: AzureLedger
) -> None:
    lead_id = accepted(worker, "source-triple.json")
    poison_queue.create_queue()
    poison_queue.send_message(text_of(taken(queue)))
    tick = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}

    run = worker.invoke("sweep", protos.TypedData(json=json.dumps(tick)))

    assert run.result == protos.StatusResult(status=SUCCESS)
    assert list(poison_queue.receive_messages()) == []
    assert deliver(worker, taken(queue)).result.status == SUCCESS
    record = ledger.read(lead_id)
    assert record is not None
    assert (record.state, record.rounds) == (State.WRITTEN, 1)


def test_a_failed_run_tells_the_host_its_reason_and_nothing_of_the_lead(worker: Worker) -> None:
    run = worker.invoke("deliver", protos.TypedData(string="jane.doe@fabrikam.com"))

    assert run.result.status == FAILURE
    assert run.result.exception is not None
    assert run.result.exception.message == "RuntimeError: not_an_envelope"
    assert "jane" not in run.result.exception.stack_trace


def test_the_workers_log_holds_leadpipes_lines_and_no_lead(worker: Worker, queue: QueueClient) -> None:
    lead_id = accepted(worker, "do-not-contact.json")
    deliver(worker, taken(queue))

    assert f"lead_accepted lead_id={lead_id}" in worker.log
    assert f"lead_settled lead_id={lead_id} outcome=written" in worker.log
    person = json.loads(sample("do-not-contact.json"))["UserDetails"]
    assert not [value for value in person.values() if value and value in worker.log]
