"""Reads a mapping file and finds all of its faults at once."""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from leadpipe.mapping.column_reader import id_in, read_row_id, read_value, suggestion
from leadpipe.mapping.fault import Fault, FaultyMapping, Wrong
from leadpipe.mapping.lock import not_looked_up
from leadpipe.mapping.rating import RatingColumn, read_rating
from leadpipe.mapping.rules import FIELDS, FileMapping, Pattern, Rule, When
from leadpipe.mapping.toml_lines import Path, line_of, line_of_long_key, lines_of
from leadpipe.mapping.unreachable import Unreachable
from leadpipe.mapping.values import MappedColumn, Row

MappedColumns = dict[str, MappedColumn]
# Gives the id of an owner or team by its name; raises Wrong.
IdOf = Callable[[str, str], str]
# The keys of a rule that set a lookup: its column, and the table that the row is in.
_ROUTES = {"owner": ("ownerid", "systemusers"), "team": ("ownerid", "teams"), "campaign": ("campaignid", "campaigns")}
# What may be given by a name too: nobody knows a person's id by heart.
NAMED = ("owner", "team")
_RULE_KEYS = ("name", "when", *_ROUTES, "columns")
_FILE_KEYS = ("columns", "rules", "rating")
# Every delivery waits while the file is read. With these limits any file is read in well under a second.
LARGEST_FILE = 64 * 1024
MOST_RULES = 200
MOST_FAULTS = 100
_MOST_PARTS_OF_A_KEY = 10
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_mapping(content: bytes, file: str, id_of: IdOf = not_looked_up) -> FileMapping:
    """`file` is its name in faults. Raises FaultyMapping with every fault, up to MOST_FAULTS."""
    if len(content) > LARGEST_FILE:
        reason = f"is larger than {LARGEST_FILE // 1024} KiB: give fewer rules or texts, a * for many of them"
        raise FaultyMapping([Fault(file=file, line=0, reason=reason)])
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FaultyMapping([Fault(file=file, line=line, reason="is not UTF-8")]) from error
    if long_key := line_of_long_key(text, _MOST_PARTS_OF_A_KEY):
        raise FaultyMapping([Fault(file=file, line=long_key, reason="has a key with too many parts")])
    try:
        return _mapping_of(text, file, id_of)
    except RecursionError as error:
        raise FaultyMapping([Fault(file=file, line=0, reason="is nested deeper than the parser goes")]) from error


def _mapping_of(text: str, file: str, id_of: IdOf) -> FileMapping:
    try:
        parsed = tomllib.loads(text)
    except ValueError as error:  # also for an integer of thousands of digits
        raise FaultyMapping([_not_toml(str(error), text, file)]) from error
    reader = _Reader(file, text, id_of)
    try:
        mapping = reader.mapping(parsed)
    except _EnoughFaults:
        raise FaultyMapping(reader.faults) from None
    if reader.faults:
        raise FaultyMapping(reader.faults)
    return mapping


def _not_toml(message: str, text: str, file: str) -> Fault:
    """Takes the line out of tomllib's message and makes a fault of both."""
    found = _LINE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    return Fault(file=file, line=line, reason=f"is not TOML: {_LINE.sub('', message)}")


class _EnoughFaults(Exception):
    """MOST_FAULTS have been found; reading stops."""


