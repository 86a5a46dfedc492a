from __future__ import annotations

import io

from rich.console import Console

from skytf.cli.display.log import LogDisplay
from skytf.hooks import DestinationProgress, Progress
from tests.skytf.cli.fake import FAILURE


class Log:
    """A log display with a clock that the test moves."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.now_s = 0.0
        self.display = LogDisplay(Console(file=self.stream, width=10_000), lambda: self.now_s)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_a_phase_is_one_line_and_the_end_none() -> None:
    log = Log()

    log.display.on_phase("deploying", "4 gateways\n\x1b[2J")
    log.display.on_host("local-a-0", "ready")
    log.display.on_phase("done", "")

    assert log.lines == ["deploying: 4 gateways\\x0a\\x1b[2J"]


def test_progress_is_a_line_every_five_seconds() -> None:
    log = Log()

    for second in range(12):
        log.now_s = float(second)
        log.display.on_progress(
            Progress((DestinationProgress("job-0", "b", second, 20, second << 20, 20 << 20, 1),), 0.0)
        )

    assert log.lines == [
        "transferring: 5.0 MiB of 20.0 MiB, 5 objects, 8.4 Mbit/s, 1 failed",
        "transferring: 10.0 MiB of 20.0 MiB, 10 objects, 8.4 Mbit/s, 1 failed",
    ]


def test_a_warning_is_said_once_and_a_failure_waits_for_the_report() -> None:
    log = Log()

    log.display.on_warning("look")
    log.display.on_failure(FAILURE)

    assert log.lines == ["warning: look"]
    assert log.display.warned == {"look"}
