"""--json: an array whatever its length, written as it comes."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from leadpipe.cli.json_output import Fields, print_json
from leadpipe.model.record import State


def test_no_records_are_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_json([]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_times_end_in_z_and_states_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 3, 14, 11, 26, 53, 589_999, timezone(timedelta(hours=2)))
    assert print_json([{"at": at, "state": State.WRITTEN, "took": timedelta(seconds=1.25), "none": None}]) == 1
    (record,) = json.loads(capsys.readouterr().out)
    assert record == {"at": "2026-03-14T09:26:53.589Z", "state": "written", "took": 1.25, "none": None}


def test_what_a_lead_says_reaches_the_terminal_as_ascii_alone(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Zoë\x1b[2J\u202e\x9b\x7f株"
    print_json([{"name": name}])
    out = capsys.readouterr().out
    assert all(character == "\n" or " " <= character <= "~" for character in out)
    assert json.loads(out) == [{"name": name}]


def test_a_record_is_written_before_the_next_one_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    def records() -> Iterator[Fields]:
        yield {"n": 1}
        assert '{"n": 1}' in capsys.readouterr().out
        yield {"n": 2}

    assert print_json(records()) == 2


@pytest.mark.parametrize("breaks", [RuntimeError("gone"), KeyboardInterrupt()])
def test_a_list_that_breaks_off_is_still_json(capsys: pytest.CaptureFixture[str], breaks: BaseException) -> None:
    def records() -> Iterator[Fields]:
        yield {"n": 1}
        raise breaks

    with pytest.raises(type(breaks)):
        print_json(records())
    assert json.loads(capsys.readouterr().out) == [{"n": 1}]


@pytest.mark.parametrize("unprintable", [float("nan"), float("inf"), object()])
def test_a_record_that_is_no_json_is_not_begun(capsys: pytest.CaptureFixture[str], unprintable: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        print_json([{"n": unprintable}])
    assert capsys.readouterr().out == ""
    with pytest.raises((ValueError, TypeError)):
        print_json([{"n": 1}, {"n": unprintable}])
    assert json.loads(capsys.readouterr().out) == [{"n": 1}]
