"""
`make bench-wan`: what gateways get out of long links, by round trip, loss, congestion control and connections.

Real daemons on emulated hosts (`tests.lab`): made-up objects in, confirmed and forgotten. A link passes 100 Mbit/s, one
packet of a thousand is lost, and chunks are as much smaller than deployed ones as the link is slower than 6.4 Gbit/s.
A run is measured once all connections are busy: bytes of frames that arrive at the sink per second. Frames add less
than 0.1 % to the bytes of objects, and a run in which one was sent twice is none.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet import Fleet, Load
from benchmarks.rows import Row, machine, write
from gateway.program import Settings
from gateway.units import KIB, MIB
from tests.lab.gateways import Gateway, Gateways
from tests.lab.hosts import why_no_hosts
from tests.lab.wan import Link, Wan

RESULT = Path("build/bench-wan.json")
LINK_MBIT = 100.0
LOSS = 1e-3
RAMP_S = 8.0
MEASURED_S = 12.0
GOAL = 0.9
SOURCE, RELAY, SINK = "source-1", "relay-1-1", "sink-1"
# 64 MiB on a link of 6.4 Gbit/s are under way as long as these on ours. Slices are what is counted when it is whole.
SETTINGS = {"chunk_bytes": MIB, "threshold_bytes": MIB, "batch_bytes": MIB, "slice_bytes": 64 * KIB}
# More than passes while it is measured; what is left is given up.
LOAD = Load(objects=64, size_bytes=16 * MIB)
# A run is worth nothing if the emulator was the limit, or had no core when it wanted one: then it is done again.
MOST_EMULATOR_CPU = 0.9
MOST_LATE_MS = 50.0
MOST_STARVED = 0.25
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One run. ``direct_mbit`` caps the direct way, ``relays`` take the one by a host between the two."""

    rtt_ms: int
    congestion: str
    connections: int
    relays: int = 0
    direct_mbit: float = LINK_MBIT
    loss: float = LOSS

    @property
    def name(self) -> str:
        """How the row is called."""
        way = "relay" if self.relays else "direct" if self.direct_mbit == LINK_MBIT else "slow-direct"
        return f"wan-{way}-{self.rtt_ms}ms-{self.congestion}-{self.connections}"


@dataclass(frozen=True, slots=True)
class Run:
    """
    What a run gave.

    Goodput in bytes per second, the emulator's share of a core and how late it was at worst, frames that were sent
    again, and for each connection the threads of gateways that on average were ready and had no core.
    """

    bytes_per_s: float
    emulator_cpu: float
    late_ms: float
    resent: int
    starved: float

    @property
    def doubtful(self) -> bool:
        """Whether this machine was too busy for the link or the gateways, or bytes were counted twice."""
        late = self.late_ms > MOST_LATE_MS or self.starved > MOST_STARVED
        return self.emulator_cpu > MOST_EMULATOR_CPU or late or self.resent > 0


def cases() -> Iterator[Case]:
    """Yield every run: round trips, then the ways with and without a relay where the direct one is slow."""
    for rtt_ms in (40, 90, 150):
        for connections in (1, 4, 16, 32, 64):
            yield Case(rtt_ms, "cubic", connections)
        for connections in (1, 4, 16):
            yield Case(rtt_ms, "bbr", connections)
    for congestion, connections in (("cubic", 64), ("bbr", 16)):
        yield Case(150, congestion, connections, direct_mbit=30.0)
        yield Case(150, congestion, connections, relays=1, direct_mbit=30.0)


def run(case: Case, home: Path) -> Run:
    """Return what *case* gives."""
    fleet = Fleet(
        home,
        Settings(**SETTINGS, congestion=case.congestion),  # type: ignore[arg-type]  # all of them are sizes
        relays=case.relays,
        connections=case.connections,
    )
    programs = fleet.programs()
    names = [program.gateway for program in programs]
    one_way_ms = case.rtt_ms / 2
    link = Link(LINK_MBIT, one_way_ms, case.loss)
    with Wan(names, link, egress_mbit=dict.fromkeys(names, LINK_MBIT), congestion=case.congestion) as wan:
        wan.set_both(SOURCE, SINK, mbit=case.direct_mbit)
        if case.relays:  # half way, and a little off it
            for end in (SOURCE, SINK):
                wan.set_both(end, RELAY, delay_ms=one_way_ms * 0.55)
        hosts, addresses = wan.hosts, wan.addresses
        with Gateways(
            home, programs, hosts=hosts, address=lambda one, _: (addresses[one.name], one.data_port)
        ) as gateways:
            feeder = threading.Thread(target=_feed, args=(gateways[SOURCE],))
            feeder.start()
            threading.Event().wait(RAMP_S)
            starved_s = -sum(gateways[name].starved_s() for name in names)
            before, from_s, first_bytes = wan.counters(), time.monotonic(), _arrived(gateways[SINK])
            threading.Event().wait(MEASURED_S)
            after, to_s, last_bytes = wan.counters(), time.monotonic(), _arrived(gateways[SINK])
            starved_s += sum(gateways[name].starved_s() for name in names)
            feeder.join()
            resent = gateways[SOURCE].call("GET", "/v1/status")["counters"]["frames_resent"]
            for one in programs:
                gateways[one.gateway].kill()
    cpu = (after["cpu_s"] - before["cpu_s"]) / (to_s - from_s)
    return Run(
        (last_bytes - first_bytes) / (to_s - from_s),
        cpu,
        after["late_s"] * 1000,
        resent,
        starved_s / MEASURED_S / case.connections,
    )


def undoubted(case: Case) -> Run:
    """Return the first run of *case* that this machine had the time for, else the last."""
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory() as home:
            result = run(case, Path(home))
        if not result.doubtful:
            break
    return result


def _arrived(sink: Gateway) -> int:
    return int(sink.call("GET", "/v1/status")["counters"]["bytes_received"])


def _feed(source: Gateway) -> None:
    for shard in LOAD.shards(1):
        source.take(shard)


def main() -> None:
    """Measure, print a table, write it as JSON. Arguments are parts of the names of the only runs that are wanted."""
    if why := why_no_hosts():
        sys.exit(f"no emulated hosts, so nothing can be measured: {why}")
    print(machine(), flush=True)
    print(f"link {LINK_MBIT:.0f} Mbit/s, loss {LOSS:.1%} of packets of 1500 bytes, one run of {MEASURED_S:.0f} s each")
    print(f"{'run':<30}{'Mbit/s':>8}{'of the link':>13}  {'emulator':<20}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that daemons and hosts are taken down
    rows = []
    for case in cases():
        if len(sys.argv) > 1 and not any(wanted in case.name for wanted in sys.argv[1:]):
            continue
        result = undoubted(case)
        share = result.bytes_per_s * 8 / 1e6 / LINK_MBIT
        marks = f"{'≥ 0.9 ✓' if share >= GOAL else ''} {'worth nothing' if result.doubtful else ''}"
        about = (
            f"{result.emulator_cpu:.0%} of a core, at most {result.late_ms:.0f} ms late; {result.starved:.2f} starved"
        )
        print(f"{case.name:<30}{share * LINK_MBIT:>8.1f}{share:>13.2f}  {about} {marks}".rstrip(), flush=True)
        reference = LINK_MBIT * 1e6 / 8 / 1e9
        rows.append(Row(case.name, round(result.bytes_per_s / 1e9, 6), "GB/s", reference, round(share, 3)))
    write(RESULT, rows)


if __name__ == "__main__":
    main()
