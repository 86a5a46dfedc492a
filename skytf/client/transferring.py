"""Plan, apply, copy and resume transfers: what a client is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.journal import Journal
from skytf import bundle as bundles
from skytf import exactly
from skytf.assembly import backend_of
from skytf.bundle import Bundle
from skytf.catalog.tables import load
from skytf.client.rehearsing import Rehearsals
from skytf.drifting import check_drift
from skytf.errors import InputError, Refused
from skytf.figures import figures
from skytf.home import TransferDir, client_alive
from skytf.model import codec
from skytf.model.copy import ApplyOptions, Copy, Options
from skytf.moved import check_figures
from skytf.operator import check_applying
from skytf.planning import Place, planned
from skytf.prepare import derive, with_difference
from skytf.quota import check_quota
from skytf.report import Report
from skytf.sources import Watch
from skytf.tally import Inquiries
from skytf.transfer import BUNDLE_DIR, FLEET_LEFT, Transfer
from skytf.transfers import Asked

Approve = Callable[[Bundle], bool]
_DEFAULTS = Options()
_APPLYING = ApplyOptions()
_AS_BEFORE: Mapping[str, Any] = MappingProxyType({})


class Client(Rehearsals):
    """
    Plans and runs transfers of one home directory, one at a time.

    Args:
        home: Where transfers keep their state; default ``$SKYTF_HOME`` or the XDG state directory.
        engine: A Terraform to use instead of the one that is found.
        hooks: Called as things happen.
    """

    def plan(
        self,
        copies: Sequence[Copy],
        options: Options = _DEFAULTS,
        *,
        out: Path | None = None,
        against: Path | None = None,
    ) -> Bundle:
        """
        Survey the sources, plan a fleet and return (with *out*: also write) the bundle. Creates nothing.

        With *against*, an earlier bundle (which may stand in *out*), the new one says what became different.

        Raises:
            InputError: An end cannot be used, there is nothing to copy, or *against* is no bundle.
            Refused: *against* is broken, or of a format that this skytf does not read.
            NoTopology: Nothing meets the constraints.
            TerraformError: Terraform does not accept it, or there is none.
        """
        old = None if against is None else bundles.read(against, any_tool=True)
        bundle = self._planned(copies, options, Path.cwd(), lock=out is not None)
        if old is not None:
            bundle = with_difference(bundle, old)
        if out is not None:
            bundles.write(out, bundle.files)
        return bundle

    def apply(self, bundle: Bundle | Path, *, applying: ApplyOptions = _APPLYING) -> Report:
        """
        Apply exactly *bundle*: create the fleet, move the bytes, verify, destroy.

        *applying* says how this machine and the fleet reach each other; it is no part of what was reviewed.

        Returns a report of outcome ``done`` or ``incomplete``; all else is an error, raised when the fleet is gone.

        Raises:
            InputError: There is no bundle, or *applying* cannot be.
            Refused: It is not what was reviewed, or is being applied already.
            PolicyDenied: It breaks a rule of the policies that *applying* names.
            TerraformError, HostError, TransferFailed, Interrupted: As they say.
        """
        applying = self._checked_applying(applying)
        given = bundles.read(bundle) if isinstance(bundle, Path) else bundle
        exactly.check_planned(given)
        exactly.check_decisive(given)
        exactly.verify(given, derive(given.manifest, given.plan_json).files)
        known = figures(given.manifest.request, given.topology, load(applying.catalogs))
        check_figures(given.manifest.figures, known)
        self._enforce(given, applying)
        with self._home.bundle_locked(given.digest):
            directory = self._begin(Asked(applying=applying))
            self._keep(directory, given)
            with directory.locked():
                return self._checked(directory, given, applying)

    def copy(
        self,
        copies: Sequence[Copy],
        options: Options = _DEFAULTS,
        *,
        approve: Approve = lambda _: True,
        applying: ApplyOptions = _APPLYING,
    ) -> Report | None:
        """
        Plan, ask *approve*, apply; None where it says no.

        Raises:
            As `plan` and `apply`.
        """
        asked = Asked(tuple(copies), options, str(Path.cwd()), applying=self._checked_applying(applying))
        directory = self._begin(replace(asked, approved=False))
        with directory.locked():
            return self._copy(directory, asked, approve)

    def resume(
        self,
        transfer_id: str | None = None,
        *,
        approve: Approve = lambda _: True,
        changing: Mapping[str, Any] = _AS_BEFORE,
    ) -> Report | None:
        """
        Go on with an unfinished transfer (default: the latest); None where nothing is unfinished.

        What is left of its old fleet is removed first. *approve* is asked only where nobody had approved the plan yet.
        A rehearsal is never gone on with: what is left of it is removed.
        *changing* are fields of `ApplyOptions` that shall not be as they were.

        Raises:
            InputError: There is no such transfer.
            Refused: Its client still works on it; or, as for `apply`.
        """
        self._inquiries = Inquiries()
        directory = self._resumable(transfer_id)
        if directory is None or directory.status().outcome == "done":
            return None
        with directory.locked():
            if directory.status().outcome == "done":
                return None  # its client has finished meanwhile
            asked = Asked.read(directory)
            asked = replace(asked, applying=self._checked_applying(replace(asked.applying, **changing)))
            if not (directory.root / BUNDLE_DIR).exists():
                if not asked.copies:  # killed before it had taken over the bundle that it was to apply
                    self._discard(directory)
                    return None
                return self._copy(directory, asked, approve)
            given = bundles.read(directory.root / BUNDLE_DIR)
            if not asked.approved or "policies" in changing:
                self._enforce(given, asked.applying)
            if not asked.approved and not approve(given):
                return None
            directory.write("request.json", codec.encode(replace(asked, approved=True)))
            was_left = directory.status().outcome == FLEET_LEFT
            with self._home.bundle_locked(given.digest):
                setting = self._setting(directory, asked.applying)
                transfer = Transfer(given, setting, previous=Journal.read(directory.journal))
                transfer.remove_old_fleet()
                return transfer.concluded() if was_left else transfer.run()

    def _watch(self) -> Watch:
        return Watch(self._hooks, self._check, self._inquiries)

    def _planned(self, copies: Sequence[Copy], options: Options, cwd: Path, *, lock: bool = False) -> Bundle:
        home, inquiries = self._home.root, self._inquiries
        place = Place(home, self._engine, self._env, self._hooks, self._cancel, self._check, inquiries)
        return planned(copies, options, cwd, place, lock=lock)

    def _copy(self, directory: TransferDir, asked: Asked, approve: Approve) -> Report | None:
        try:
            bundle = self._planned(asked.copies, asked.options, Path(asked.cwd))
            self._enforce(bundle, asked.applying)
            approved = approve(bundle)
        except BaseException:
            self._discard(directory)
            raise
        if not approved:
            self._discard(directory)
            return None
        self._keep(directory, bundle)
        directory.write("request.json", codec.encode(replace(asked, approved=True)))
        return Transfer(bundle, self._setting(directory, asked.applying)).run()

    def _checked(self, directory: TransferDir, given: Bundle, applying: ApplyOptions) -> Report:
        """Apply a bundle that was reviewed some time ago."""
        try:
            reviewed = given.manifest
            warnings = check_quota(reviewed.quota, reviewed.request, given.topology, self._home.root, self._check)
            warnings += check_drift(given, self._watch())
            for warning in warnings:
                self._hooks.on_warning(warning)
            transfer = Transfer(given, self._setting(directory, applying), warnings=warnings)
        except BaseException:
            self._discard(directory)
            raise
        try:
            return transfer.run()
        except (InputError, Refused):
            # Terraform plans something else, or nobody knows our address: that is found before anything is created.
            if not transfer.left:
                self._discard(directory)
            raise

    def _checked_applying(self, applying: ApplyOptions) -> ApplyOptions:
        """Return *applying* as it holds in any directory, if it can be; what is wrong is said before any work."""
        check_applying(applying)
        if applying.backend:
            applying = replace(applying, backend=str(Path(applying.backend).absolute()))
            backend_of(applying, "", self._env, self._engine())
        return replace(applying, policies=tuple(str(Path(one).absolute()) for one in applying.policies))

    def _enforce(self, bundle: Bundle, applying: ApplyOptions) -> None:
        if applying.policies:
            from skytf.policy import enforce, load_all  # noqa: PLC0415  # pydantic: only who has a policy pays for it

            rules = load_all(applying.policies)
            enforce(rules, bundle, operator_cidr=applying.operator_cidr, warn=self._hooks.on_warning)

    def _resumable(self, transfer_id: str | None) -> TransferDir | None:
        """Return what to go on with (default: the latest); rehearsals that are met on the way there end."""
        if transfer_id:
            directory = self._home.transfer(transfer_id)
            return None if self._ended_rehearsal(directory) else directory
        while (latest := self._latest_unfinished()) is not None and self._ended_rehearsal(latest):
            continue
        return latest

    def _latest_unfinished(self) -> TransferDir | None:
        for directory in self._home.transfers():
            try:
                status = directory.status()
            except InputError:
                continue
            if status.outcome not in ("done", "incomplete") and (status.outcome or not client_alive(status)):
                return directory
        return None
