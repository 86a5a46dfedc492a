"""One transfer from bundle to report: create, deploy, dispatch, verify, and destroy whatever happened."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from gateway.errors import StoreError
from gateway.journal import Journal, JournalState
from gateway.stores.base import Skipped
from skytf.assembly import Setting, fleet_of
from skytf.bundle import Bundle
from skytf.dispatch import Dispatch
from skytf.ends import ends_of
from skytf.errors import Interrupted, Refused, SkytfError, TransferFailed
from skytf.fleet import Fleet
from skytf.ledger import Ledger
from skytf.meter import Meter
from skytf.model import codec
from skytf.model.job import Job
from skytf.monitor.events import Failed
from skytf.operator import operator_cidr
from skytf.report import Failure, Report
from skytf.runner.backend import OVERRIDE
from skytf.runner.orphans import wait_for_orphans
from skytf.sweep import LISTING, remove_tagged
from skytf.verification import Listing
from skytf.workload import JournalRecord, Workload

# Where a transfer keeps the bundle that it applies.
BUNDLE_DIR = "bundle"
REPORT_FILE = "report.json"
# How a transfer stands that has moved everything, and whose fleet could not be removed.
FLEET_LEFT = "left"
# Why a listing passes over a name, and what its owner can do; the other reasons are no loss.
_NOT_ARRIVING = {
    "not-utf8": ("its name is not UTF-8 and cannot be an object's key", "rename it, then resume"),
    "unreadable": ("it cannot be read", "check its owner and mode, then resume"),
}


class Transfer:
    """
    Run what *bundle* says.

    Args:
        bundle: Reviewed and verified.
        setting: Where and for whom.
        warnings: What the user was told before, for the report.
        previous: What the journal of an interrupted run of the same transfer says; None in a first run.

    Raises:
        Refused: *bundle* was planned offline.
    """

    def __init__(
        self, bundle: Bundle, setting: Setting, *, previous: JournalState | None = None, warnings: Sequence[str] = ()
    ) -> None:
        if bundle.plan_json is None:
            raise Refused("the bundle was planned offline: it has no plan.json", hint="plan online, and review again")
        self._bundle = bundle
        self._reviewed_plan = bundle.plan_json
        self._request = bundle.manifest.request
        self._ends = ends_of(bundle, setting.inquiries)
        self._setting = setting
        self._hooks = setting.hooks
        self._directory = setting.directory
        self._previous = previous
        self._ledger = Ledger(warnings=list(warnings))
        self._meter = Meter(bundle, setting.directory, resumed=previous is not None)
        self._failing = threading.Lock()
        self._clouds = {region.cloud for region in bundle.topology.regions()}

    @property
    def left(self) -> tuple[str, ...]:
        """What could not be removed of the fleet, in words; the state is needed for it."""
        return self._ledger.left

    def run(self) -> Report:
        """
        Move everything and return the report, which is also written to `REPORT_FILE`.

        The fleet is gone when this returns or raises, unless the error says otherwise.

        Raises:
            Refused: What was reviewed is not what is.
            TerraformError, HostError, TransferFailed: As they say.
            Interrupted: `Setting.cancel` was set.
        """
        fleet = fleet_of(self._bundle, self._setting, self._warn)
        error: BaseException | None = None
        try:
            self._move(fleet, self._reviewed_plan)
        except BaseException as raised:  # noqa: BLE001 - the fleet must go whatever it is; it is raised again below
            error = self._interruption() or raised
        self._end(fleet, clean=error is None and not self._ledger.failed and not self._ledger.outcome.gateways_lost)
        report = self._ledger.report(
            self._directory.transfer_id,
            self._bundle,
            error=error,
            failures_file=str(self._directory.root / "failures.jsonl"),
        )
        report = self._meter.report(report, own=self._setting.inquiries.read(), fleet_s=fleet.infrastructure.stood_s())
        self._directory.write(REPORT_FILE, codec.encode(report))
        self._set_phase("done", "", outcome=FLEET_LEFT if report.outcome == "done" and report.left else report.outcome)
        if error is not None:
            for text in report.left:
                self._hooks.on_warning(text)  # only the error is shown, not the report
        if late := error or self._interruption(complete=not self._ledger.failed):
            raise late
        return report

    def concluded(self) -> Report:
        """Return the report of a transfer that had moved everything, now that what was left of its fleet is gone."""
        report = codec.decode((self._directory.root / REPORT_FILE).read_bytes(), Report)
        report = replace(self._meter.again(report), left=(), warnings=(*report.warnings, *self._ledger.warnings))
        self._directory.write(REPORT_FILE, codec.encode(report))
        self._set_phase("done", "", outcome=report.outcome)
        return report

    def remove_old_fleet(self) -> None:
        """
        Remove what an earlier run left: what stands in the state, what carries the tag, what is half-written.

        After a kill -9 the state may be wrong in both directions, so a fleet is never taken over (ADR 5).
        """
        # What had moved everything has, whatever comes of this: the next `resume` must not begin again.
        outcome = self._directory.status().outcome
        kept = outcome if outcome == FLEET_LEFT else ""
        with self._phase("destroying", "what is left of the old fleet is removed", outcome=kept):
            fleet = fleet_of(self._bundle, self._setting, self._warn, old=True)
            workdir = self._directory.workdir
            # Terraform outlives a killed client, and goes on creating.
            wait_for_orphans(workdir)
            if (workdir / "terraform.tfstate").exists() or (workdir / OVERRIDE).exists():
                fleet.infrastructure.destroy_old()
            removal = remove_tagged(self._clouds, self._setting.home, self._directory.transfer_id)
            if removal.left:
                text = f"the old fleet cannot be removed: {'; '.join(removal.left)}"
                raise TransferFailed(text, hint="skytf reap --force")
            for warning in removal.unchecked:
                self._warn(warning)
            self._meter.fleet_is_gone()
            self._directory.forget_secrets()
            self._sweep()

    def _move(self, fleet: Fleet, reviewed_plan: bytes) -> None:
        with self._phase("applying", f"terraform creates {len(self._bundle.topology.gateways)} gateways"):
            self._meter.begin()
            cidr = operator_cidr(self._setting.applying, self._bundle.topology.regions())
            fleet.infrastructure.create(reviewed_plan, cidr)
        with self._phase("deploying", "gateways are prepared over SSH"):
            clients = fleet.deploy(self._ends.credentials())
            self._meter.started(clients)
            self._ledger.host_steps = fleet.slowest_steps()
        with (
            self._phase("transferring", "the bytes move"),
            contextlib.closing(Journal(self._directory.journal)) as journal,
        ):
            work = Workload(
                self._bundle,
                self._ends,
                self._directory,
                self._ledger,
                previous=self._previous,
                on_skip=self._passed_over,
            )
            dispatch = Dispatch(
                gateways=clients,
                sources=work.sources(),
                sinks=work.sinks(),
                goals=work.goals(),
                record=JournalRecord(journal),
                on_progress=lambda progress: self._hooks.on_progress(work.with_before(progress)),
                on_failed=self._failed,
                on_warning=self._warn,
            )
            try:
                with self._setting.cancel.closing(lambda: dispatch.stop(TransferFailed("stopped"))):
                    dispatch.run(work.shards())
            finally:
                self._ledger.outcome = dispatch.outcome()
                self._meter.heard(dispatch.totals(), final=False)
        with self._phase("verifying", "what arrived is compared with what was listed"):
            self._verify()

    def _failed(self, partition: str, event: Failed) -> None:
        job = next(job for job in self._request.jobs if job.job_id == partition)
        self._ledger.failed_keys.setdefault((partition, event.destination), set()).add(event.key)
        self._fail(
            Failure(job.source.url_of(event.key), job.destinations[event.destination].url, event.error, event.hint)
        )

    def _passed_over(self, job: Job, name: Skipped) -> None:
        """Report a name that should have been an object and cannot be: nobody may think that it arrived."""
        if name.reason in _NOT_ARRIVING:
            for destination in job.destinations:
                self._fail(Failure(job.source.url_of(name.key), destination.url, *_NOT_ARRIVING[name.reason]))

    def _fail(self, failure: Failure, *, objects: int = 1) -> None:
        with self._failing:
            self._ledger.fail(failure, objects=objects)
            with (self._directory.root / "failures.jsonl").open("ab") as file:
                file.write(msgspec.json.encode(failure) + b"\n")
        self._hooks.on_failure(failure)

    def _warn(self, text: str) -> None:
        self._ledger.warnings.append(text)
        self._hooks.on_warning(text)

    def _verify(self) -> None:
        """Compare with the destinations' own listings; what is missing there without a failure is one now."""
        for job in self._request.jobs:
            path = self._directory.root / LISTING.format(job=job.job_id)
            for index, destination in enumerate(job.destinations):
                self._setting.cancel.check("verification")
                failed = self._ledger.failed_keys.get((job.job_id, index), set())
                listed = (row for row in Listing.read(path) if row[0] not in failed)
                found = self._ends.found(job, index, listed)
                self._ledger.found[job.job_id, index] = found
                # What was skipped stood there already, of whatever size.
                skips = self._request.settings.if_exists == "skip"
                unexplained = found.missing_count + (0 if skips else found.different_count)
                if unexplained:
                    examples = ", ".join(destination.url_of(key) for key in [*found.missing, *found.different][:5])
                    text = f"{unexplained} objects are missing or have another size after they were written: {examples}"
                    hint = "somebody else may write there; skytf verify compares the contents"
                    self._fail(Failure(job.source.url, destination.url, text, hint), objects=unexplained)

    def _end(self, fleet: Fleet, *, clean: bool) -> None:
        """Destroy the fleet, look whether anything is left, and remove what half-written objects left behind."""
        began = time.monotonic()
        try:
            self._set_phase("destroying", "the fleet is removed")
            self._meter.heard(fleet.totals() if clean else fleet.stop(), final=True)
            fleet.fetch_logs(self._directory.logs)
            fleet.disconnect()
        finally:
            # Whatever fails here, be it a full disk or a listener: the fleet goes.
            self._ledger.left = tuple(self._destroy(fleet))
            self._ledger.phase_s["destroying"] = round(time.monotonic() - began, 3)
        if not clean:
            self._sweep()

    def _destroy(self, fleet: Fleet) -> list[str]:
        """Return what is left of the fleet, in words that say what to do about it."""
        left: list[str] = []
        try:
            fleet.infrastructure.destroy()
        except (SkytfError, OSError) as error:  # OSError: Terraform could not even be run, for want of disk or memory
            hint = getattr(error, "hint", "")
            mend = f"{hint}; then " if hint else ""
            left.append(f"{error} (next: {mend}skytf resume {self._directory.transfer_id}, or skytf reap)")
        if fleet.infrastructure.begun:
            removal = remove_tagged(self._clouds, self._setting.home, self._directory.transfer_id)
            for warning in removal.unchecked:
                self._warn(warning)
            self._ledger.unsearched = len(removal.unchecked)
            left += removal.left
        if not left:
            self._directory.forget_secrets()
        return left

    def _sweep(self) -> None:
        try:
            self._ends.sweep(self._directory)
        except (SkytfError, StoreError) as error:
            self._warn(f"half-written objects may be left at the destination: {error}")

    def _interruption(self, *, complete: bool = False) -> Interrupted | None:
        """Whatever broke after somebody asked to stop broke because of that; *complete* says that nothing did."""
        if not self._setting.cancel.is_set():
            return None
        transfer_id = self._directory.transfer_id
        if complete:
            text, hint = f"transfer {transfer_id} was complete when it was stopped", "nothing is left to be done"
        else:
            text, hint = f"transfer {transfer_id} was stopped", f"skytf resume {transfer_id} goes on from here"
        return Interrupted(text, signal_number=self._setting.stop_signal(), hint=hint)

    @contextmanager
    def _phase(self, phase: str, text: str, *, outcome: str = "") -> Iterator[None]:
        if phase != "destroying":
            self._setting.cancel.check(phase)
        self._set_phase(phase, text, outcome=outcome)
        began = time.monotonic()
        try:
            yield
        finally:
            self._ledger.phase_s[phase] = round(time.monotonic() - began, 3)

    def _set_phase(self, phase: str, text: str, *, outcome: str = "") -> None:
        self._directory.enter(phase, owner=self._setting.owner, outcome=outcome, bundle_digest=self._bundle.digest)
        self._hooks.on_phase(phase, text)
