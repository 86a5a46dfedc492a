"""Run a rehearsal: a transfer like any other, of a bundle that touches nothing but this machine."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import linear_regression

import psutil

from skytf.assembly import Setting
from skytf.bundle import PLAN_JSON, Bundle
from skytf.clouds import environment_of
from skytf.errors import Interrupted
from skytf.hooks import DestinationProgress, Hooks, Progress, Serialised
from skytf.model import codec
from skytf.planner.base import LOCAL_CLOUD
from skytf.prepare import lay_out
from skytf.rehearsal.findings import Seen, concluded
from skytf.rehearsal.stage import Rehearsal
from skytf.render.root import PLACEHOLDERS
from skytf.report import Report
from skytf.runner.reviewed import normalise_plan
from skytf.runner.terraform import Terraform
from skytf.transfer import REPORT_FILE, Transfer

_MOVING = "transferring"
# Percent of the bytes between which the links are full, and how many looks make a pace of it.
_FULL = (10, 90)
_ENOUGH = 10


class Watching(Serialised):
    """
    Passes every call on, and notes how bytes move.

    ``busy`` is the share of this machine's processors that is used meanwhile, 0 to 1; None before.
    """

    def __init__(self, listener: Hooks) -> None:
        super().__init__(listener)
        self._before: tuple[float, float] | None = None
        self._steps: dict[int, tuple[float, int]] = {}
        self.busy: float | None = None

    def on_phase(self, phase: str, text: str) -> None:
        """Look at the clocks of the processors."""
        if phase == _MOVING:
            self._before = _clocks()
        elif self._before is not None:
            idle_s, all_s = (now - then for now, then in zip(_clocks(), self._before, strict=True))
            self.busy = 1 - idle_s / all_s if all_s else None
            self._before = None
        super().on_phase(phase, text)

    def on_progress(self, progress: Progress) -> None:
        """Note when each hundredth of the bytes was there."""
        moved, total = (sum(each) for each in zip(*map(_bytes, progress.destinations), strict=True))
        if total:
            self._steps.setdefault(100 * moved // total, (progress.elapsed_s, moved))
        super().on_progress(progress)

    @property
    def steady_bytes_per_s(self) -> float | None:
        """The pace between the first and the last tenth, in which links fill and run empty; None where it is short."""
        between = [step for share, step in sorted(self._steps.items()) if _FULL[0] <= share <= _FULL[1]]
        if len(between) < _ENOUGH:
            return None
        # The slope of all of them: receipts come in bursts, so two of them alone would be a per cent off.
        return linear_regression(*zip(*between, strict=True)).slope


class Play:
    """
    The run of *rehearsal* in *setting*.

    ``left`` is what could not be removed of its fleet, in words.
    """

    def __init__(self, rehearsal: Rehearsal, setting: Setting) -> None:
        self._rehearsal = rehearsal
        self._setting = setting
        self._watching = Watching(setting.hooks)
        self._transfer = Transfer(
            rehearsal.bundle, replace(setting, hooks=self._watching), warnings=list(rehearsal.notes)
        )

    @property
    def left(self) -> tuple[str, ...]:
        """What could not be removed of the fleet, in words."""
        return self._transfer.left

    def run(self) -> Report:
        """
        Play it and return what it says of the plan, which is also written to ``report.json``.

        Raises:
            TerraformError, HostError, TransferFailed: As they say.
            Interrupted: It was stopped.
        """
        directory = self._setting.directory
        for note in self._rehearsal.notes:
            self._setting.hooks.on_warning(note)
        try:
            report = self._transfer.run()
        except Interrupted as error:
            hint = "; ".join(self.left) or "nothing of it is left, and it is not resumed: rehearse again"
            text = f"rehearsal {directory.transfer_id} was stopped"
            raise Interrupted(text, signal_number=error.exit_code - 128, hint=hint) from error
        seen = Seen(self._watching.busy, self._watching.steady_bytes_per_s)
        report = concluded(report, self._rehearsal, seen)
        directory.write(REPORT_FILE, codec.encode(report))
        return report


def planned_here(bundle: Bundle, setting: Setting) -> Bundle:
    """
    Return *bundle* with the plan.json that Terraform makes of its root module, which needs no provider.

    Raises:
        TerraformError: Terraform does not accept it.
    """
    setting.hooks.on_phase("planning", "terraform plans the fleet that plays it")
    with tempfile.TemporaryDirectory(prefix="skytf-rehearsal-") as scratch:
        workdir = Path(scratch) / "work"
        lay_out(bundle, workdir)
        terraform = Terraform(
            engine=setting.engine,
            workdir=workdir,
            log_dir=workdir.parent,
            env=setting.env,
            extra_env=environment_of([LOCAL_CLOUD], setting.home),
            on_message=setting.hooks.on_terraform,
            clouds=[LOCAL_CLOUD],
            on_silence=setting.hooks.on_warning,
        )
        with setting.cancel.closing(terraform.interrupt), terraform.stopping_when(setting.cancel.is_set):
            terraform.init()
            plan_file = workdir / "review.tfplan"
            terraform.plan(out=plan_file, var_files=[workdir / PLACEHOLDERS])
            return bundle.with_file(PLAN_JSON, normalise_plan(terraform.show_json(plan_file), workdir=workdir))


def _bytes(one: DestinationProgress) -> tuple[int, int]:
    return one.bytes_done, one.bytes_total


def _clocks() -> tuple[float, float]:
    """Return for how long the processors were idle, and for how long they were there; seconds, summed up."""
    times = psutil.cpu_times()
    return times.idle + getattr(times, "iowait", 0.0), sum(times)
