"""What the pages say about the sites of a topology: what stands there, for what, and on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from skytf.clouds.sheet import sheet
from skytf.model.figures import SiteFigures
from skytf.model.job import Request
from skytf.model.region import Region
from skytf.model.review import Page, SiteReview
from skytf.model.site import SiteSettings
from skytf.model.topology import Topology
from skytf.render.said import Name, Sentence, among, said
from skytf.render.words import TIMES, count
from skytf.sites import missing_facts, settings

SOURCE, RELAY, DESTINATION = ROLES = ("source", "relay", "destination")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class SiteRow:
    """
    One site.

    ``fleet`` says how many of which type, ``roles`` some of `ROLES`; ``details`` are sentences, none of this machine.
    ``made`` counts the resources that Terraform creates there, None where it has planned nothing. ``bottleneck`` says
    that the site itself limits the transfer.
    """

    region: str
    title: str
    gateways: int
    fleet: str
    place: str
    roles: tuple[str, ...]
    vcpus: int
    made: int | None
    details: tuple[Sentence, ...]
    bottleneck: bool

    @property
    def cloud(self) -> str:
        """The first part of the region."""
        return self.region.partition(":")[0]

    @property
    def name(self) -> str:
        """The second part of the region."""
        return self.region.partition(":")[2]


def site_rows(page: Page) -> tuple[SiteRow, ...]:
    """Return the sites of *page*, sorted."""
    made: Counter[str] = Counter()
    for one in page.review.made or ():
        made[one.module] += one.count
    figures = {one.region: one for one in page.figures.sites}
    return tuple(_row(one, page, figures.get(one.region), made) for one in page.review.sites)


def placeholders(request: Request, regions: Iterable[Region]) -> tuple[Sentence, ...]:
    """Return a sentence for each fact that a placeholder stands for."""
    return tuple(
        said(Name(f"{fact.cloud}.{fact.name}"), " is a placeholder; ", Name(fact.find), " prints it.")
        for fact in missing_facts(request, regions)
    )


def keys_that_travel(request: Request) -> tuple[Sentence, ...]:
    """Return the ends that gateways open with the operator's keys; each once."""
    ends = [end for job in request.jobs for end in (job.source, *job.destinations)]
    found = [said(Name(end.url), f", to the gateways of {end.region}") for end in ends if end.store.credentials]
    return tuple(dict.fromkeys(found))


def _row(one: SiteReview, page: Page, figures: SiteFigures | None, made: Counter[str]) -> SiteRow:
    of_cloud = sheet(one.region.cloud)
    prediction = page.topology.prediction
    return SiteRow(
        region=str(one.region),
        title=of_cloud.title,
        gateways=one.gateways,
        fleet=f"{one.gateways} {TIMES} {one.instance_types[0]}"
        if one.instance_types
        else count(one.gateways, "gateway"),
        place=figures.place if figures else "",
        roles=_roles(one.region, page.topology),
        vcpus=one.vcpus * one.gateways,
        made=None if page.review.made is None else made[one.region.slug],
        details=() if of_cloud.provider is None else _details(one, page.request),
        bottleneck=bool(prediction)
        and str(one.region) in prediction.bottleneck.split()
        and "->" not in (prediction.bottleneck)
        if prediction
        else False,
    )


def _roles(region: Region, topology: Topology) -> tuple[str, ...]:
    found = set()
    for route in topology.routes:
        found |= {SOURCE} if route.regions[0] == region else set()
        found |= {RELAY} if region in route.regions[1:-1] else set()
        found |= {DESTINATION} if route.regions[-1] == region else set()
    return tuple(one for one in ROLES if one in found)


def _details(one: SiteReview, request: Request) -> tuple[Sentence, ...]:
    chosen = settings(request, one.region)
    return tuple(
        filter(
            None,
            (_machines(chosen), _disk(chosen), _network(chosen), _identity(one.region, chosen), _facts(one, request)),
        )
    )


def _machines(chosen: SiteSettings) -> Sentence:
    first, *others = chosen.instance_types
    instead = (", or where that is sold out ", *among(others)) if others else ()
    free = "in a zone of the network they join" if chosen.existing_network else "in any zone that has the type"
    where = ("in ", *among(chosen.zones)) if chosen.zones else (free,)
    spot = ", spot: may be taken away" if chosen.spot else ""
    return said("Instances: ", Name(first), *instead, f" ({chosen.arch}{spot}), ", *where, ".")


def _disk(chosen: SiteSettings) -> Sentence:
    image: Sentence = ("Image ", Name(chosen.image)) if chosen.image else ("Newest image of Ubuntu 24.04",)
    key = Name(chosen.disk_kms_key) if chosen.disk_kms_key else "the cloud's own key"
    return said(*image, f". Disk of {chosen.disk_gib} GiB each, encrypted with ", key, ".")


def _network(chosen: SiteSettings) -> Sentence:
    network: Sentence = (
        ("Joins ", Name(chosen.existing_network)) if chosen.existing_network else ("A network of its own",)
    )
    return said(*network, ", no public addresses." if chosen.private_addresses else ", a public address each.")


def _identity(region: Region, chosen: SiteSettings) -> Sentence:
    if chosen.identity:
        return said("Runs as ", Name(chosen.identity), ", whatever that may do.")
    own_end = sheet(region.cloud).self_deletion
    bound = (", bounded by ", Name(chosen.permissions_boundary)) if chosen.permissions_boundary else ()
    keys = (", with the keys ", *among(chosen.store_kms_keys)) if chosen.store_kms_keys else ()
    end = f" To end themselves, the gateways may {own_end}." if own_end else ""
    return said("Runs as an identity that is made for it", *bound, *keys, ".", end)


def _facts(one: SiteReview, request: Request) -> Sentence:
    chosen = settings(request, one.region)
    unknown = {(fact.cloud, fact.name) for fact in missing_facts(request, [one.region])}
    parts: list[str] = []
    for name, value in sorted(chosen.facts.items())[:_NAMED]:
        parts += [", " if parts else "In the account: ", Name(name), " is ", Name(value)]
        parts += [" (placeholder)"] if (one.region.cloud, name) in unknown else []
    more = f" and {len(chosen.facts) - _NAMED} more" if len(chosen.facts) > _NAMED else ""
    return said(*parts, f"{more}.") if parts else ()
