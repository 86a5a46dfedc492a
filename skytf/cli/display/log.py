"""The display off a terminal: a line per phase, a line of progress now and then, warnings."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console

from gateway.units import format_bytes, format_rate
from skytf.cli.display.base import Display
from skytf.cli.display.rate import Pace, Rate
from skytf.cli.text import count, safe
from skytf.hooks import Progress

_PROGRESS_INTERVAL_S = 5.0


class LogDisplay(Display):
    """Writes lines for a log to *console*; failures wait for the report, which names them once."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._console = console
        self._clock = clock
        self._pace = Pace(_PROGRESS_INTERVAL_S, clock)
        self._pace.due()  # the first line of progress comes after the interval: a short transfer has none
        self._rate = Rate()

    def on_phase(self, phase: str, text: str) -> None:
        """Write the phase in one line."""
        super().on_phase(phase, text)
        if phase != "done":  # the summary says so
            self._console.print(safe(f"{phase}: {text}" if text else phase))

    def on_progress(self, progress: Progress) -> None:
        """Write all destinations in one line."""
        done = sum(one.bytes_done for one in progress.destinations)
        self._rate.add(self._clock(), done)
        if not self._pace.due():
            return
        total = sum(one.bytes_total for one in progress.destinations)
        objects = sum(one.objects_done for one in progress.destinations)
        failed = sum(one.failed for one in progress.destinations)
        self._console.print(
            f"transferring: {format_bytes(done)} of {format_bytes(total)}, {count(objects, 'object')}, "
            f"{format_rate(self._rate.bytes_per_s)}" + (f", {failed:,} failed" if failed else "")
        )

    def on_warning(self, text: str) -> None:
        """Write the warning."""
        self.warned.add(text)
        self._console.print(safe(f"warning: {text}"))
