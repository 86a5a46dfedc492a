"""Egress of made-up usage, by prices made up."""

from __future__ import annotations

from skytf.cost.traffic import egress_items
from skytf.model.cost import CostLine
from skytf.model.figures import EgressFigures, Quote, Tier
from skytf.model.span import Span
from skytf.model.usage import Moved, Usage
from tests.skytf.hand import EAST, GB, IOWA, egress, figures, q


def billed(volume_gb: Span, known: EgressFigures) -> CostLine:
    moved = Moved(str(EAST), str(IOWA), volume_gb.scaled(GB), (("job-0", 0),))
    (item,) = egress_items(Usage((moved,), (), (), ()), figures(out=(known,)))
    return item.line


def test_the_most_that_a_gb_costs_is_no_less_than_what_it_likely_does_where_more_of_them_are_cheaper() -> None:
    line = billed(Span(10, 10, 30), egress(EAST, IOWA, 0.09, (10.0, 0.03)))

    assert (line.usd_per_unit.likely, line.usd_per_unit.high) == (0.09, 0.09)
    assert line.usd.high == 2.7


def test_sources_are_those_of_the_steps_that_are_reached() -> None:
    first, later = q(0.09), Quote(Span.exactly(0.05), "2026-02-02", "another list")
    known = EgressFigures(str(EAST), str(IOWA), (Tier(0.0, 10.0, first), Tier(10.0, None, later)))

    assert billed(Span.exactly(10), known).source == "made up, 2026-01-01"
    assert billed(Span(0.0, 5, 11), known).source == "made up, 2026-01-01; another list, 2026-02-02"
    assert "another list" in billed(Span(5), known).source
