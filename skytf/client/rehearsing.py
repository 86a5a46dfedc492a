"""Rehearse a bundle: the part of the Python API that needs no cloud, no store and no credentials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skytf import bundle as bundles
from skytf import exactly
from skytf.bundle import Bundle
from skytf.client.working import Working
from skytf.errors import Interrupted
from skytf.generated import is_rehearsal
from skytf.home import TransferDir
from skytf.model.copy import ApplyOptions
from skytf.model.rehearsal import Rehearsing
from skytf.prepare import derive
from skytf.rehearsal.play import Play, planned_here
from skytf.rehearsal.stage import staged
from skytf.report import Report
from skytf.transfer import BUNDLE_DIR, Transfer
from skytf.transfers import Asked

_REHEARSING = Rehearsing()
_APPLYING = ApplyOptions()


class Rehearsals(Working):
    """Plays bundles on this machine; *home*, *engine* and *hooks* as for `Client`."""

    def rehearse(self, bundle: Bundle | Path, options: Rehearsing = _REHEARSING) -> Report:
        """
        Play *bundle* on this machine: made-up data through its own programs, over links as slow as was predicted.

        No cloud and no store is asked for anything; a bundle that was planned offline will do.

        Raises:
            InputError: There is no bundle.
            Refused: It is not what was reviewed.
            TerraformError, HostError, TransferFailed, Interrupted: As they say.
        """
        given = bundles.read(bundle) if isinstance(bundle, Path) else bundle
        exactly.check_decisive(given)
        exactly.verify(given, derive(given.manifest, given.plan_json).files)
        rehearsal = staged(given, options)
        directory = self._begin(Asked())
        with directory.locked():
            try:
                setting = self._setting(directory, _APPLYING)
                rehearsal = replace(rehearsal, bundle=planned_here(rehearsal.bundle, setting))
                self._keep(directory, rehearsal.bundle)
                play = Play(rehearsal, setting)
            except BaseException:
                self._discard(directory)
                self._check()  # whatever broke after somebody asked to stop broke because of that
                raise
            try:
                return play.run()
            except Interrupted:
                if not play.left:
                    self._discard(directory)
                raise

    def _ended_rehearsal(self, directory: TransferDir) -> bool:
        """Remove what is left of an unfinished rehearsal, and say so; return whether *directory* was one."""
        kept = directory.root / BUNDLE_DIR
        if not kept.exists() or directory.status().outcome == "done":
            return False
        if not is_rehearsal((given := bundles.read(kept)).manifest.request):
            return False
        with directory.locked():
            Transfer(given, self._setting(directory, _APPLYING)).remove_old_fleet()
            self._discard(directory)
        self._hooks.on_warning(f"{directory.transfer_id} was a rehearsal: what was left of it is removed")
        return True
