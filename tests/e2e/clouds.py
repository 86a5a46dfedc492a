"""Accounts in all clouds, empty at first, in which a transfer must leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skytf.localvm import halt
from skytf.localvm.machine import recorded
from skytf.model.copy import ApplyOptions
from tests.e2e.leftovers import processes_below
from tests.provider.world import World
from tests.servers import S3Server

SSH_PORT = 20_722  # no test may need to be root
# VMs are at addresses of their own on loopback, so the operator comes from there too.
APPLYING = ApplyOptions(operator_cidr="127.0.0.1/32")
FACTS = (
    ("azure", "encryption_at_host", "Registered"),
    ("azure", "subscription", "11111111-2222-4333-8444-555555555555"),
    ("gcp", "project", "example-project"),
    ("ibm", "resource_group", "0123456789abcdef0123456789abcdef"),
)


def facts(*clouds: str) -> tuple[tuple[str, str, str], ...]:
    """Return what a look-up in the accounts of *clouds* would give."""
    return tuple(fact for fact in FACTS if fact[0] in clouds)


@contextmanager
def accounts(directory: Path, config: Path, server: S3Server, home: Path, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """
    Let everything that this process starts work on a new world in *directory*; check that nothing is left in it.

    Args:
        directory: Of the world.
        config: Terraform's CLI configuration, see `tests.provider.mirror`.
        server: Its keys open the stores; it also plays AWS for whoever looks what is left there, and has nothing.
        home: A skytf home, whose unpacked trees the VMs have too, as if they were baked into the image.
        patch: Of the test.
    """
    world = World(directory)
    world.machines.mkdir(parents=True)
    image = home / "local" / "image"
    image.mkdir(parents=True, exist_ok=True)
    (world.machines / "image").symlink_to(image)
    aws = {f"AWS_ENDPOINT_URL_{service}": server.endpoint_url for service in ("EC2", "IAM", "STS", "SERVICE_QUOTAS")}
    variables = {**server.environment, **aws, **world.environment(), "TF_CLI_CONFIG_FILE": str(config)}
    for name, text in variables.items():
        patch.setenv(name, text)
    try:
        yield world
    finally:
        left = [f"{one['type']} {one['id']}" for one in world.resources()]
        left += [machine.vm_id for machine in recorded(world.machines)]
        left += processes_below(world.machines)
        for machine in recorded(world.machines):
            halt.halt(machine)
    assert left == []
