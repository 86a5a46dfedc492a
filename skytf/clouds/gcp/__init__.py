"""
Google Cloud: fleets are found by label, name and description, and removed in order; quotas of a region are read.

Written after Google's public documentation, and tested against answers that were written by hand after it. It was
never run on the real cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from skytf.clouds.base import Check, FleetTag, NotSignedIn, Quota
from skytf.clouds.gcp import checks, found, quota, removal
from skytf.clouds.gcp.account import Project
from skytf.clouds.removal import remove_fleet
from skytf.clouds.tags import fleets
from skytf.errors import SkytfError


class GcpCloud:
    """
    The project that Application Default Credentials open; the home does not matter to it.

    A fleet in another project (``--fact gcp.project=…``) is seen when GOOGLE_CLOUD_PROJECT names that one.
    """

    def __init__(self, home: Path) -> None:
        self._project = Project()

    def environment(self) -> Mapping[str, str]:
        """Return nothing: Terraform's provider follows the same chain."""
        return {}

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the id of the project that the chain of credentials names; raises as the contract says."""
        if "project" not in names:
            return {}
        try:
            return {"project": self._project.name}
        except NotSignedIn:
            raise
        except SkytfError:  # nobody named one
            return {}

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """Return which quota ends first: vCPUs of the type's family, vCPUs of all regions, or addresses."""
        return quota.quota(self._project, region, instance_type, spot=spot)

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """Return the fleets of *owner*, of everybody if None; raises as the contract says."""
        return fleets(found.find(self._project), owner)

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """Remove what is labelled or described so; then look again whether anything still is."""
        find, remove = partial(found.find, self._project), partial(removal.remove, self._project)
        return remove_fleet("Google Cloud", find, remove, transfer_id=transfer_id, owner=owner)

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """Return whose credentials these are, whether the API answers, what they may do, and quotas of *regions*."""
        return tuple(checks.find(self._project, regions, self.quota))
