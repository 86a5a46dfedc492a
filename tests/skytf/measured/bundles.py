"""Bundles without files, and what their gateways may have counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from skytf.bundle import Bundle, Manifest, compose
from skytf.cost import estimate
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.survey import JobSurvey
from skytf.monitor.events import Totals
from skytf.planner import plan
from skytf.predict import predict
from skytf.programs import programs
from tests.skytf.hand import EAST, GB, IOWA, egress, figures, link, prices, q, site, surveyed

KNOWN = figures(
    sites=(site(EAST), site(IOWA, hour=q(3))),
    links=(link(EAST, IOWA),),
    out=(egress(EAST, IOWA, 0.09), egress(IOWA, EAST, 0.1)),
    stores=(prices("job-0-source"), prices("job-0-destination-0")),
)


def bundle_of(wanted: Request, surveys: Sequence[JobSurvey] = (), known: Figures = KNOWN) -> Bundle:
    """Return the bundle of *wanted*, predicted and priced; 1,000 objects of 1 GB where no surveys are given."""
    found = surveys or [surveyed(GB, times=1_000, number=number) for number in range(len(wanted.jobs))]
    bare = plan(wanted)
    prediction = predict(wanted, found, bare, known)
    topology = replace(bare, prediction=prediction, cost=estimate(wanted, found, bare, known, prediction))
    return compose(
        manifest=Manifest(wanted, tuple(found), known),
        topology=topology,
        programs=programs(topology, wanted),
        infra={},
        plan_md=b"",
        plan_html=b"",
    )


def totals(
    sent: dict[str, int] | None = None,
    received: dict[str, int] | None = None,
    stores: dict[str, dict[str, int]] | None = None,
) -> Totals:
    return Totals(sent_to=sent or {}, received_from=received or {}, stores=stores or {})
