"""Reads the lead's fields as a template names them: `$first_name`, `$FirstName` and `$FIRSTNAME` are the same."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import received_at

# What the customer did, https://learn.microsoft.com/partner-center/referrals/commercial-marketplace-get-customer-leads
ACTION_WORDS = {
    "INS": "Installation",
    "PLT": "Contact me",
    "DNC": "Do not contact",
    "CREATE": "Purchase",
    "STARTTESTDRIVE": "Test drive",
}

# The text that the default mapping gives the column.
DEFAULT = "default"
NAMES = (
    "first_name",
    "last_name",
    "name",
    "email",
    "phone",
    "country",
    "company",
    "title",
    "lead_source",
    "source",
    "action",
    "action_code",
    "action_words",
    "offer",
    "offer_title",
    "description",
    "campaign",
    "lead_id",
    DEFAULT,
)


def folded(name: str) -> str:
    """Gives all spellings of a name the same form."""
    return name.replace("_", "").lower()


_FOLDED = {folded(name): name for name in NAMES}


def is_field(name: str) -> bool:
    return folded(name) in _FOLDED


class Fields(Mapping[str, str]):
    """A lead's values by any spelling of a field's name. `default`: what the default mapping gives the column."""

    def __init__(self, lead: Lead, lead_id: str, default: str = "") -> None:
        self._lead = lead
        self._lead_id = lead_id
        self._default = default

    @property
    def received(self) -> datetime:
        """When the lead was received, by its id, so that every try has the same time."""
        return received_at(self._lead_id)

    def with_default(self, default: object) -> "Fields":
        return Fields(self._lead, self._lead_id, default if isinstance(default, str) else "")

    def __getitem__(self, name: str) -> str:
        match _FOLDED[folded(name)]:
            case "lead_id":
                return self._lead_id
            case "action_words":
                return ACTION_WORDS.get(self._lead.action.upper(), self._lead.action)
            case "default":
                return self._default
            case "description":
                return self._lead.words
            case field:
                return str(getattr(self._lead, field))

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)
