from __future__ import annotations

import io
import json
from typing import Any

from skytf.cli.display.script import ScriptDisplay
from skytf.cli.lines import Lines
from skytf.hooks import DestinationProgress, Progress


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def progress(done: int, failed: int = 0) -> Progress:
    return Progress((DestinationProgress("job-0", "s3://b", done, 10, done, 10, failed),), 1.0)


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_progress_is_written_once_a_second_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    display = ScriptDisplay(Lines(stream), clock)

    for now_s, done in [(0.0, 1), (0.5, 2), (1.0, 3), (1.2, 4), (1.4, 10)]:
        clock.now_s = now_s
        display.on_progress(progress(done))

    assert [line["destinations"][0]["objects_done"] for line in written(stream)] == [1, 3, 10]


def test_failed_objects_make_an_end_too() -> None:
    stream = io.StringIO()
    display = ScriptDisplay(Lines(stream), Clock())

    display.on_progress(progress(8))
    display.on_progress(progress(8, failed=1))
    display.on_progress(progress(8, failed=2))

    assert [line["destinations"][0]["failed"] for line in written(stream)] == [0, 2]


def test_survey_counts_have_a_pace_of_their_own() -> None:
    stream, clock = io.StringIO(), Clock()
    display = ScriptDisplay(Lines(stream), clock)

    for now_s in (0.0, 0.9, 1.0):
        clock.now_s = now_s
        display.on_survey("job-0", 5, 50)
    display.on_progress(progress(1))

    assert [line["kind"] for line in written(stream)] == ["survey", "survey", "progress"]
