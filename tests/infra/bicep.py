"""Reads Bicep by tree-sitter's grammar: what a file declares and uses, and its values as far as they are written out.

What is computed is a Computed. Both sides of `a ? b : c` are kept, and a variable is replaced by its value.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_KINDS = {"string", "int", "bool", "object", "array"}
_LOOPS = {"for_statement", "lambda_expression"}


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that is known only when the template is deployed. `kind` is its type, empty if unknown."""

    kind: str = ""


@dataclass(frozen=True, slots=True)
class Either:
    """One of these values."""

    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration. `kind` is the type of a parameter or output, or the word behind a resource or module."""

    what: str
    name: str
    kind: str
    node: Node
    decorators: dict[str, list[object]] = field(default_factory=dict)

    @property
    def existing(self) -> bool:
        return any(child.type == "existing" for child in self.node.children)


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


class Bicep:
    """One file, parsed."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self.root = _PARSER.parse(source.encode()).root_node

    @cached_property
    def nodes(self) -> list[Node]:
        return list(walk(self.root))

    @cached_property
    def members(self) -> set[tuple[str, ...]]:
        """Each path like a.b.c that begins with a name. A `!` and a `?` in it do not count.

        The grammar lets `.` bind less than `? :`, so the text in front of the path may be more than a name.
        """
        texts = (
            text_of(node).replace("!", "").replace("?", "") for node in self.nodes if node.type == "member_expression"
        )
        return {tuple(path[0].split(".")) for text in texts if (path := re.search(r"\w+(?:\.\w+)+$", text))}

    @cached_property
    def calls(self) -> list[tuple[str, list[Node]]]:
        """Each function that is called by its name alone, with its arguments."""
        nodes = (node for node in self.nodes if node.type == "call_expression")
        return [
            (text_of(node.named_children[0]), node.named_children[1].named_children)
            for node in nodes
            if node.named_children[0].type == "identifier" and not _decorates(node)
        ]

    @cached_property
    def broken(self) -> list[str]:
        """Where the text is not Bicep."""
        nodes = (node for node in self.nodes if node.type == "ERROR" or node.is_missing)
        return [f"line {node.start_point[0] + 1}: {text_of(node)[:40]!r} is not Bicep" for node in nodes]

    @cached_property
    def declared(self) -> list[Declared]:
        found: list[Declared] = []
        decorators: dict[str, list[object]] = {}
        for node in self.root.named_children:
            if node.type == "decorators":
                decorators = dict(self._decorator(each) for each in node.named_children)
            elif node.type.endswith("_declaration"):
                found.append(self._declaration(node, decorators))
                decorators = {}
        return found

    def of(self, what: str) -> list[Declared]:
        return [each for each in self.declared if each.what == what]

    def get(self, name: str) -> Declared | None:
        return next((each for each in self.declared if each.name == name and each.what != "output"), None)

    def body(self, declared: Declared) -> object:
        """What stands behind `=`; without a loop or a condition around it. Missing: Computed."""
        node = _behind(declared.node, "=")
        while node is not None and node.type in {"for_statement", "if_statement"}:
            node = next(child for child in reversed(node.named_children) if child.type != "comment")
        return Computed() if node is None else self.value(node)

    def has_default(self, declared: Declared) -> bool:
        return _behind(declared.node, "=") is not None

    def value(self, node: Node) -> object:
        """The value as far as it is written out."""
        found: object = Computed()
        match node.type:
            case "object":
                found = {key: self.value(value) for key, value in pairs(node)}
            case "array":
                found = [self.value(each) for each in node.named_children if each.type != "comment"]
            case "for_statement":
                found = [self.value(node.named_children[-1])]
            case "ternary_expression":
                found = Either(tuple(self.value(each) for each in node.named_children[-2:]))
            case "identifier":
                found = self._named(text_of(node))
            case plain if plain in _PLAIN:
                found = _PLAIN[plain](node)
        return found

    def _named(self, name: str) -> object:
        declared = self.get(name)
        if declared and declared.what == "var":
            return self.body(declared)
        kind = declared.kind if declared and declared.what == "param" else ""
        return Computed("array" if kind.endswith("]") else kind if kind in _KINDS else "")

    def _declaration(self, node: Node, decorators: dict[str, list[object]]) -> Declared:
        name = next(child for child in node.named_children if child.type == "identifier")
        what = text_of(node.children[0])
        rest = [child for child in node.named_children if child.start_byte > name.start_byte]
        kind = text_of(rest[0]) if what != "var" and rest and rest[0].type in {"type", "string"} else ""
        return Declared(what, text_of(name), kind.strip("'"), node, decorators)

    def _decorator(self, node: Node) -> tuple[str, list[object]]:
        call = node.named_children[0]
        arguments = next((each for each in call.named_children if each.type == "arguments"), None)
        return text_of(call.named_children[0]), [self.value(each) for each in (arguments or node).named_children]


