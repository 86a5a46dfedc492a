"""The contract of a cloud's adapter: what skytf needs of a cloud that Terraform cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from skytf.errors import SkytfError

CREDENTIALS = "credentials"  # the name of the check that a doctor looks at before all others


class NotSignedIn(SkytfError):
    """There are no credentials for a cloud, or they are expired; the hint is the command that signs in."""


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
    """One thing that the cloud needs; ``found`` says what is there or missing, ``hint`` the command that mends it."""

    name: str
    ok: bool
    found: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """
    How many more gateways of one instance type an account may start in one region.

    ``instances`` is None where the cloud did not say; ``limit`` and ``used`` are in the cloud's own unit (vCPUs,
    instances), ``name`` is what the cloud calls it, ``raise_with`` the command or page that asks for more.
    """

    region: str
    instance_type: str
    instances: int | None
    name: str
    limit: float
    used: float
    raise_with: str


class Cloud(Protocol):
    """
    One cloud, for one skytf home; nothing here needs a Terraform state.

    Credentials come from the cloud's standard chain, as its own command line finds them. Whatever asks the cloud
    raises `NotSignedIn` where there are none, or they are expired.
    """

    def environment(self) -> Mapping[str, str]:
        """Return the variables that this cloud's module wants in the environment of terraform."""
        ...

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """
        Return name → value of those of *names* (as ``cloud.toml`` has them) that could be found.

        Raises:
            SkytfError: The cloud could not be asked.
        """
        ...

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """
        Return what may still be started in *region*, None where the cloud has no such limit.

        Args:
            region: As the cloud names it.
            instance_type: One that ``instances.csv`` knows.
            spot: Ask for the quota of VMs that may be taken away, where it is another.

        Raises:
            SkytfError: The cloud could not be asked.
        """
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

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """
        Return what ``skytf doctor`` shows of this cloud; never raises for what is missing.

        Credentials come first, named `CREDENTIALS`, and where they are not good nothing else is asked. Permissions and
        network follow, and per region of *regions* the quota for the default instance type. A hint stands with every
        check that is not ok.
        """
        ...
