"""Finds what only a compiler would find: names that nothing declares, that nothing uses, and modules called wrongly."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.infra.bicep import Bicep, Computed, Declared, Either, pairs, strings, used

# https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions: those that these templates may call.
FUNCTIONS = frozenset(
    {
        *("array", "concat", "contains", "deployment", "empty", "environment", "filter", "first", "flatten", "guid"),
        *("items", "join", "length", "loadJsonContent", "loadTextContent", "map", "range", "replace", "resourceGroup"),
        *("resourceId", "string", "subscription", "subscriptionResourceId", "take", "tenant", "toLower", "toObject"),
        *("union", "uniqueString"),
    }
)
FUNCTIONS_OF_PARAMETERS = frozenset({"readEnvironmentVariable"})
_PYTHONS = {str: "string", bool: "bool", int: "int", dict: "object", list: "array"}


def symbol_faults(files: Mapping[str, Bicep], texts: Mapping[str, str]) -> Iterator[str]:
    """The faults of all templates together. `texts` also has the files that they load."""
    for file in files.values():
        yield from (f"{file.name}: {fault}" for fault in _faults(file, files, texts))


def _faults(file: Bicep, files: Mapping[str, Bicep], texts: Mapping[str, str]) -> Iterator[str]:
    yield from file.broken
    yield from _twice(file)
    yield from _undeclared(file)
    yield from _unused(file)
    yield from _loaded(file, texts)
    for module in file.of("module"):
        if module.kind in files:
            yield from _called(file, module, files[module.kind])
        else:
            yield f"module {module.name}: there is no file {module.kind}"


def _twice(file: Bicep) -> Iterator[str]:
    names = Counter(each.name for each in file.declared if each.what != "output")
    outputs = Counter(each.name for each in file.of("output"))
    yield from (f"{name} is declared twice" for counted in (names, outputs) for name in counted if counted[name] > 1)
    for node in file.nodes:
        if node.type == "object":
            keys = Counter(key for key, _ in pairs(node) if isinstance(key, str))
            yield from (f"line {node.start_point[0] + 1}: {key} stands twice" for key in keys if keys[key] > 1)


def _undeclared(file: Bicep) -> Iterator[str]:
    declared = {each.name for each in file.declared if each.what != "output"}
    for name, node in _read(file):
        if name not in declared:
            yield f"line {node.start_point[0] + 1}: {name} is not declared"
    known = FUNCTIONS if file.name.endswith(".bicep") else FUNCTIONS_OF_PARAMETERS
    yield from (f"{name}() is not a known function" for name, _ in file.calls if name not in known)


def _unused(file: Bicep) -> Iterator[str]:
    read = {name for name, _ in _read(file)}
    for each in file.declared:
        if each.name not in read and (each.what in {"param", "var"} or each.existing):
            yield f"{each.what} {each.name} is not used"


def _read(file: Bicep) -> Iterator[tuple[str, object]]:
    for each in file.declared:
        name = next(child for child in each.node.named_children if child.type == "identifier")
        for child in each.node.named_children:
            if child.start_byte > name.start_byte:
                yield from used(child)


def _loaded(file: Bicep, texts: Mapping[str, str]) -> Iterator[str]:
    for name, arguments in file.calls:
        if name in {"loadJsonContent", "loadTextContent"}:
            path = next(strings(arguments[0]))
            if path not in texts:
                yield f"{name}('{path}'): there is no such file"
            elif name == "loadJsonContent" and (problem := _not_json(texts[path])):
                yield f"{name}('{path}'): {problem}"


def _not_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        return f"is not JSON: {error}"
    return ""


def _called(file: Bicep, module: Declared, target: Bicep) -> Iterator[str]:
    where = f"module {module.name}"
    body = file.body(module)
    given = body.get("params", {}) if isinstance(body, dict) else {}
    parameters = {each.name: each for each in target.of("param")}
    yield from (f"{where}: {target.name} has no parameter {name}" for name in given if name not in parameters)
    for name, parameter in parameters.items():
        if name not in given and not target.has_default(parameter):
            yield f"{where}: the parameter {name} of {target.name} is missing"
        elif name in given and (problem := wrong_kind(parameter, given[name])):
            yield f"{where}: {name} {problem}"
    outputs = {each.name for each in target.of("output")}
    for path in file.members:
        if path[:2] == (module.name, "outputs") and len(path) > 2 and path[2] not in outputs:
            yield f"{where}: {target.name} has no output {path[2]}"


def wrong_kind(parameter: Declared, value: object) -> str:
    """What is wrong with a value for that parameter, empty if nothing is, or if it is not known before deployment."""
    if isinstance(value, Either):
        return next(filter(None, (wrong_kind(parameter, each) for each in value.values)), "")
    wanted = "array" if parameter.kind.endswith("]") else parameter.kind
    kind = value.kind if isinstance(value, Computed) else _PYTHONS.get(type(value), "")
    if kind and kind != wanted:
        return f"is of type {kind}, and {wanted} is expected"
    allowed = parameter.decorators.get("allowed")
    if allowed and not isinstance(value, Computed) and value not in _items(allowed[0]):
        return f"is {value!r}, which is none of {allowed[0]}"
    return ""


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
