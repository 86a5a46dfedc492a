"""How long each step of a deployment took, per host and for the fleet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# In the order in which a host goes through them: until SSH answers, until cloud-init is done, until the host has a key
# of its own, until its trees and files are there, until its daemon is ready. "all" is the time from first to last.
STEPS = ("connecting", "booting", "rotating", "trees", "starting", "all")


@dataclass(frozen=True, slots=True)
class SlowestHost:
    """The host that took longest for *step*, and how long."""

    step: str
    gateway_id: str
    seconds: float


def slowest_hosts(steps_s: Mapping[str, Mapping[str, float]]) -> tuple[SlowestHost, ...]:
    """
    Return the slowest host of each step that any host took, in the order of `STEPS`.

    Args:
        steps_s: Per gateway id, the seconds of each step (`Deployed.steps_s`).
    """
    found = []
    for step in STEPS:
        took = {gateway_id: one[step] for gateway_id, one in steps_s.items() if step in one}
        if took:
            slowest = max(sorted(took), key=lambda gateway_id: took[gateway_id])
            found.append(SlowestHost(step, slowest, took[slowest]))
    return tuple(found)


class Stopwatch:
    """The steps of one host."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._steps_s: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of this context to the step *name*."""
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self._steps_s[name] = self._steps_s.get(name, 0.0) + time.monotonic() - begun_s

    def seconds(self) -> dict[str, float]:
        """Return the seconds per step so far, and those since the start as ``all``."""
        return {**self._steps_s, "all": time.monotonic() - self._begun_s}
