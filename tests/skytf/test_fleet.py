"""How gateways are told of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography import x509

from skytf import fleet as module
from skytf.deploy.authority import CLOCKS
from skytf.deploy.cancel import Cancel
from skytf.deploy.keys import make_link_key
from skytf.fleet import Fleet, Plan
from skytf.hooks import Hooks
from skytf.infrastructure import Infrastructure, Owner
from skytf.model.copy import ApplyOptions
from skytf.model.job import LinkShape, Request
from skytf.monitor.client import GatewayClient, PeerAddress
from skytf.planner import plan
from skytf.programs import programs
from tests.skytf.requests import A, B, R, request


@dataclass
class Told:
    """A control client that writes down what it is told, in the order of all."""

    name: str
    said: list[tuple[str, object]]
    peers: Sequence[PeerAddress] = field(default=())

    def agree(self) -> None:
        """Speak as the client does."""

    def put_peers(self, addresses: Sequence[PeerAddress]) -> None:
        self.said.append(("told", self.name))
        self.peers = addresses


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What was done, in order; slow links are only written down."""
    said: list[tuple[str, object]] = []

    def shape_link(session: object, host: str, port: int, shape: LinkShape) -> int:
        said.append(("shaped", port))
        return 10_000 + port

    monkeypatch.setattr(module, "shape_link", shape_link)
    return said


def fleet_of(asked: Request, said: list[tuple[str, object]]) -> tuple[Fleet, dict[str, Told]]:
    topology = plan(asked)
    fleet = Fleet(
        plan=Plan(asked, topology, programs(topology, asked)),
        infrastructure=cast("Infrastructure", None),
        owner=Owner("t-1", "me", 0.0),
        applying=ApplyOptions(),
        key_file=Path("key"),
        hooks=Hooks(),
        cancel=Cancel(),
    )
    told = {one.gateway_id: Told(one.gateway_id, said) for one in topology.gateways}
    fleet._deployed = tuple(
        cast("Any", SimpleNamespace(gateway_id=name, data_port=number, session=name))
        for number, name in enumerate(told, start=1)
    )
    fleet._clients = cast("dict[str, GatewayClient]", told)
    return fleet, told


def introduce(fleet: Fleet, told: dict[str, Told]) -> None:
    made = {name: {"public_ip": "127.0.0.1", "private_ip": "127.0.0.1"} for name in told}
    fleet._introduce(made, {name: make_link_key() for name in told})


def test_nobody_is_told_of_peers_before_all_slow_links_stand(said: list[tuple[str, object]]) -> None:
    asked = request(instances=3)
    shaped = Request(asked.jobs, instances=3, shapes=(LinkShape(A, B, link_mbps=10.0),))
    fleet, told = fleet_of(shaped, said)

    introduce(fleet, told)

    done = [what for what, _ in said]
    assert done == ["shaped"] * 9 + ["told"] * 6


@pytest.mark.parametrize("asked", [request(instances=2), request(via=R)], ids=["two a site", "relay"])
def test_every_gateway_gets_a_certificate_where_links_run_inside_tls(
    asked: Request, said: list[tuple[str, object]]
) -> None:
    secure = replace(asked, settings=replace(asked.settings, link_tls=True), ttl_minutes=90)
    fleet, told = fleet_of(secure, said)
    fleet._tokens = dict.fromkeys(told, "token")

    secrets = fleet._secrets({name: make_link_key() for name in told}, "00", {})

    assert set(secrets) == set(told)
    certificates = [one.link_tls for one in secrets.values() if one.link_tls is not None]
    assert len(certificates) == len(told)
    assert len({one.authority for one in certificates}) == 1
    ends = x509.load_pem_x509_certificate(certificates[0].certificate.encode()).not_valid_after_utc
    assert timedelta(minutes=89) + CLOCKS < ends - datetime.now(UTC) < timedelta(minutes=91) + CLOCKS


def test_no_certificates_are_made_where_links_do_without_tls(said: list[tuple[str, object]]) -> None:
    fleet, told = fleet_of(request(), said)
    fleet._tokens = dict.fromkeys(told, "token")

    secrets = fleet._secrets({name: make_link_key() for name in told}, "00", {})

    assert [one.link_tls for one in secrets.values()] == [None, None]


def test_who_dials_is_told_the_near_end_of_a_slow_link(said: list[tuple[str, object]]) -> None:
    shaped = Request(request().jobs, shapes=(LinkShape(A, B, link_mbps=10.0),))
    fleet, told = fleet_of(shaped, said)

    introduce(fleet, told)

    ((there,), (back,)) = (told[name].peers for name in ("local-a-0", "local-b-0"))
    assert (there.gateway, there.port) == ("local-b-0", 10_002)
    assert (back.gateway, back.port) == ("local-a-0", 1)