def parameter_file(source: str) -> tuple[str, Bicep]:
    """The template that a .bicepparam is for, and its assignments as variables: the grammar knows no such file."""
    using = re.search(r"^using '([^']*)'$", source, re.MULTILINE)
    rest = source.replace(using[0], "") if using else source
    variables = re.sub(r"^param (\w+) =", r"var \1 =", rest, flags=re.MULTILINE)
    return (using[1] if using else ""), Bicep("main.bicepparam", variables)


def walk(node: Node) -> Iterator[Node]:
    """The node and all that is in it, in the order of the text."""
    waiting = [node]
    while waiting:
        yield (here := waiting.pop())
        waiting.extend(reversed(here.children))


def keys(value: object) -> set[str]:
    """Each key in a value, at any depth."""
    match value:
        case dict():
            inner = {key for key in value if isinstance(key, str)}
            return inner.union(*map(keys, value.values()))
        case list():
            return set().union(*map(keys, value))
        case Either(values=values):
            return set().union(*map(keys, values))
        case _:
            return set()


def pairs(node: Node) -> Iterator[tuple[object, Node]]:
    """Keys and values of an object."""
    for each in node.named_children:
        if each.type == "object_property":
            key, value = each.named_children[0], each.named_children[-1]
            yield (_text(key) if key.type == "string" else text_of(key)), value


def used(node: Node, local: frozenset[str] = frozenset()) -> Iterator[tuple[str, Node]]:
    """Each name that an expression reads, but for those that its own loops and lambdas bring along."""
    if node.type == "identifier":
        if text_of(node) not in local:
            yield text_of(node), node
        return
    if node.type in {"type", "decorators"}:
        return
    if node.type in _LOOPS:
        local |= _brought_along(node)
    for child in _read_in(node):
        yield from used(child, local)


def strings(node: Node) -> Iterator[str]:
    """Each text that is written out whole."""
    for each in walk(node):
        if each.type == "string" and isinstance(value := _text(each), str):
            yield value


def _decorates(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "decorator"


def _read_in(node: Node) -> list[Node]:
    match node.type:
        case "object_property":
            key, value = node.named_children[0], node.named_children[-1]
            return [key, value] if key.type == "string" else [value]
        case "lambda_expression":
            return node.named_children[-1:]
        case "for_statement":
            return [each for each in node.named_children if each.type != "for_loop_parameters"]
        case "call_expression" if node.named_children[0].type == "identifier":
            return node.named_children[1:]
        case _:
            return node.named_children


def _brought_along(node: Node) -> frozenset[str]:
    first = node.named_children[0]
    if first.type == "identifier":
        return frozenset({text_of(first)})
    return frozenset(text_of(each) for each in walk(first) if each.is_named and not each.named_children)


def _behind(node: Node, sign: str) -> Node | None:
    children = node.children
    at = next((index for index, child in enumerate(children) if child.type == sign), None)
    return None if at is None else next((each for each in children[at + 1 :] if each.is_named), None)


def _text(node: Node) -> object:
    if any(child.type == "interpolation" for child in node.children):
        return Computed("string")
    inner = "".join(text_of(child) for child in node.named_children)
    return inner.replace("\\'", "'").replace("\\$", "$").replace("\\\\", "\\")


_PLAIN: dict[str, Callable[[Node], object]] = {
    "string": _text,
    "number": lambda node: int(text_of(node)),
    "boolean": lambda node: text_of(node) == "true",
    "null": lambda _: None,
}
