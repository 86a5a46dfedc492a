"""What a client can look at without planning or moving anything: the other half of the Python API."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Sequence
from pathlib import Path

from skytf import bundle as bundles
from skytf.comparison import Comparison, compare
from skytf.difference import difference
from skytf.doctor import Check, examine
from skytf.errors import InputError
from skytf.home import Home
from skytf.model.copy import Copy
from skytf.model.difference import Difference
from skytf.model.region import Region
from skytf.permitting import Permissions, permissions
from skytf.reap import Reaping, reap
from skytf.report import Report
from skytf.resolve import ends
from skytf.transfer import REPORT_FILE
from skytf.transfers import TransferInfo, describe, report_of


class Looking:
    """
    Looks at transfers, fleets, stores and this machine; *home* and *engine* as for `Client`.

    `reap` is here too: it removes what others left, and begins nothing.
    """

    def __init__(self, *, home: Path | None = None, engine: str | None = None) -> None:
        self._env = dict(os.environ)
        self._home = Home(home.absolute()) if home is not None else Home.find(self._env)
        self._engine_setting = engine

    def transfers(self) -> list[TransferInfo]:
        """Return the transfers of this home, newest first; those that cannot be read are passed over."""
        return [info for directory in self._home.transfers() if (info := describe(directory)) is not None]

    def report(self, transfer_id: str | None = None) -> Report:
        """
        Return what a transfer did, used and cost (default: the latest that has a report).

        Raises:
            InputError: There is no such transfer, or it has no report yet.
        """
        if transfer_id is not None:
            return report_of(self._home.transfer(transfer_id))
        for directory in self._home.transfers():
            if (directory.root / REPORT_FILE).exists():
                return report_of(directory)
        raise InputError(f"no transfer in {self._home.root} has a report", hint="skytf transfers lists them")

    def reap(self, *, dry_run: bool = False, all_owners: bool = False, force: bool = False) -> Reaping:
        """Remove fleets that a lost client left behind: expired, or client dead (*force*: living ones too)."""
        return reap(self._home, owner(), dry_run=dry_run, all_owners=all_owners, force=force)

    def verify(self, copies: Sequence[Copy]) -> list[Comparison]:
        """
        Read both ends again and compare every object's content.

        Raises:
            InputError, StoreError: An end cannot be read.
        """
        return compare(ends(copies, cwd=Path.cwd()))

    def doctor(self, regions: Sequence[str] = ()) -> list[Check]:
        """
        Look at what skytf needs on this machine, and in *regions* (``aws:us-east-1``) of the clouds.

        Raises:
            InputError: A region is none.
        """
        wanted = [Region.parse(text) for text in regions]
        return list(examine(self._home, wanted, engine=self._engine_setting, env=self._env))

    def diff(self, old: Path, new: Path) -> Difference:
        """
        Return what became different from the bundle *old* to the bundle *new*, which another skytf may have planned.

        Raises:
            InputError: One of them is no bundle.
            Refused: One of them is broken, or has a format that this skytf does not read.
        """
        return difference(bundles.read(old, any_tool=True), bundles.read(new, any_tool=True))

    def permissions(self, cloud: str, phases: Sequence[str] = (), *, bundle: Path | None = None) -> Permissions:
        """
        Return what the credentials of whoever plans, applies and destroys must be allowed in *cloud*.

        Args:
            cloud: Which one.
            phases: Some of ``plan``, ``apply`` and ``destroy``; all without.
            bundle: For this bundle alone; without, for whatever skytf may do there, `doctor` and `reap` included.

        Raises:
            InputError: There is no such cloud or phase, it needs none, or *bundle* has no gateways there.
            Refused: *bundle* is broken.
        """
        return permissions(cloud, phases, None if bundle is None else bundles.read(bundle))


def owner() -> str:
    """Return who runs this, as a tag that every cloud accepts (lower case, digits, hyphens)."""
    return re.sub(r"[^a-z0-9-]+", "-", getpass.getuser().lower()).strip("-") or "unknown"
