"""What a user may choose for a site, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Where the gateways of cloud sites listen for each other: first and last port, below the range that kernels hand out
# for outgoing connections (32768 and up on Linux).
DATA_PORTS = (28_470, 28_485)


@dataclass(frozen=True, slots=True)
class SiteOption:
    """
    One choice: ``where`` is a cloud (``aws``) or a region (``aws:us-east-1``), and the more exact one wins.

    ``name`` is a field of `SiteSettings` that is text or a list of texts.
    """

    where: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """
    What the module of one site is given, as a reviewer sees it; the fields are variables of its interface.

    ``instance_types`` and ``zones``: the first is taken, the others are the bounds within which another may be taken
    where it is sold out; no zones means any. ``facts`` come from a look-up in the account, or are placeholders.
    """

    instance_types: tuple[str, ...] = ()
    arch: str = "x86_64"
    zones: tuple[str, ...] = ()
    image: str = ""
    existing_network: str = ""
    identity: str = ""
    permissions_boundary: str = ""
    disk_kms_key: str = ""
    store_kms_keys: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    private_addresses: bool = False
    spot: bool = False
    disk_gib: int = 30
    ssh_port: int = 0
