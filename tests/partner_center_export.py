"""Exports of Partner Center's Leads page as tests make them: a header, and a row for each lead."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

HEADER = {
    "created": "LeadCreationDateTime",
    "offer": "Offer name",
    "source": "Lead Source",
    "action": "Call to action",
    "customer": "Customer Name",
    "first_name": "Customer Contact First Name",
    "last_name": "Customer Contact Last Name",
    "email": "Customer Contact Email Address",
    "phone": "Customer Contact Phone number",
    "country": "Customer Country",
    "quality": "Lead Quality",
    "email_validity": "Email validity",
    "status": "Status",
}
NOW = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
BEGIN = datetime.fromisoformat("2026-01-10T00:00:00+00:00")


def csv_of(rows: Iterable[Mapping[str, str]], *, separator: str = ",", header: Mapping[str, str] = HEADER) -> str:
    """As Excel writes it: quoted where needed, with Windows' line ends."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(header.values())
    for row in rows:
        writer.writerow(row.get(field, "") for field in header)
    return text.getvalue()


def customer(number: int, at: datetime) -> dict[str, str]:
    """The row of one customer's lead. No two numbers have anything of the person in common."""
    return {
        "created": f"{at:%m/%d/%Y %H:%M:%S}",
        "offer": "Contoso Widget",
        "source": "Azure Marketplace",
        "action": "Get it now",
        "customer": f"Société {number} SARL",
        "first_name": f"René{number}",
        "last_name": f"Müller{number}",
        "email": f"rene.{number}@firm{number}.example",
        "phone": f"+33 1 {number:08d}",
        "country": "FR",
        "quality": "High",
        "email_validity": "Valid",
        "status": "New",
    }


def misspelt(row: Mapping[str, str], how: int) -> dict[str, str]:
    """The same customer in another case, with blanks around, or without accents."""
    spoil = (str.upper, lambda text: f"  {text}  ", lambda text: text.replace("é", "e").replace("ü", "u"))[how % 3]
    named = ("offer", "customer", "first_name", "last_name", "email")
    return {**row, **{field: spoil(row[field]) for field in named}}


def time_of(number: int) -> datetime:
    """When the customer's lead was made: about seven a day."""
    return BEGIN + timedelta(minutes=200) * number
