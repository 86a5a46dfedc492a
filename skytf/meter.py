"""What one run of a transfer uses: heard while it goes on, written down when its fleet is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from skytf import spent
from skytf.bundle import Bundle
from skytf.home import TransferDir
from skytf.measured import Counted, operators_of, reported, slowest, usage_of
from skytf.model.span import Span
from skytf.model.usage import RunUsage
from skytf.monitor.events import Totals
from skytf.report import Report


class Meter:
    """
    The meter of one run of *bundle*.

    Args:
        bundle: Whose figures are the prices.
        directory: Where it is written down, beside what earlier runs used.
        resumed: There was a run before.
        clock: Unix time.
    """

    def __init__(
        self, bundle: Bundle, directory: TransferDir, *, resumed: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._bundle = bundle
        self._directory = directory
        self._resumed = resumed
        self._clock = clock
        self._began_s = clock()
        self._counted = Counted()

    def begin(self) -> None:
        """
        Write down that something is about to be created.

        Raises:
            InputError: What earlier runs used cannot be read.
        """
        self._began_s = round(self._clock(), 3)
        spent.begin(self._directory, self._began_s, resumed=self._resumed)

    def started(self, gateways: Iterable[str]) -> None:
        """Note that *gateways* run: from now on each of them counts."""
        self._counted = replace(self._counted, started=frozenset(gateways))

    def heard(self, totals: Mapping[str, Totals], *, final: bool) -> None:
        """Take what gateways have counted so far; *final* says that they do no more."""
        counted = self._counted
        names = counted.final.union(totals) if final else counted.final
        self._counted = replace(counted, totals={**counted.totals, **totals}, final=names)

    def report(self, report: Report, *, own: Mapping[str, Mapping[str, int]], fleet_s: Span) -> Report:
        """
        Return *report* with what all runs used and reached, and write down what this one did.

        *own* is what this machine asked of stores, *fleet_s* how long the fleet stood.
        """
        delivered = {
            (job.job_id, index): destination.bytes_done
            for job in report.jobs
            for index, destination in enumerate(job.destinations)
        }
        run = RunUsage(
            began_s=self._began_s,
            ended=True,
            transfer_s=report.phase_s.get("transferring", 0.0),
            fleet_s=fleet_s,
            usage=usage_of(self._bundle, replace(self._counted, own=own), fleet_s, delivered),
        )
        operators = operators_of(self._bundle.topology, self._counted.totals)
        told = replace(report, operators=operators, slowest_operator=slowest(operators))
        return reported(told, self._bundle, spent.end(self._directory, run))

    def fleet_is_gone(self) -> None:
        """Write down that nothing is left of the fleets of earlier runs."""
        spent.fleet_is_gone(self._directory, self._clock())

    def again(self, report: Report) -> Report:
        """Return *report* of an earlier run with what is known by now."""
        runs = spent.runs(self._directory)
        return reported(report, self._bundle, runs) if runs else report
