"""Where the gateways of an end stand, and by whose keys they open its store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.stores.base import StoreSpec
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import cloud_of_store, sheet
from skytf.errors import InputError
from skytf.model.region import Region

SOURCE_REGION = Region("local", "a")
DESTINATION_REGION = Region("local", "b")
GATEWAY_CREDENTIALS = ("auto", "identity", "keys")
# What only the operator's machine or network reaches, and what needs no keys.
_PATHS = frozenset({"file"})
_NEARBY = frozenset({"file", "hdfs"})


@dataclass(frozen=True, slots=True)
class End:
    """One end of a job before its region is settled; ``region`` is as the user named it, empty where nobody did."""

    url: str
    store: StoreSpec
    prefix: str
    profile: str
    region: str
    is_source: bool

    @property
    def option(self) -> str:
        """The option that names the region of this end."""
        return "--src-region" if self.is_source else "--dst-region"

    @property
    def cloud(self) -> str | None:
        """The cloud that the store belongs to; None for paths, R2 and whatever has an address of its own."""
        if self.store.endpoint_url or self.store.scheme in _NEARBY:
            return None
        return cloud_of_store(self.store.scheme, CLOUDS)


# Returns the region of a bucket; raises InputError where it cannot be found out.
Locate = Callable[[End], Region]


def parse_region(text: str) -> Region:
    """
    Return the region that *text* names.

    Raises:
        InputError: It is no region, or there is no such cloud or region.
    """
    region = Region.parse(text)
    if region.cloud not in CLOUDS:
        raise InputError(
            f"{text!r} is nowhere: there is no cloud {region.cloud!r}", hint=f"clouds: {', '.join(sorted(CLOUDS))}"
        )
    sheet(region.cloud).check_region(region.name)
    return region


def settle(ends: Sequence[End], locate: Locate) -> tuple[Region, ...]:
    """
    Return where the gateways of each of *ends* stand; the first one is the source.

    A store that belongs to no cloud and answers everywhere (R2) needs no site of its own: the other end's gateways
    reach it, those of the source a destination, those of the first destination that has a site a source.

    Raises:
        InputError: A region cannot be, or cannot be found out; the hint names the option.
    """
    found = [_own_region(end, locate) for end in ends]
    elsewhere = next((region for region in found if region is not None), None)
    if elsewhere is None:
        raise InputError(
            f"nothing says where gateways between {ends[0].url} and {ends[1].url} should stand",
            hint="name a region with --src-region or --dst-region",
        )
    return tuple(region or elsewhere for region in found)


def access_of(end: End, region: Region, wish: str) -> str:
    """
    Return how the gateways of *region* open the store of *end*: as an ``identity`` of their cloud or with ``keys``.

    Args:
        end: Which one.
        region: Where its gateways stand.
        wish: One of `GATEWAY_CREDENTIALS`; ``auto`` takes the identity where there is one and no profile is named.

    Raises:
        InputError: *wish* is ``identity`` and there is none for this end.
    """
    own = end.cloud is not None and end.cloud == region.cloud
    if wish == "identity" and not own and end.store.scheme not in _NEARBY:
        raise InputError(
            f"gateways in {region} have no identity that {end.url} knows",
            hint=f"name a region of its cloud with {end.option}, or let keys travel: --gateway-credentials auto",
        )
    return "identity" if own and (wish == "identity" or (wish == "auto" and not end.profile)) else "keys"


def _own_region(end: End, locate: Locate) -> Region | None:
    if end.region:
        region = parse_region(end.region)
        if end.store.scheme in _PATHS and sheet(region.cloud).provider is not None:
            raise InputError(
                f"gateways in {region} cannot read or write {end.url}, which is a path of this machine",
                hint=f"leave out {end.option}: a path is served by gateways on this machine",
            )
        return region
    cloud = end.cloud
    if cloud is not None:
        # An https address may have said it; a region that we do not know gets the same answer as a mistyped one.
        return parse_region(f"{cloud}:{end.store.region}") if end.store.region else locate(end)
    if end.store.scheme in _NEARBY or end.store.endpoint_url:
        return SOURCE_REGION if end.is_source else DESTINATION_REGION
    return None
