"""The fleet of one transfer: created by Terraform, prepared over SSH, linked, and destroyed whatever happened."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.program import MUXES, Program, steps
from gateway.stores.base import Credentials
from skytf.deploy.cancel import Cancel
from skytf.deploy.connect import Host
from skytf.deploy.fleet import Deployed, Target, deploy_fleet
from skytf.deploy.keys import (
    LinkKey,
    Secrets,
    make_link_key,
    make_payload_key,
    make_ssh_key,
    make_token,
    write_private_key,
)
from skytf.deploy.service import fetch_log, shape_link
from skytf.errors import HostError, TransferFailed
from skytf.home import PLAN_FILE
from skytf.hooks import Hooks
from skytf.model.job import LinkShape, Request
from skytf.model.topology import Topology
from skytf.monitor.client import GatewayClient, PeerAddress
from skytf.render.root import APPLY_TIME, PLACEHOLDERS, apply_values
from skytf.runner.reviewed import check_same_actions, check_same_plan, normalise_plan
from skytf.runner.terraform import Terraform

# Who does nothing but this gets no key to what it carries.
_RELAYING = frozenset({"receive", "send", *MUXES})
_REVIEW_PLAN_FILE = "review.tfplan"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one transfer's fleet is made from; all of it was reviewed."""

    request: Request
    topology: Topology
    programs: Mapping[str, Program]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose fleet it is, as the tags say; ``started_s`` (Unix time) is when the transfer's first run began."""

    transfer_id: str
    name: str
    operator_cidr: str
    started_s: float


