"""Finds the HTTP function for a method and a path by ASP.NET route templates, without regard to case.

The routes are tried in the alphabetical order of the functions' names, and the first that fits wins: the real host
prefers no route for being more exact.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.functions import Function, HttpTrigger

_PARAMETER = re.compile(r"\{(?P<rest>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}]+)?)(?P<optional>\??)\}")
_GUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_CONSTRAINTS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "bool": "true|false",
    "guid": _GUID,
    "alpha": "[a-z]*",
    "decimal": _NUMBER,
    "double": _NUMBER,
    "float": _NUMBER,
    "required": ".+",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    function: Function
    methods: frozenset[str] | None
    template: str
    pattern: re.Pattern[str]
    checks: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, function: Function, trigger: HttpTrigger, prefix: str) -> "Route":
        template = "/".join(part for part in (prefix, trigger.route) if part)
        segments = template.split("/") if template else []
        pattern = "".join(_segment(segment, function.name) for segment in segments)
        return cls(
            function=function,
            methods=trigger.methods,
            template=template,
            pattern=re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL),
            checks=_checks(template, function.name),
        )

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Give the route parameters of `path`, without empty ones; None if the route does not match."""
        found = self.pattern.fullmatch(path)
        if found is None or (self.methods is not None and method not in self.methods):
            return None
        values = {name: value for name, value in found.groupdict().items() if value}
        fits = all(check.fullmatch(values[name]) for name, check in self.checks if name in values)
        return values if fits else None


class Routes:
    def __init__(self, functions: Sequence[Function], prefix: str) -> None:
        found = [Route.of(item, item.trigger, prefix) for item in functions if isinstance(item.trigger, HttpTrigger)]
        self.in_order = sorted(found, key=lambda route: route.function.name.lower())

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """Find the route. A wrong method is "not found", as on Azure, rather than "not allowed"."""
        decoded = unquote(re.sub("%2f", "%252F", path, flags=re.IGNORECASE))
        for route in self.in_order:
            if (values := route.match(method, decoded)) is not None:
                return route.function, values
        return None


def _segment(segment: str, function: str) -> str:
    pattern, position = "", 0
    for match in _PARAMETER.finditer(segment):
        pattern += re.escape(segment[position : match.start()])
        pattern += f"(?P<{match['name']}>{'.*' if match['rest'] else '[^/]+'})"
        position = match.end()
        if match["rest"] or match["optional"]:
            # Always the whole last segment, so its slash is optional too.
            return f"(?:/{pattern})?"
    rest = segment[position:]
    if "{" in rest or "}" in rest:
        raise CannotStart(f"function {function!r}: route segment {segment!r} is not understood")
    return f"/{pattern}{re.escape(rest)}"


def _checks(template: str, function: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (match["name"], re.compile(_constraint(constraint, function), re.IGNORECASE | re.DOTALL))
        for match in _PARAMETER.finditer(template)
        for constraint in filter(None, match["constraints"].split(":"))
    )


def _constraint(constraint: str, function: str) -> str:
    sized = re.fullmatch(r"(length|minlength|maxlength)\((\d+)(?:,(\d+))?\)", constraint)
    if sized is None:
        try:
            return _CONSTRAINTS[constraint.lower()]
        except KeyError:
            raise CannotStart(f"function {function!r}: route constraint {constraint!r} is not supported") from None
    kind, first, second = sized.groups()
    low, high = {"length": (first, second or first), "minlength": (first, ""), "maxlength": ("0", first)}[kind]
    return f".{{{low},{high}}}"


def without_dots(path: str) -> str:
    """Resolve `.` and `..`, percent-encoded ones too, as Kestrel does before anything else (PathNormalizer.cs)."""
    segments = [(segment, unquote(segment)) for segment in path.split("/")]
    kept: list[str] = []
    for segment, decoded in segments:
        if decoded == "..":
            kept = kept[:-1] or kept
        elif decoded != ".":
            kept.append(segment)
    ends_in_dots = segments[-1][1] in {".", ".."}
    return "/".join([*kept, ""] if ends_in_dots else kept)
