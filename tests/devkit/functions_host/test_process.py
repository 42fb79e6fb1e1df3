"""The command itself: how it starts, serves and ends."""

import base64
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.storage.queue import (
    AccountSasPermissions,
    QueueClient,
    QueueServiceClient,
    ResourceTypes,
    generate_account_sas,
)

from devkit.launcher.ports import any_free
from tests.host_process import HostProcess, until

Start = Callable[..., HostProcess]
Clients = Callable[[str], QueueClient]

HTTP_APP = """
@app.route("quick", auth_level="anonymous")
def quick(req: func.HttpRequest) -> str:
    return "ok"

@app.route("closed")
def closed(req: func.HttpRequest) -> str:
    return "ok"

@app.route("slow")
def slow(req: func.HttpRequest) -> str:
    logging.info("slow began")
    time.sleep(float(req.params["s"]))
    return "late"
"""

QUEUE_APP = """
@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def deliver(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    logging.info("delivering, dequeue %d", msg.dequeue_count)
    if body == "bad":
        raise RuntimeError("no")
    if body == "die" and msg.dequeue_count == 1:
        os._exit(3)
    if body == "hang" and msg.dequeue_count == 1:
        time.sleep(3600)
"""


# Functions that end their own process, or print into what is the worker's way to the host.
DYING_APP = """
import enum
class Kind(enum.StrEnum):
    A = "a"

@app.route("process", auth_level="anonymous")
def process(req: func.HttpRequest) -> str:
    return str(os.getpid())

@app.route("die", auth_level="anonymous")
def die(req: func.HttpRequest) -> str:
    os._exit(3)

@app.route("named", auth_level="anonymous")
def named(req: func.HttpRequest) -> func.HttpResponse:
    class Local(str): ...
    if req.params.get("local"):
        return Local("text")
    return func.HttpResponse(Kind.A, headers={"X-Kind": Kind.A})

@app.route("forks", auth_level="anonymous")
def forks(req: func.HttpRequest) -> str:
    if os.fork() == 0:
        time.sleep(3)
        os._exit(0)
    os._exit(3)

@app.route("garbage", auth_level="anonymous")
def garbage(req: func.HttpRequest) -> str:
    for number in range(3, 20):
        try:
            os.write(number, b"no message")
        except OSError:
            pass
    time.sleep(60)

@app.route("prints", auth_level="anonymous")
def prints(req: func.HttpRequest) -> str:
    print("a line of the app", flush=True)
    os.write(1, b"bytes of the app")
    return "printed"
"""


def ask_in_vain(host: HostProcess, path: str) -> None:
    """A request whose answer never comes, because the process ends first."""

    def ask() -> None:
        with contextlib.suppress(requests.RequestException):
            host.get(path)

    threading.Thread(target=ask, daemon=True).start()


VISIBLE_AFTER_2 = '{"extensions": {"queues": {"visibilityTimeout": "00:00:02", "maxPollingInterval": "00:00:00.2"}}}'
POISON_1 = '{"extensions": {"queues": {"maxDequeueCount": 1, "maxPollingInterval": "00:00:00.2"}}}'


def put(queue: QueueClient, body: bytes) -> None:
    queue.send_message(base64.b64encode(body).decode())


@pytest.fixture
def queue(client: Clients, queue_name: str) -> QueueClient:
    made = client(queue_name)
    made.create_queue()
    return made


@pytest.fixture
def storage(azurite_account: str, queue_name: str) -> dict[str, str]:
    return {"AzureWebJobsStorage": azurite_account, "QUEUE": queue_name}


def test_it_says_where_it_listens_and_what_it_found(start_host: Start, storage: dict[str, str]) -> None:
    host = start_host(
        HTTP_APP + QUEUE_APP, env=storage | {"AzureWebJobs.slow.Disabled": "1", "AzureWebJobs.deliver.Disabled": "1"}
    )
    until(lambda: "deliver" in host.log)
    assert host.get("/api/QUICK").text == "ok"
    assert host.get("/api/closed").text == "ok"
    assert host.get("/api/slow").status_code == 404
    assert host.get("/admin/host/status").json() == {"state": "Running"}
    assert f"{host.url}/api/quick" in host.log
    assert [line.endswith("disabled\n") for line in host.lines if "Trigger" in line] == [False, False, True, True]
    assert host.stop(signal.SIGTERM) == 0


