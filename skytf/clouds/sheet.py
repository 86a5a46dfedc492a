"""What Python must know of a cloud beside its module: the files that lie in its folder, read once."""

from __future__ import annotations

import csv
import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from skytf.errors import InputError
from skytf.model.region import Region
from skytf.resources import terraform_dir

_SHEET = "cloud.toml"
_REGIONS = "regions.csv"
_INSTANCES = "instances.csv"
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Provider:
    """The Terraform provider of a cloud: its local name, its address, and the versions that the module is made for."""

    name: str
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance type; ``arch`` is ``x86_64`` or ``arm64``."""

    name: str
    arch: str
    vcpus: int


@dataclass(frozen=True, slots=True)
class Fact:
    """
    Something that only a look-up in the account gives, and that a reviewer sees.

    ``pattern`` is its name, where ``*`` stands for an account, bucket or the like; ``placeholder`` is a valid value
    that means nothing (``*`` in it is replaced too); ``find`` is the command that prints it.
    """

    pattern: str
    placeholder: str
    find: str

    def placeholder_of(self, name: str) -> str:
        """Return the placeholder for the fact called *name*."""
        return self.placeholder.replace("*", name.partition("/")[2] or name)


@dataclass(frozen=True, slots=True)
class FaultPattern:
    """Words (a substring, any case) by which Terraform tells a *kind* of fault, and what to do about it."""

    kind: str
    words: tuple[str, ...]
    hint: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    One cloud.

    ``stores`` are the URL schemes whose stores belong to it; ``instances`` its instance types by name, of which
    ``default_instances`` are taken where the user names none; ``regions`` maps region → zones as the cloud names them.
    Where ``regions`` is empty every name is a region, and where ``instances`` is empty there is nothing to choose.
    ``provider`` is None where the cloud is the operator's own machine. ``without`` are fields of `SiteSettings` that
    mean nothing to this cloud. ``self_deletion`` is what the identity that is made for gateways may do besides, to
    end them; empty where a VM ends otherwise. ``disks`` are patterns of instance types, each with the type of disk that
    the module gives them, the first that fits; ``least_disk_gib`` is how large the module makes smaller ones.
    ``measured_instance`` is the type between whose VMs the catalog's throughput was measured, empty where none was.
    """

    cloud: str
    title: str
    stores: tuple[str, ...]
    credentials: tuple[str, ...]
    default_instances: tuple[str, ...]
    provider: Provider | None
    regions: Mapping[str, tuple[str, ...]]
    instances: Mapping[str, Instance]
    facts: tuple[Fact, ...]
    faults: tuple[FaultPattern, ...]
    without: tuple[str, ...] = ()
    self_deletion: str = ""
    disks: tuple[tuple[str, str], ...] = ()
    least_disk_gib: int = 0
    measured_instance: str = ""

    def check_region(self, name: str) -> None:
        """
        Look whether there is a region *name*.

        Raises:
            InputError: There is none.
        """
        if self.regions and name not in self.regions:
            raise InputError(f"{self.cloud}:{name} is no region of {self.title}", hint=_nearest(name, self.regions))

    def instance(self, name: str) -> Instance:
        """
        Return the instance type *name*.

        Raises:
            InputError: There is none.
        """
        try:
            return self.instances[name]
        except KeyError:
            text = f"{name!r} is no instance type of {self.title} that skytf knows"
            raise InputError(text, hint=_nearest(name, self.instances)) from None

    def disk_type(self, instance_type: str) -> str:
        """Return which type of disk the module gives to *instance_type*; empty where it has none."""
        return next((disk for pattern, disk in self.disks if fnmatchcase(instance_type, pattern)), "")

    def fact(self, name: str) -> Fact:
        """
        Return what is known about the fact *name*.

        Raises:
            InputError: The cloud has no such fact.
        """
        for fact in self.facts:
            if fnmatchcase(name, fact.pattern):
                return fact
        known = ", ".join(fact.pattern for fact in self.facts) or "none"
        raise InputError(f"{self.title} knows no fact {name!r}", hint=f"known: {known}")


@cache
def sheet(cloud: str) -> Sheet:
    """
    Return what is known about *cloud*.

    Raises:
        InputError: There is no such cloud.
    """
    folder = terraform_dir() / cloud
    try:
        raw = tomllib.loads((folder / _SHEET).read_text("utf-8"))
    except FileNotFoundError:
        known = sorted(path.parent.name for path in terraform_dir().glob(f"*/{_SHEET}"))
        raise InputError(f"there is no cloud {cloud!r}", hint=f"known clouds: {', '.join(known)}") from None
    provider: Mapping[str, str] | None = raw.get("provider")
    return Sheet(
        cloud=cloud,
        title=raw["title"],
        stores=tuple(raw["stores"]),
        credentials=tuple(raw["credentials"]),
        default_instances=tuple(raw["instances"]),
        provider=Provider(**provider) if provider else None,
        regions={
            row["region"]: tuple(raw["zone"].format(region=row["region"], zone=zone) for zone in row["zones"].split())
            for row in _rows(folder / _REGIONS)
        },
        instances={
            row["instance_type"]: Instance(row["instance_type"], row["arch"], int(row["vcpus"]))
            for row in _rows(folder / _INSTANCES)
        },
        facts=tuple(Fact(pattern, **fields) for pattern, fields in raw.get("facts", {}).items()),
        faults=tuple(_fault(one) for one in raw.get("faults", ())),
        without=tuple(raw.get("without", ())),
        self_deletion=raw.get("self_deletion", ""),
        disks=tuple(raw.get("disks", {}).items()),
        least_disk_gib=raw.get("least_disk_gib", 0),
        measured_instance=raw.get("measured_instance", ""),
    )


def cloud_of_store(scheme: str, clouds: Iterable[str]) -> str | None:
    """Return which of *clouds* the stores of *scheme* belong to; None where they belong to none (paths, R2)."""
    return next((cloud for cloud in clouds if scheme in sheet(cloud).stores), None)


def zones(region: Region) -> tuple[str, ...]:
    """Return the zones of *region*, as its cloud names them; empty where it has none."""
    return sheet(region.cloud).regions.get(region.name, ())


def _fault(raw: Mapping[str, Any]) -> FaultPattern:
    return FaultPattern(raw["kind"], tuple(word.lower() for word in raw["words"]), raw["hint"])


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table beside the module; a line that begins with # says where it is from."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if close := difflib.get_close_matches(name, names, n=3, cutoff=0.6):
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"known: {', '.join(names[:_NAMED])}{more}"
