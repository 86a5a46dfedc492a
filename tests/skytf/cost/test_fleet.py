from __future__ import annotations

from dataclasses import replace

import pytest

from skytf.cost.fleet import fleet_items
from skytf.model.cost import DISKS
from skytf.model.span import Span
from skytf.model.usage import FleetTime, Usage
from tests.skytf.hand import EAST, IOWA, figures, job, request, site, store


@pytest.mark.parametrize(
    ("made_gib", "what", "gb_months"), [(100, "2 x 100 GiB", 2 * 100 / 730), (0, "2 x 30 GiB", 2 * 30 / 730)]
)
def test_a_disk_is_billed_as_large_as_its_module_makes_it(made_gib: int, what: str, gb_months: float) -> None:
    wanted = request(job(store(EAST), store(IOWA)), disk_gib=30)
    usage = Usage((), (FleetTime(EAST, 2, Span.exactly(3_600)),), (), ())

    items = fleet_items(usage, wanted, figures(sites=(replace(site(EAST), disk_gib=made_gib),)))

    (disks,) = [one.line for one in items if one.line.kind == DISKS]
    assert (disks.what, disks.quantity) == (what, Span.exactly(pytest.approx(gb_months)))
