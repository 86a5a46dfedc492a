"""Plan, show, ask, apply: what `cp`, `apply-transfer` and `resume` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from skytf.bundle import Bundle
from skytf.cli.plan_view import show_plan
from skytf.cli.session import Session
from skytf.cli.signals import Stopping, stopping_in_order
from skytf.cli.summary import summary
from skytf.model.copy import ApplyOptions, Copy, Options
from skytf.report import Report

if TYPE_CHECKING:
    from skytf.client import Client

_QUESTION = "Apply this plan?"
_DECLINED = 1


def plan(
    session: Session,
    client: Client,
    copies: Sequence[Copy],
    options: Options,
    *,
    out: Path | None = None,
    against: Path | None = None,
) -> Bundle:
    """Return the plan, showing how it is made."""
    with session.display, stopping_in_order(client, session):
        return client.plan(copies, options, out=out, against=against)


def plan_and_apply(
    session: Session, copies: Sequence[Copy], options: Options, applying: ApplyOptions, *, dry_run: bool
) -> int:
    """
    Return the exit code of a transfer that is planned, shown, agreed to and applied.

    Raises:
        InputError: Nobody is there to agree.
    """
    gate = Gate(session, applying.policies, operator_cidr=applying.operator_cidr)
    if dry_run:
        bundle = plan(session, session.client(), copies, options)
        show_plan(session, bundle)
        gate.check(bundle)
        return 0
    session.require_answer(_QUESTION)
    client = session.client()
    return run(session, client, lambda approve: client.copy(copies, options, approve=approve, applying=applying))


def run(session: Session, client: Client, work: Callable[[Approval], Report | None]) -> int:
    """Return the exit code of *work*, shown while it runs and summed up after; it asks the `Approval` it is given."""
    with session.display, stopping_in_order(client, session) as stopping:
        approval = Approval(session, stopping)
        report = work(approval)
    if report is not None:
        session.show("report", [report], lambda reports: summary(reports[0], warned=session.display.warned))
        return report.exit_code
    if approval.declined:
        session.note("Not applied: nothing was created.")
        return _DECLINED
    session.note("Nothing is unfinished.")
    return 0


class Gate:
    """
    The policies that a plan must keep, read before any work so that what is wrong with them is said at once.

    Raises:
        InputError: One of them is no policy.
    """

    def __init__(self, session: Session, paths: Sequence[str], *, operator_cidr: str | None = None) -> None:
        self._session = session
        self._operator_cidr = operator_cidr
        self._rules = _policies().load_all(paths) if paths else ()

    def check(self, bundle: Bundle) -> None:
        """
        Look whether *bundle* keeps them; what could not be looked at is a warning.

        Raises:
            PolicyDenied: It breaks some.
        """
        if self._rules:
            warn = self._session.display.on_warning
            _policies().enforce(self._rules, bundle, operator_cidr=self._operator_cidr, warn=warn)


def _policies() -> ModuleType:
    return import_module("skytf.policy")  # on use: it brings pydantic along


class Approval:
    """Shows a plan and asks, while a client waits for the answer; ``declined`` says that it was no."""

    def __init__(self, session: Session, stopping: Stopping) -> None:
        self._session = session
        self._stopping = stopping
        self.declined = False

    def __call__(self, bundle: Bundle) -> bool:
        """
        Return whether *bundle* may be applied.

        Raises:
            InputError: Nobody is there to ask.
            Interrupted: A signal was the answer.
        """
        session = self._session
        session.require_answer(_QUESTION)
        with session.display.paused(), self._stopping.asking() as wait_for_answer:
            # Off a terminal nobody reads it twice: the bundle is kept with the transfer.
            if session.json or session.results.is_terminal:
                show_plan(session, bundle)
            self.declined = not session.ask(_QUESTION, wait_for_answer)
        return not self.declined
