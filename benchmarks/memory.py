"""`make bench-memory`: what gateways keep resident over 50 GiB, and with a sink ten times slower than its source."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.fleet import Fleet, Load
from gateway.footprint import BASE_BYTES, bound_bytes
from gateway.program import Settings
from gateway.units import GIB, MIB

OBJECTS = 50
FIRST = Load(2, GIB)
SLOWER = 10
# What Python, its libraries and a transfer's own notes may take beyond what stands in the formula for pool and
# connections: less than its base, which leaves room for small objects and for the SDK of a store.
NOTES_BYTES = 32 * MIB


def measure(home: Path, load: Load, bytes_per_s: int = 0) -> tuple[float, bool]:
    """Move *load* through source, relay and sink; print what each keeps; return GB/s and whether all kept to it."""
    kept = True
    with Fleet(home, Settings(), relays=1, connections=2, sink={"bytes_per_s": bytes_per_s}) as fleet:
        ready = [daemon.memory_bytes()["VmRSS"] for daemon in fleet.daemons]
        fleet.move(FIRST)
        early = [daemon.memory_bytes()["VmHWM"] for daemon in fleet.daemons]
        goodput = load.total_bytes / fleet.move(load) / 1e9
        for daemon, program, idle, before in zip(fleet.daemons, fleet.programs(), ready, early, strict=True):
            after = daemon.memory_bytes()["VmHWM"]
            bound = idle + bound_bytes(program) - BASE_BYTES + NOTES_BYTES
            kept = kept and after <= bound
            sizes = "".join(f"{size / MIB:>10.0f}" for size in (idle, before, after, bound))
            print(f"{daemon.name:<12}{sizes} MiB  {'✓' if after <= bound else '✗'}", flush=True)
    return goodput, kept


def main() -> int:
    """Measure both, and return 1 if a bound is broken."""
    print(f"{'':<12}{'ready':>10}{'2 GiB':>10}{'50 GiB':>10}{'bound':>10}")
    with tempfile.TemporaryDirectory() as directory:
        goodput, flat = measure(Path(directory) / "quick", Load(OBJECTS, GIB))
        print(f"at {goodput:.2f} GB/s; now with a sink that takes a tenth of it", flush=True)
        _, slow = measure(Path(directory) / "slow", Load(OBJECTS, GIB), int(goodput / SLOWER * 1e9))
    return 0 if flat and slow else 1


if __name__ == "__main__":
    sys.exit(main())
