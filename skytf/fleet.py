"""The fleet of one transfer: created by Terraform, prepared over SSH, linked, and destroyed whatever happened."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from gateway.program import MUXES, Program, steps
from gateway.stores.base import Credentials
from skytf.clouds.sheet import sheet
from skytf.deploy.authority import LinkCertificate, make_link_certificates
from skytf.deploy.cancel import Cancel
from skytf.deploy.connect import Host
from skytf.deploy.fleet import Deployed, Target, deploy_fleet
from skytf.deploy.keys import (
    LinkKey,
    Secrets,
    make_link_key,
    make_payload_key,
    make_token,
)
from skytf.deploy.service import fetch_log, shape_link
from skytf.deploy.shipping import TreeSource
from skytf.deploy.timing import slowest_hosts
from skytf.errors import HostError, TransferFailed
from skytf.hooks import Hooks
from skytf.infrastructure import Infrastructure, Owner
from skytf.model.copy import ApplyOptions
from skytf.model.job import LinkShape, Request
from skytf.model.topology import Topology
from skytf.monitor.client import GatewayClient, PeerAddress
from skytf.monitor.events import Totals
from skytf.render.root import DATA_PORT
from skytf.report import HostStep

# Who does nothing but this gets no key to what it carries.
_RELAYING = frozenset({"receive", "send", *MUXES})
_ANY_PORT = 0
# Each of them is a call through a gateway's own SSH connection.
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What one transfer's fleet is made from; all of it was reviewed."""

    request: Request
    topology: Topology
    programs: Mapping[str, Program]


