"""The display on a terminal: finished phases scroll up, what runs now is redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from gateway.units import format_bytes
from skytf.cli.display.bars import Bars
from skytf.cli.display.base import Display
from skytf.cli.display.terraform import words
from skytf.cli.text import count, format_duration, safe
from skytf.hooks import Progress
from skytf.report import Failure
from skytf.runner.messages import Message

_REFRESH_PER_SECOND = 8
_WIDTH = 100
_SHOWN_FAILURES = 5
_SHOWN_HOSTS = 8


class TerminalDisplay(Display):
    """Draws on *console*: `rich.live` redraws from a thread of its own, which `__exit__` joins."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._phase = ""
        self._text = ""
        self._began_s = 0.0
        self._detail = ""
        self._hosts: dict[str, str] = {}
        self._bars: Bars | None = None
        self._failures = 0
        self._spinner = Spinner("dots", style="cyan")

    def __enter__(self) -> Self:
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the running phase, failed where the work raised, and give the cursor back."""
        self._finish(failed=error is not None)
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Close the running phase and draw nothing meanwhile."""
        self.__exit__(None, None, None)
        yield
        self.__enter__()

    def on_phase(self, phase: str, text: str) -> None:
        """Let the last phase scroll up and draw the next."""
        super().on_phase(phase, text)
        self._finish()
        if phase != "done":
            self._phase, self._text, self._began_s = phase, text, self._clock()

    def on_survey(self, job_id: str, objects: int, size_bytes: int) -> None:  # noqa: ARG002  # one job at a time
        """Draw how far the listing is."""
        self._detail = f"{count(objects, 'object')}, {format_bytes(size_bytes)}"

    def on_terraform(self, message: Message) -> None:
        """Draw what Terraform does now."""
        self._detail = words(message) or self._detail

    def on_host(self, gateway_id: str, step: str) -> None:
        """Draw how far each gateway is."""
        self._hosts = {**self._hosts, gateway_id: step}

    def on_progress(self, progress: Progress) -> None:
        """Draw a bar per destination."""
        bars = self._bars or Bars()
        bars.update(progress)
        self._bars = bars

    def on_failure(self, failure: Failure) -> None:
        """Print the first failures; the report has them all."""
        self._failures += 1
        if self._failures <= _SHOWN_FAILURES:
            self._line("✗", "red", f"{failure.destination}: {failure.error}")
        elif self._failures == _SHOWN_FAILURES + 1:
            self._line("✗", "red", "more objects fail; the report names them")

    def on_warning(self, text: str) -> None:
        """Print the warning."""
        self.warned.add(text)
        self._line("!", "yellow", text)

    def _finish(self, *, failed: bool = False) -> None:
        """Print the phase that ran as a line that stays."""
        if not self._phase:
            return
        mark, style = ("✗", "red") if failed else ("✓", "green")
        self._console.print(self._row(Text(mark, style=style), self._clock() - self._began_s))
        self._phase, self._detail, self._hosts, self._bars = "", "", {}, None

    def _line(self, mark: str, style: str, text: str) -> None:
        self._console.print(Text.assemble((f"{mark} ", style), safe(text)))

    def _row(self, mark: RenderableType, elapsed_s: float) -> Table:
        row = Table.grid(padding=(0, 1), expand=True)
        row.width = min(self._console.width, _WIDTH)
        row.add_column(width=1)
        row.add_column(min_width=12, no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        duration = Text(format_duration(elapsed_s), style="dim")
        row.add_row(mark, Text(self._phase, style="bold"), Text(safe(self._text)), duration)
        return row

    def _render(self) -> RenderableType:
        """Return what runs now; called from the drawing thread, so it reads each field once."""
        if not self._phase:
            return Text("")
        parts: list[RenderableType] = [self._row(self._spinner, self._clock() - self._began_s)]
        if self._detail:
            parts.append(Text("  " + safe(self._detail), style="dim", no_wrap=True, overflow="ellipsis"))
        hosts = sorted(self._hosts.items())
        for gateway_id, step in hosts[:_SHOWN_HOSTS]:
            parts.append(Text.assemble(("  " + safe(gateway_id), "cyan"), "  ", (safe(step), "dim")))
        if len(hosts) > _SHOWN_HOSTS:
            parts.append(Text(f"  and {count(len(hosts) - _SHOWN_HOSTS, 'more gateway')}", style="dim"))
        bars = self._bars
        if bars is not None:
            parts.append(bars)
        return Group(*parts)
