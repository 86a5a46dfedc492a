"""What PLAN.md says about gateways in clouds: what they are, who reaches them, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skytf.clouds.sheet import sheet
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.site import SiteSettings
from skytf.model.topology import Topology
from skytf.render.markdown import code
from skytf.render.root import DATA_PORTS, diallers
from skytf.sites import access, missing_facts, settings

_NAMED = 5


@dataclass(frozen=True, slots=True)
class CloudSite:
    """One site, in words: what its VMs are, what they stand on, who reaches them, what they may do."""

    region: str
    machines: str
    image_and_disk: str
    network: str
    identity: str
    facts: tuple[str, ...]


def cloud_sites(request: Request, topology: Topology) -> tuple[CloudSite, ...]:
    """Return the sites of *topology* that are not on the operator's machine, sorted."""
    return tuple(
        _site(region, request, topology) for region in topology.regions() if sheet(region.cloud).provider is not None
    )


def keys_that_travel(request: Request) -> tuple[str, ...]:
    """Return the ends that gateways open with the operator's keys, in words; each once."""
    ends = [end for job in request.jobs for end in (job.source, *job.destinations)]
    words = [f"{code(end.url)}, to the gateways of {end.region}" for end in ends if end.store.credentials]
    return tuple(dict.fromkeys(words))


def placeholders(request: Request, regions: Iterable[Region]) -> tuple[str, ...]:
    """Return a sentence for each fact that a placeholder stands for."""
    return tuple(
        f"{code(f'{fact.cloud}.{fact.name}')} is a placeholder; {code(fact.find)} prints it."
        for fact in missing_facts(request, regions)
    )


def _site(region: Region, request: Request, topology: Topology) -> CloudSite:
    chosen = settings(request, region)
    unknown = {(fact.cloud, fact.name) for fact in missing_facts(request, [region])}
    return CloudSite(
        region=str(region),
        machines=_machines(chosen),
        image_and_disk=_image_and_disk(chosen),
        network=_network(region, chosen, topology),
        identity=_identity(region, chosen, request),
        facts=tuple(
            f"{name} {code(value)}{' (placeholder)' if (region.cloud, name) in unknown else ''}"
            for name, value in chosen.facts.items()
        ),
    )


def _machines(chosen: SiteSettings) -> str:
    first, *others = chosen.instance_types
    instead = f", or where that is sold out {', '.join(others)}" if others else ""
    spot = ", spot: may be taken away" if chosen.spot else ""
    free = "in a zone of the network they join" if chosen.existing_network else "in any zone that has the type"
    where = f"in {', '.join(chosen.zones)}" if chosen.zones else free
    return f"{first}{instead} ({chosen.arch}{spot}), {where}"


def _image_and_disk(chosen: SiteSettings) -> str:
    image = f"Image {code(chosen.image)}" if chosen.image else "Newest image of Ubuntu 24.04"
    key = code(chosen.disk_kms_key) if chosen.disk_kms_key else "the cloud's own key"
    return f"{image}. Disk of {chosen.disk_gib} GiB, encrypted with {key}."


def _network(region: Region, chosen: SiteSettings, topology: Topology) -> str:
    network = f"Joins {code(chosen.existing_network)}" if chosen.existing_network else "A network of its own"
    addresses = ", no public addresses" if chosen.private_addresses else ""
    regions = sorted({dialler.region for dialler in diallers(region, topology).values()})
    who = [
        f"the gateways of {one}" if sheet(one.cloud).provider is not None else f"the operator's address ({one})"
        for one in regions
    ]
    ports = f"ports {DATA_PORTS['from']} to {DATA_PORTS['to']}"
    data = f"{ports} to {_listed(who)} and the site itself" if who else f"{ports} to the site itself"
    return f"{network}{addresses}. Open: port {chosen.ssh_port} (SSH) to the operator's address; {data}."


def _identity(region: Region, chosen: SiteSettings, request: Request) -> str:
    if chosen.identity:
        return f"Runs as {code(chosen.identity)}, whatever that may do."
    rights = {
        f"{'reads and writes' if one.write else 'reads'} {code(f'{one.scheme}://{one.bucket}/{one.prefix}')}": None
        for one in access(request, region).values()
    }
    own_end = sheet(region.cloud).self_deletion
    besides = f" To end themselves, the gateways may {own_end}." if own_end else ""
    if not rights:
        return f"May use no store by itself.{besides}"
    bound = f", bounded by {code(chosen.permissions_boundary)}" if chosen.permissions_boundary else ""
    keys = f", with {_listed([code(key) for key in chosen.store_kms_keys])}" if chosen.store_kms_keys else ""
    return f"Runs as an identity that is made for it{bound}: {_listed(list(rights))}{keys}.{besides}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more