class Fleet:
    """
    Gateways from nothing to nothing.

    Args:
        plan: What was reviewed.
        infrastructure: What Terraform makes of it.
        owner: Whose it is.
        applying: How this machine reaches the VMs.
        key_file: The private key that opens them.
        hooks: Hear of every step.
        cancel: Ends `deploy` from another thread.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        infrastructure: Infrastructure,
        owner: Owner,
        applying: ApplyOptions,
        key_file: Path,
        hooks: Hooks,
        cancel: Cancel,
    ) -> None:
        self._plan = plan
        self.infrastructure = infrastructure
        self._owner = owner
        self._applying = applying
        self._key_file = key_file
        self._hooks = hooks
        self._cancel = cancel
        self._region = {gateway.gateway_id: gateway.region for gateway in plan.topology.gateways}
        self._tokens: dict[str, str] = {}
        self._deployed: tuple[Deployed, ...] = ()
        self._clients: dict[str, GatewayClient] = {}

    def deploy(self, credentials: Mapping[str, Credentials]) -> dict[str, GatewayClient]:
        """
        Prepare every VM, start its gateway and link them; return the clients of their control APIs.

        Raises:
            HostError: A host could not be prepared; the message names it.
            TransferFailed: A gateway is of another version than this client.
        """
        made = self.infrastructure.gateways()
        links = {name: make_link_key() for name in self._plan.programs}
        self._tokens = {name: make_token() for name in self._plan.programs}
        payload_key = make_payload_key()
        secrets = self._secrets(links, payload_key, credentials)
        targets = [self._target(name, made[name], secrets[name]) for name in sorted(self._plan.programs)]
        self._deployed = tuple(
            deploy_fleet(
                targets,
                tree_source=cast("TreeSource", self._applying.tree_source),
                proxy=self._applying.ssh_proxy,
                cancel=self._cancel,
                on_step=self._hooks.on_host,
            )
        )
        self._clients = {
            one.gateway_id: GatewayClient(one.gateway_id, one.session, one.control_port, self._tokens[one.gateway_id])
            for one in self._deployed
        }
        self._introduce(made, links)
        return self._clients

    def slowest_steps(self) -> tuple[HostStep, ...]:
        """Return which host took longest for each step of its preparation."""
        found = slowest_hosts({one.gateway_id: one.steps_s for one in self._deployed})
        return tuple(HostStep(one.step, one.gateway_id, round(one.seconds, 3)) for one in found)

    def _target(self, name: str, made: Mapping[str, Any], secrets: Secrets) -> Target:
        if not made["ssh_port"]:
            raise HostError(f"gateway {name} has no SSH port: its VM is gone", hint="run the transfer again")
        vm_name = f"skytf-{self._owner.transfer_id}-{name}"  # as every module calls it (terraform/README.md)
        host = Host(name, _address(made), int(made["ssh_port"]), str(made["ssh_user"]), vm_name)
        in_cloud = sheet(self._region[name].cloud).provider is not None
        return Target(
            host=host,
            key_file=self._key_file,
            host_key_public=self.infrastructure.bootstrap[name],
            program=self._plan.programs[name],
            secrets=secrets,
            listen_host=str(made["private_ip"]),
            # Firewalls in clouds admit this port; on the operator's machine other things listen too.
            listen_port=DATA_PORT if in_cloud else _ANY_PORT,
            site=self._region[name].slug,
            direct=not in_cloud,
        )

    def _secrets(
        self, links: Mapping[str, LinkKey], payload_key: str, credentials: Mapping[str, Credentials]
    ) -> dict[str, Secrets]:
        certificates = self._certificates()
        secrets = {}
        for name, program in self._plan.programs.items():
            all_steps = [step for group in program.groups for step in steps(group.head)]
            relays = all(one.op in _RELAYING for one in all_steps)
            wanted = {one.params["store"].get("credentials", "") for one in all_steps if "store" in one.params}
            secrets[name] = Secrets(
                transfer_id=self._owner.transfer_id,
                transfer_started_s=self._owner.started_s,
                link_private_key=links[name].private,
                token=self._tokens[name],
                payload_key="" if relays else payload_key,
                credentials={which: keys for which, keys in credentials.items() if which in wanted},
                link_tls=certificates.get(name),
            )
        return secrets

    def _certificates(self) -> dict[str, LinkCertificate]:
        """Return what links inside TLS need, for as long as the VMs live; nothing where they do without."""
        request = self._plan.request
        if not request.settings.link_tls:
            return {}
        now = datetime.now(UTC)
        ends = now + timedelta(minutes=request.ttl_minutes)
        return make_link_certificates(self._owner.transfer_id, sorted(self._plan.programs), begins=now, ends=ends)

    def _introduce(self, made: Mapping[str, Mapping[str, Any]], links: Mapping[str, LinkKey]) -> None:
        """
        Tell every gateway where its peers are and by which key it knows them.

        All at once, and only when all is known: a gateway that dials others for 10 s before they are told of it takes
        them for dead, drops the messages that it should pass on, and their senders wait for two minutes.
        """
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="introduce") as pool:
            list(pool.map(lambda client: client.agree(), self._clients.values()))
            found = list(pool.map(lambda name: self._addresses(name, made, links), self._clients))
            list(pool.map(lambda client, peers: client.put_peers(peers), self._clients.values(), found))

    def _addresses(
        self, name: str, made: Mapping[str, Mapping[str, Any]], links: Mapping[str, LinkKey]
    ) -> list[PeerAddress]:
        """Return where the peers of one gateway are; slow links are begun here."""
        deployed = {one.gateway_id: one for one in self._deployed}
        addresses = []
        for peer in self._plan.programs[name].peers:
            same_site = self._region[name] == self._region[peer.gateway]
            there = made[peer.gateway]
            host = str(there["private_ip"]) if same_site else _address(there)
            port = deployed[peer.gateway].data_port
            shape = self._shape(name, peer.gateway)
            if peer.dial and shape is not None:
                host, port = "127.0.0.1", shape_link(deployed[name].session, host, port, shape)
            addresses.append(PeerAddress(peer.gateway, links[peer.gateway].public, host, port))
        return addresses

    def _shape(self, here: str, there: str) -> LinkShape | None:
        ends = {self._region[here], self._region[there]}
        return next((one for one in self._plan.request.shapes if {one.source, one.target} == ends), None)

    def totals(self) -> dict[str, Totals]:
        """Return what the gateways have counted; those that do not answer any more are left out."""
        return self._last_words(lambda client: client.totals())

    def stop(self, *, timeout_s: float = 30.0) -> dict[str, Totals]:
        """
        Stop the gateways in order, so that they abort what they have open; a dead one is destroyed anyway.

        Returns what those that answered have counted.
        """
        return self._last_words(lambda client: client.stop(timeout_s=timeout_s))

    def _last_words(self, ask: Callable[[GatewayClient], Totals]) -> dict[str, Totals]:
        heard = {}
        for one in self._deployed:
            # The clients of the run are closed by now; the sessions are not.
            client = GatewayClient(one.gateway_id, one.session, one.control_port, self._tokens[one.gateway_id])
            with contextlib.suppress(TransferFailed, ValueError):  # ValueError: what it says is no totals
                heard[one.gateway_id] = ask(client)
            client.close()
        return heard

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


def _address(made: Mapping[str, Any]) -> str:
    """Return where a gateway is reached from outside its site; one without a public address is in a routed network."""
    return str(made["public_ip"] or made["private_ip"])
