"""Remove the fleets that a lost client left behind: found by tag, without state."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.errors import GatewayError
from skytf import bundle
from skytf.clouds import CLOUDS, open_cloud
from skytf.clouds.base import Cloud, FleetTag
from skytf.clouds.sheet import sheet
from skytf.clouds.tags import TRANSFER
from skytf.ends import ends_of
from skytf.errors import InputError, Refused, SkytfError
from skytf.generated import is_rehearsal
from skytf.home import Home, TransferDir
from skytf.runner.orphans import wait_for_orphans
from skytf.transfer import BUNDLE_DIR

_NO_RESULT = frozenset({"", "interrupted"})


@dataclass(frozen=True, slots=True)
class Reaped:
    """
    A fleet that was found, and what became of it.

    ``reason`` says why it was removed or left; ``expires`` is UTC, empty where the tags are gone.
    """

    transfer_id: str
    cloud: str
    owner: str
    gateways: int
    expires: str
    client_alive: bool
    removed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Unsearched:
    """A cloud where fleets may be that were not looked for: why, and what to do to have it searched."""

    cloud: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Reaping:
    """What was found, and where nobody looked."""

    fleets: tuple[Reaped, ...]
    unsearched: tuple[Unsearched, ...]


def reap(home: Home, owner: str, *, dry_run: bool, all_owners: bool, force: bool) -> Reaping:
    """
    Remove the fleets of *owner* (or of everybody) that are expired or whose client is dead; with *force* all of them.

    Every cloud is searched that can be; one that cannot is named, and stops nothing.
    """
    if not dry_run:
        # Terraform outlives a killed client, and goes on creating.
        wait_for_orphans(*(directory.workdir for directory in _lost(home, None if all_owners else owner)))
    with ThreadPoolExecutor(len(CLOUDS), thread_name_prefix="reap") as pool:
        searches = list(pool.map(lambda name: _search(home, name), CLOUDS))
    unsearched = tuple(search for search in searches if isinstance(search, Unsearched))
    found = tuple(
        _reap(home, search, fleet, dry_run=dry_run, force=force)
        for search in searches
        if isinstance(search, _Search)
        for fleet in search.fleets
        if all_owners or fleet.owner in (owner, "")
    )
    if not dry_run:
        standing = {one.transfer_id for one in found if not one.removed}
        dark = {one.cloud for one in unsearched}
        for directory in _lost(home, None if all_owners else owner):
            if directory.transfer_id not in standing and not dark & _clouds(directory):
                _forget(directory)
    return Reaping(found, unsearched)


def _forget(directory: TransferDir) -> None:
    """Remove the secrets of a lost transfer, and all of a rehearsal that has no result: nobody goes on with one."""
    directory.forget_secrets()
    try:
        given = bundle.read(directory.root / BUNDLE_DIR)
        if is_rehearsal(given.manifest.request) and directory.status().outcome in _NO_RESULT:
            shutil.rmtree(directory.root)
    except (GatewayError, SkytfError, OSError):
        return


@dataclass(frozen=True, slots=True)
class _Search:
    """A cloud that was searched."""

    name: str
    cloud: Cloud
    fleets: tuple[FleetTag, ...]


def _search(home: Home, name: str) -> _Search | Unsearched:
    cloud = open_cloud(name, home.root)
    if cloud is None:
        hint = f"look in the console of {sheet(name).title} for the tag {TRANSFER}"
        return Unsearched(name, "there is no adapter for it", hint)
    try:
        return _Search(name, cloud, cloud.find(None))
    except SkytfError as error:
        return Unsearched(name, str(error), error.hint or "run skytf reap again")


def _clouds(directory: TransferDir) -> frozenset[str]:
    """Return the clouds where a transfer has gateways; none where there is no bundle that says so."""
    try:
        given = bundle.read(directory.root / BUNDLE_DIR)
    except (GatewayError, SkytfError, OSError):
        return frozenset()
    return frozenset(region.cloud for region in given.topology.regions())


def _lost(home: Home, owner: str | None) -> Iterator[TransferDir]:
    """Yield the transfers of *owner* (None: all) that nobody works on and nobody has ended; each is held meanwhile."""
    for directory in home.transfers():
        try:
            status = directory.status()
        except InputError:
            continue  # it says where it stands before anything else is done
        with contextlib.ExitStack() as holding:
            if not status.outcome and owner in (None, status.owner) and not _alive(directory, holding):
                yield directory


def _reap(home: Home, search: _Search, fleet: FleetTag, *, dry_run: bool, force: bool) -> Reaped:
    directory = _directory(home, fleet.transfer_id)
    with contextlib.ExitStack() as holding:
        alive = _alive(directory, holding)
        expired = 0 < fleet.expires_s < time.time()
        if expired:
            reason = "it is expired"
        elif directory is not None and not alive:
            reason = "its client is dead"
        elif directory is None and not fleet.owner and sheet(search.name).provider is None:
            # In an account that others use too, what has no owner yet may be somebody's fleet that is just being made.
            reason = "nothing is known about it any more"
        elif force:
            reason = "--force"
        else:
            reason = ""
        removed = bool(reason) and not dry_run
        if removed:
            try:
                _remove(search, fleet.transfer_id, directory)
            except SkytfError as error:
                next_step = f" (next: {error.hint})" if error.hint else ""
                removed, reason = False, f"it could not be removed: {error}{next_step}"
    return Reaped(
        transfer_id=fleet.transfer_id,
        cloud=search.name,
        owner=fleet.owner,
        gateways=len(fleet.gateways),
        expires=datetime.fromtimestamp(fleet.expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if fleet.expires_s else "",
        client_alive=alive,
        removed=removed,
        reason=reason or ("its client lives" if alive else "it is not expired, and its client is not known here"),
    )


def _directory(home: Home, transfer_id: str) -> TransferDir | None:
    try:
        return home.transfer(transfer_id)
    except InputError:
        return None


def _alive(directory: TransferDir | None, holding: contextlib.ExitStack) -> bool:
    """Return whether a client works on the transfer; if none does, *holding* keeps others from beginning to."""
    if directory is None:
        return False
    try:
        holding.enter_context(directory.locked())
    except Refused:
        return True
    return False


def _remove(search: _Search, transfer_id: str, directory: TransferDir | None) -> None:
    """Remove the fleet, what its gateways had half-written, and this transfer's keys."""
    search.cloud.delete(transfer_id)
    if directory is None:
        return
    directory.forget_secrets()
    try:
        given = bundle.read(directory.root / BUNDLE_DIR)
        if {region.cloud for region in given.topology.regions()} == {search.name}:
            shutil.rmtree(directory.workdir)  # its state names what is gone; resume makes it anew
        ends_of(given).sweep(directory)
        _forget(directory)
    except (GatewayError, SkytfError, OSError):
        # The fleet is gone, which is what was asked for; a store that cannot be reached now keeps its leftovers.
        return
