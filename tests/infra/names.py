"""Works out how long the names of resources can become."""

from collections.abc import Iterator

from tree_sitter import Node

from tests.infra.bicep import Bicep, text_of

# The host tells apps that share a storage account apart by so many letters:
# https://learn.microsoft.com/azure/azure-functions/storage-considerations#host-id-considerations
HOST_ID_LETTERS = 32
SECOND_APP = "-console"


def name_faults(group: Bicep) -> Iterator[str]:
    limits = {"appName": HOST_ID_LETTERS - len(SECOND_APP), "storageName": 24, "vaultName": 24}
    for name, limit in limits.items():
        longest = longest_text(group, name)
        if longest is None or longest > limit:
            yield f"leadpipe.bicep: {name} may have {longest} letters; {limit} are the limit"


def longest_text(file: Bicep, name: str) -> int | None:
    """How many letters a variable's or a parameter's text has at most; None if that is not known."""
    declared = file.get(name)
    if declared is None:
        return None
    if declared.what == "param":
        limit = declared.decorators.get("maxLength", [None])[0]
        return limit if isinstance(limit, int) else None
    return _longest(file, declared.node.named_children[-1])


def _longest(file: Bicep, node: Node) -> int | None:
    match node.type:
        case "identifier":
            return longest_text(file, text_of(node))
        case "string":
            parts = [
                _longest(file, each.named_children[0]) if each.type == "interpolation" else len(text_of(each))
                for each in node.named_children
            ]
            return None if None in parts else sum(part for part in parts if part is not None)
        case "call_expression":
            arguments = node.named_children[1].named_children
            return _longest_answer(file, text_of(node.named_children[0]), arguments)
        case _:
            return None


def _longest_answer(file: Bicep, function: str, arguments: list[Node]) -> int | None:
    match function:
        case "uniqueString":
            return 13
        case "take":
            return int(text_of(arguments[1]))
        case "toLower":
            return _longest(file, arguments[0])
        case "replace" if len(text_of(arguments[1])) == len(text_of(arguments[2])):
            return _longest(file, arguments[0])
        case _:
            return None