def test_keys_are_asked_for_only_when_enabled_and_never_logged(start_host: Start, tmp_path: Path) -> None:
    host = start_host(HTTP_APP, "--enable-auth")
    assert host.get("/api/closed").status_code == 401
    assert host.get("/api/closed?code=any").status_code == 401
    keys = json.loads((tmp_path / "data" / "keys.json").read_text())
    assert host.get("/api/quick").status_code == 200
    assert host.get(f"/api/closed?code={keys['default']}").status_code == 200
    assert host.stop() == 0
    assert keys["default"] not in host.log


def test_with_blobs_away_it_refuses_connections_and_later_does_not_answer(start_host: Start) -> None:
    port = any_free()
    host = start_host(HTTP_APP, "--blobs", "away", "--hurry", "70", "--port", str(port), wait=False)
    until(lambda: "Blob storage is away" in host.log)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/api/quick", timeout=10)
    host.wait_until_listening()
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{host.url}/api/quick", timeout=1)
    assert host.stop(signal.SIGTERM) == 0


def test_sixty_posts_at_once_are_all_answered(start_host: Start) -> None:
    host = start_host(HTTP_APP)
    with ThreadPoolExecutor(60) as callers:
        answers = list(callers.map(lambda _: host.post("/api/quick", data="x").status_code, range(60)))
    assert answers == [200] * 60


def test_sigint_lets_what_runs_come_to_its_end(start_host: Start) -> None:
    host = start_host(HTTP_APP)
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(host.get, "/api/slow?s=0.7")
        until(lambda: "slow began" in host.log)
        assert host.stop() == 0
        assert answer.result().text == "late"
    assert "Host stopped." in host.log


def test_sigint_does_not_wait_for_ever_and_names_what_it_left(start_host: Start) -> None:
    host = start_host(HTTP_APP, "--drain", "1")
    ask_in_vain(host, "/api/slow?s=60")
    until(lambda: "slow began" in host.log)
    assert host.stop() == 0
    assert "Ended unfinished after 1s: slow" in host.log


def test_a_function_over_its_time_is_named_and_gets_a_new_worker(start_host: Start) -> None:
    host = start_host(HTTP_APP + DYING_APP, "--hurry", "10", host_json='{"functionTimeout": "00:00:01"}')
    first = host.get("/api/process").text
    assert host.get("/api/slow?s=60").status_code == 500
    assert "Timeout value of 1s was exceeded by function: Functions.slow" in host.log
    assert host.get("/api/process").text != first
    assert host.stop() == 0


def test_callers_of_a_worker_that_dies_get_500_at_once_and_the_next_ones_wait(start_host: Start) -> None:
    host = start_host(HTTP_APP + DYING_APP)
    first = host.get("/api/process").text
    with ThreadPoolExecutor(2) as callers:
        beside = callers.submit(host.get, "/api/slow?s=60")
        until(lambda: "slow began" in host.log)
        dying = callers.submit(host.get, "/api/die")
        assert (dying.result().status_code, beside.result().status_code) == (500, 500)
    again = host.get("/api/process")
    assert again.status_code == 200
    assert again.text != first


@pytest.mark.parametrize("dies", ["forks", "garbage"])
def test_a_worker_whose_link_outlives_it_or_breaks_is_replaced(start_host: Start, dies: str) -> None:
    host = start_host(DYING_APP)
    first = host.get("/api/process").text
    assert host.get(f"/api/{dies}").status_code == 500
    assert host.get("/api/process").text != first


def test_what_a_function_returns_may_be_of_a_class_of_its_own(start_host: Start) -> None:
    host = start_host(DYING_APP)
    answer = host.get("/api/named")
    assert (answer.status_code, answer.text, answer.headers["X-Kind"]) == (200, "a", "a")
    assert host.get("/api/named?local=1").text == "text"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks for a process by its number")
