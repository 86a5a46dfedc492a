"""`skytf apply-transfer`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import rich_click as click
from click.core import ParameterSource

from skytf.bundle import MANIFEST, read
from skytf.cli.copies import applying_of, copy_of, options_of
from skytf.cli.options import applying, catalogs, common, option, rehearsing, shaping
from skytf.cli.plan_view import show_plan
from skytf.cli.session import Session
from skytf.cli.transfer import Gate, plan_and_apply, run
from skytf.errors import InputError
from skytf.model.copy import ApplyOptions, Options
from skytf.model.rehearsal import Rehearsing

# How to reach a fleet is for whoever applies to say; all else was reviewed.
_BESIDE_A_BUNDLE = frozenset(field.name for field in fields(ApplyOptions))
_ONLY_TO_APPLY = _BESIDE_A_BUNDLE - {field.name for field in fields(Options)}


@click.command("apply-transfer")
@click.argument("arguments", metavar="BUNDLE | SRC DST...", nargs=-1, required=True)
@option("--dry-run", is_flag=True, help="Plan and show, create nothing.", panel="Plan")
@rehearsing
@shaping
@catalogs
@applying
@common
@click.pass_context
def command(ctx: click.Context, /, arguments: tuple[str, ...], dry_run: bool, rehearse: bool, **given: Any) -> None:
    """
    Apply a reviewed bundle, or plan and apply in one step.

    A BUNDLE is a directory that skytf plan --out wrote; it is applied as it was reviewed, or refused. Beside it stand
    only the options of the panel Apply.
    Anything else is SRC DST..., as for skytf cp.
    With --rehearse all of it is played on this machine alone.
    """
    session = ctx.ensure_object(Session)
    playing = _rehearsing_of(ctx, given, rehearse=rehearse)
    how = ApplyOptions(**applying_of(given))
    first, *destinations = arguments
    gate = Gate(session, how.policies, operator_cidr=how.operator_cidr)
    if _is_bundle(first):
        _refuse_beside_a_bundle(ctx, first, destinations, [name for name in given if name not in _BESIDE_A_BUNDLE])
        if dry_run:
            bundle = read(Path(first))
            show_plan(session, bundle, Path(first))
            gate.check(bundle)
            return
        client = session.client()
        if rehearse:
            ctx.exit(run(session, client, lambda _: client.rehearse(Path(first), playing)))
        ctx.exit(run(session, client, lambda _: client.apply(Path(first), applying=how)))
    if not destinations:
        raise _no_bundle(first)
    copies = [copy_of(first, destinations, given)]
    if rehearse and not dry_run:
        client = session.client()
        ctx.exit(run(session, client, lambda _: client.rehearse(client.plan(copies, options_of(given)), playing)))
    ctx.exit(plan_and_apply(session, copies, options_of(given), how, dry_run=dry_run))


def _is_bundle(argument: str) -> bool:
    try:
        return (Path(argument) / MANIFEST).is_file()
    except OSError as error:
        hint = "look at its owner and mode" if isinstance(error, PermissionError) else "look at how it is spelled"
        raise InputError(f"{argument} cannot be read: {error.strerror}", hint=hint) from error


def _refuse_beside_a_bundle(ctx: click.Context, bundle: str, others: list[str], names: list[str]) -> None:
    """Raise InputError for everything that a bundle has decided already."""
    if others:
        raise InputError(
            f"{bundle} is a bundle, and apply-transfer takes one bundle alone, not also {others[0]}",
            hint="skytf cp copies the directory itself",
        )
    flags = [
        param.opts[0]
        for param in ctx.command.params
        if param.name in names and ctx.get_parameter_source(param.name) == ParameterSource.COMMANDLINE
    ]
    if flags:
        raise InputError(
            f"{', '.join(flags)} cannot change {bundle}: a bundle is applied as it was reviewed",
            hint="plan again with these options",
        )


def _rehearsing_of(ctx: click.Context, given: dict[str, Any], *, rehearse: bool) -> Rehearsing:
    """Take the options of a rehearsal out of *given*; raise InputError for what means nothing with or without one."""
    named = {field.name: given.pop(f"rehearse_{field.name}") for field in fields(Rehearsing)}
    misplaced = _ONLY_TO_APPLY if rehearse else {f"rehearse_{name}" for name in named}
    flags = [
        param.opts[0]
        for param in ctx.command.params
        if param.name in misplaced and ctx.get_parameter_source(param.name) == ParameterSource.COMMANDLINE
    ]
    if flags and rehearse:
        raise InputError(
            f"{', '.join(flags)} means nothing to a rehearsal, which creates nothing but on this machine",
            hint="leave it out",
        )
    if flags:
        raise InputError(f"{', '.join(flags)} is for a rehearsal", hint="add --rehearse")
    return Rehearsing(**{name: value for name, value in named.items() if value is not None})


def _no_bundle(argument: str) -> InputError:
    if "://" in argument or not Path(argument).exists():
        return InputError(
            f"{argument} is neither a bundle nor followed by a destination",
            hint="give a directory that skytf plan --out wrote, or SRC DST",
        )
    return InputError(
        f"{argument} is no bundle: it holds no {MANIFEST}",
        hint="make one with skytf plan SRC DST --out DIR, or give a destination too",
    )
