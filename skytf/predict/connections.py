"""What so many connections between two gateways get out of a line, of what was measured with 64."""

from __future__ import annotations

from skytf.model.span import Span

# The throughput between regions was measured with so many connections (docs/catalog.md).
MEASURED_CONNECTIONS = 64
# With CUBIC a line of 100 Mbit/s that loses one packet of a thousand is full with one connection for every so many ms
# of round trip, and each of fewer adds the same: at 40, 90 and 150 ms. With BBR one connection has it all.
# Measured 2026-11-23 on emulated links (benchmarks/wan.py, docs/long-links.md).
MS_PER_CONNECTION = 4.0
_FULL_WITH_ONE = "bbr"
# VMs in clouds boot with BBR where their kernel has it (terraform/shared/cloud-init.yaml.tftpl).
_MACHINES_OWN = "auto"


def share(connections: int, congestion: str, rtt_ms: float | None) -> Span:
    """
    Return how much of the throughput that 64 connections reach *connections* do: 0 … 1.

    *congestion* is the setting of that name; *rtt_ms* None, not known, counts as long. Low is in proportion, which is
    true where loss limits even 64; high is all of it, which is true where the line does.
    """
    low = min(1.0, connections / MEASURED_CONNECTIONS)
    if congestion == _MACHINES_OWN or congestion.startswith(_FULL_WITH_ONE):
        return Span(low, 1.0, 1.0)
    full_with = MEASURED_CONNECTIONS if rtt_ms is None else max(1.0, rtt_ms / MS_PER_CONNECTION)
    return Span(low, max(low, min(1.0, connections / full_with)), 1.0)
