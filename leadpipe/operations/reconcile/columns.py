"""Finds out which column of an export has which field. Microsoft does not publish the header's names.

Names are compared without case, accents, blanks and signs, and without words such as `Customer Contact` before them.
`--columns FILE` names columns that are not found this way.
"""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# The spellings of each field, folded. The first one wins where a header has several.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "created": (
        "leadcreationdatetime",
        "leadcreationdate",
        "leadcreatedon",
        "leadcreated",
        "creationdatetime",
        "creationdate",
        "createddatetime",
        "createddate",
        "createdtime",
        "createdon",
        "created",
        "datecreated",
        "receiveddate",
        "receivedon",
        "received",
        "date",
    ),
    "email": ("email", "emailaddress", "emailid", "mail", "workemail", "businessemail"),
    "first_name": ("firstname", "givenname"),
    "last_name": ("lastname", "surname", "familyname"),
    "name": ("contactname", "fullname", "name"),
    "customer": ("customername", "customer"),
    "company": ("companyname", "company", "organizationname", "organization", "organisation", "accountname", "account"),
    "phone": ("phone", "phonenumber", "telephone", "telephonenumber", "mobile", "mobilephone"),
    "country": ("country", "countryregion", "countryorregion"),
    "title": ("jobtitle", "title", "jobrole"),
    "offer": (
        "offername",
        "offertitle",
        "offerdisplayname",
        "offer",
        "solutionname",
        "solution",
        "productname",
        "product",
    ),
    "offer_id": ("offerid", "productid", "solutionid"),
    "source": ("leadsource", "source"),
    "action": ("calltoaction", "cta", "actioncode", "actiontype", "action"),
    "description": ("description", "customernotes", "notes", "comments", "comment", "message"),
    "lead_type": ("leadtype",),
    "quality": ("leadquality", "quality"),
    "email_validity": ("emailvalidity", "emailvalidation", "emailvaliditystatus", "emailaddressvalidity"),
    "phone_validity": ("phonevalidity", "phonevalidation", "phonevaliditystatus", "phonenumbervalidity"),
}
FIELDS = tuple(SPELLINGS)
# Words that stand before a field's name.
_BEFORE = ("customercontact", "primarycontact", "customer", "contact", "lead", "user")
_NAMING = ("email", "first_name", "last_name", "name", "customer")
LARGEST_FILE = 64 * 1024


class UnusableExport(ValueError):
    """An export or a file of columns cannot be used. The text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Which column has which field, by the column's place. `left`: the names of the other columns."""

    places: Mapping[str, int]
    names: Mapping[str, str]
    left: Sequence[str]

    @property
    def names_somebody(self) -> bool:
        return any(field in self.places for field in _NAMING)


def folded(name: str) -> str:
    """One spelling for `Lead Quality`, `lead_quality` and `LeadQuality`."""
    apart = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in apart if char.isalnum())


def taken_columns(header: Sequence[str], named: Mapping[str, str]) -> Taken:
    """`named`: the columns that a person named, by field; an empty name leaves the field out.

    Raises UnusableExport for a named column that the header lacks.
    """
    places = {field: _place_of(name, field, header) for field, name in named.items() if name}
    for field in FIELDS:
        if field not in named and (found := _found(field, header, {*places.values()})) is not None:
            places[field] = found
    return Taken(
        places=places,
        names={field: header[place] for field, place in places.items()},
        left=[name for place, name in enumerate(header) if place not in places.values() and name.strip()],
    )


def named_columns(content: bytes, file: str) -> dict[str, str]:
    """Reads a file for `--columns`: lines such as `email = "E-Mail-Adresse"`. Raises UnusableExport."""
    if len(content) > LARGEST_FILE:
        raise UnusableExport(f"{file} is larger than {LARGEST_FILE // 1024} KiB")
    try:
        written = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnusableExport(f'{file} is not TOML: write lines such as email = "E-Mail-Adresse"') from error
    for field, name in written.items():
        if field not in FIELDS:
            near = get_close_matches(field, FIELDS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"they are {', '.join(FIELDS)}"
            raise UnusableExport(f"{file}: there is no field {field}; {meant}")
        if not isinstance(name, str):
            raise UnusableExport(f'{file}: {field} takes the name of a column, like {field} = "…"')
    return written


def _place_of(name: str, field: str, header: Sequence[str]) -> int:
    for place, column in enumerate(header):
        if folded(column) == folded(name):
            return place
    raise UnusableExport(f"there is no column {name!r}, which --columns names for {field}; there are: {listed(header)}")


def listed(header: Sequence[str]) -> str:
    return ", ".join(name.strip() for name in header if name.strip()) or "none"


def _found(field: str, header: Sequence[str], taken: set[int]) -> int | None:
    """The place of the column whose name is nearest to the field's."""
    ranked = [(rank, place) for place, name in enumerate(header) for rank in _ranks(field, name) if place not in taken]
    return min(ranked)[1] if ranked else None


def _ranks(field: str, name: str) -> Iterator[tuple[bool, int]]:
    """How near the name is to the field's; nothing where it is another's."""
    whole = folded(name)
    if whole in SPELLINGS[field]:
        yield False, SPELLINGS[field].index(whole)
    elif not any(whole in spellings for spellings in SPELLINGS.values()):
        for before in _BEFORE:
            rest = whole.removeprefix(before)
            if rest != whole and rest in SPELLINGS[field]:
                yield True, SPELLINGS[field].index(rest)
