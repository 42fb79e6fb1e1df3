"""Recognizes the ids that Microsoft gives to directories, applications, identities and rows."""

import re

GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GUID = re.compile(GUID)


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None
