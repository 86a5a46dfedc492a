"""What is played has the plan's own topology and programs, and nothing of an account in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.program import LEAVES, Program, Step, steps
from skytf.bundle import Bundle
from skytf.ends import ends_of
from skytf.errors import InputError
from skytf.home import TransferDir
from skytf.model.region import Region
from skytf.model.rehearsal import Rehearsing
from skytf.model.survey import JobSurvey, SizeClass
from skytf.rehearsal.stage import MOST_PER_SITE, OBJECTS_PER_GATEWAY, here, staged
from skytf.verification import Found
from tests.skytf.rehearsal.plans import AZURE, EAST, GOOGLE, RELAY, asked, bundle


@pytest.fixture(scope="module")
def given() -> Bundle:
    return bundle()


def shape_of(step: Step) -> tuple[object, ...]:
    """The graph below *step*, with every operator of a store called alike."""
    op = "store" if step.op not in {"send", "receive", "mux_or", "mux_and"} else step.op
    peer = step.params.get("peer", "")
    return (op, peer, step.destinations, tuple(shape_of(child) for child in step.children))


def test_every_site_is_another_one_of_this_machine(given: Bundle) -> None:
    topology = staged(given, Rehearsing()).bundle.topology

    assert topology.regions() == tuple(sorted(here(region) for region in given.topology.regions()))
    assert here(EAST) == Region("local", "aws-us-east-1")


def test_gateways_links_and_programs_are_those_of_the_plan(given: Bundle) -> None:
    played = staged(given, Rehearsing()).bundle

    assert [one.gateway_id for one in played.topology.gateways] == [one.gateway_id for one in given.topology.gateways]
    assert played.topology.links == given.topology.links
    assert played.programs.keys() == given.programs.keys()
    for name, program in given.programs.items():
        same: Program = played.programs[name]
        assert (same.peers, same.routes, same.sinks) == (program.peers, program.routes, program.sinks)
        assert [one.partitions for one in same.groups] == [one.partitions for one in program.groups]
        assert [shape_of(one.head) for one in same.groups] == [shape_of(one.head) for one in program.groups]


def test_no_step_opens_a_store(given: Bundle) -> None:
    played = staged(given, Rehearsing()).bundle

    found = [step for one in played.programs.values() for group in one.groups for step in steps(group.head)]
    assert {step.op for step in found} & {"gen_data", "discard"} == {"gen_data", "discard"}
    assert {step.op for step in found if step.op in LEAVES} == {"send", "discard"}
    assert not any("store" in step.params for step in found)


def test_nothing_of_an_account_is_left(given: Bundle) -> None:
    played = staged(given, Rehearsing()).bundle

    job = played.manifest.request.jobs[0]
    assert job.source.url == "generated://from/a"
    assert [one.region for one in (job.source, *job.destinations)] == [here(one) for one in (EAST, GOOGLE, AZURE)]
    assert played.manifest.request.via == here(RELAY)
    assert [one.url for one in job.destinations] == ["discard://to/b", "discard://acc/con/c"]
    assert all(one.access == "keys" and not one.store.credentials for one in (job.source, *job.destinations))
    assert {name.split("/")[1] for name in played.infra if name.startswith("modules/")} == {"local"}
    assert not any(b"provider " in content for name, content in played.infra.items() if name.endswith(".tf"))
    for content in played.files.values():
        assert b"s3://" not in content
        assert b"gs://" not in content


def test_its_ends_are_no_stores(given: Bundle, tmp_path: Path) -> None:
    played = staged(given, Rehearsing(size_bytes=10**6)).bundle
    (job,) = played.manifest.request.jobs

    ends = ends_of(played)

    listed = list(ends.entries(job, lambda _: None))
    assert sum(one.size_bytes for one in listed) == played.manifest.survey[0].bytes
    assert ends.credentials() == {}
    assert ends.found(job, 0, [(one.key, one.suffix, one.size_bytes) for one in listed]) == Found()
    ends.sweep(TransferDir(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_its_machines_end_themselves_within_a_day(given: Bundle) -> None:
    usual, endless = staged(given, Rehearsing()), staged(given, Rehearsing(rate_mbps=1.0, size_bytes=10**12))

    assert usual.bundle.manifest.request.ttl_minutes == 61
    assert endless.bundle.manifest.request.ttl_minutes == 24 * 60


def test_it_is_the_same_each_time(given: Bundle) -> None:
    assert staged(given, Rehearsing()).bundle.files == staged(given, Rehearsing()).bundle.files


def test_all_links_together_stay_within_the_rate(given: Bundle) -> None:
    rehearsal = staged(given, Rehearsing(rate_mbps=120.0))

    flows = [one.flow_gbps.likely for one in rehearsal.part.links]
    assert sum(flow for flow in flows if flow) * 1000 == pytest.approx(120.0, rel=0.01)


def test_a_measured_rate_at_the_scale_is_the_predicted_one(given: Bundle) -> None:
    rehearsal = staged(given, Rehearsing(rate_mbps=120.0))

    assert rehearsal.plays_limit
    part, whole = rehearsal.part.goodput_gbps.likely, rehearsal.whole.goodput_gbps.likely
    assert part is not None
    assert whole is not None
    assert part / rehearsal.scale == pytest.approx(whole, rel=0.01)
    assert rehearsal.whole_bytes == 2 * given.manifest.survey[0].bytes


def test_it_takes_about_twenty_seconds_and_a_gibibyte_at_most(given: Bundle) -> None:
    slow, fast = staged(given, Rehearsing(rate_mbps=30.0)), staged(given, Rehearsing(rate_mbps=100_000.0))

    assert slow.part.transfer_s.likely == pytest.approx(20.0, rel=0.05)
    assert fast.bundle.manifest.survey[0].bytes <= 1 << 30


def test_every_source_gateway_has_objects_until_near_the_end() -> None:
    survey = JobSurvey("job-0", 10**6, 200 * 10**12, 2 * 10**8, sizes=(SizeClass(1 << 28, 10**6, 200 * 10**12),))

    played = staged(bundle(asked(instances=3), survey=survey), Rehearsing())

    (part,) = played.bundle.manifest.survey
    assert part.objects == 3 * OBJECTS_PER_GATEWAY
    assert any("objects, of some 190.7 MiB, are shortened" in note for note in played.notes)


def test_who_says_how_much_gets_that_much(given: Bundle) -> None:
    rehearsal = staged(given, Rehearsing(size_bytes=5_000_000))

    assert 4_900_000 < rehearsal.bundle.manifest.survey[0].bytes <= 5_000_000


def test_pieces_are_small_enough_to_fill_every_connection(given: Bundle) -> None:
    rehearsal = staged(given, Rehearsing(size_bytes=64 << 20))

    settings = rehearsal.bundle.manifest.request.settings
    assert settings.chunk_bytes * 16 * 16 <= 64 << 20  # 2 x 2 links of 4 connections, 16 pieces each
    assert settings.threshold_bytes == 2 * settings.chunk_bytes
    assert all(one.settings == settings for one in rehearsal.bundle.programs.values())
    assert any("cut into pieces" in note for note in rehearsal.notes)


def test_gateways_that_cut_smaller_need_no_large_pool() -> None:
    request = asked()
    large = replace(request, settings=replace(request.settings, chunk_bytes=4 << 30, pool_bytes=32 << 30))

    rehearsal = staged(bundle(large), Rehearsing())

    assert rehearsal.bundle.manifest.request.settings.pool_bytes == request.settings.pool_bytes


def test_a_large_rehearsal_cuts_as_the_plan_does(given: Bundle) -> None:
    rehearsal = staged(given, Rehearsing(size_bytes=64 << 30))

    assert rehearsal.bundle.manifest.request.settings == given.manifest.request.settings


def test_of_a_large_fleet_a_part_is_played_with_the_rates_of_all() -> None:
    large, small = bundle(asked(instances=8)), bundle(asked(instances=MOST_PER_SITE))

    rehearsal = staged(large, Rehearsing())

    assert len(rehearsal.bundle.topology.gateways) == 4 * MOST_PER_SITE
    assert rehearsal.bundle.topology.links == small.topology.links
    assert "4 of 8 gateways a site are played, which share the rates of all" in rehearsal.notes
    shapes = {(one.source, one.target): one.link_mbps for one in rehearsal.bundle.manifest.request.shapes}
    assert shapes[here(RELAY), here(GOOGLE)] == pytest.approx(8 * 2000 * rehearsal.scale / 16, rel=0.01)


def test_what_limits_the_plan_but_not_a_rehearsal_is_said() -> None:
    rehearsal = staged(
        bundle(rates=dict.fromkeys(((EAST, GOOGLE), (EAST, AZURE)), (10000.0, 1.0)), request=asked(via=None)),
        Rehearsing(),
    )

    assert rehearsal.whole.bottleneck.startswith("requests of ")
    assert not rehearsal.plays_limit
    assert any("which is not played" in note for note in rehearsal.notes)


def test_without_figures_it_is_played_as_fast_as_it_goes() -> None:
    rehearsal = staged(bundle(rates={}), Rehearsing())

    assert (rehearsal.scale, rehearsal.plays_limit) == (1.0, False)
    assert {one.link_mbps for one in rehearsal.bundle.manifest.request.shapes} == {0.0}
    assert any("nobody knows how fast" in note for note in rehearsal.notes)
    assert any("aws:eu-west-1 -> gcp:us-central1: nobody knows its throughput" in note for note in rehearsal.notes)


@pytest.mark.parametrize("options", [Rehearsing(rate_mbps=0.0), Rehearsing(size_bytes=0)])
def test_a_rehearsal_of_nothing_is_refused(given: Bundle, options: Rehearsing) -> None:
    with pytest.raises(InputError, match="of nothing"):
        staged(given, options)
