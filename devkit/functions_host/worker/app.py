"""Finds the functions of an app by the library's own introspection, and refuses what this host cannot run."""

import importlib
import inspect
import json
import os
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.functions import meta
from azure.functions.decorators.function_app import Function as DecoratedFunction
from azure.functions.decorators.function_app import FunctionRegister

from devkit.functions_host import app_settings
from devkit.functions_host.errors import CannotStart
from devkit.functions_host.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A function with its code. `parameter` is the argument that the trigger fills."""

    function: Function
    code: Callable[..., Any]
    parameter: str

    @property
    def converter(self) -> Any:
        """Find the library's class that turns what the host sends into the function's argument."""
        return converter(self.function.binding)

    @property
    def takes_context(self) -> bool:
        return "context" in inspect.signature(self.code).parameters and self.parameter != "context"


def converter(binding: str) -> Any:
    return meta.get_binding_registry().get(binding)  # type: ignore[no-untyped-call]


def load(app_dir: Path) -> list[Loaded]:
    """Import the app as the worker does (loader.py).

    If that fails, the real host would start without functions. Here it ends the start, since a developer wants to know
    first.
    """
    script = Path(os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py"))
    if not (app_dir / script).is_file():
        raise CannotStart(f"{app_dir / script}: no such file")
    sys.path.insert(0, str(app_dir))
    module = importlib.import_module(".".join(script.with_suffix("").parts))
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise CannotStart(f"{script}: must hold one FunctionApp at its top level, has {len(apps)}")
    try:
        decorated = apps[0].get_functions()
    except ValueError as error:
        raise CannotStart(f"{script}: {error}") from error
    return [read(function) for function in decorated]


def read(function: DecoratedFunction) -> Loaded:
    """Read one function as the library's decorators left it."""
    name = str(function.get_function_name())
    if function.get_settings_dict("retry_policy"):
        raise CannotStart(
            f"function {name!r}: a retry policy is not supported; it multiplies with the trigger's own rules"
        )
    bindings = [json.loads(binding) for binding in function.get_raw_bindings()]
    trigger = next(binding for binding in bindings if binding["type"].lower().endswith("trigger"))
    for binding in bindings:
        _refuse_unsupported(name, binding, trigger)
    loaded = Loaded(
        function=Function(name=name, trigger=_trigger(name, trigger), disabled=app_settings.is_disabled(name)),
        code=function.get_user_function(),
        parameter=trigger["name"],
    )
    _check_signature(loaded)
    return loaded


def _refuse_unsupported(name: str, binding: Mapping[str, Any], trigger: Mapping[str, Any]) -> None:
    kind = binding["type"]
    is_response = kind == "http" and trigger["type"] == "httpTrigger" and binding["name"] == "$return"
    if not is_response and kind not in {"httpTrigger", "queueTrigger", "timerTrigger"}:
        raise CannotStart(
            f"function {name!r}: binding {kind!r} ({binding['name']}) is not supported; "
            "this host runs httpTrigger with its returned response, queueTrigger and timerTrigger"
        )


def _trigger(name: str, binding: Mapping[str, Any]) -> Trigger:
    def text(key: str) -> str:
        return app_settings.resolve(str(binding.get(key) or ""), where=f"function {name!r}, {key}")

    match binding["type"]:
        case "httpTrigger":
            methods = binding.get("methods")
            return HttpTrigger(
                route=str(binding.get("route", name)).strip("/"),
                methods=frozenset(method.upper() for method in methods) if methods else None,
                auth_level=str(binding.get("authLevel", "function")).lower(),
            )
        case "queueTrigger":
            return QueueTrigger(queue=text("queueName"), connection=text("connection"))
        case _:
            return TimerTrigger(
                schedule=text("schedule"),
                run_on_startup=bool(binding.get("runOnStartup", False)),
                use_monitor=bool(binding.get("useMonitor", True)),
            )


def _check_signature(loaded: Loaded) -> None:
    """Check as the worker does (functions.py): the argument exists, and its annotation can be filled."""
    parameters = inspect.signature(loaded.code).parameters
    unfilled = [
        name
        for name, parameter in parameters.items()
        if name not in {loaded.parameter, "context"} and parameter.default is inspect.Parameter.empty
    ]
    if loaded.parameter not in parameters or unfilled:
        raise CannotStart(
            f"function {loaded.function.name!r}: takes ({', '.join(parameters)}), "
            f"its trigger fills {loaded.parameter!r}"
        )
    annotation = typing.get_type_hints(loaded.code).get(loaded.parameter)
    if isinstance(annotation, type) and not loaded.converter.check_input_type_annotation(annotation):
        raise CannotStart(
            f"function {loaded.function.name!r}: {loaded.parameter!r} is annotated {annotation.__name__}, "
            f"which is not what a {loaded.function.binding} gives"
        )
