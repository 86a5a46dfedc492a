"""What the operator's credentials must be allowed, per cloud, derived from the resource types in its module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from skytf.clouds.sheet import sheet
from skytf.errors import InputError
from skytf.model.review import Review, SiteReview
from skytf.resources import terraform_dir

_TABLE = "permissions.toml"
_KEYS = "keys"
# What skytf itself asks to plan and apply a transfer; the rest is `doctor` and `reap`.
_OF_A_TRANSFER = ("facts", "quota")
# What each command of Terraform does to a resource: it looks at all there is before it does anything, and an apply that
# fails is followed by a destroy. While a fleet stands its gateways may open stores with the operator's keys.
PHASES: Mapping[str, tuple[str, ...]] = {
    "plan": ("read",),
    "apply": ("read", "create", "delete", _KEYS),
    "destroy": ("read", "delete"),
}
UNKNOWN = "unknown: "


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions that are allowed in one way: on *resources* (empty for everything) and under *condition*; sorted."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    condition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """
    One cloud's table: for each ``resources`` type, ``data`` source, choice in ``options``, end in ``stores`` and
    thing that ``skytf`` asks by itself the actions to read, create and delete. ``document`` says what to do with it.
    """

    cloud: str
    document: str
    resources: Mapping[str, Mapping[str, list[str]]]
    data: Mapping[str, Mapping[str, list[str]]]
    options: Mapping[str, Mapping[str, list[str]]]
    stores: Mapping[str, Mapping[str, list[str]]]
    skytf: Mapping[str, Mapping[str, list[str]]]
    scopes: tuple[Statement, ...]

    def everything(self, steps: Iterable[str]) -> tuple[str, ...]:
        """Return all actions of the *steps* (read, create, delete, keys) of whatever the module may do; sorted."""
        tables = (self.resources, self.data, self.options, self.stores, self.skytf)
        return _actions((one for table in tables for one in table.values()), steps)

    def statements(self, actions: Iterable[str]) -> tuple[Statement, ...]:
        """Return *actions* by the scope that names them first, those that none names before all others."""
        found: dict[int, list[str]] = {}
        for action in sorted(set(actions)):
            number = next(
                (n for n, one in enumerate(self.scopes) if any(fnmatchcase(action, shape) for shape in one.actions)), -1
            )
            found.setdefault(number, []).append(action)
        scopes = {-1: Statement("", ()), **dict(enumerate(self.scopes))}
        return tuple(
            Statement(scopes[number].name, tuple(some), scopes[number].resources, scopes[number].condition)
            for number, some in sorted(found.items())
        )


@cache
def needs_of(cloud: str) -> Needs:
    """
    Return the table of *cloud*.

    Raises:
        InputError: There is no such cloud, or it has none.
    """
    sheet(cloud)
    path = terraform_dir() / cloud / _TABLE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"nobody has written down what permissions {sheet(cloud).title} needs",
            hint=f"terraform/{cloud}/README.md may say it; docs/add-a-cloud.md says how {_TABLE} looks",
        ) from None
    return Needs(
        cloud=cloud,
        document=raw["document"],
        resources=raw.get("resources", {}),
        data=raw.get("data", {}),
        options=raw.get("options", {}),
        stores=raw.get("stores", {}),
        skytf=raw.get("skytf", {}),
        scopes=tuple(
            Statement(one["name"], tuple(one["actions"]), tuple(one.get("resources", ())), one.get("condition", {}))
            for one in raw.get("scopes", ())
        ),
    )


def needed(review: Review) -> dict[str, tuple[str, ...]]:
    """
    Return cloud → what planning, applying and destroying what *review* says must be allowed to do; sorted.

    Of an offline bundle it is what the whole module may need. A cloud without a table, and a resource type that is not
    in it, stand there as ``unknown: …``.
    """
    clouds = sorted({site.region.cloud for site in review.sites})
    return {cloud: _needed(cloud, review) for cloud in clouds if sheet(cloud).provider is not None}


def _needed(cloud: str, review: Review) -> tuple[str, ...]:
    try:
        needs = needs_of(cloud)
    except InputError:
        return (f"{UNKNOWN}{cloud} has no table of permissions",)
    sites = [site for site in review.sites if site.region.cloud == cloud]
    slugs = {site.region.slug for site in sites}
    types = (
        set(needs.resources)
        if review.made is None
        else {one.resource_type for one in review.made if one.module in slugs}
    )
    chosen = [needs.options[name] for name in needs.options if any(_chosen(site, name) for site in sites)]
    chosen += [needs.skytf[name] for name in _OF_A_TRANSFER if name in needs.skytf]
    lent = any(right.by == _KEYS for right in review.rights if right.region.cloud == cloud)
    steps = [step for step in PHASES["apply"] if lent or step != _KEYS]
    known = _actions(
        (*(needs.resources.get(one, {}) for one in types), *needs.data.values(), *needs.stores.values(), *chosen), steps
    )
    return tuple(sorted({*known, *(f"{UNKNOWN}{one}" for one in types - needs.resources.keys())}))


def _chosen(site: SiteReview, option: str) -> bool:
    return bool(getattr(site, option))


def _actions(tables: Iterable[Mapping[str, list[str]]], steps: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(steps)
    return tuple(sorted({action for table in tables for step in wanted for action in table.get(step, ())}))
