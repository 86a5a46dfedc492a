"""Each link is as slow as the catalog says, at one scale for all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.bundle import Bundle, Manifest
from skytf.model.job import LinkShape, Request
from skytf.model.region import Region
from skytf.model.rehearsal import Rehearsing
from skytf.prepare import derive
from skytf.rehearsal.stage import Rehearsal, here, staged
from tests.skytf.rehearsal.plans import AZURE, EAST, GOOGLE, RATES, RELAY, SURVEY, asked, bundle, figures

LINKS = 4  # two gateways of each site with two of the next


def shapes(rehearsal: Rehearsal) -> dict[tuple[Region, Region], LinkShape]:
    return {(one.source, one.target): one for one in rehearsal.bundle.manifest.request.shapes}


def test_what_two_sites_reach_is_shared_out_among_their_links() -> None:
    rehearsal = staged(bundle(), Rehearsing())

    found = shapes(rehearsal)
    for (source, target), (gbps, rtt_ms) in RATES.items():
        assert gbps is not None
        assert rtt_ms is not None
        shape = found[here(source), here(target)]
        assert shape.link_mbps == pytest.approx(2 * gbps * 1000 * rehearsal.scale / LINKS, rel=0.01)
        assert shape.delay_ms == rtt_ms / 2


def test_a_slow_plan_is_played_at_full_speed() -> None:
    slow = dict.fromkeys(RATES, (0.01, 10.0))

    rehearsal = staged(bundle(rates=slow), Rehearsing())

    assert rehearsal.scale == 1.0
    assert {one.link_mbps for one in shapes(rehearsal).values()} == {5.0}


def test_the_cap_of_a_site_is_shared_out_among_its_links() -> None:
    fast = dict.fromkeys(RATES, (50.0, 10.0))

    rehearsal = staged(bundle(rates=fast, cap_gbps=3.0), Rehearsing())

    assert rehearsal.whole.bottleneck == f"egress of {RELAY}"
    found = shapes(rehearsal)
    leaving = [found[here(RELAY), here(target)].link_mbps * LINKS for target in (GOOGLE, AZURE)]
    assert sum(leaving) == pytest.approx(2 * 3000 * rehearsal.scale, rel=0.01)
    assert found[here(EAST), here(RELAY)].link_mbps * LINKS == pytest.approx(2 * 3000 * rehearsal.scale, rel=0.01)


def test_a_link_without_figures_is_not_shaped_and_said_so() -> None:
    rates = {**RATES, (RELAY, AZURE): (None, None)}

    rehearsal = staged(bundle(rates=rates), Rehearsing())

    shape = shapes(rehearsal)[here(RELAY), here(AZURE)]
    assert (shape.link_mbps, shape.delay_ms) == (0.0, 0.0)
    assert shapes(rehearsal)[here(RELAY), here(GOOGLE)].link_mbps > 0
    about = [note for note in rehearsal.notes if note.startswith(f"{RELAY} -> {AZURE}: ")]
    assert ["throughput" in note or "round trip" in note for note in about] == [True, True]


def test_a_link_is_never_so_slow_that_it_has_no_limit() -> None:
    rates = {**RATES, (EAST, RELAY): (1e-7, 1.0), (RELAY, AZURE): (1e-7, 1.0)}

    rehearsal = staged(bundle(rates=rates), Rehearsing())

    assert min(one.link_mbps for one in shapes(rehearsal).values()) > 0


def test_both_ways_between_two_sites_have_the_lower_rate() -> None:
    there = asked(via=None).jobs[0]
    back = replace(
        there,
        job_id="job-1",
        source=replace(there.destinations[0], prefix="x"),
        destinations=(replace(there.source, prefix="y"),),
    )
    one_way = replace(there, destinations=there.destinations[:1])
    given = both(Request((one_way, back), instances=2), {(EAST, GOOGLE): (4.0, 8.0), (GOOGLE, EAST): (1.0, 8.0)})

    rehearsal = staged(given, Rehearsing())

    (shape,) = shapes(rehearsal).values()
    assert shape.link_mbps == pytest.approx(1000 * 2 * rehearsal.scale / LINKS, rel=0.01)
    assert any("lower of their rates" in note for note in rehearsal.notes)


def both(request: Request, rates: dict[tuple[Region, Region], tuple[float | None, float | None]]) -> Bundle:
    surveys = tuple(replace(SURVEY, job_id=job.job_id) for job in request.jobs)
    return derive(Manifest(request, surveys, figures(request, rates, None)))


def test_the_shape_that_a_local_plan_has_is_kept_at_the_scale() -> None:
    shape = LinkShape(EAST, GOOGLE, link_mbps=300.0, connection_mbps=50.0, delay_ms=7.0)
    request = replace(asked(via=None), shapes=(shape,))

    rehearsal = staged(bundle(request, rates={(EAST, GOOGLE): (4.0, 8.0), (EAST, AZURE): (4.0, 8.0)}), Rehearsing())

    found = shapes(rehearsal)[here(EAST), here(GOOGLE)]
    assert rehearsal.scale < 1
    assert found.link_mbps == pytest.approx(4 * 50 * rehearsal.scale, rel=0.01)  # what its four connections reach
    assert found.delay_ms == 7.0
