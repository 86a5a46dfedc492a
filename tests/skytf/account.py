"""A transfer within one region of the AWS stand-in, as far as Terraform goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.stores.base import StoreSpec
from skytf.bundle import Bundle, Manifest
from skytf.deploy.cancel import Cancel
from skytf.infrastructure import Infrastructure, Owner, Pauses, Wanted
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.survey import JobSurvey
from skytf.prepare import derive
from skytf.runner.engine import Engine
from skytf.runner.messages import Message
from skytf.runner.terraform import Terraform
from tests.provider.world import World

SITE = Region("aws", "us-east-1")
ZONES = ("us-east-1a", "us-east-1b")
TYPES = ("m5.8xlarge", "m6i.8xlarge")
OPERATOR = "203.0.113.7/32"
TRANSFER_ID = "20261122-164001-ab12cd"
SSH_PORT = 20_622  # no test may need to be root
NO_PAUSES = Pauses(propagation_s=(0.0, 0.0, 0.0), destroy_s=(0.0, 0.0))


def cloud_bundle(*, zones: tuple[str, ...] = ZONES, types: tuple[str, ...] = TYPES) -> Bundle:
    """Return a bundle of two gateways in one region, without plan.json."""
    ends = [Endpoint(f"s3://{name}/x", StoreSpec("s3", name), "x", SITE, access="identity") for name in ("from", "to")]
    request = Request(
        (Job("job-0", ends[0], (ends[1],), recursive=True),),
        instances=2,
        site_options=(SiteOption(str(SITE), "zones", zones), SiteOption(str(SITE), "instance_types", types)),
        ssh_port=SSH_PORT,
    )
    survey = JobSurvey("job-0", objects=1, bytes=1, largest_bytes=1, fingerprint=())
    return derive(Manifest(request, (survey,)))


@dataclass
class Account:
    """An account, and the working directory of a transfer that makes its fleet there."""

    root: Path
    world: World
    engine: Engine
    config: Path
    bundle: Bundle
    backend: str = ""
    told: list[str] = field(default_factory=list)
    cancel: Cancel = field(default_factory=Cancel)

    @property
    def workdir(self) -> Path:
        """The working directory."""
        return self.root / "work"

    def terraform(self, on_message: Callable[[Message], None] = lambda _: None, **settings: Any) -> Terraform:
        """Return a Terraform in the working directory, with the bundle's root module in it."""
        for name, content in self.bundle.infra.items():
            path = self.workdir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("SKYTF_")}
        return Terraform(
            engine=self.engine,
            workdir=self.workdir,
            log_dir=self.root,
            env={**inherited, **self.world.environment(), "TF_CLI_CONFIG_FILE": str(self.config)},
            on_message=on_message,
            clouds=("aws",),
            backend=self.backend,
            **settings,
        )

    def infrastructure(
        self,
        on_message: Callable[[Message], None] = lambda _: None,
        *,
        transfer_id: str = TRANSFER_ID,
        locked: bool = False,
        pauses: Pauses = NO_PAUSES,
    ) -> Infrastructure:
        """Return the infrastructure of transfer *transfer_id*."""
        topology = self.bundle.topology
        return Infrastructure(
            wanted=Wanted(topology.regions(), tuple(one.gateway_id for one in topology.gateways), 60, locked),
            owner=Owner(transfer_id, "tester", 0.0),
            terraform=self.terraform(on_message),
            workdir=self.workdir,
            key_file=self.root / "key",
            tell=self.told.append,
            cancel=self.cancel,
            pauses=pauses,
        )

    def gateways(self) -> list[dict[str, Any]]:
        """Return the VMs that stand in the account."""
        return self.world.resources("aws_instance")
