from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skytf.bundle import Bundle
from skytf.measured import Counted, usage_of
from skytf.measured.counted import unknown_usage
from skytf.model.span import Span
from skytf.model.usage import FleetTime, Moved, Requests, Usage
from skytf.monitor.events import Totals
from tests.skytf.hand import EAST, IOWA, PARIS, WEST, job, request, store
from tests.skytf.measured.bundles import bundle_of, totals
from tests.skytf.requests import A, B

SECONDS = Span.exactly(100.0)
ZERO = ("job-0", 0)
ONE = ("job-0", 1)
TO_IOWA = bundle_of(request(job(store(EAST), store(IOWA)), instances=2))
E1, E2 = (one.gateway_id for one in TO_IOWA.topology.at(EAST))
I1, I2 = (one.gateway_id for one in TO_IOWA.topology.at(IOWA))


def used(
    bundle: Bundle,
    heard: dict[str, Totals],
    *,
    lost: tuple[str, ...] = (),
    own: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
) -> Usage:
    """What *bundle* used where all of its gateways but *lost* had the last word."""
    everybody = frozenset(bundle.programs)
    return usage_of(bundle, Counted(heard, everybody, everybody.difference(lost), own), SECONDS, {ZERO: 7})


def moved(usage: Usage) -> dict[tuple[str, str], Span]:
    return {(one.source, one.target): one.wire_bytes for one in usage.moved}


def asked(usage: Usage) -> dict[tuple[str, str], Span]:
    return {(one.end, one.operation): one.count for one in usage.requests}


def test_what_all_gateways_of_a_site_sent_counts_in_both_directions() -> None:
    heard = {
        E1: totals({I1: 100, I2: 200}, {I1: 1, I2: 2}),
        E2: totals({I1: 300, I2: 400}, {I1: 3, I2: 4}),
        I1: totals({E1: 1, E2: 3}, {E1: 100, E2: 300}),
        I2: totals({E1: 2, E2: 4}, {E1: 200, E2: 400}),
    }

    usage = used(TO_IOWA, heard)

    assert usage.moved == (
        Moved(str(EAST), str(IOWA), Span.exactly(1000.0), (ZERO,)),
        Moved(str(IOWA), str(EAST), Span.exactly(10.0), (ZERO,)),
    )
    assert usage.fleet == (FleetTime(EAST, 2, SECONDS), FleetTime(IOWA, 2, SECONDS))
    assert usage.delivered == ((ZERO, 7),)
    assert usage.unknown == ()


def test_of_a_lost_gateway_counts_what_arrived_and_more_is_possible() -> None:
    heard = {
        E1: totals({I1: 100}),
        # What it said last is older than what the other end got.
        E2: totals({I1: 200, I2: 50}),
        I1: totals({E1: 1, E2: 3}, {E1: 100, E2: 300}),
        I2: totals({}, {E2: 40}),
    }

    usage = used(TO_IOWA, heard, lost=(E2,))

    assert moved(usage)[str(EAST), str(IOWA)] == Span(450.0)
    assert moved(usage)[str(IOWA), str(EAST)] == Span.exactly(4.0), "what others sent to it they know"
    assert usage.unknown == (f"what {E2} did after it was last heard",)
    assert asked(usage)["job-0-source", "get"] == Span(0.0)
    assert ("job-0-destination-0", "put") not in asked(usage), "it writes nothing there"


def test_a_fleet_that_never_started_has_used_its_time_only() -> None:
    usage = usage_of(TO_IOWA, Counted(), SECONDS, {})

    assert (usage.moved, usage.requests, usage.unknown) == ((), (), ())
    assert usage.fleet == (FleetTime(EAST, 2, SECONDS), FleetTime(IOWA, 2, SECONDS))


def test_where_jobs_cross_the_connections_they_share_count_once() -> None:
    there_and_back = job(store(EAST), store(IOWA)), job(store(IOWA, "x"), store(EAST, "y"), number=1)
    bundle = bundle_of(request(*there_and_back))
    (e,), (i,) = (bundle.topology.at(region) for region in (EAST, IOWA))
    heard = {e.gateway_id: totals({i.gateway_id: 100}), i.gateway_id: totals({e.gateway_id: 200})}

    usage = used(bundle, heard)

    assert usage.moved == (
        Moved(str(EAST), str(IOWA), Span.exactly(100.0), (ZERO,)),
        Moved(str(IOWA), str(EAST), Span.exactly(200.0), (("job-1", 0),)),
    )


