"""How fast gateways are: real daemons over loopback, beside what plain TCP does on the same machine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.control_plane import bare_python_s, timed
from benchmarks.daemons import Daemon
from benchmarks.fleet import Fleet, Load
from benchmarks.plain_tcp import plain_tcp_s
from benchmarks.rows import Goal, Row
from gateway.program import Settings
from gateway.units import GIB

# Between two gateways, in every row and in the reference: on two cores one connection keeps both ends busy, and more
# only take turns. The rows with a 4 in their name are with as many as a plan takes by default.
CONNECTIONS = 1
MORE_CONNECTIONS = 4
# CUBIC, because BBR halves what loopback carries and hides what the gateways cost; BBR stands beside it.
CONGESTION = "cubic"
# Objects over the threshold, so that they travel as chunks of 64 MiB.
LARGE = Load(objects=8, size_bytes=GIB)
TEXT = Load(objects=4, size_bytes=GIB)
SMALL = Load(objects=50_000, size_bytes=4096)
PLAIN_BYTES = 12 * GIB
IDLE_S = 10.0

GOALS = {
    "e2ee-incompressible": Goal(0.60, of_ratio=True),
    "lz4-e2ee-text": Goal(1.0),
    "relay-e2ee": Goal(0.80, of_ratio=True),
    "small-4k": Goal(10_000),
    "idle-cpu": Goal(0.5, at_least=False),
    "start-to-ready": Goal(0.4, at_least=False),
}


def rows(runs: int) -> list[Row]:
    """
    Measure each thing *runs* times, one after the other in every round, and return the medians.

    ``relay-e2ee`` is compared with ``1 / (1 / e2ee + 1 / plain-tcp)``, what is left when a relay takes the cores that
    plain TCP would: source, relay and sink share them here.
    """
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        home = Path(directory)
        pair = stack.enter_context(fleet(home / "pair"))
        with_bbr = stack.enter_context(fleet(home / "bbr", congestion="bbr"))
        with_more = stack.enter_context(fleet(home / "more", connections=MORE_CONNECTIONS))
        text = stack.enter_context(fleet(home / "text", source={"compressible": True}))
        relayed = stack.enter_context(fleet(home / "relayed", relays=1))
        measured = alternating(
            runs,
            {
                "plain-tcp": lambda: plain(CONGESTION),
                "e2ee-incompressible": lambda: goodput(pair, LARGE),
                "plain-tcp-bbr": lambda: plain("bbr"),
                "e2ee-incompressible-bbr": lambda: goodput(with_bbr, LARGE),
                "plain-tcp-4": lambda: plain(CONGESTION, MORE_CONNECTIONS),
                "e2ee-incompressible-4": lambda: goodput(with_more, LARGE),
                "lz4-e2ee-text": lambda: goodput(text, TEXT),
                "relay-e2ee": lambda: goodput(relayed, LARGE),
                "small-4k": lambda: SMALL.objects / pair.move(SMALL),
            },
        )
        idle = idle_percent(pair)
        starts = start_to_ready_s(home / "starts", runs)
    return [
        *_compared(measured),
        Row.of("idle-cpu", idle, "% core"),
        Row.of("start-to-ready", starts, "s", bare_python_s(runs)),
    ]


def fleet(home: Path, *, congestion: str = CONGESTION, connections: int = CONNECTIONS, **more: object) -> Fleet:
    """Return gateways as deployed, with the settings that a plan has by default."""
    return Fleet(home, Settings(congestion=congestion), connections=connections, **more)  # type: ignore[arg-type]  # one of Fleet's


def alternating(runs: int, measures: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of *runs* of each of *measures*, taken in turn; a run before them, of each, counts for none."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(runs + 1):
        for name, measure in measures.items():
            value = measure()
            if number:
                taken[name].append(value)
    return {name: statistics.median(values) for name, values in taken.items()}


def goodput(gateways: Fleet, load: Load) -> float:
    """Return GB/s of object bytes."""
    return load.total_bytes / gateways.move(load) / 1e9


def plain(congestion: str, connections: int = CONNECTIONS) -> float:
    """Return GB/s through plain TCP."""
    return PLAIN_BYTES / plain_tcp_s(PLAIN_BYTES, connections=connections, congestion=congestion) / 1e9


def idle_percent(gateways: Fleet) -> float:
    """Return what the busiest of *gateways* uses of a core while there is nothing to do."""
    time.sleep(1.0)  # what the last move leaves to be said is said
    before = [daemon.cpu_s() for daemon in gateways.daemons]
    time.sleep(IDLE_S)
    after = [daemon.cpu_s() for daemon in gateways.daemons]
    return max(late - early for early, late in zip(before, after, strict=True)) / IDLE_S * 100


def start_to_ready_s(home: Path, runs: int) -> float:
    """Return the time from the command that starts a source gateway to its READY line."""

    def start(number: int) -> float:
        program = Fleet(home, Settings()).programs()[0]
        daemon = Daemon(home / str(number), program, transfer_id="bench", payload_key="00" * 32)
        try:
            return timed(daemon.start)
        finally:
            daemon.stop()

    return statistics.median(start(number) for number in range(runs))


def _compared(measured: dict[str, float]) -> list[Row]:
    plain_tcp, end_to_end = measured["plain-tcp"], measured["e2ee-incompressible"]
    references = {
        "e2ee-incompressible": plain_tcp,
        "e2ee-incompressible-bbr": measured["plain-tcp-bbr"],
        "e2ee-incompressible-4": measured["plain-tcp-4"],
        "lz4-e2ee-text": plain_tcp,
        "relay-e2ee": 1 / (1 / end_to_end + 1 / plain_tcp),
    }
    return [
        Row.of(name, value, "objects/s" if name == "small-4k" else "GB/s", references.get(name))
        for name, value in measured.items()
    ]
