"""Where a caller looks in on a plan or a transfer. The CLI's progress display is one such caller."""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock

from skytf.report import Failure
from skytf.runner.messages import Message


@dataclass(frozen=True, slots=True)
class DestinationProgress:
    """Receipts so far, of one destination of one job; totals are those of the survey."""

    job_id: str
    url: str
    objects_done: int
    objects_total: int
    bytes_done: int
    bytes_total: int
    failed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Done means receipts: the destination store has the bytes."""

    destinations: tuple[DestinationProgress, ...]
    elapsed_s: float


class Hooks:
    """
    Called as things happen; override what you need. Calls come one at a time, from several threads, and must not block.

    Phases: ``surveying planning applying deploying transferring verifying destroying done``.
    """

    def on_phase(self, phase: str, text: str) -> None:
        """A phase begins; *text* says with what, in words for people."""

    def on_survey(self, job_id: str, objects: int, size_bytes: int) -> None:
        """The listing of a source has come this far."""

    def on_terraform(self, message: Message) -> None:
        """Terraform says something."""

    def on_host(self, gateway_id: str, step: str) -> None:
        """The preparation of a gateway has come to *step*."""

    def on_progress(self, progress: Progress) -> None:
        """Receipts came in; at most four times a second."""

    def on_failure(self, failure: Failure) -> None:
        """An object will not arrive at one destination."""

    def on_warning(self, text: str) -> None:
        """Something a user should know, that stops nothing."""


class Serialised(Hooks):
    """Pass every call on to *listener*, one at a time: the threads of a transfer report as things happen."""

    def __init__(self, listener: Hooks) -> None:
        self._listener = listener
        # A hook may stop the transfer, which reports in its turn.
        self._lock = RLock()

    def on_phase(self, phase: str, text: str) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_phase(phase, text)

    def on_survey(self, job_id: str, objects: int, size_bytes: int) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_survey(job_id, objects, size_bytes)

    def on_terraform(self, message: Message) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_terraform(message)

    def on_host(self, gateway_id: str, step: str) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_host(gateway_id, step)

    def on_progress(self, progress: Progress) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_progress(progress)

    def on_failure(self, failure: Failure) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_failure(failure)

    def on_warning(self, text: str) -> None:
        """Pass on."""
        with self._lock:
            self._listener.on_warning(text)