def test_ctrl_c_of_the_terminal_lets_what_runs_in_the_worker_come_to_its_end(start_host: Start) -> None:
    host = start_host(HTTP_APP + DYING_APP)
    worker = int(host.get("/api/process").text)
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(host.get, "/api/slow?s=1")
        until(lambda: "slow began" in host.log)
        os.kill(worker, signal.SIGINT)
        os.kill(worker, signal.SIGTERM)
        assert host.stop() == 0
        assert answer.result().text == "late"
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker's end")


def test_the_third_death_of_the_worker_ends_the_host(start_host: Start) -> None:
    host = start_host(HTTP_APP + DYING_APP)
    assert [host.get("/api/die").status_code for _ in range(2)] == [500, 500]
    ask_in_vain(host, "/api/die")
    assert host.ended() == 0


def test_a_message_whose_worker_dies_comes_back_after_visibility_timeout(
    start_host: Start, queue: QueueClient, storage: dict[str, str]
) -> None:
    put(queue, b"die")
    host = start_host(QUEUE_APP, env=storage, host_json=VISIBLE_AFTER_2)
    until(lambda: "delivering, dequeue 1" in host.log)
    died = time.monotonic()
    until(lambda: "delivering, dequeue 2" in host.log)
    assert time.monotonic() - died >= 1.5
    until(lambda: queue.get_queue_properties().approximate_message_count == 0)


def test_a_message_over_its_time_comes_back_with_a_try_used(
    start_host: Start, queue: QueueClient, storage: dict[str, str]
) -> None:
    put(queue, b"hang")
    host_json = POISON_1.replace('"maxDequeueCount": 1', '"maxDequeueCount": 5')
    limited_to_1_s = host_json[:-1] + ', "functionTimeout": "00:00:01"}'
    host = start_host(QUEUE_APP, "--hurry", "10", env=storage, host_json=limited_to_1_s)
    until(lambda: "delivering, dequeue 2" in host.log)
    until(lambda: queue.get_queue_properties().approximate_message_count == 0)
    assert host.stop() == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks for a process by its number")
def test_the_worker_dies_with_a_host_that_is_killed(start_host: Start) -> None:
    host = start_host(HTTP_APP + DYING_APP)
    worker = int(host.get("/api/process").text)
    host.stop(signal.SIGKILL)
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker's end")


def test_what_the_app_prints_is_seen_and_disturbs_nothing(start_host: Start) -> None:
    host = start_host(DYING_APP)
    assert host.get("/api/prints").text == "printed"
    until(lambda: "a line of the app" in host.log)


def test_after_kill_9_the_message_comes_back_when_its_lease_is_over(
    start_host: Start, queue: QueueClient, storage: dict[str, str]
) -> None:
    put(queue, b"hang")
    host = start_host(QUEUE_APP, "--lease", "2", env=storage)
    until(lambda: "delivering, dequeue 1" in host.log)
    assert host.stop(signal.SIGKILL) == -signal.SIGKILL
    again = start_host(QUEUE_APP, "--lease", "2", env=storage)
    until(lambda: "delivering, dequeue 2" in again.log)
    until(lambda: queue.get_queue_properties().approximate_message_count == 0)


def limited(account: str, **permissions: bool) -> str:
    """The account's queues with fewer rights: what a wrong role assignment gives."""
    with QueueServiceClient.from_connection_string(account) as service:
        sas = generate_account_sas(
            service.account_name or "",
            service.credential.account_key,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(**permissions),
            datetime.now(UTC) + timedelta(hours=1),
        )
        return f"QueueEndpoint={service.primary_endpoint};SharedAccessSignature={sas}"


SHUTTING_DOWN = "An unhandled exception has occurred. Host is shutting down."


