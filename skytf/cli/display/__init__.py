"""What happens while a command works: bars on a terminal, a few lines in a log, JSON for scripts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from skytf.cli.display.base import Display

if TYPE_CHECKING:
    from rich.console import Console

    from skytf.cli.lines import Lines

__all__ = ["Display", "display_for"]


def display_for(console: Console, lines: Lines | None) -> Display:
    """Return the display that fits *console*, or *lines* for scripts where given; its module is imported on use."""
    if lines is not None:
        return _load("script", "ScriptDisplay", lines)
    if console.file.isatty() and not console.is_dumb_terminal:
        return _load("terminal", "TerminalDisplay", console)
    return _load("log", "LogDisplay", console)


def _load(module: str, name: str, output: Lines | Console) -> Display:
    display: Display = getattr(import_module(f"skytf.cli.display.{module}"), name)(output)
    return display
