"""What a transfer did, as values: the CLI prints it, scripts read it as JSON, callers of the API get it."""

from __future__ import annotations

from dataclasses import dataclass, field

from skytf.model.cost import Cost
from skytf.model.span import Span
from skytf.model.usage import Usage


@dataclass(frozen=True, slots=True)
class Failure:
    """One object that did not arrive at one destination. ``source`` and ``destination`` are URLs."""

    source: str
    destination: str
    error: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DestinationResult:
    """
    What one destination has now.

    Attributes:
        done: Objects this run delivered; ``skipped`` those that stood there already (--if-exists skip);
            ``before`` those that an earlier run of the same transfer had delivered.
        verified: Delivered objects that the final listing has with the right size.
        digests: Where the end-to-end digest was compared: ``store`` (with the store's own), ``mixed``, or ``sinks``
            (with what the gateways handed over, where the store reports none).
    """

    url: str
    done: int
    bytes_done: int
    skipped: int
    before: int
    failed: int
    verified: int
    digests: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one job."""

    job_id: str
    source: str
    objects: int
    bytes: int
    not_copied: dict[str, int]
    destinations: tuple[DestinationResult, ...]


@dataclass(frozen=True, slots=True)
class HostStep:
    """The gateway that took longest for one step of its preparation; ``step`` ``all`` is from first to last."""

    step: str
    gateway_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """
    What one kind of operator did at one site, its gateways together.

    ``to`` are the sites that it sends to, or the destination that it writes. ``chunks`` counts frames where frames
    cannot be looked into. ``busy_s`` and ``waiting_s`` are summed over all threads (docs/control.md).
    """

    site: str
    op: str
    to: str
    gateways: int
    chunks: int
    bytes: int
    busy_s: float
    waiting_s: float

    @property
    def name(self) -> str:
        """The operator in words."""
        return f"{self.op} at {self.site}" + (f" to {self.to}" if self.to else "")


@dataclass(frozen=True, slots=True)
class Compared:
    """
    What was predicted of one thing, and what it came to; ``measured`` is None where nobody could measure it.

    ``what`` is ``transfer_s``, ``fleet_s``, ``goodput_gbps``, ``total_usd``, ``<kind>_usd`` of a kind of cost, or
    ``<job id>-destination-<n>_usd``. A cost is to the second and the request, at the likely price.
    """

    what: str
    predicted: Span
    measured: float | None

    @property
    def outside(self) -> bool:
        """Whether it was measured, and lies below what was predicted at least or above what was at most."""
        if self.measured is None:
            return False
        high = self.predicted.high
        return self.measured < self.predicted.low or (high is not None and self.measured > high)


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a transfer did.

    ``outcome`` is ``done``, ``incomplete`` (some objects did not arrive), ``failed`` or ``interrupted``.
    ``phase_s`` maps each phase to its seconds; ``goodput_bytes_per_s`` counts delivered object bytes over the phase
    in which they moved.
    ``host_steps`` has the slowest gateway of each step of ``deploying``. ``operators`` is what those of this run's
    fleet did, in the order that bytes pass them, and ``slowest_operator`` names the one that held the others up; empty
    where nothing moved.
    ``failures`` holds at most 1,000; the rest is in ``failures_file``. ``left`` names what could not be removed;
    ``unsearched`` counts the clouds in which nobody could look for more.
    ``compared`` sets what was predicted beside what was measured, ``bottleneck`` is the predicted one. ``used`` is what
    all runs of the transfer used together, as far as it was counted, and ``cost`` the bill of it. ``rehearsal_scale``
    is 0 of a real run; of a rehearsal it is the share of the predicted rates at which the links were played, and
    measured rates and times are then converted to full size.
    """

    transfer_id: str
    outcome: str
    jobs: tuple[JobResult, ...]
    elapsed_s: float
    phase_s: dict[str, float]
    goodput_bytes_per_s: float
    frames_resent: int
    gateways: int
    gateways_lost: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    failures_file: str = ""
    warnings: tuple[str, ...] = ()
    left: tuple[str, ...] = field(default=())
    unsearched: int = 0
    host_steps: tuple[HostStep, ...] = ()
    operators: tuple[OperatorUse, ...] = ()
    slowest_operator: str = ""
    compared: tuple[Compared, ...] = ()
    bottleneck: str = ""
    used: Usage | None = None
    cost: Cost | None = None
    rehearsal_scale: float = 0.0

    def is_outside(self, one: Compared) -> bool:
        """Whether *one* lies outside its prediction; a transfer that was cut short says nothing of that."""
        return one.outside and self.outcome in {"done", "incomplete"}

    @property
    def exit_code(self) -> int:
        """The documented exit code of this outcome: 0, 6 or 1; 4 where all is done and a part of the fleet is left."""
        return {"done": 4 if self.left else 0, "incomplete": 6}.get(self.outcome, 1)
