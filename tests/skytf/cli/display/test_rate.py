from __future__ import annotations

import pytest

from skytf.cli.display.rate import Pace, Rate


def test_a_pace_is_due_at_once_and_then_once_per_interval() -> None:
    times = iter([10.0, 10.9, 11.0, 11.5, 12.1])
    pace = Pace(1.0, lambda: next(times))

    assert [pace.due() for _ in range(5)] == [True, False, True, False, True]


def test_the_last_one_is_always_due() -> None:
    pace = Pace(1.0, lambda: 0.0)
    pace.due()

    assert pace.due(last=True)


def test_a_rate_needs_two_samples() -> None:
    rate = Rate()
    rate.add(0.0, 100)

    assert rate.bytes_per_s == 0.0
    assert rate.eta_s(100) is None


def test_a_rate_forgets_what_is_older_than_ten_seconds() -> None:
    rate = Rate()
    for second in range(21):
        rate.add(float(second), min(second, 10) * 1000)  # it stalls after ten seconds

    assert rate.bytes_per_s == pytest.approx(0.0)


def test_the_time_left_is_what_remains_at_this_rate() -> None:
    rate = Rate()
    rate.add(0.0, 0)
    rate.add(2.0, 2000)

    assert rate.eta_s(5000) == pytest.approx(5.0)
