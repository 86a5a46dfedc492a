from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.program import Group, Program, Settings, Step
from skytf.deploy import fleet
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.fleet import Target, deploy_fleet
from skytf.deploy.keys import Secrets, make_link_key, make_payload_key, make_ssh_key, make_token
from skytf.deploy.tree import Tree
from skytf.errors import HostError
from tests.skytf.deploy.conftest import BootVm, Vm

READY = """
import sys
sys.stdin.read()
print('READY {"pid":1,"control_port":2,"data_port":3}')
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))


def ship(monkeypatch: pytest.MonkeyPatch, name: str, main: str) -> None:
    """Let the gateway that is shipped be one module, *main*."""

    def fill(directory: Path, _cancel: Cancel) -> None:
        (directory / "gateway").mkdir()
        (directory / "gateway" / "__init__.py").touch()
        (directory / "gateway" / "__main__.py").write_text(main)

    monkeypatch.setattr(fleet, "trees_for", lambda schemes, platform: (Tree(name, fill),))


def target(vm: Vm) -> Target:
    program = Program(vm.host.gateway_id, (Group(("job",), Step("receive", children=(Step("discard"),))),))
    secrets = Secrets("t1", make_link_key().private, make_token(), make_payload_key())
    return Target(vm.host, vm.key_file, vm.host_key.public, program, secrets, "127.0.0.1")


@pytest.mark.parametrize(
    ("payload_key", "extras"), [(make_payload_key(), {"zstd", "s3"}), ("", {"s3"})], ids=["sink", "relay"]
)
def test_a_codec_goes_only_to_gateways_that_open_what_they_carry(
    boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch, payload_key: str, extras: set[str]
) -> None:
    vm = boot_vm(f"fleet-z-{len(extras)}")  # no two hosts of one name: each has a host key
    ship(monkeypatch, "code-fleet-z", READY)
    shipped: list[set[str]] = []
    trees_for = fleet.trees_for
    monkeypatch.setattr(
        fleet, "trees_for", lambda extras, platform: (shipped.append(extras), trees_for(extras, platform))[1]
    )
    write = Step("write_object_store", {"store": {"scheme": "s3"}})
    program = Program(
        "fleet-z-1", (Group(("job",), Step("receive", children=(write,))),), settings=Settings(compression="zstd")
    )
    to = target(vm)

    (deployed,) = deploy_fleet([replace(to, program=program, secrets=replace(to.secrets, payload_key=payload_key))])

    assert shipped == [extras]
    deployed.session.close()


def test_a_fleet_is_deployed_at_once_and_in_order(boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch) -> None:
    vms = [boot_vm(f"fleet-b-{number}") for number in (1, 2)]
    ship(monkeypatch, "code-fleet-1", READY)
    heard: list[tuple[str, str]] = []

    deployed = deploy_fleet([target(vm) for vm in vms], on_step=lambda *what: heard.append(what))

    assert [gateway.gateway_id for gateway in deployed] == ["fleet-b-1", "fleet-b-2"]
    assert {(gateway.control_port, gateway.data_port) for gateway in deployed} == {(2, 3)}
    assert [step for _, step in heard].count("sending code-fleet-1") == 1
    assert {("fleet-b-1", "ready"), ("fleet-b-2", "ready")} <= set(heard)
    for gateway in deployed:
        gateway.session.close()


def test_a_direct_host_is_reached_without_the_fleets_proxy(boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = boot_vm("fleet-e-1")
    ship(monkeypatch, "code-fleet-4", READY)

    [deployed] = deploy_fleet([replace(target(vm), direct=True)], proxy="/does/not/exist %h")

    deployed.session.close()
    with pytest.raises(HostError, match="the SSH proxy"):
        deploy_fleet([target(vm)], proxy="/does/not/exist %h")


def test_the_first_error_stops_the_others_and_names_its_gateway(
    boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, wrong = boot_vm("fleet-c-1"), boot_vm("fleet-c-2")
    threads = threading.active_count()
    ship(monkeypatch, "code-fleet-2", "import time; time.sleep(60)")
    starting = threading.Event()

    def wait_for_the_slow_one(gateway_id: str, step: str) -> None:
        if (gateway_id, step) == ("fleet-c-1", "starting"):
            starting.set()
        if (gateway_id, step) == ("fleet-c-2", "connecting"):
            assert starting.wait(20)

    with pytest.raises(HostError, match=r"fleet-c-2 .*another host key"):
        deploy_fleet(
            [target(slow), replace(target(wrong), host_key_public=make_ssh_key().public)],
            on_step=wait_for_the_slow_one,
        )

    assert threading.active_count() == threads


def test_cancelling_ends_a_deployment_in_the_middle(boot_vm: BootVm, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = boot_vm("fleet-d-1")
    threads = threading.active_count()
    ship(monkeypatch, "code-fleet-3", "import time; time.sleep(60)")
    cancel = Cancel()
    timers: list[threading.Timer] = []

    def cancel_soon(_gateway_id: str, step: str) -> None:
        if step == "starting":
            timers.append(threading.Timer(0.3, cancel.set))
            timers[0].start()

    with pytest.raises(Cancelled, match="fleet-d-1"):
        deploy_fleet([target(vm)], cancel=cancel, on_step=cancel_soon)

    timers[0].join()
    assert threading.active_count() == threads
