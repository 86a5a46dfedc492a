"""What the tags of a cloud's resources say: the same four on every cloud, and how fleets are told from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from skytf.clouds.base import FleetTag

TRANSFER = "skytf-transfer-id"
OWNER = "skytf-owner"
EXPIRES = "skytf-expires-at"
GATEWAY = "skytf-gateway"

_OURS = "skytf-"
_NAME = "Name"
# Labels know no colon: it is RFC 3339 in lower case with hyphens (terraform/<cloud>/: formatdate).
_EXPIRES_FORMAT = "%Y-%m-%dt%H-%M-%Sz"
_PAIR = re.compile(r"(skytf-[a-z-]+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Tagged:
    """
    One resource of a fleet, as its cloud names it.

    ``kind`` is the cloud's word for what it is, ``place`` its region (empty for what is in none).
    """

    kind: str
    name: str
    place: str
    tags: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.place}" if self.place else f"{self.kind} {self.name}"

    def belongs_to(self, transfer_id: str, owner: str | None) -> bool:
        """Return whether it is of this transfer, and of *owner* unless None."""
        return self.tags.get(TRANSFER) == transfer_id and owner in (None, self.tags.get(OWNER, ""))


def fleets(resources: Iterable[Tagged], owner: str | None = None) -> tuple[FleetTag, ...]:
    """
    Return the fleets that *resources* are of, those of *owner* alone unless None; sorted by transfer id.

    A resource without the tag of a transfer is none of ours.
    """
    found: dict[str, list[Mapping[str, str]]] = {}
    for one in resources:
        if transfer_id := one.tags.get(TRANSFER, ""):
            found.setdefault(transfer_id, []).append(one.tags)
    summed_up = (_fleet(transfer_id, found[transfer_id]) for transfer_id in sorted(found))
    return tuple(fleet for fleet in summed_up if owner in (None, fleet.owner))


def described(text: str) -> dict[str, str]:
    """Return the tags that a description holds (``skytf-owner=… …``), of a resource that can have none."""
    return dict(_PAIR.findall(text))


def expiry_s(text: str) -> float:
    """Return the Unix time that the tag ``skytf-expires-at`` says; 0.0 for what is none."""
    try:
        return datetime.strptime(text, _EXPIRES_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def expiry_tag(expires_s: float) -> str:
    """Return how the tag ``skytf-expires-at`` says the Unix time *expires_s*; `expiry_s` reads it."""
    return datetime.fromtimestamp(expires_s, UTC).strftime(_EXPIRES_FORMAT)


def _fleet(transfer_id: str, tags: list[Mapping[str, str]]) -> FleetTag:
    others = {name: text for one in tags for name, text in one.items() if not name.startswith(_OURS) and name != _NAME}
    return FleetTag(
        transfer_id=transfer_id,
        owner=next((one[OWNER] for one in tags if one.get(OWNER)), ""),
        expires_s=max(expiry_s(one.get(EXPIRES, "")) for one in tags),
        gateways=tuple(sorted({one[GATEWAY] for one in tags if one.get(GATEWAY)})),
        tags=others,
    )
