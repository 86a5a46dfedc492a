"""A figure that is not known exactly: its bounds, and what is likeliest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """
    ``low`` ≤ ``likely`` ≤ ``high``; a ``likely`` or ``high`` of None is unknown, and a ``low`` of 0 says nothing.

    Arithmetic is that of intervals of non-negative numbers: what is unknown in a part is unknown in the whole.
    """

    low: float = 0.0
    likely: float | None = None
    high: float | None = None

    @classmethod
    def exactly(cls, value: float) -> Span:
        """Return a figure that is known."""
        return cls(value, value, value)

    @classmethod
    def total(cls, parts: Iterable[Span]) -> Span:
        """Return the sum of *parts*, exactly 0 of none."""
        whole = cls.exactly(0.0)
        for part in parts:
            whole = whole + part
        return whole

    @property
    def known(self) -> bool:
        """Whether none of the three is unknown."""
        return self.likely is not None and self.high is not None

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, _add(self.likely, other.likely), _add(self.high, other.high))

    def __mul__(self, other: Span) -> Span:
        return Span(self.low * other.low, _times(self.likely, other.likely), _times(self.high, other.high))

    def scaled(self, factor: float) -> Span:
        """Return this figure times *factor*, which is not negative."""
        return self * Span.exactly(factor)

    def rounded(self, digits: int) -> Span:
        """Return this figure for a file that must be the same everywhere."""
        return Span(round(self.low, digits), _rounded(self.likely, digits), _rounded(self.high, digits))


def _add(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _times(one: float | None, other: float | None) -> float | None:
    if 0.0 in (one, other):
        return 0.0  # nothing of something that is unknown is still nothing
    return None if one is None or other is None else one * other


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
