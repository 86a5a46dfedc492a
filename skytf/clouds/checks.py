"""What the checks of several clouds have in common: each question becomes a line of `skytf doctor`."""

from __future__ import annotations

from collections.abc import Callable

from skytf.clouds.base import Check, Quota
from skytf.clouds.sheet import sheet
from skytf.errors import SkytfError

_NETWORK = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"


def asked(name: str, question: Callable[[], str], hint: str = _NETWORK) -> Check:
    """Return the check *name*: ok with what *question* returns, else with its error (*hint* where that has none)."""
    try:
        return Check(name, ok=True, found=question())
    except SkytfError as error:
        return Check(name, ok=False, found=str(error), hint=error.hint or hint)


def permissions(missing: list[str], asked_for: int, hint: str) -> Check:
    """Return the check of permissions, of which *missing* are not given."""
    if missing:
        return Check("permissions", ok=False, found=f"not allowed: {', '.join(missing)}", hint=hint)
    return Check("permissions", ok=True, found=f"allowed is what was asked for: {asked_for} actions of a transfer")


def quota(cloud: str, region: str, ask: Callable[[str, str], Quota | None]) -> Check:
    """Return the check of the quota of *region*, for the instance type that *cloud* has by default."""
    name = f"quota in {region}"
    instance_type = sheet(cloud).default_instances[0]
    try:
        found = ask(region, instance_type)
    except SkytfError as error:
        hint = error.hint or f"look for the quota in the console of {sheet(cloud).title}"
        return Check(name, ok=False, found=str(error), hint=hint)
    if found is None or found.instances is None:
        return Check(name, ok=True, found=f"not known for {instance_type}: {sheet(cloud).title} does not say")
    words = f"{found.instances} more of {instance_type}: {found.used:g} of {found.limit:g} used, {found.name}"
    return Check(name, ok=found.instances > 0, found=words, hint="" if found.instances else found.raise_with)
