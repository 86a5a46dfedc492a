"""
A client that plays a transfer without a fleet, and the command line around it.

``python -m tests.skytf.cli.fake cp a b`` runs it as a process of its own, for tests of terminals and signals;
``FAKE_BLOCKS=1`` makes the transfer wait until it is interrupted, ``FAKE_PLAN_BLOCKS=1`` the survey,
``FAKE_DEAF=1`` makes the client ignore that, ``FAKE_INCOMPLETE=1`` makes an object fail.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from skytf.cli import app
from skytf.cli.session import Session
from skytf.errors import Interrupted
from skytf.hooks import DestinationProgress, Hooks, Progress
from skytf.model.copy import ApplyOptions, Copy, Options
from skytf.model.cost import Cost, CostLine, CostShare
from skytf.model.region import Region
from skytf.model.rehearsal import Rehearsing
from skytf.model.span import Span
from skytf.model.usage import FleetTime, Moved, Requests, Usage
from skytf.report import Compared, DestinationResult, Failure, JobResult, Report
from skytf.runner.diagnostics import Diagnostic
from skytf.runner.messages import ChangeSummary, Message, Other, Outputs, Provision, ResourceChange, Version

if TYPE_CHECKING:
    from skytf.client import Client
    from skytf.comparison import Comparison
    from skytf.doctor import Check
    from skytf.model.difference import Difference
    from skytf.permitting import Permissions
    from skytf.reap import Reaped, Reaping, Unsearched
    from skytf.transfers import TransferInfo

PLAN_MD = "# Transfer\n\n| site | gateways |\n|---|---|\n| local:a | 2 |\n| local:b | 2 |\n\nDirect, no relay.\n"

DESTINATION = DestinationResult("s3://b/x", 10, 1000, 1, 2, 0, 13, "store")
REPORT = Report(
    "t-0001",
    "done",
    (JobResult("job-0", "/data", 13, 4 << 20, {"symlink": 1}, (DESTINATION,)),),
    elapsed_s=12.3,
    phase_s={"transferring": 4.0},
    goodput_bytes_per_s=250e6,
    frames_resent=1,
    gateways=4,
)
USED = Usage(
    (Moved("aws:us-east-1", "gcp:us-central1", Span.exactly(3e12), (("job-0", 0),)),),
    (FleetTime(Region("aws", "us-east-1"), 2, Span.exactly(7200.0)),),
    (
        Requests("job-0-source", "get", Span.exactly(1200.0), (("job-0", 0),)),
        Requests("job-0-destination-0", "put", Span(800.0), (("job-0", 0),)),
    ),
    ((("job-0", 0), 900),),
    ("what gcp-us-central1-1 did after it was last heard",),
)
COST = Cost(
    (
        CostLine("egress", "aws:us-east-1", "to gcp:us-central1", Span.exactly(3000.0), "GB", Span.exactly(0.02),
                 Span.exactly(60.0), "a price list, 2026-01-01"),
        CostLine("requests", "s3://b/x", "put", Span(0.8), "thousand", Span.exactly(0.005), Span(0.004)),
    ),
    (CostShare("job-0", 0, "s3://b/x", Span(60.004)),),
    Span(60.004),
    USED.unknown,
)  # fmt: skip
COMPARED = (
    Compared("transfer_s", Span(5400.0, 6000.0, 7000.0), 7800.0),
    Compared("fleet_s", Span(5500.0, 6400.0, None), 7200.0),
    Compared("goodput_gbps", Span(3.4, 4.0, 4.5), 3.1),
    Compared("total_usd", Span(50.0, 58.0, 70.0), None),
    Compared("egress_usd", Span(50.0, 58.0, 70.0), 60.0),
    Compared("requests_usd", Span(), None),
    Compared("job-0-destination-0_usd", Span(50.0, 58.0, 70.0), None),
)
FAILURE = Failure("/data/a\x1b[2Jb", "s3://b/x/a", "the disk is full", "make room")
INCOMPLETE = Report(
    "t-0001", "incomplete",
    (JobResult("job-0", "/data", 13, 1000, {}, (DestinationResult("s3://b/x", 12, 900, 0, 0, 1, 12, "store"),)),),
    elapsed_s=12.3, phase_s={"transferring": 4.0}, goodput_bytes_per_s=250e6, frames_resent=0, gateways=4,
    failures=(FAILURE,), failures_file="/home/failures.jsonl",
    compared=COMPARED, bottleneck="aws:us-east-1 -> gcp:us-central1", used=USED, cost=COST,
)  # fmt: skip
MESSAGES: tuple[Message, ...] = (
    Version("1.11.4", "Terraform 1.11.4"),
    ChangeSummary("plan", 4, 0, 0),
    ResourceChange("start", "module.local_a.terraform_data.vm[0]", "create"),
    Provision("progress", "module.local_a.terraform_data.vm[0]", "local-exec", "listening"),
    ResourceChange("complete", "module.local_a.terraform_data.vm[0]", "create", 1),
    Outputs(("gateways",)),
    Diagnostic("warning", "deprecated"),
    Other("", "words"),
)


@dataclass
class FakeManifest:
    """Has what the command line reads of a manifest."""

    against: Difference | None = None


@dataclass
class FakeBundle:
    """Has what the command line reads of a bundle."""

    digest: str = "00ff"
    plan_json: bytes | None = b"{}"
    manifest: FakeManifest = field(default_factory=FakeManifest)
    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "PLAN.md": PLAN_MD.encode(),
            "transfer.json": json.dumps({"jobs": []}).encode(),
            "topology.json": json.dumps({"gateways": []}).encode(),
        }
    )


@dataclass
class FakeClient:
    """Notes every call in ``calls``; what it answers can be set."""

    ending: Report | None = REPORT
    error: BaseException | None = None
    transfer_list: list[TransferInfo] = field(default_factory=list)
    fleets: list[Reaped] = field(default_factory=list)
    unsearched: list[Unsearched] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    difference: Difference | None = None
    play: Callable[[Hooks], None] | None = None
    blocks: bool = False
    plan_blocks: bool = False
    deaf: bool = False
    unapproved: bool = False
    calls: list[tuple[str, Any]] = field(default_factory=list)
    hooks: Hooks = field(default_factory=Hooks)
    interrupted: threading.Event = field(default_factory=threading.Event)
    signal_number: int = 0

    def factory(self, *, home: Path | None, engine: str | None, hooks: Hooks | None) -> Client:
        """Return this very client."""
        self.calls.append(("client", (home, engine)))
        self.hooks = hooks or Hooks()
        return cast("Client", self)

    def plan(
        self, copies: Sequence[Copy], options: Options, *, out: Path | None = None, against: Path | None = None
    ) -> FakeBundle:
        self.calls += [("plan", (list(copies), options, out)), ("against", against)]
        if self.error is not None:
            raise self.error
        if self.plan_blocks:
            self._block("surveying")
        self.hooks.on_phase("surveying", "/data")
        self.hooks.on_survey("job-0", 13, 4 << 20)
        self.hooks.on_phase("planning", "2 and 2 gateways, direct")
        return FakeBundle(manifest=FakeManifest(self.difference if against else None))

    def apply(self, bundle: object, *, applying: ApplyOptions) -> Report | None:
        self.calls += [("apply", bundle), ("applying", applying)]
        return self._run()

    def rehearse(self, bundle: object, options: Rehearsing) -> Report | None:
        self.calls += [("rehearse", bundle), ("rehearsing", options)]
        return self._run()

    def copy(
        self, copies: Sequence[Copy], options: Options, *, approve: Callable[[Any], bool], applying: ApplyOptions
    ) -> Report | None:
        bundle = self.plan(copies, options)
        return self.apply(bundle, applying=applying) if approve(bundle) else None

    def resume(
        self, transfer_id: str | None = None, *, approve: Callable[[Any], bool], changing: Mapping[str, str]
    ) -> Report | None:
        self.calls += [("resume", transfer_id), ("changing", changing)]
        if self.unapproved and not approve(FakeBundle()):
            return None
        return self._run()

    def interrupt(self, signal_number: int) -> None:
        self.signal_number = signal_number
        if not self.deaf:
            self.interrupted.set()

    def report(self, transfer_id: str | None = None) -> Report | None:
        self.calls.append(("report", transfer_id))
        if self.error is not None:
            raise self.error
        return self.ending

    def transfers(self) -> list[TransferInfo]:
        return self.transfer_list

    def reap(self, *, dry_run: bool = False, all_owners: bool = False, force: bool = False) -> Reaping:
        from skytf.reap import Reaping

        self.calls.append(("reap", (dry_run, all_owners, force)))
        return Reaping(tuple(self.fleets), tuple(self.unsearched))

    def verify(self, copies: Sequence[Copy]) -> list[Comparison]:
        self.calls.append(("verify", list(copies)))
        return self.comparisons

    def permissions(self, cloud: str, phases: Sequence[str] = (), *, bundle: Path | None = None) -> Permissions:
        from skytf.permitting import Permissions

        self.calls.append(("permissions", (cloud, phases, bundle)))
        return Permissions(cloud, ("plan",), ("ec2:RunInstances",), f'{{"cloud": "{cloud}"}}', "a policy")

    def diff(self, old: Path, new: Path) -> Difference | None:
        self.calls.append(("diff", (old, new)))
        if self.error is not None:
            raise self.error
        return self.difference

    def doctor(self, regions: Sequence[str] = ()) -> list[Check]:
        self.calls.append(("doctor", list(regions)))
        return self.checks

    def named(self, name: str) -> list[Any]:
        """Return the arguments of the calls of one method."""
        return [arguments for called, arguments in self.calls if called == name]

    def _run(self) -> Report | None:
        if self.error is not None:
            raise self.error
        if self.blocks:
            self._block("transferring")
        (self.play or play_transfer)(self.hooks)
        return self.ending

    def _block(self, phase: str) -> None:
        self.hooks.on_phase(phase, "until interrupted")
        sys.stdout.write("BLOCKED\n")
        sys.stdout.flush()
        self.interrupted.wait()
        raise Interrupted("stopped", signal_number=self.signal_number, hint="skytf resume goes on")


def play_transfer(hooks: Hooks) -> None:
    """Call every hook once at least."""
    hooks.on_phase("applying", "4 gateways")
    for message in MESSAGES:
        hooks.on_terraform(message)
    hooks.on_phase("deploying", "4 gateways")
    hooks.on_host("local-a-0", "pushing the tree")
    hooks.on_phase("transferring", "to 1 destination")
    hooks.on_progress(Progress((DestinationProgress("job-0", "s3://b/x", 6, 13, 2 << 20, 4 << 20, 0),), 1.0))
    hooks.on_failure(FAILURE)
    hooks.on_warning("the source changed: 1 object is newer than the plan")
    hooks.on_progress(Progress((DestinationProgress("job-0", "s3://b/x", 12, 13, 4 << 20, 4 << 20, 1),), 2.0))
    hooks.on_phase("destroying", "4 gateways")
    hooks.on_phase("done", "")


if __name__ == "__main__":
    client = FakeClient(
        ending=INCOMPLETE if "FAKE_INCOMPLETE" in os.environ else REPORT,
        blocks="FAKE_BLOCKS" in os.environ,
        plan_blocks="FAKE_PLAN_BLOCKS" in os.environ,
        deaf="FAKE_DEAF" in os.environ,
    )
    app.main(prog_name="skytf", obj=Session(client.factory))
