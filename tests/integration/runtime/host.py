"""Our functions host, whose worker is Microsoft's."""

from collections.abc import Sequence

from devkit.functions_host.__main__ import main as serve


def main(arguments: Sequence[str]) -> int:
    return serve(arguments, worker=("tests.integration.runtime.linked",))
