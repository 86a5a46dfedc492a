from __future__ import annotations

import pytest

from gateway.registry import load
from skytf.errors import InputError, NoTopology
from skytf.model.region import Region
from skytf.model.topology import Gateway, Link, Route
from skytf.planner import STRATEGIES, plan
from skytf.planner.base import links_along
from tests.skytf.requests import A, B, C, R, job, path, request


def test_every_strategy_of_the_table_loads() -> None:
    assert all(callable(load(reference)) for reference in STRATEGIES.values())


def test_one_instance_a_site_is_two_gateways_and_one_link() -> None:
    topology = plan(request())

    assert [gateway.gateway_id for gateway in topology.gateways] == ["local-a-0", "local-b-0"]
    assert topology.links == (Link("local-a-0", "local-b-0", 4),)


def test_each_source_gateway_is_linked_with_each_destination_gateway() -> None:
    topology = plan(request(instances=2))

    assert {(link.source, link.target) for link in topology.links} == {
        (f"local-a-{i}", f"local-b-{j}") for i in range(2) for j in range(2)
    }


def test_multicast_has_one_source_site_and_a_site_for_each_destination_region() -> None:
    topology = plan(request(job(destinations=(path("x", B), path("y", C), path("z", B)))))

    assert topology.regions() == (A, B, C)
    assert {(link.source, link.target) for link in topology.links} == {
        ("local-a-0", "local-b-0"),
        ("local-a-0", "local-c-0"),
    }


def test_a_destination_in_the_source_region_needs_no_second_site() -> None:
    topology = plan(request(job(destinations=(path("x", A),))))

    assert topology.regions() == (A,)
    assert topology.links == ()


def test_two_jobs_share_one_fleet() -> None:
    topology = plan(request(job(0), job(1, source=path("b", B), destinations=(path("x", A),))))

    assert len(topology.gateways) == 2
    assert {(link.source, link.target) for link in topology.links} == {
        ("local-a-0", "local-b-0"),
        ("local-b-0", "local-a-0"),
    }


def test_a_relay_stands_between_the_sites_and_no_link_passes_it_by() -> None:
    topology = plan(request(via=R))

    assert topology.strategy == "relay"
    assert {(link.source, link.target) for link in topology.links} == {
        ("local-a-0", "local-r-0"),
        ("local-r-0", "local-b-0"),
    }


def test_a_relay_that_is_an_end_is_no_topology() -> None:
    with pytest.raises(NoTopology, match="local:b cannot relay"):
        plan(request(via=B))


def test_more_instances_than_can_be_linked_are_refused_before_they_are_counted() -> None:
    with pytest.raises(InputError, match="gateways per site"):
        plan(request(instances=10**20))


def test_no_instances_are_refused() -> None:
    with pytest.raises(InputError):
        plan(request(instances=0))


def test_a_local_site_dials_a_cloud_site_whichever_way_the_data_flows() -> None:
    far = Region("aws", "us-east-1")
    gateways = (Gateway("aws-us-east-1-0", far), Gateway("local-a-0", A))

    down, up = links_along([Route("j", 0, (far, A)), Route("j", 1, (A, far))], gateways, connections=2)

    assert (down.source, down.dialled_by_source) == ("aws-us-east-1-0", False)
    assert (up.source, up.dialled_by_source) == ("local-a-0", True)


def test_the_same_request_gives_the_same_topology() -> None:
    wanted = request(job(destinations=(path("y", C), path("x", B))), instances=3)

    assert plan(wanted) == plan(wanted)


def test_a_relay_that_no_bytes_would_pass_is_refused() -> None:
    with pytest.raises(NoTopology, match="local:r has nothing to relay: gateways in local:a serve both ends"):
        plan(request(job(destinations=(path("x", A),)), via=R))
