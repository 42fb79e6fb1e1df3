"""Quotes values for a person's shell, so that it takes each for nothing but its text.

https://www.gnu.org/software/bash/manual/html_node/Quoting.html
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
"""

import re
import shlex
from dataclasses import dataclass

# PowerShell takes the typographic ones for single quotes too.
_SINGLE_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


class Expanded(str):
    """leadpipe's own text, in which the shell fills in variables; never a value from outside."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """A step in Azure. `powershell` is empty where it is the same as `bash`."""

    title: str
    bash: tuple[str, ...]
    powershell: tuple[str, ...] = ()


def for_bash(text: str) -> str:
    return f'"{text}"' if isinstance(text, Expanded) else shlex.quote(text)


def for_powershell(text: str) -> str:
    if isinstance(text, Expanded):
        return f'"{text}"'
    doubled = _SINGLE_QUOTES.sub(r"\1\1", text)
    return f"'{doubled}'"


def variable(title: str, name: str, value: str, *, shown: bool = False) -> Commands:
    show = (f'echo "${name}"',) if shown else ()
    return Commands(
        title=title,
        bash=(f"{name}={for_bash(value)}", *show),
        powershell=(f"${name} = {for_powershell(value)}", *show),
    )