@pytest.mark.usefixtures("queue")
def test_a_refused_receive_ends_the_process_with_0_and_is_logged(
    start_host: Start, azurite_account: str, storage: dict[str, str]
) -> None:
    host = start_host(QUEUE_APP, env=storage | {"AzureWebJobsStorage": limited(azurite_account, read=True)})
    assert host.ended() == 0
    assert f"{SHUTTING_DOWN} Storage did not do what the host needs (AuthorizationPermissionMismatch)" in host.log
    assert "Traceback" not in host.log


def test_a_refused_poison_copy_ends_the_process_with_0_and_keeps_the_message(
    start_host: Start, azurite_account: str, queue: QueueClient, storage: dict[str, str]
) -> None:
    put(queue, b"bad")
    reader = limited(azurite_account, read=True, process=True, update=True, delete=True)
    host = start_host(QUEUE_APP, env=storage | {"AzureWebJobsStorage": reader}, host_json=POISON_1)
    assert host.ended() == 0
    assert SHUTTING_DOWN in host.log
    assert queue.get_queue_properties().approximate_message_count == 1


def test_with_storage_out_of_reach_http_goes_on_until_the_host_ends_itself(start_host: Start, queue_name: str) -> None:
    nowhere = f"AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:{any_free()}/a"
    host = start_host(HTTP_APP + QUEUE_APP, "--hurry", "10", env={"AzureWebJobsStorage": nowhere, "QUEUE": queue_name})
    assert host.get("/api/quick").status_code == 200
    assert host.ended() == 0
    assert f"{SHUTTING_DOWN} Storage did not do what the host needs (ConnectionError)" in host.log


def test_a_function_whose_queue_has_no_possible_name_is_left_out(start_host: Start, azurite_account: str) -> None:
    host = start_host(HTTP_APP + QUEUE_APP, env={"AzureWebJobsStorage": azurite_account, "QUEUE": "ab"})
    assert host.get("/api/quick").status_code == 200
    assert "The 'deliver' function is in error and does not run" in host.log
    assert host.stop() == 0


def test_functions_share_one_pool_of_the_size_that_is_set(start_host: Start) -> None:
    host = start_host(HTTP_APP, env={"PYTHON_THREADPOOL_THREAD_COUNT": "1"})
    with ThreadPoolExecutor(2) as callers:
        started = time.monotonic()
        list(callers.map(lambda _: host.get("/api/slow?s=0.4"), range(2)))
    assert time.monotonic() - started > 0.8


def test_log_levels_of_host_json_are_kept_to(start_host: Start) -> None:
    levels = '{"logging": {"logLevel": {"default": "Warning", "Function.slow.User": "Information"}}}'
    host = start_host(HTTP_APP, host_json=levels)
    host.get("/api/slow?s=0")
    assert host.stop() == 0
    assert "slow began" in host.log
    assert "Executing" not in host.log
    assert "Host.Http" not in host.log


def test_another_script_name_and_its_neighbours_can_be_imported(start_host: Start, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("answer = '42'")
    source = """
import azure.functions as func
import neighbour
app = func.FunctionApp()
@app.route("x")
def x(req): return neighbour.answer
"""
    (tmp_path / "main_app.py").write_text(source)
    host = start_host("raise SystemError", env={"PYTHON_SCRIPT_FILE_NAME": "main_app.py"})
    assert host.get("/api/x").text == "42"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("app = None", "must hold one FunctionApp"),
        (
            '@app.route("x")\n@app.blob_input("b", "a/b", "S")\ndef x(req, b): ...',
            "binding 'blob' (b) is not supported",
        ),
        (QUEUE_APP, "%QUEUE%"),
        ('@app.timer_trigger("t", "{}", "x")\ndef t(t): ...', "is no NCRONTAB expression"),
    ],
)
def test_an_app_that_cannot_be_run_ends_with_2_and_says_why(start_host: Start, source: str, said: str) -> None:
    host = start_host(source, wait=False)
    assert host.ended() == 2
    assert said in host.log


def test_a_port_in_use_ends_with_2_and_says_so(start_host: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        host = start_host(HTTP_APP, "--port", str(port), wait=False)
        assert host.ended() == 2
    assert f"cannot listen on 127.0.0.1:{port}" in host.log
