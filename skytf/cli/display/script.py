"""The display for scripts: a line of JSON for everything that happens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from skytf.cli.display.base import Display
from skytf.cli.display.rate import Pace
from skytf.cli.lines import Lines, fields_of
from skytf.hooks import Progress
from skytf.report import Failure
from skytf.runner.messages import Message

_PROGRESS_INTERVAL_S = 1.0


class ScriptDisplay(Display):
    """Writes everything to *lines*; progress and survey counts at most once a second, and always the last."""

    def __init__(self, lines: Lines, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines = lines
        self._progress = Pace(_PROGRESS_INTERVAL_S, clock)
        self._survey = Pace(_PROGRESS_INTERVAL_S, clock)

    def on_phase(self, phase: str, text: str) -> None:
        """Write the beginning of a phase."""
        super().on_phase(phase, text)
        self._lines.write("phase", {"phase": phase, "text": text})

    def on_survey(self, job_id: str, objects: int, size_bytes: int) -> None:
        """Write how far the listing is."""
        if self._survey.due():
            self._lines.write("survey", {"job_id": job_id, "objects": objects, "bytes": size_bytes})

    def on_terraform(self, message: Message) -> None:
        """Write what Terraform says; ``type`` is the message's class in snake case."""
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(message).__name__).lower()
        self._lines.write("terraform", {"type": name, "message": fields_of(message)})

    def on_host(self, gateway_id: str, step: str) -> None:
        """Write a step of a gateway's preparation."""
        self._lines.write("host", {"gateway_id": gateway_id, "step": step})

    def on_progress(self, progress: Progress) -> None:
        """Write the receipts so far."""
        if self._progress.due(last=finished(progress)):
            self._lines.write("progress", progress)

    def on_failure(self, failure: Failure) -> None:
        """Write one object that will not arrive."""
        self._lines.write("failure", failure)

    def on_warning(self, text: str) -> None:
        """Write a warning."""
        self._lines.write("warning", {"text": text})


def finished(progress: Progress) -> bool:
    """Whether every object of every destination has arrived or failed."""
    return all(one.objects_done + one.failed >= one.objects_total for one in progress.destinations)
