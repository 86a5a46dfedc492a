from __future__ import annotations

from skytf.deploy.timing import SlowestHost, Stopwatch, slowest_hosts


def test_a_fleet_is_summed_up_by_the_slowest_host_of_each_step() -> None:
    steps_s = {
        "a-1": {"connecting": 20.0, "rotating": 1.0, "trees": 9.0, "all": 31.0},
        "a-2": {"trees": 12.5, "connecting": 3.0, "all": 16.0},
    }

    assert slowest_hosts(steps_s) == (
        SlowestHost("connecting", "a-1", 20.0),
        SlowestHost("rotating", "a-1", 1.0),
        SlowestHost("trees", "a-2", 12.5),
        SlowestHost("all", "a-1", 31.0),
    )


def test_an_empty_fleet_took_no_step() -> None:
    assert slowest_hosts({}) == ()


def test_a_step_that_is_taken_twice_counts_both_times() -> None:
    watch = Stopwatch()

    with watch.step("rotating"):
        pass
    once_s = watch.seconds()["rotating"]
    with watch.step("rotating"):
        pass

    taken = watch.seconds()
    assert taken["rotating"] > once_s
    assert taken["all"] >= taken["rotating"]
