"""Makes the JSON of a notice: an Adaptive Card for Teams, blocks for Slack, plain fields for anything else. Pure.

Whatever a notice says, it mentions nobody, is one line, and is cut to a size that Teams and Slack take.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadpipe.model.attention import Notice, Stage
from leadpipe.model.text import shortened
from leadpipe.model.webhook import Shape

Json = dict[str, Any]

# In UTF-16 units. Slack takes 150 in a header, 2,000 in a field and 3,000 in a section, and each & < > of a section
# becomes up to five: https://docs.slack.dev/reference/block-kit/blocks
# Teams takes 28 KB in all, in which a unit has up to six bytes:
# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
LONGEST_NAME = 60
LONGEST_TITLE = 150
LONGEST_FACT = 200
LONGEST_TEXT = 500
_TITLES = {
    Stage.BEGINS: "leadpipe {app} needs a person: {says}",
    Stage.LASTS: "leadpipe {app} still needs a person: {says}",
    Stage.OVER: "leadpipe {app}, over: {says}",
    Stage.TEST: "leadpipe {app}, a test: {says}",
}
_COLOURS = {Stage.BEGINS: "Attention", Stage.LASTS: "Attention", Stage.OVER: "Good", Stage.TEST: "Accent"}


def body_of(notice: Notice, shape: Shape) -> Json:
    """The JSON to post."""
    words = _words_of(notice)
    if shape is Shape.TEAMS:
        return _teams(words, notice.stage)
    return _slack(words) if shape is Shape.SLACK else _plain(words, notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What every shape says, each on one line. `fix` is empty where nothing is left to do."""

    title: str
    says: str
    facts: tuple[tuple[str, str], ...]
    fix: str


def _words_of(notice: Notice) -> _Words:
    attention = notice.attention
    app, says = _line(notice.app, LONGEST_NAME), _line(attention.says, LONGEST_TEXT)
    return _Words(
        title=_line(_TITLES[notice.stage].format(app=app, says=says), LONGEST_TITLE),
        says=says,
        facts=tuple((name, value) for name, text in _facts(notice) if (value := _line(text, LONGEST_FACT))),
        fix="" if notice.stage is Stage.OVER else _line(attention.fix, LONGEST_TEXT),
    )


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    attention = notice.attention
    yield "Reason", attention.reason
    yield "About", attention.about
    yield "Count", str(attention.count or "")
    yield "Since", _moment(attention.since) if attention.since else ""
    if notice.stage is Stage.OVER:
        yield "Over", _moment(notice.at)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _line(text: str, longest: int) -> str:
    """The text on one line, without characters that show nothing, cut to that many UTF-16 units."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    fitting = shortened(words, longest)
    return words if fitting == words else f"{shortened(words, longest - 1)}…"


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of the text, with whether each is code: what stands between two backticks is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one was cut off
        parts = [text.replace("`", "'")]
    for place, part in enumerate(parts):
        if part:
            yield part, place % 2 == 1


def _teams(words: _Words, stage: Stage) -> Json:
    """What the workflow "Send webhook alerts to a channel" takes: a message with one card.

    All text is in RichTextBlocks, because that of other elements is read as Markdown.
    https://adaptivecards.io/explorer/TextRun.html
    """
    body = [
        _rich([_run(words.title, weight="Bolder", size="Medium", color=_COLOURS[stage])]),
        *([] if words.says in words.title else [_rich([_run(words.says)])]),
        *(_rich([_run(f"{name}: ", weight="Bolder"), _run(value)], spacing="Small") for name, value in words.facts),
    ]
    if words.fix:
        runs = [_run(text, **({"fontType": "Monospace"} if code else {})) for text, code in _pieces(words.fix)]
        body.append(_rich([_run("What to do: ", weight="Bolder"), *runs]))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": words.title,
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _rich(runs: list[Json], **more: str) -> Json:
    return {"type": "RichTextBlock", "inlines": runs, **more}


def _run(text: str, **more: str) -> Json:
    # Teams would replace {{DATE(…)}} by a time.
    return {"type": "TextRun", "text": re.sub(r"\{(?=\{)", "{ ", text), **more}


def _slack(words: _Words) -> Json:
    """`text` is what a notification shows; the blocks are the message."""
    fields = [_unformatted(f"{name}: {value}") for name, value in words.facts]
    blocks: list[Json] = [
        {"type": "header", "text": _unformatted(words.title)},
        *([] if words.says in words.title else [{"type": "section", "text": _unformatted(words.says)}]),
        *([{"type": "section", "fields": fields}] if fields else []),
    ]
    if words.fix:
        fix = "".join(f"`{_escaped(text)}`" if code else _escaped(text) for text, code in _pieces(words.fix))
        text = {"type": "mrkdwn", "text": f"*What to do:* {fix}", "verbatim": True}
        blocks.append({"type": "section", "text": text})
    return {"text": _escaped(words.title), "blocks": blocks}


def _unformatted(text: str) -> Json:
    """Text without markup. Angle brackets would begin a mention elsewhere, so none is left here either."""
    return {"type": "plain_text", "text": text.replace("<", "‹").replace(">", "›"), "emoji": False}


def _escaped(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(words: _Words, notice: Notice) -> Json:
    attention = notice.attention
    reason, about = _line(attention.reason, LONGEST_FACT), _line(attention.about, LONGEST_FACT)
    app = _line(notice.app, LONGEST_NAME)
    return {
        "stage": notice.stage.value,
        "app": app,
        "key": re.sub(" +", " ", f"{app} {reason} {about}").strip(),
        "title": words.title,
        "reason": reason,
        "about": about,
        "says": words.says,
        "fix": words.fix,
        "count": attention.count,
        "since": _iso(attention.since) if attention.since else None,
        "at": _iso(notice.at),
    }


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