def test_a_relay_and_two_destinations_share_the_first_link() -> None:
    bundle = bundle_of(request(job(store(EAST), store(IOWA), store(PARIS)), via=WEST))
    (e,), (w,), (i,), (p,) = (bundle.topology.at(region) for region in (EAST, WEST, IOWA, PARIS))
    heard = {
        e.gateway_id: totals({w.gateway_id: 1000}),
        w.gateway_id: totals({e.gateway_id: 5, i.gateway_id: 1001, p.gateway_id: 1002}),
        i.gateway_id: totals({w.gateway_id: 6}),
        p.gateway_id: totals({w.gateway_id: 7}),
    }

    found = {(one.source, one.target): (one.wire_bytes.likely, one.ends) for one in used(bundle, heard).moved}

    assert found == {
        (str(EAST), str(WEST)): (1000.0, (ZERO, ONE)),
        (str(WEST), str(EAST)): (5.0, (ZERO, ONE)),
        (str(WEST), str(IOWA)): (1001.0, (ZERO,)),
        (str(IOWA), str(WEST)): (6.0, (ZERO,)),
        (str(WEST), str(PARIS)): (1002.0, (ONE,)),
        (str(PARIS), str(WEST)): (7.0, (ONE,)),
    }


def test_requests_of_gateways_and_of_this_machine_add_up_in_what_is_billed() -> None:
    heard = {
        E1: totals(stores={"job-0-source": {"get": 10, "head": 4, "read_bytes": 900}}),
        E2: totals(stores={"job-0-source": {"get": 5, "read_bytes": 100}}),
        I1: totals(stores={"job-0-destination-0": {"put": 3, "multipart-part": 6, "delete": 2, "written_bytes": 5}}),
    }
    own = {"job-0-source": {"list": 2}, "job-0-destination-0": {"list": 1}}

    usage = used(TO_IOWA, heard, own=own)

    nothing = Span.exactly(0.0)
    assert usage.requests == (
        Requests("job-0-destination-0", "list", Span.exactly(1.0), (ZERO,), nothing),
        Requests("job-0-destination-0", "multipart-part", Span.exactly(6.0), (ZERO,), nothing),
        Requests("job-0-destination-0", "put", Span.exactly(3.0), (ZERO,), nothing),
        Requests("job-0-source", "get", Span.exactly(19.0), (ZERO,), Span.exactly(1000.0)),
        Requests("job-0-source", "list", Span.exactly(2.0), (ZERO,), nothing),
    )


def test_what_one_group_writes_for_two_jobs_is_for_the_destinations_of_both() -> None:
    there = store(IOWA)
    bundle = bundle_of(request(job(store(EAST, "x"), there), job(store(EAST, "y"), there, number=1)))
    (sink,) = bundle.topology.at(IOWA)
    heard = {sink.gateway_id: totals(stores={"job-0-destination-0": {"put": 9}})}

    (row,) = used(bundle, heard).requests

    assert (row.end, row.ends) == ("job-0-destination-0", (ZERO, ("job-1", 0)))


def test_a_store_that_lies_elsewhere_is_read_and_written_over_a_network() -> None:
    bundle = bundle_of(request(job(store(EAST, within="eu-west-1"), store(IOWA, "far", scheme="r2", within=""))))
    (reader,), (writer,) = (bundle.topology.at(region) for region in (EAST, IOWA))
    heard = {
        reader.gateway_id: totals(stores={"job-0-source": {"get": 1, "read_bytes": 800}}),
        writer.gateway_id: totals(stores={"job-0-destination-0": {"put": 1, "written_bytes": 900}}),
    }

    usage = used(bundle, heard)

    assert sorted(one.likely or 0.0 for one in moved(usage).values()) == [800.0, 900.0]
    assert all(str(EAST) in pair or str(IOWA) in pair for pair in moved(usage))


def test_paths_are_asked_nothing_that_counts() -> None:
    bundle = bundle_of(request(job(store(A), store(B))))
    (reader,) = bundle.topology.at(A)

    usage = used(bundle, {reader.gateway_id: totals(stores={"job-0-source": {"get": 3, "read_bytes": 3}})})

    assert usage.requests == ()


def test_of_a_killed_run_nothing_is_known_but_how_long_its_fleet_can_have_stood() -> None:
    usage = unknown_usage(TO_IOWA, Span(0.0, None, 50.0))

    assert set(moved(usage).values()) == {Span(0.0)}
    assert moved(usage).keys() == {(str(EAST), str(IOWA)), (str(IOWA), str(EAST))}
    assert set(asked(usage)) == {
        ("job-0-source", "get"),
        ("job-0-source", "list"),
        ("job-0-destination-0", "get"),
        ("job-0-destination-0", "list"),
        ("job-0-destination-0", "multipart-part"),
        ("job-0-destination-0", "put"),
    }
    assert set(asked(usage).values()) == {Span(0.0)}
    assert usage.fleet == (FleetTime(EAST, 2, Span(0.0, None, 50.0)), FleetTime(IOWA, 2, Span(0.0, None, 50.0)))
    assert usage.unknown
