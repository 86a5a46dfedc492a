"""What one run of the command line shares between its parts; click carries it as `obj`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

from rich.console import Console, RenderableType

from skytf.cli.lines import Lines
from skytf.cli.streams import steady
from skytf.errors import InputError

if TYPE_CHECKING:
    from skytf.cli.display import Display
    from skytf.client import Client
    from skytf.hooks import Hooks

T = TypeVar("T")


class ClientFactory(Protocol):
    """Makes the client of one command; tests hand in another."""

    def __call__(self, *, home: Path | None, engine: str | None, hooks: Hooks | None) -> Client:
        """Return a client that calls *hooks*."""


def real_client(*, home: Path | None, engine: str | None, hooks: Hooks | None) -> Client:
    """Return a `skytf.client.Client`, imported only now: it brings SSH, stores and Terraform along."""
    client: Client = import_module("skytf.client").Client(home=home, engine=engine, hooks=hooks)
    return client


class Session:
    """
    The options that every command has, and the three ways to talk.

    Results go to standard output, what happens meanwhile to standard error; with ``json`` both are JSON Lines on
    standard output. With ``two_differs`` 2 is the exit code of an answer, and what else would end with it ends with 1.
    """

    def __init__(self, factory: ClientFactory = real_client) -> None:
        self.factory = factory
        self.json = False
        self.yes = False
        self.debug = False
        self.two_differs = False
        self.home: Path | None = None
        self.engine: str | None = None

    def client(self) -> Client:
        """Return the client of this run; what it reports while it works goes to `display`."""
        return self.factory(home=self.home, engine=self.engine, hooks=self.display)

    @cached_property
    def results(self) -> Console:
        """Standard output, for people."""
        return _console(sys.stdout)

    @cached_property
    def messages(self) -> Console:
        """Standard error, for people."""
        return _console(sys.stderr)

    @cached_property
    def lines(self) -> Lines:
        """Standard output, for scripts."""
        return Lines(steady(sys.stdout))

    @cached_property
    def display(self) -> Display:
        """What happens while a command works, shown as it happens."""
        # Imported on use, as the client is: --help needs no progress bars.
        display: Display = import_module("skytf.cli.display").display_for(
            self.messages, self.lines if self.json else None
        )
        return display

    @property
    def interactive(self) -> bool:
        """Whether there is a person to ask."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, kind: str, items: Sequence[T], render: Callable[[Sequence[T]], RenderableType]) -> None:
        """Show results: a line of *kind* for each of *items* to scripts, *render* of all of them to people."""
        if not self.json:
            self.results.print(render(items))
            return
        for item in items:
            self.lines.write(kind, item)

    def note(self, text: str) -> None:
        """Say one thing that is a result by itself."""
        if self.json:
            self.lines.write("note", {"text": text})
        else:
            self.results.print(text)

    def require_answer(self, question: str) -> None:
        """
        Make sure before any work that *question* can be answered.

        Raises:
            InputError: Nobody is there to ask, and --yes was not given.
        """
        if not self.yes and not self.interactive:
            raise InputError(f"nobody to ask here: {question}", hint="add --yes to go on without a question")

    def ask(self, question: str, wait_for_answer: Callable[[], None] = lambda: None) -> bool:
        """Return the answer of the person at the terminal; --yes has said it already."""
        if self.yes:
            return True
        self.messages.print(f"[bold]{question}[/] \\[y/N] ", end="", markup=True)
        wait_for_answer()
        try:
            return sys.stdin.readline().strip().lower() in {"y", "yes"}
        except UnicodeDecodeError:
            return False


def _console(stream: TextIO) -> Console:
    file = steady(stream)
    # Off a terminal nothing wraps: a log is searched line by line.
    width = None if file.isatty() else 10_000
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)
