"""What every display is: hooks that show, around the work they show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from skytf.hooks import Hooks

_CREATING = frozenset({"applying", "deploying", "transferring", "verifying", "destroying"})


class Display(Hooks):
    """
    Hooks that show; a context manager around the work they show.

    ``warned`` are the warnings that were shown, so that a summary need not repeat them; ``creating`` says that a
    phase has begun in which there may be a fleet.
    """

    def __init__(self) -> None:
        self.warned: set[str] = set()
        self.creating = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the screen as it will stay."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the screen to somebody else for a while."""
        yield

    def on_phase(self, phase: str, text: str) -> None:  # noqa: ARG002  # the signature of a hook
        """Note whether there may be a fleet now."""
        self.creating = phase in _CREATING
