from collections.abc import Callable

import azure.functions as func
import pytest

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.functions import HttpTrigger, QueueTrigger, TimerTrigger
from tests.devkit.functions_host.helpers import read


def test_an_http_function_is_read_with_its_route_methods_and_level() -> None:
    app = func.FunctionApp()

    @app.route("leads/{id}", methods=["POST"])
    def leads(req: func.HttpRequest) -> str: ...

    (found,) = read(app)
    assert found.trigger == HttpTrigger(route="leads/{id}", methods=frozenset({"POST"}), auth_level="function")


def test_a_route_left_out_is_the_functions_name_and_takes_every_method() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route()
    def health(req: func.HttpRequest) -> str: ...

    (found,) = read(app)
    assert found.trigger == HttpTrigger(route="health", methods=None, auth_level="anonymous")


def test_settings_in_queue_names_and_schedules_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE", "leads")
    monkeypatch.setenv("EVERY", "0 * * * * *")
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="Storage")
    def deliver(msg: func.QueueMessage) -> None: ...

    @app.timer_trigger(arg_name="t", schedule="%EVERY%", run_on_startup=True, use_monitor=False)
    def sweep(t: func.TimerRequest) -> None: ...

    deliver_found, sweep_found = read(app)
    assert deliver_found.trigger == QueueTrigger(queue="leads", connection="Storage")
    assert sweep_found.trigger == TimerTrigger(schedule="0 * * * * *", run_on_startup=True, use_monitor=False)


def blob_input(app: func.FunctionApp) -> None:
    @app.route("x")
    @app.blob_input(arg_name="blob", path="a/b", connection="S")
    def x(req: func.HttpRequest, blob: str) -> str: ...


def queue_output(app: func.FunctionApp) -> None:
    @app.route("x")
    @app.queue_output(arg_name="out", queue_name="q", connection="S")
    def x(req: func.HttpRequest, out: func.Out[str]) -> str: ...


def other_response_name(app: func.FunctionApp) -> None:
    @app.route("x", binding_arg_name="out")
    def x(req: func.HttpRequest, out: func.Out[str]) -> None: ...


def service_bus(app: func.FunctionApp) -> None:
    @app.service_bus_queue_trigger(arg_name="msg", queue_name="q", connection="S")
    def x(msg: func.ServiceBusMessage) -> None: ...


@pytest.mark.parametrize(
    ("decorate", "name"),
    [(blob_input, "'blob'"), (queue_output, "'queue'"), (other_response_name, "'http'"), (service_bus, "serviceBus")],
)
def test_a_binding_it_does_not_run_is_refused_by_name(decorate: Callable[[func.FunctionApp], None], name: str) -> None:
    app = func.FunctionApp()
    decorate(app)
    with pytest.raises(CannotStart, match=f"function 'x': binding .*{name.strip(chr(39))}.* is not supported"):
        read(app)


def test_a_retry_policy_is_refused_by_the_functions_name() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="t", schedule="0 * * * * *")
    @app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")
    def sweep(t: func.TimerRequest) -> None: ...

    with pytest.raises(CannotStart, match="'sweep': a retry policy"):
        read(app)


def test_an_argument_that_the_trigger_cannot_fill_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name="q", connection="S")
    def deliver(message: func.QueueMessage) -> None: ...

    with pytest.raises(CannotStart, match="fills 'msg'"):
        read(app)


def test_an_annotation_that_the_trigger_does_not_give_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name="q", connection="S")
    def deliver(msg: str) -> None: ...

    with pytest.raises(CannotStart, match="annotated str"):
        read(app)


@pytest.mark.parametrize("setting", ["AzureWebJobs.x.Disabled", "AzureWebJobs_x_Disabled"])
@pytest.mark.parametrize(("value", "disabled"), [("true", True), ("1", True), ("True", True), ("false", False)])
def test_a_setting_disables_a_function(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, disabled: bool
) -> None:
    monkeypatch.setenv(setting, value)
    app = func.FunctionApp()

    @app.route("x")
    def x(req: func.HttpRequest) -> str: ...

    assert read(app)[0].disabled is disabled
