"""One progress bar per destination, as wide as the terminal allows."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.units import format_bytes, format_rate
from skytf.cli.display.rate import Rate
from skytf.cli.text import count, format_duration, safe
from skytf.hooks import DestinationProgress, Progress

_WIDE = 110
_MEDIUM = 64
_MAX_BARS = 12


class Bars:
    """A renderable of the latest `Progress`: name and numbers in one line where there is room, else in two."""

    def __init__(self) -> None:
        self._progress = Progress((), 0.0)
        self._rates: dict[tuple[str, str], Rate] = {}

    def update(self, progress: Progress) -> None:
        """Show *progress* from now on."""
        for one in progress.destinations:
            self._rates.setdefault((one.job_id, one.url), Rate()).add(progress.elapsed_s, one.bytes_done)
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render at most twelve destinations, the others as a number."""
        shown = self._progress.destinations[:_MAX_BARS]
        hidden = len(self._progress.destinations) - len(shown)
        wide = options.max_width >= _WIDE
        yield self._table(shown) if wide else Group(*(self._two_lines(one, options.max_width) for one in shown))
        if hidden:
            yield Text(f"  and {count(hidden, 'more destination')}", style="dim")

    def _table(self, shown: tuple[DestinationProgress, ...]) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
        table.add_column(ratio=1, min_width=10)
        for _ in range(5):
            table.add_column(justify="right", no_wrap=True)
        for one in shown:
            table.add_row(Text("  " + safe(one.url), style="cyan"), _bar(one), *self._numbers(one))
        return table

    def _two_lines(self, one: DestinationProgress, width: int) -> RenderableType:
        numbers = self._numbers(one)
        kept = numbers if width >= _MEDIUM else [numbers[0], numbers[3]]
        below = Table.grid(padding=(0, 2), expand=True)
        below.add_column(ratio=1, min_width=8)
        for _ in kept:
            below.add_column(justify="right", no_wrap=True)
        below.add_row(_bar(one), *kept)
        name = Text("  " + safe(one.url), style="cyan", no_wrap=True, overflow="ellipsis")
        return Group(name, _indented(below))

    def _numbers(self, one: DestinationProgress) -> list[Text]:
        rate = self._rates[one.job_id, one.url]
        eta_s = rate.eta_s(one.bytes_total - one.bytes_done)
        objects = f"{one.objects_done:,}/{one.objects_total:,} objects"
        return [
            Text(f"{_fraction(one):4.0%}", style="bold"),
            Text(f"{format_bytes(one.bytes_done)} of {format_bytes(one.bytes_total)}"),
            Text(f"{objects}, {one.failed:,} failed", style="red") if one.failed else Text(objects),
            Text(format_rate(rate.bytes_per_s)),
            Text(f"{format_duration(eta_s)} left" if eta_s is not None else "", style="dim"),
        ]


def _indented(line: Table) -> RenderableType:
    outer = Table.grid(expand=True)
    outer.add_column(width=4)
    outer.add_column(ratio=1)
    outer.add_row("", line)
    return outer


def _fraction(one: DestinationProgress) -> float:
    """By bytes; by objects where all of them are empty."""
    done, total = (one.bytes_done, one.bytes_total) if one.bytes_total else (one.objects_done, one.objects_total)
    return min(done / total, 1.0) if total else 1.0


def _bar(one: DestinationProgress) -> ProgressBar:
    return ProgressBar(total=1.0, completed=_fraction(one), finished_style="green", complete_style="cyan")
