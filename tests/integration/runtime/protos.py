"""The messages between Microsoft's host and its Python worker: the `protos` that the worker's runtime asks for.

The real ones are generated from FunctionRpc.proto. These have the same names, and of the fields those that the runtime
or the host reads here. What is generated refuses a value of another type, and text that is not UTF-8; so do these, for
what an app can return.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcException:
    message: str
    stack_trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    Failure = 0
    Success = 1

    status: int
    exception: RpcException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerMetadata:
    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInitRequest:
    function_app_directory: str
    capabilities: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInitResponse:
    capabilities: dict[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingInfo:
    # Of `direction`.
    out = 1
    inout = 2
    # Of `data_type`.
    undefined = 0

    type: str
    data_type: int | None
    direction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcFunctionMetadata:
    name: str
    function_id: str
    managed_dependency_enabled: bool
    directory: str
    script_file: str
    entry_point: str
    is_proxy: bool
    language: str
    bindings: dict[str, BindingInfo]
    raw_bindings: list[str]
    retry_options: object | None
    properties: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionMetadataResponse:
    use_default_metadata_indexing: bool
    function_metadata_results: list[RpcFunctionMetadata]
    result: StatusResult


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLoadRequest:
    function_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLoadResponse:
    function_id: str
    result: StatusResult


class TypedData:
    """One value of one kind, or nothing."""

    KINDS = ("string", "json", "bytes", "int", "double", "http")

    def __init__(self, **value: Any) -> None:
        kind, given = value.popitem() if value else (None, None)
        if value or kind not in {None, *self.KINDS}:
            raise ValueError(f"not a value of one kind: {kind}, {value}")
        _require_type(kind, given)
        self.kind = kind
        if kind:
            setattr(self, kind, given)

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - its name in what is generated
        return self.kind


def _require_type(kind: str | None, given: object) -> None:
    if kind in {"string", "json"}:
        require_text(given)
    elif kind == "bytes" and not isinstance(given, bytes):
        raise TypeError(f"bytes are wanted, not {type(given).__name__}")


def require_text(*texts: object) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"text is wanted, not {type(text).__name__}")
        text.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class NullableString:
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NullableBool:
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NullableDouble:
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NullableTimestamp:
    value: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcHttpCookie:
    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})

    name: str
    value: str
    domain: NullableString | None
    path: NullableString | None
    expires: NullableTimestamp | None
    secure: NullableBool | None
    http_only: NullableBool | None
    same_site: int
    max_age: NullableDouble | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcHttp:
    """A request, or an answer."""

    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)
    status_code: str = ""
    cookies: list[RpcHttpCookie] | None = None
    enable_content_negotiation: bool = False

    def __post_init__(self) -> None:
        require_text(self.status_code, *self.headers, *self.headers.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterBinding:
    name: str
    data: TypedData

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - its name in what is generated
        return "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcTraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRequest:
    invocation_id: str
    function_id: str
    input_data: list[ParameterBinding]
    trigger_metadata: dict[str, TypedData] = field(default_factory=dict)
    trace_context: RpcTraceContext = field(default_factory=RpcTraceContext)
    retry_context: RetryContext = field(default_factory=RetryContext)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResponse:
    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: list[ParameterBinding] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingMessage:
    """What the host sends: one of these."""

    worker_init_request: WorkerInitRequest | None = None
    functions_metadata_request: bool | None = None
    function_load_request: FunctionLoadRequest | None = None
    invocation_request: InvocationRequest | None = None
