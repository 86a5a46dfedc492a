"""How a rehearsal is played, as its user may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rehearsing:
    """
    What a rehearsal may take of this machine.

    ``rate_mbps`` is what all its links may carry together, in Mbit/s; ``size_bytes`` is how much is moved at most,
    None for what takes about 20 s, at most 1 GiB. Gateways: at most 4 a site are played.
    """

    rate_mbps: float = 400.0
    size_bytes: int | None = None
