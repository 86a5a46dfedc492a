"""The contract of a cloud's adapter: what skytf needs of a cloud that Terraform cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FleetTag:
    """
    What the tags of a cloud's resources say about one transfer.

    ``expires_s`` is Unix time, the latest of the fleet; ``gateways`` are ids, sorted; ``tags`` are those the module got
    in its variable of that name. Whether the client that made the fleet still lives is not for a cloud to know.
    """

    transfer_id: str
    owner: str
    expires_s: float
    gateways: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the cloud needs; *found* says what is there, or what is missing and the next step."""

    name: str
    ok: bool
    found: str


class Cloud(Protocol):
    """One cloud, for one skytf home; nothing here needs a Terraform state."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables that this cloud's module wants in the environment of terraform."""
        ...

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """
        Return the fleets of *owner*, of everybody if None, sorted by transfer id.

        Finds what is there, not what should be: half a fleet too, and one that was half removed.

        Raises:
            SkytfError: The cloud could not be asked.
        """
        ...

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """
        Remove what is tagged with *transfer_id*, and with *owner* unless None; return what was removed, in words.

        Returns when it is gone. Idempotent: of a fleet that is gone, nothing is removed.

        Raises:
            SkytfError: Something is still there; the message names it.
        """
        ...

    def check(self) -> tuple[Check, ...]:
        """Return what ``skytf doctor`` shows of this cloud; never raises for what is missing."""
        ...
