"""What the tests of faults share: the ground they stand on, and a place for what they measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.faults.fleets import LINK
from tests.lab.ground import BehindRelays, Ground, OnHosts
from tests.lab.hosts import why_no_hosts

GATEWAYS = ("a", "b", "c", "r", "s")


@pytest.fixture
def ground() -> Iterator[Ground]:
    """Hosts where this machine lets us make some, relays elsewhere."""
    with BehindRelays(LINK) if why_no_hosts() else OnHosts(GATEWAYS, LINK) as found:
        yield found


@pytest.fixture(params=["hosts", "relays"])
def either_ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """First hosts, then relays, so that both are tried where both can be had."""
    with ExitStack() as closing:
        if request.param == "relays":
            yield closing.enter_context(BehindRelays(LINK))
            return
        if why := why_no_hosts():
            pytest.skip(f"no emulated hosts: {why}")
        yield closing.enter_context(OnHosts(GATEWAYS, LINK))


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Add a line to what is printed after the run: how long it took until a fault was noticed, for instance."""
    return lambda line: record_property("measured", line)