class Fleet:
    """
    Gateways from nothing to nothing.

    Args:
        plan: What was reviewed.
        owner: For tags.
        terraform: In the transfer's working directory, where the root module lies.
        workdir: That directory.
        keys: Where private keys of this transfer go (0700).
        hooks: Hear of every step.
        cancel: Ends `create` and `deploy` from another thread; `destroy` goes on regardless.
    """

    def __init__(
        self, *, plan: Plan, owner: Owner, terraform: Terraform, workdir: Path, keys: Path, hooks: Hooks, cancel: Cancel
    ) -> None:
        self._plan = plan
        self._owner = owner
        self._terraform = terraform
        self._workdir = workdir
        self._key_file = keys / "ssh"
        self._hooks = hooks
        self._cancel = cancel
        self._bootstrap: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._deployed: tuple[Deployed, ...] = ()
        self._clients: dict[str, GatewayClient] = {}

    def create(self, reviewed_plan: bytes) -> None:
        """
        Create the VMs, if Terraform plans what was reviewed.

        Raises:
            Refused: With the bundle's own placeholders Terraform no longer plans *reviewed_plan*, or with the real
                values it would do something else.
            TerraformError: Terraform failed.
        """
        stopping = self._terraform.stopping_when(self._cancel.is_set)
        with self._cancel.closing(self._terraform.interrupt), stopping:
            self._cancel.check("the fleet")
            self._terraform.init()
            self._review(reviewed_plan)
            self._write_values()
            plan_file = self._workdir / PLAN_FILE
            try:
                self._terraform.plan(out=plan_file)
                check_same_actions(reviewed_plan, self._terraform.show_json(plan_file))
                self._cancel.check("the fleet")
                self._terraform.apply(plan_file)
            finally:
                plan_file.unlink(missing_ok=True)  # a plan holds its variables, bootstrap host keys among them

    def _review(self, reviewed_plan: bytes) -> None:
        """Plan as the reviewer's bundle was planned, and compare."""
        plan_file = self._workdir / _REVIEW_PLAN_FILE
        self._terraform.plan(out=plan_file, var_files=[self._workdir / PLACEHOLDERS])
        again = normalise_plan(self._terraform.show_json(plan_file), workdir=self._workdir)
        check_same_plan(reviewed_plan, again)

    def _write_values(self) -> None:
        """Make this transfer's keys, and write the apply-time variables."""
        client = make_ssh_key()
        self._key_file.unlink(missing_ok=True)
        write_private_key(self._key_file, client)
        host_keys = {gateway.gateway_id: make_ssh_key() for gateway in self._plan.topology.gateways}
        self._bootstrap = {name: key.public for name, key in host_keys.items()}
        expires = datetime.now(UTC) + timedelta(minutes=self._plan.request.ttl_minutes)
        content = apply_values(
            transfer_id=self._owner.transfer_id,
            owner=self._owner.name,
            expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            ssh_public_key=client.public,
            host_keys={name: key.private for name, key in host_keys.items()},
            operator_cidr=self._owner.operator_cidr,
        )
        write_secret(self._workdir / APPLY_TIME, content)

    def deploy(self, credentials: Mapping[str, Credentials]) -> dict[str, GatewayClient]:
        """
        Prepare every VM, start its gateway and link them; return the clients of their control APIs.

        Raises:
            HostError: A host could not be prepared; the message names it.
        """
        made: dict[str, dict[str, Any]] = self._terraform.output()["gateways"]
        links = {name: make_link_key() for name in self._plan.programs}
        self._tokens = {name: make_token() for name in self._plan.programs}
        payload_key = make_payload_key()
        targets = [
            self._target(
                name, made[name], self._secrets(name, links[name], self._tokens[name], payload_key, credentials)
            )
            for name in sorted(self._plan.programs)
        ]
        self._deployed = tuple(deploy_fleet(targets, cancel=self._cancel, on_step=self._hooks.on_host))
        self._clients = {
            one.gateway_id: GatewayClient(one.gateway_id, one.session, one.control_port, self._tokens[one.gateway_id])
            for one in self._deployed
        }
        self._introduce(made, links)
        return self._clients

    def _target(self, name: str, made: Mapping[str, Any], secrets: Secrets) -> Target:
        if not made["ssh_port"]:
            raise HostError(f"gateway {name} has no SSH port: its VM is gone", hint="run the transfer again")
        host = Host(name, str(made["public_ip"]), int(made["ssh_port"]), str(made["ssh_user"]))
        return Target(
            host=host,
            key_file=self._key_file,
            host_key_public=self._bootstrap[name],
            program=self._plan.programs[name],
            secrets=secrets,
            listen_host=str(made["private_ip"]),
        )

    def _secrets(
        self, name: str, link: LinkKey, token: str, payload_key: str, credentials: Mapping[str, Credentials]
    ) -> Secrets:
        program = self._plan.programs[name]
        all_steps = [step for group in program.groups for step in steps(group.head)]
        relays = all(one.op in _RELAYING for one in all_steps)
        wanted = {one.params["store"].get("credentials", "") for one in all_steps if "store" in one.params}
        return Secrets(
            transfer_id=self._owner.transfer_id,
            transfer_started_s=self._owner.started_s,
            link_private_key=link.private,
            token=token,
            payload_key="" if relays else payload_key,
            credentials={name: keys for name, keys in credentials.items() if name in wanted},
        )

    def _introduce(self, made: Mapping[str, Mapping[str, Any]], links: Mapping[str, LinkKey]) -> None:
        """Tell every gateway where its peers are and by which key it knows them."""
        ports = {one.gateway_id: one.data_port for one in self._deployed}
        sessions = {one.gateway_id: one.session for one in self._deployed}
        for name, client in self._clients.items():
            addresses = []
            for peer in self._plan.programs[name].peers:
                same_site = made[name]["region"] == made[peer.gateway]["region"]
                host = str(made[peer.gateway]["private_ip" if same_site else "public_ip"])
                port = ports[peer.gateway]
                shape = self._shape(name, peer.gateway)
                if peer.dial and shape is not None:
                    host, port = "127.0.0.1", shape_link(sessions[name], host, port, shape)
                addresses.append(PeerAddress(peer.gateway, links[peer.gateway].public, host, port))
            client.put_peers(addresses)

    def _shape(self, here: str, there: str) -> LinkShape | None:
        region = {gateway.gateway_id: gateway.region for gateway in self._plan.topology.gateways}
        ends = {region[here], region[there]}
        return next((one for one in self._plan.request.shapes if {one.source, one.target} == ends), None)

    def stop(self, *, timeout_s: float = 30.0) -> None:
        """Stop the gateways in order, so that they abort what they have open; a dead one is destroyed anyway."""
        for one in self._deployed:
            # The clients of the run are closed by now; the sessions are not.
            client = GatewayClient(one.gateway_id, one.session, one.control_port, self._tokens[one.gateway_id])
            with contextlib.suppress(TransferFailed):
                client.stop(timeout_s=timeout_s)
            client.close()

    def fetch_logs(self, directory: Path) -> None:
        """Copy the end of every gateway's log, as far as its host still answers."""
        for one in self._deployed:
            with contextlib.suppress(HostError, OSError):
                (directory / f"{one.gateway_id}.log").write_text(fetch_log(one.session, one.installed))

    def disconnect(self) -> None:
        """Close all connections to the fleet."""
        for client in self._clients.values():
            client.close()
        for one in self._deployed:
            one.session.close()

    def destroy(self) -> None:
        """
        Remove everything that stands in the state.

        Raises:
            TerraformError: Something is left; the diagnostics say what.
        """
        self._terraform.destroy()

    def destroy_old(self) -> None:
        """Remove what an interrupted run left in the state; placeholders stand in for values that are gone."""
        self._terraform.init()
        values = self._workdir / APPLY_TIME
        if not values.exists():
            write_secret(values, (self._workdir / PLACEHOLDERS).read_bytes())
        self._terraform.destroy()


def write_secret(path: Path, content: bytes) -> None:
    """Write *content* to *path*, readable by us alone from the first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
