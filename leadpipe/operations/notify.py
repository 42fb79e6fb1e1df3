"""Sends a notice to the webhook for a person who wants to see it arrive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadpipe.model.attention import Attention, Notice, Stage
from leadpipe.model.errors import NotifyFailed
from leadpipe.model.ports import Notifier
from leadpipe.model.settings import Settings
from leadpipe.model.webhook import Shape, Webhook
from leadpipe.operations.causes import cause_of, with_detail
from leadpipe.webhook.shapes import body_of

NOTIFY_SETTINGS = ("LEADPIPE_NOTIFY_URL", "LEADPIPE_NOTIFY_FORMAT")
HOW_TO_CONNECT = (
    "set LEADPIPE_NOTIFY_URL to the address of a Teams workflow, a Slack webhook or anything that takes JSON;"
    " docs/alerts.md says how"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of a notice. `reason`, `fact` and `fix` say why it was not sent, and are empty if it was."""

    sent: bool
    host: str
    format: Shape
    app: str
    reason: str = ""
    fact: str = ""
    fix: str = ""


def trial_notice(settings: Settings, at: datetime) -> Notice:
    """A notice about nothing."""
    attention = Attention(
        reason="test",
        about="leadpipe notify --test",
        says="notices of this leadpipe arrive here",
        fix="nothing: this is what a notice looks like. `leadpipe status` says what needs a person",
        since=at,
    )
    return Notice(stage=Stage.TEST, app=settings.app_name, attention=attention, at=at)


def preview(notice: Notice, webhook: Webhook) -> dict[str, Any]:
    """The JSON that would be posted."""
    return body_of(notice, webhook.shape)


def send(notice: Notice, webhook: Webhook, *, notifier: Notifier) -> Posted:
    posted = Posted(sent=True, host=webhook.host, format=webhook.shape, app=notice.app)
    try:
        notifier.send(notice)
    except NotifyFailed as error:
        return _failed(posted, error)
    return posted


def _failed(posted: Posted, error: NotifyFailed) -> Posted:
    cause = cause_of(error.slug)
    return Posted(
        sent=False,
        host=posted.host,
        format=posted.format,
        app=posted.app,
        reason=error.slug,
        fact=with_detail(cause.says, error.detail),
        fix=cause.fix,
    )


def why_nobody(settings: Settings) -> str:
    """Why there is no webhook, by the settings' faults; empty if none is set."""
    return "; ".join(str(fault) for fault in settings.faults if fault.setting in NOTIFY_SETTINGS)
