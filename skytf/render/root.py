"""A topology as a Terraform root module: thin, with one child module per site and every value in a tfvars file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from skytf.clouds.sheet import Provider, sheet
from skytf.errors import InputError
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.site import DATA_PORTS as PORTS
from skytf.model.topology import Gateway, Link, Topology
from skytf.render.templates import fill
from skytf.resources import module_files, shared_files
from skytf.sites import access, settings

REVIEWED = "terraform.tfvars.json"
PLACEHOLDERS = "placeholders.tfvars.json"
APPLY_TIME = "apply.auto.tfvars.json"

_TEMPLATES = ("main.tf", "outputs.tf", "variables.tf", "versions.tf")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DATA_PORT = PORTS[0]  # where the gateways of cloud sites listen; those on this machine take any free port
DATA_PORTS = {"from": DATA_PORT, "to": PORTS[1]}


_OPERATOR = "operator"  # no gateway's id: those end in a number


@dataclass(frozen=True, slots=True)
class _Ingress:
    key: str
    cidr: str


@dataclass(frozen=True, slots=True)
class _Site:
    module: str
    cloud: str
    region: str
    provider: Provider | None
    facts: str
    ingress: tuple[_Ingress, ...]


def root_module(topology: Topology, request: Request) -> dict[str, bytes]:
    """
    Return the root module: relative path → content. Pure but for reading our own templates and modules.

    Raises:
        InputError: A cloud has no module or not what was chosen, or a name cannot stand in a Terraform file.
    """
    _check_names(topology)
    sites = [_site(region, topology, request) for region in topology.regions()]
    providers = sorted({site.provider for site in sites if site.provider}, key=lambda provider: provider.name)
    files = {name: fill(f"root/{name}.j2", sites=sites, providers=providers) for name in _TEMPLATES}
    files[REVIEWED] = _json(
        {
            "data_ports": DATA_PORTS,
            "sites": {one.slug: _site_values(one, topology, request) for one in topology.regions()},
            "tags": dict(request.tags),
            "ttl_minutes": request.ttl_minutes,
        }
    )
    files[PLACEHOLDERS] = _placeholders(topology)
    for cloud in sorted({site.cloud for site in sites}):
        module = module_files(cloud)
        files |= {f"modules/{cloud}/{path}": content for path, content in module.items()}
        files |= {f"modules/shared/{name}": content for name, content in shared_files(module).items()}
    return dict(sorted(files.items()))


def _check_names(topology: Topology) -> None:
    """Let nothing into a Terraform file that could be more than a name there."""
    regions = topology.regions()
    parts = [part for one in regions for part in (one.cloud, one.name)]
    for name in (*parts, *(one.slug for one in regions), *(one.gateway_id for one in topology.gateways)):
        if _IDENTIFIER.fullmatch(name) is None:
            raise InputError(
                f"{name!r} cannot name a site or a gateway", hint="use lower-case letters, digits and hyphens"
            )


def apply_values(
    *,
    transfer_id: str,
    owner: str,
    expires_at: str,
    ssh_public_key: str,
    host_keys: Mapping[str, str],
    operator_cidr: str,
    attempts: Mapping[str, int] | None = None,
) -> bytes:
    """
    Return the content of `APPLY_TIME`, the variables of one transfer; *host_keys* makes it a secret (0600).

    Args:
        transfer_id: Tag, and part of every name.
        owner: Whose fleet it is.
        expires_at: RFC 3339, in UTC.
        ssh_public_key: One line as in authorized_keys.
        host_keys: Gateway id → bootstrap private key in OpenSSH form.
        operator_cidr: Where the operator's SSH comes from.
        attempts: Site (`Region.slug`) → how often it was sold out; a site that is left out never was.
    """
    return _json(
        {
            "attempts": dict(attempts or {}),
            "expires_at": expires_at,
            "host_keys": dict(host_keys),
            "operator_cidr": operator_cidr,
            "owner": owner,
            "ssh_public_key": ssh_public_key,
            "transfer_id": transfer_id,
        }
    )


def _placeholders(topology: Topology) -> bytes:
    """Return valid values that mean nothing: an address for documentation (RFC 5737), a key of zeros."""
    return apply_values(
        transfer_id="placeholder",
        owner="placeholder",
        expires_at="2000-01-01T00:00:00Z",
        ssh_public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " placeholder",
        host_keys={gateway.gateway_id: "placeholder" for gateway in topology.gateways},
        operator_cidr="192.0.2.1/32",
    )


def _site_values(region: Region, topology: Topology, request: Request) -> dict[str, Any]:
    in_cloud = [gateway.gateway_id for gateway in topology.gateways if gateway.region.cloud == region.cloud]
    return {
        **asdict(settings(request, region)),
        "access": {end: asdict(one) for end, one in access(request, region).items()},
        "gateways": {one.gateway_id: {"index": in_cloud.index(one.gateway_id)} for one in topology.at(region)},
    }


def _site(region: Region, topology: Topology, request: Request) -> _Site:
    return _Site(
        module=region.slug,
        cloud=region.cloud,
        region=region.name,
        provider=sheet(region.cloud).provider,
        facts=f'var.sites["{region.slug}"].facts',
        ingress=_ingress(region, topology, private=request.private_addresses),
    )


def diallers(region: Region, topology: Topology) -> dict[str, Gateway]:
    """Return who dials the gateways of *region* from outside: gateway id → gateway, sorted."""
    gateways = {gateway.gateway_id: gateway for gateway in topology.gateways}
    found: dict[str, Gateway] = {}
    for link in topology.links:
        dialler, listener = (gateways[one] for one in _ends(link))
        # Gateways of one site reach each other by the site's own network, which is the child module's business.
        if listener.region == region != dialler.region:
            found[dialler.gateway_id] = dialler
    return dict(sorted(found.items()))


def _ingress(region: Region, topology: Topology, *, private: bool) -> tuple[_Ingress, ...]:
    """
    Return who may come in; static keys, so that plans know the rules' addresses.

    All gateways on the operator's machine come from one address: a second rule with it is one that AWS refuses
    (InvalidPermission.Duplicate).
    """
    cidrs = {_name(dialler): _cidr(dialler, private=private) for dialler in diallers(region, topology).values()}
    width = max((len(one) + 2 for one in cidrs), default=0)
    return tuple(_Ingress(f'"{one}"'.ljust(width), cidr) for one, cidr in sorted(cidrs.items()))


def _ends(link: Link) -> tuple[str, str]:
    """Return who dials and who listens."""
    return (link.source, link.target) if link.dialled_by_source else (link.target, link.source)


def _name(dialler: Gateway) -> str:
    return _OPERATOR if sheet(dialler.region.cloud).provider is None else dialler.gateway_id


def _cidr(dialler: Gateway, *, private: bool) -> str:
    if sheet(dialler.region.cloud).provider is None:
        return "var.operator_cidr"
    address = "private_ip" if private else "public_ip"
    return f'"${{module.{dialler.region.slug}.gateways["{dialler.gateway_id}"].{address}}}/32"'


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=2, sort_keys=True).encode() + b"\n"