class _Reader:
    """Continues after a fault to find all of them."""

    def __init__(self, file: str, text: str, id_of: IdOf) -> None:
        self.faults: list[Fault] = []
        self._id_of = id_of
        self._file = file
        self._text = text

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return lines_of(self._text)

    def mapping(self, parsed: Mapping[str, Any]) -> FileMapping:
        self._check_keys(parsed, _FILE_KEYS, ())
        columns = self._columns(parsed.get("columns", {}), ("columns",))
        rules = tuple(self._rules(parsed.get("rules", [])))
        return FileMapping(file=self._file, columns=columns, rules=rules, rating=self._rating(parsed.get("rating", {})))

    def _rating(self, written: Any) -> dict[str, RatingColumn]:
        try:
            return read_rating(written)
        except Wrong as why:
            self._fault(("rating",), f"rating: {why}")
            return {}

    def _columns(self, written: Any, at: Path) -> MappedColumns:
        if not isinstance(written, dict):
            self._fault(at, "columns is a table: [columns], then a line for each column")
            return {}
        found: MappedColumns = {}
        for column, value in written.items():
            try:
                found[column] = MappedColumn(
                    column=column, value=read_value(column, value), line=self._line((*at, column))
                )
            except Wrong as why:
                self._fault((*at, column), f"{column}: {why}")
        return found

    def _rules(self, written: Any) -> list[Rule]:
        if not isinstance(written, list) or not all(isinstance(rule, dict) for rule in written):
            self._fault(("rules",), "rules are tables of their own: each begins with [[rules]]")
            return []
        if len(written) > MOST_RULES:
            self._fault(("rules", MOST_RULES), f"is rule {MOST_RULES + 1}: a file has {MOST_RULES} at most")
            return []
        rules: list[Rule] = []
        names: set[str] = set()
        unreachable = Unreachable()
        for number, rule in enumerate(written):
            before = len(self.faults)
            read = self._rule(rule, ("rules", number), f"rule {number + 1}")
            sound = len(self.faults) == before
            if read.name and read.name in names:
                self._fault_on(read.line, f"two rules are called {read.name}")
            names.add(read.name)
            if sound:
                self._check_reachable(read, unreachable)
                rules.append(read)
        return rules

    def _rule(self, written: Mapping[str, Any], at: Path, number: str) -> Rule:
        self._check_keys(written, _RULE_KEYS, at)
        name = written.get("name", number)
        if not isinstance(name, str) or not name.strip():
            self._fault((*at, "name"), "name is a text")
        columns = self._columns(written.get("columns", {}), (*at, "columns"))
        sets = {**columns, **self._routes(written, columns, at)}
        if not any(key in written for key in (*_ROUTES, "columns")):
            self._fault(at, "the rule sets nothing: give owner, team, campaign or columns")
        return Rule(name=str(name).strip(), line=self._line(at), when=self._when(written, at), sets=sets)

    def _routes(self, written: Mapping[str, Any], sets: MappedColumns, at: Path) -> MappedColumns:
        if "owner" in written and "team" in written:
            self._fault((*at, "team"), "owner and team are set together: a lead has one owner")
        if "campaign" in written and "campaignid" in sets:
            self._fault((*at, "columns", "campaignid"), "campaignid is what campaign sets: give one of the two")
        found: MappedColumns = {}
        for key, (column, entity_set) in _ROUTES.items():
            if key not in written:
                continue
            try:
                row = self._row(written[key], key, entity_set)
                found[column] = MappedColumn(column=column, value=row, line=self._line((*at, key)))
            except Wrong as why:
                self._fault((*at, key), str(why))
        return found

    def _row(self, written: Any, key: str, entity_set: str) -> Row:
        """Raises Wrong."""
        name = written.strip() if isinstance(written, str) else ""
        if key in NAMED and name and not id_in(name):
            return Row(entity_set=entity_set, row_id=self._id_of(key, name), name=name)
        return Row(entity_set=entity_set, row_id=read_row_id(written, key))

    def _when(self, written: Mapping[str, Any], at: Path) -> When:
        at = (*at, "when")
        when = written.get("when", {})
        if not isinstance(when, dict):
            self._fault(at, 'when is a table: { offer = "contoso.widget*", country = ["FR", "DE"] }')
            return When(patterns={})
        self._check_keys(when, FIELDS, at)
        read = {field: self._patterns(when[field], field, (*at, field)) for field in FIELDS if field in when}
        return When(patterns=read)

    def _patterns(self, written: Any, field: str, at: Path) -> tuple[Pattern, ...]:
        texts = written if isinstance(written, list) else [written]
        if not all(isinstance(text, str) for text in texts):
            self._fault(at, f"{field} is a text or a list of texts")
            return ()
        if not texts:
            self._fault(at, f"the rule can never match: {field} is an empty list")
        for text in texts:
            if reason := _impossible(field, text):
                self._fault(at, reason)
        return tuple(Pattern.of(text, field) for text in texts)

    def _check_reachable(self, rule: Rule, unreachable: Unreachable) -> None:
        hiding = unreachable.hiding(rule)
        if hiding:
            names = " and ".join(f"{each.name} (line {each.line})" for each in hiding)
            come = "is for the same leads and comes" if len(hiding) == 1 else "are for the same leads and come"
            self._fault_on(rule.line, f"{rule.name} can never match: {names} above {come} first")

    def _check_keys(self, written: Mapping[str, Any], known: tuple[str, ...], at: Path) -> None:
        for key in written:
            if key not in known:
                near = suggestion(key, known) or f"; known are {', '.join(known)}"
                self._fault((*at, key), f"{key} means nothing here{near}")

    def _line(self, path: Path) -> int:
        return line_of(path, self._lines)

    def _fault(self, path: Path, reason: str) -> None:
        self._fault_on(self._line(path), reason)

    def _fault_on(self, line: int, reason: str) -> None:
        if len(self.faults) == MOST_FAULTS:
            more = f"has more faults from here on: fix the first {MOST_FAULTS} of them"
            self.faults.append(Fault(file=self._file, line=line, reason=more))
            raise _EnoughFaults
        self.faults.append(Fault(file=self._file, line=line, reason=reason))


def _impossible(field: str, text: str) -> str:
    """Gives the reason why no lead can match the text; empty if one can."""
    if "*" in text.strip()[:-1]:
        return f"{field} {text!r}: a * may only stand at the end"
    if field == "source" and "|" in text:
        return f"the rule can never match: {text!r} is a source with its offer; give source and offer separately"
    return ""
