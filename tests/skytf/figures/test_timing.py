from __future__ import annotations

from pathlib import Path

from skytf.catalog.tables import load
from skytf.figures.timing import boot, teardown
from skytf.model.figures import Quote
from skytf.model.region import Region
from skytf.model.span import Span
from tests.skytf.catalog.tables import table

HERE, THERE = Region("local", "a"), Region("aws", "us-east-1")


def test_boot_is_between_the_bounds_of_its_source_and_teardown_follows_by_a_rule() -> None:
    begin, end = boot([HERE, THERE], load()), teardown([HERE, THERE], load())

    assert (begin.value, begin.date) == (Span(45.0, 82.5, 120.0), "2024-01-09")
    assert end.value == Span(0.0, 82.5, 240.0)
    assert end.rule.startswith("not measured")


def test_on_this_machine_alone_neither_is_known() -> None:
    assert boot([HERE], load()) == teardown([HERE], load()) == Quote()


def test_a_users_own_teardown_counts(tmp_path: Path) -> None:
    table(tmp_path, "timings", "teardown,30,60,2026-10-01,our reports")

    assert teardown([THERE], load([str(tmp_path)])).value == Span(30.0, 45.0, 60.0)
