from __future__ import annotations

from skytf.planner import plan
from skytf.volume.ways import crossings, place_of, ways
from tests.skytf.hand import EAST, IOWA, PARIS, WEST, job, request, store
from tests.skytf.requests import A, B


def steps(*jobs: object, **more: object) -> list[tuple[str, str, int]]:
    """From, to, and for how many destinations."""
    asked = request(*jobs, **more)  # type: ignore[arg-type]  # passed on
    return [(one.source_place, one.target_place, len(one.ends)) for one in ways(asked, plan(asked))]


def test_a_job_is_read_sent_and_written() -> None:
    assert steps(job(store(EAST), store(IOWA))) == [
        (str(EAST), str(EAST), 1),
        (str(EAST), str(IOWA), 1),
        (str(IOWA), str(IOWA), 1),
    ]


def test_a_byte_for_two_destinations_behind_one_link_passes_it_once() -> None:
    found = steps(job(store(EAST), store(IOWA, "a"), store(IOWA, "b")))

    assert found.count((str(EAST), str(IOWA), 2)) == 1
    assert found.count((str(IOWA), str(IOWA), 1)) == 2


def test_a_byte_for_two_sites_leaves_twice() -> None:
    found = steps(job(store(EAST), store(IOWA), store(PARIS)))

    assert (str(EAST), str(IOWA), 1) in found
    assert (str(EAST), str(PARIS), 1) in found


def test_a_relay_sends_on_to_each_site_behind_it() -> None:
    found = steps(job(store(EAST), store(IOWA), store(PARIS)), via=WEST)

    assert (str(EAST), str(WEST), 2) in found
    assert (str(WEST), str(IOWA), 1) in found
    assert (str(WEST), str(PARIS), 1) in found


def test_a_destination_in_the_region_of_its_source_needs_no_link() -> None:
    assert crossings(*_with_plan(request(job(store(EAST, "a"), store(EAST, "b"))))) == ()


def test_what_stands_elsewhere_is_reached_over_a_crossing() -> None:
    r2 = store(EAST, "account/bucket", scheme="r2")

    assert crossings(*_with_plan(request(job(r2, store(IOWA))))) == (
        (str(EAST), str(IOWA)),
        ("r2://account/bucket", str(EAST)),
    )


def test_paths_pass_no_network_and_this_machine_bills_nobody() -> None:
    asked = request(job(store(A), store(B)))

    assert [(one.source, one.target) for one in ways(asked, plan(asked))] == [(A, B)]
    assert crossings(*_with_plan(asked)) == ()


def test_a_store_is_where_its_gateways_are_or_has_an_address() -> None:
    assert place_of(store(EAST)) == str(EAST)
    assert place_of(store(EAST, within="")) == str(EAST)
    assert place_of(store(EAST, within="us-west-2")) == "s3://bucket"
    assert place_of(store(EAST, scheme="gs", within="")) == "gs://bucket"
    assert place_of(store(EAST, url="https://minio.example.com")) == "s3://bucket"
    assert place_of(store(A, scheme="s3", url="http://127.0.0.1:9000")) == str(A)
    assert place_of(store(A, scheme="s3", within="us-east-1")) == "s3://bucket"


def _with_plan(asked: object) -> tuple[object, object]:
    return asked, plan(asked)  # type: ignore[arg-type]  # passed on
