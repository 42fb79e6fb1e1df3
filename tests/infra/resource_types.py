"""Compares resource bodies with the Bicep compiler's types: names, kinds, values, and what must be there."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.bicep import Computed, Either

_TYPES = json.loads((Path(__file__).parent / "bicep_types.json").read_text(encoding="utf-8"))
# Bicep's own words in a body, and what `parent:` says in a name's place.
_WORDS = {"parent", "scope", "dependsOn"}
_KINDS: dict[str, tuple[str, type]] = {
    "$bool": ("bool", bool),
    "$int": ("int", int),
    "$string": ("string", str),
}

Shape = Mapping[str, Any]


def type_faults(resource: str, body: object) -> Iterator[str]:
    """What the compiler would say about the body of a resource, which is named like Microsoft.Web/sites@2025-03-01."""
    shape = _TYPES["resources"].get(resource)
    if shape is None:
        yield f"{resource} is not in bicep_types.json"
    elif isinstance(body, dict):
        kept = {key: value for key, value in body.items() if key not in _WORDS}
        yield from _object(shape["type"], kept, resource.partition("@")[0].rpartition("/")[2], top=True)


def has_property(resource: str, path: tuple[str, ...]) -> bool:
    """Whether a resource has that property, read only ones included. True where the types do not say."""
    if resource not in _TYPES["resources"]:
        return True
    shape: Shape = {"type": _TYPES["resources"][resource]["type"]}
    for part in path:
        if "type" not in shape:
            return False
        here = _TYPES["types"][shape["type"]]
        if "cases" in here or "others" in here:
            return True
        if part not in {"id", "name"} and part not in here.get("properties", {}):
            return False
        shape = here.get("properties", {}).get(part, {})
    return True


def _object(name: str, value: object, path: str, *, top: bool = False) -> Iterator[str]:
    if isinstance(value, Either):
        for each in value.values:
            yield from _object(name, each, path, top=top)
        return
    if isinstance(value, Computed):
        if value.kind not in {"", "object"}:
            yield f"{path} is of type {value.kind}, and object is expected"
        return
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, and object is expected"
        return
    shape = _TYPES["types"][name]
    properties, others = dict(shape.get("properties", {})), shape.get("others")
    if "cases" in shape:
        chosen = value.get(shape["discriminator"], Computed())
        if isinstance(chosen, Computed):
            return
        case = next((case for key, case in shape["cases"].items() if key.lower() == str(chosen).lower()), None)
        if case is None:
            yield f"{path}.{shape['discriminator']} is {chosen!r}, which is none of {sorted(shape['cases'])}"
            return
        inner = _TYPES["types"][case["type"]]
        properties.update(inner.get("properties", {}))
        others = inner.get("others")
    yield from _properties(properties, others, value, path, top=top)


def _properties(
    properties: Mapping[str, Shape], others: Shape | None, value: Mapping[object, object], path: str, *, top: bool
) -> Iterator[str]:
    for key, given in value.items():
        if not isinstance(key, str) or (top and key == "name"):
            continue
        if key in properties:
            if properties[key].get("readOnly"):
                yield f"{path}.{key} is read only"
            else:
                yield from _value(properties[key], given, f"{path}.{key}")
        elif others:
            yield from _value(others, given, f"{path}.{key}")
        else:
            near = next((f", but {known}" for known in properties if known.lower() == key.lower()), "")
            yield f"{path}.{key} is not a property{near}"
    if all(isinstance(key, str) for key in value):
        for key, wanted in properties.items():
            if wanted.get("required") and key not in value:
                yield f"{path}.{key} is missing"


def _value(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(value, Either):
        for each in value.values:
            yield from _value(shape, each, path)
    elif value is None or value == Computed():
        return
    elif "type" in shape:
        yield from _object(shape["type"], value, path)
    elif "list" in shape:
        yield from _list(shape["list"], value, path)
    elif "oneOf" in shape:
        wrong = value.kind != "string" if isinstance(value, Computed) else not _is_one_of(shape, value)
        if wrong:
            yield f"{path} is {_shown(value)}, which is none of {shape['oneOf']}"
    elif shape["is"] in _KINDS:
        yield from _plain(shape, value, path)
    elif not shape["is"].startswith("$") and not isinstance(value, Computed) and value != shape["is"]:
        yield f"{path} is {value!r} and not {shape['is']!r}"


def _is_one_of(shape: Shape, value: object) -> bool:
    return isinstance(value, str) and (shape["open"] or value in shape["oneOf"])


def _list(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(value, Computed):
        if value.kind != "array":
            yield f"{path} is of type {value.kind}, and list is expected"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _value(shape, item, f"{path}[{index}]")
    else:
        yield f"{path} is {value!r}, and list is expected"


def _plain(shape: Shape, value: object, path: str) -> Iterator[str]:
    word, kind = _KINDS[shape["is"]]
    if isinstance(value, Computed):
        if value.kind != word:
            yield f"{path} is of type {value.kind}, and {word} is expected"
    elif type(value) is not kind:
        yield f"{path} is {value!r}, and {word} is expected"
    elif isinstance(value, int) and not shape.get("min", value) <= value <= shape.get("max", value):
        yield f"{path} is {value}, which is too small or too large"
    elif isinstance(value, str) and not shape.get("minLength", 0) <= len(value) <= shape.get("maxLength", len(value)):
        yield f"{path} is {value!r}, which is too short or too long"
    elif isinstance(value, str) and "pattern" in shape and not re.search(shape["pattern"], value):
        yield f"{path} is {value!r}, which does not match {shape['pattern']}"


def _shown(value: object) -> str:
    return f"a {value.kind}" if isinstance(value, Computed) else repr(value)
