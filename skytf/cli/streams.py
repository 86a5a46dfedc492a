"""Standard output and error that never stop a transfer: a reader that went away must not cost a fleet."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO, cast


class _Steady:
    """
    A text stream whose writes never fail.

    After the first error (a closed pipe, a terminal that hung up) it is connected to the null device, so that nothing
    complains at exit either. Characters that the encoding lacks are written as escapes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._deaf_on_error():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._deaf_on_error():
            self._stream.flush()

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except ValueError:
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _deaf_on_error(self) -> Any:
        try:
            yield
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)


def open_missing() -> None:
    """Connect to the null device what the caller closed of the standard streams: `skytf … <&- >&-`."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:  # nothing else may get this number: children would take it for a standard stream
            os.dup2(null, number)
            os.close(null)
        setattr(sys, name, os.fdopen(number, mode))


def steady(stream: TextIO) -> TextIO:
    """Return *stream* made safe to write to for as long as the process lives."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, _Steady(stream))
