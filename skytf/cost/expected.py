"""What moving a surveyed volume uses of its clouds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

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
from skytf.volume.pieces import Pieces, answer_bytes, pieces_by_job, wire_bytes
from skytf.volume.ways import Way, ways

# What TCP and IP put around what they carry, where a cloud bills that too: 52 of 1,500 bytes (IPv4 20, TCP 20, its time
# stamps 12: RFC 791, RFC 9293, RFC 7323) on the usual Ethernet. No cloud says whether it does.
HEADERS = 1_500 / 1_448
# And what TCP sends back: an empty packet for every second full one at least (RFC 9293, 3.8.6.3), where no network card
# takes several for one.
ACKNOWLEDGED = 52 / (2 * 1_448)


def expected_usage(request: Request, surveys: Sequence[JobSurvey], topology: Topology, prediction: Prediction) -> Usage:
    """
    Return what moving what *surveys* found through *topology* uses, at the pace of *prediction*.

    Bytes are those of the objects with the frames around them, and what is answered to them over links; the high bound
    has the headers and acknowledgements of TCP and IP too.
    """
    pieces = pieces_by_job(surveys, request.settings)
    moved = [
        one
        for way in ways(request, topology)
        if way.leaves
        for one in _moved(way, pieces.get(way.job_id, Pieces()), request)
    ]
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


def _moved(way: Way, pieces: Pieces, request: Request) -> Iterator[Moved]:
    wire = wire_bytes(pieces, request.settings)
    high = wire.high or 0.0
    yield Moved(way.source_place, way.target_place, Span(wire.low, wire.likely, high * HEADERS), way.ends)
    if way.source is not None and way.target is not None:
        back = answer_bytes(pieces, len(way.ends))
        high = (back.high or 0.0) * HEADERS + high * ACKNOWLEDGED
        yield Moved(way.target_place, way.source_place, Span(back.low, back.likely, high), way.ends)


def estimate(
    request: Request, surveys: Sequence[JobSurvey], topology: Topology, figures: Figures, prediction: Prediction
) -> Cost:
    """Return what moving what *surveys* found through *topology* costs, at the pace of *prediction*."""
    return price(expected_usage(request, surveys, topology, prediction), request, figures)
