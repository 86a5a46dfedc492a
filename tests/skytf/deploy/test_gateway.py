"""The real thing: real trees, real daemons on local VMs, and the client of their control API."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

import gateway
from gateway.program import Group, Peer, Program, Step
from skytf.deploy import service
from skytf.deploy.fleet import Deployed, Target, deploy_fleet
from skytf.deploy.keys import LinkKey, Secrets, make_link_key, make_payload_key, make_token
from skytf.errors import HostError, TransferFailed
from skytf.localvm.machine import Record
from skytf.monitor.client import GatewayClient, GatewayLost, PeerAddress
from skytf.monitor.events import Counters, PeerChanged
from tests.skytf.deploy.conftest import BootVm, Vm

SENDER, RECEIVER = "real-a-1", "real-b-1"
TOKEN = make_token()
PROGRAMS = {
    SENDER: Program(
        SENDER,
        (Group(("job",), Step("gen_data", {}, (0,), (Step("send", {"peer": RECEIVER}, (0,)),))),),
        peers=(Peer(RECEIVER, dial=True, connections=1),),
        routes={RECEIVER: (RECEIVER,)},
        sinks={"job": {"0": (RECEIVER,)}},
    ),
    RECEIVER: Program(
        RECEIVER,
        (Group(("job",), Step("receive", {}, (0,), (Step("discard", {"destination": 0}, (0,)),))),),
        peers=(Peer(SENDER, dial=False, connections=1),),
        routes={SENDER: (SENDER,)},
        sinks={"job": {"0": (RECEIVER,)}},
    ),
}


@pytest.fixture(scope="module")
def vms(boot_vm: BootVm) -> dict[str, Vm]:
    return {gateway_id: boot_vm(gateway_id) for gateway_id in PROGRAMS}


@pytest.fixture(scope="module")
def link_keys() -> dict[str, LinkKey]:
    return {gateway_id: make_link_key() for gateway_id in PROGRAMS}


@pytest.fixture(scope="module")
def fleet(vms: dict[str, Vm], link_keys: dict[str, LinkKey]) -> Iterator[dict[str, Deployed]]:
    payload_key = make_payload_key()
    targets = [
        Target(
            vm.host,
            vm.key_file,
            vm.host_key.public,
            PROGRAMS[gateway_id],
            Secrets("t1", link_keys[gateway_id].private, TOKEN, payload_key),
            "127.0.0.1",
        )
        for gateway_id, vm in vms.items()
    ]
    deployed = {each.gateway_id: each for each in deploy_fleet(targets)}
    yield deployed
    for each in deployed.values():
        each.session.close()


def client(fleet: dict[str, Deployed], gateway_id: str, token: str = TOKEN) -> GatewayClient:
    return GatewayClient(gateway_id, fleet[gateway_id].session, fleet[gateway_id].control_port, token)


def introduce(fleet: dict[str, Deployed], link_keys: dict[str, LinkKey]) -> None:
    """Tell both gateways where the other one is."""
    for gateway_id, peer in ((RECEIVER, SENDER), (SENDER, RECEIVER)):
        address = PeerAddress(peer, link_keys[peer].public, "127.0.0.1", fleet[peer].data_port)
        client(fleet, gateway_id).put_peers([address])


def test_a_deployed_gateway_answers_who_it_is(fleet: dict[str, Deployed]) -> None:
    status = client(fleet, SENDER).status()

    assert (status.gateway, status.version, status.state) == (SENDER, gateway.__version__, "idle")


def test_a_wrong_token_is_refused(fleet: dict[str, Deployed]) -> None:
    with pytest.raises(TransferFailed, match=SENDER) as caught:
        client(fleet, SENDER, "guess").status()

    assert not isinstance(caught.value, GatewayLost)


def test_a_second_daemon_in_the_same_place_is_refused_in_its_own_words(fleet: dict[str, Deployed]) -> None:
    deployed = fleet[SENDER]

    with pytest.raises(HostError, match=r"real-a-1.*did not start.*already running"):
        service.start(deployed.session, deployed.installed, Secrets("t1", make_link_key().private, TOKEN))

    assert client(fleet, SENDER).status().state == "idle"


def test_gateways_meet_once_they_know_where_their_peers_are(
    fleet: dict[str, Deployed], link_keys: dict[str, LinkKey]
) -> None:
    introduce(fleet, link_keys)

    watcher = client(fleet, SENDER)
    met = next(event for event in watcher.events() if isinstance(event, PeerChanged))
    assert (met.gateway, met.up) == (RECEIVER, True)
    watcher.close()


def test_the_log_says_no_secret(fleet: dict[str, Deployed], link_keys: dict[str, LinkKey]) -> None:
    log = service.fetch_log(fleet[SENDER].session, fleet[SENDER].installed)

    assert TOKEN not in log
    assert link_keys[SENDER].private not in log


def test_a_vm_that_is_killed_is_a_lost_gateway_at_once(boot_vm: BootVm) -> None:
    vm = boot_vm("real-c-1")
    program = Program(
        "real-c-1", (Group(("job",), Step("receive", {}, (0,), (Step("discard", {"destination": 0}, (0,)),))),)
    )
    secrets = Secrets("t1", make_link_key().private, TOKEN, make_payload_key())
    [deployed] = deploy_fleet([Target(vm.host, vm.key_file, vm.host_key.public, program, secrets, "127.0.0.1")])
    watcher = GatewayClient("real-c-1", deployed.session, deployed.control_port, TOKEN)
    record = Record.read(vm.machine)
    assert record is not None
    timer = threading.Timer(0.2, os.kill, (record.pid, 9))
    timer.start()

    with pytest.raises(GatewayLost, match="real-c-1"):
        list(watcher.events())

    timer.join()
    deployed.session.close()


def test_a_gateway_that_is_stopped_ends_its_events_in_order(
    fleet: dict[str, Deployed], link_keys: dict[str, LinkKey]
) -> None:
    introduce(fleet, link_keys)
    stopped, deployed = client(fleet, RECEIVER), fleet[RECEIVER]
    events = stopped.events()
    assert isinstance(next(events), PeerChanged)

    stopped.stop()

    assert all(isinstance(event, PeerChanged | Counters) for event in events)
    deployed.session.run(deployed.installed.command("stop"))  # waits for its end
    assert deployed.session.run(deployed.installed.command("status")).stdout == "STOPPED {}\n"
    with pytest.raises(GatewayLost):
        stopped.status()
