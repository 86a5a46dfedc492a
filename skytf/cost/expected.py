"""What moving a surveyed volume uses of its clouds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from skytf.cost.bill import price
from skytf.model.cost import Cost
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology
from skytf.model.usage import FleetTime, Moved, Usage
from skytf.volume.asked import requests_of
from skytf.volume.pieces import Pieces, pieces_by_job, wire_bytes
from skytf.volume.ways import ways

# What TCP and IP put around what they carry, where a cloud bills that too: 52 of 1,500 bytes (IPv4 20, TCP 20, its time
# stamps 12: RFC 791, RFC 9293, RFC 7323) on the usual Ethernet. No cloud says whether it does.
HEADERS = 1_500 / 1_448


def expected_usage(request: Request, surveys: Sequence[JobSurvey], topology: Topology, prediction: Prediction) -> Usage:
    """
    Return what moving what *surveys* found through *topology* uses, at the pace of *prediction*.

    Bytes are those of the objects with the frames around them; the high bound has the headers of TCP and IP too.
    """
    pieces = pieces_by_job(surveys, request.settings)
    moved = []
    for way in ways(request, topology):
        if way.leaves:
            wire = wire_bytes(pieces.get(way.job_id, Pieces()), request.settings)
            billed = Span(wire.low, wire.likely, None if wire.high is None else wire.high * HEADERS)
            moved.append(Moved(way.source_place, way.target_place, billed, way.ends))
    count = Counter(gateway.region for gateway in topology.gateways)
    return Usage(
        moved=tuple(moved),
        fleet=tuple(FleetTime(region, count[region], prediction.fleet_s) for region in sorted(count)),
        requests=requests_of(request, pieces),
        delivered=tuple(
            ((job.job_id, index), pieces.get(job.job_id, Pieces()).size_bytes)
            for job in request.jobs
            for index in range(len(job.destinations))
        ),
    )


def estimate(
    request: Request, surveys: Sequence[JobSurvey], topology: Topology, figures: Figures, prediction: Prediction
) -> Cost:
    """Return what moving what *surveys* found through *topology* costs, at the pace of *prediction*."""
    return price(expected_usage(request, surveys, topology, prediction), request, figures)
