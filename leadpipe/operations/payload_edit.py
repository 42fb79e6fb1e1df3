"""Changes what was posted: by documented field, or as text in the person's own editor."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leadpipe.model.errors import LeadpipeError, NotAllowed
from leadpipe.model.json_text import Posted, is_blank, opened
from leadpipe.model.lead import DOCUMENTED, Lead
from leadpipe.model.posted import LEAD_KEYS, PERSON, ROW, folded

USER_DETAILS = "UserDetails"
PERSON_FIELDS = ("FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title")
LEAD_FIELDS = ("LeadSource", "ActionCode", "OfferTitle", "Description")
_WITHOUT_SET = "leave --set out, and the editor that VISUAL or EDITOR names opens it as text"
FIELDS = {
    **{name.lower(): (USER_DETAILS, name) for name in PERSON_FIELDS},
    **{f"{USER_DETAILS}.{name}".lower(): (USER_DETAILS, name) for name in PERSON_FIELDS},
    **{name.lower(): ("", name) for name in LEAD_FIELDS},
}
# The keys, folded, under which a field is read.
_SAME_FIELD = {keys[0]: keys for keys in LEAD_KEYS.values()}


def assignment(text: str) -> tuple[str, str]:
    """`Email=jane@contoso.com` as the field in lower case and its value. Raises ValueError."""
    name, equals, value = text.partition("=")
    if not equals or name.strip().lower() not in FIELDS:
        known = ", ".join((*PERSON_FIELDS, *LEAD_FIELDS))
        raise ValueError(f"{text.partition('=')[0]!r} is not field=value with one of the fields {known}")
    return name.strip().lower(), value


def with_fields(payload: str | bytes | None, values: Mapping[str, str]) -> str:
    """The payload with these fields changed. Raises NotAllowed where it has no fields."""
    try:
        posted = json.loads(payload or b"", object_pairs_hook=_without_hidden)
    except (ValueError, RecursionError) as error:
        raise NotAllowed("no_fields", f"the post is not JSON, so it has no fields: {_WITHOUT_SET}") from error
    if not isinstance(posted, dict):
        raise NotAllowed("no_fields", f"the post is not a JSON object, so it has no fields: {_WITHOUT_SET}")
    for field, value in values.items():
        group, name = FIELDS[field]
        _set(posted, group, name, value)
    return _dumped(posted, indent=None)


def pretty(payload: str | bytes | None) -> str:
    """The payload for an editor: JSON with a line for each field, anything else as it was posted."""
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload or ""
    try:
        return _dumped(json.loads(text, object_pairs_hook=_without_hidden), indent=2)
    except (ValueError, RecursionError):
        return text


def edited_by_hand(text: str, environment: Mapping[str, str]) -> str:
    """The text as the person's editor left it, in a file that nobody else can read and that is deleted afterwards.

    Raises LeadpipeError where no editor is set, or it fails.
    """
    editor = environment.get("VISUAL") or environment.get("EDITOR")
    if not editor:
        raise LeadpipeError("no_editor", "set EDITOR to the editor you use, or change fields with --set field=value")
    folder = Path(tempfile.mkdtemp(prefix="leadpipe-"))  # for this user alone, the editor's own copies included
    try:
        file = folder / "lead.json"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        command = [*shlex.split(editor, posix=os.name != "nt"), str(file)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - the person's own editor
            raise LeadpipeError("editor_failed", f"{editor} failed; nothing was changed")
        return file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LeadpipeError("editor_failed", f"{editor}: {error}; nothing was changed") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def differences(before: str | bytes | None, after: str) -> Iterator[dict[str, str]]:
    """The documented fields that differ, and the unread keys. Raises InvalidLead where `after` is not a lead."""
    old = _fields(Lead.found_in(before) if isinstance(before, str) else None)
    for name, value in _fields(Lead.from_payload(after)).items():
        if old.get(name, "") != value:
            yield {"field": name, "before": old.get(name, ""), "after": value}


def _fields(lead: Lead | None) -> dict[str, str]:
    if lead is None:
        return {}
    return {**{name: getattr(lead, name) for name in DOCUMENTED}, "unread": ", ".join(lead.unread)}


def _without_hidden(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object. Of keys that are equal to the letter it has the one that is read: the last that says anything."""
    kept: dict[str, Any] = {}
    for key, value in pairs:
        if key not in kept or not is_blank(value):
            kept[key] = value
    return kept


def _set(posted: dict[str, Any], group: str, name: str, value: str) -> None:
    """Sets the field where its text is read from, else where it is documented; an empty value is set in every place."""
    keys = _SAME_FIELD.get(folded(name), (folded(name),))
    rows = [value for key, value in posted.items() if folded(key) == ROW and isinstance(value, dict)]
    places = [place for document in (posted, *rows) for place in _places(document, group)]
    found = [(place, key) for wanted in keys for place in places for key in _spellings(place, wanted)]
    found = found or [(_documented_place(posted, group), name)]
    read = next(((place, key) for place, key in found if not is_blank(place.get(key))), found[0])
    for place, key in [read] if value.strip() else found:
        place[key] = value


def _spellings(place: dict[str, Any], wanted: str) -> list[str]:
    """The keys that are read as this one; the first one counts."""
    keys = [key for key in reversed(place) if folded(key) == wanted]
    return sorted(keys, key=lambda key: key.lower() != wanted)


def _places(document: dict[str, Any], group: str) -> Iterator[dict[str, Any]]:
    """The objects that may have the field. A person that was a JSON text becomes an object."""
    for key in [key for key in document if group and folded(key) in PERSON]:
        person, _ = opened(document[key])
        if isinstance(person, dict):
            if isinstance(person, Posted):
                person = {person.spelt[key]: value for key, value in person.items()}
            document[key] = person
            yield person
    yield document


def _documented_place(posted: dict[str, Any], group: str) -> dict[str, Any]:
    if not group:
        return posted
    key = next((key for key in reversed(posted) if folded(key) == folded(group)), group)
    if not isinstance(posted.get(key), dict):
        posted[key] = {}
    place: dict[str, Any] = posted[key]
    return place


def _dumped(posted: Any, *, indent: int | None) -> str:
    text = json.dumps(posted, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no file can hold but as an escape
        return json.dumps(posted, indent=indent)
    return text
