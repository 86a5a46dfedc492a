from __future__ import annotations

from skytf.model.region import Region
from skytf.model.topology import Gateway, Topology

A, B = Region("local", "a"), Region("local", "b")
GATEWAYS = (Gateway("local-b-0", B), Gateway("local-a-0", A), Gateway("local-a-1", A))


def test_regions_are_named_once_and_sorted() -> None:
    assert Topology("direct", GATEWAYS, (), ()).regions() == (A, B)


def test_the_gateways_of_a_site_keep_their_order() -> None:
    assert Topology("direct", GATEWAYS, (), ()).at(A) == GATEWAYS[1:]
    assert Topology("direct", GATEWAYS, (), ()).at(Region("local", "c")) == ()
