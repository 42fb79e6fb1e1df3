"""Defines where notices are posted and in which shape, and checks such an address. Never quotes it: it is a secret.

Whoever has the address of a Teams workflow or a Slack webhook can post there.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# The older addresses of Power Automate, its newer ones, and the connectors that workflows replace.
# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
_TEAMS = (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, and the same for GovSlack
_SLACK = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})


class Shape(StrEnum):
    """What the JSON of a post looks like."""

    TEAMS = "teams"  # a message with an Adaptive Card
    SLACK = "slack"  # text and blocks
    JSON = "json"  # the notice's own fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    url: str = field(repr=False)
    shape: Shape

    @property
    def host(self) -> str:
        """The host's name, which may be shown."""
        return urlsplit(self.url).hostname or ""


def wrong_url(text: str) -> str:
    """What is wrong with an address to post to; empty if nothing is."""
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no https address"
    if parts.username is not None or parts.password is not None:
        return "has a user name or a password before its host: give an address without"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "is not https: the notice and the address could be read on the way"
    return ""


def shape_for(url: str) -> Shape:
    """The shape that the host of the address takes. The address has to be right."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host.endswith(_TEAMS):
        return Shape.TEAMS
    return Shape.SLACK if host in _SLACK else Shape.JSON


def _split(text: str) -> SplitResult | None:
    if not text.isprintable() or any(character.isspace() for character in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts
