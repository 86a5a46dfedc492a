"""How fast a topology should be, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.model.region import Region
from skytf.model.span import Span


@dataclass(frozen=True, slots=True)
class LinkPrediction:
    """
    What passes from one site to another.

    ``capacity_gbps`` is what all gateways of both reach together, ``flow_gbps`` what passes at the predicted pace, and
    ``object_bytes`` how much in all (a byte for two destinations behind the link passes once).
    """

    source: Region
    target: Region
    capacity_gbps: Span
    flow_gbps: Span
    object_bytes: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """
    The pace of a transfer.

    ``goodput_gbps`` counts object bytes delivered per second, summed over destinations; ``transfer_s`` is the phase in
    which they move, ``fleet_s`` from the first VM's start to the last one's end. ``bottleneck`` names what limits it:
    ``aws:us-east-1 -> gcp:us-central1`` or ``egress of aws:us-east-1``; empty where nothing is known.
    ``unknown`` says in words what could not be taken into account.
    """

    goodput_gbps: Span
    transfer_s: Span
    fleet_s: Span
    links: tuple[LinkPrediction, ...] = ()
    bottleneck: str = ""
    unknown: tuple[str, ...] = ()
