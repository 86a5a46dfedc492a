"""
What policies know of the clouds' modules: their resource types, and where a plan says what policies ask for.

Derived from the modules themselves and ``policy.toml`` beside each; ``policy/modules.json``, which the Rego rules read,
is written from it (policy/README.md).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from skytf.clouds.sheet import sheet
from skytf.model import codec
from skytf.resources import module_files, terraform_dir

_TABLE = "policy.toml"
_RESOURCE = re.compile(rb'^resource\s+"([a-z0-9_]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    Where resources of one *type* say something: in *attribute* of each *block*, or of their own where that is empty.

    An empty *attribute* means that to be there says it. ``when`` names attributes of the resource that must have these
    values for it; ``*`` is any that is not empty.
    """

    type: str
    attribute: str = ""
    block: str = ""
    when: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disk:
    """
    Where resources of one *type* say how their disks, one in each *block*, are encrypted.

    *encrypted* must be true, and is empty where the cloud encrypts every disk; *key* is whose key it is.
    """

    type: str
    block: str
    key: str
    encrypted: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """One cloud's module. ``store_keys`` says whether objects' keys are named to it."""

    own_machine: bool
    store_keys: bool
    resource_types: tuple[str, ...]
    instances: tuple[Attribute, ...] = ()
    disks: tuple[Disk, ...] = ()
    public: tuple[Attribute, ...] = ()
    inbound: tuple[Attribute, ...] = ()


@cache
def module(cloud: str) -> Module:
    """
    Return what policies know of the module of *cloud*.

    Raises:
        InputError: There is no such cloud.
    """
    known = sheet(cloud)
    path = terraform_dir() / cloud / _TABLE
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    types = {name.decode() for content in module_files(cloud).values() for name in _RESOURCE.findall(content)}
    return Module(
        own_machine=known.provider is None,
        store_keys=known.provider is not None and "store_kms_keys" not in known.without,
        resource_types=tuple(sorted(types)),
        instances=tuple(Attribute(**row) for row in table.get("instances", ())),
        disks=tuple(Disk(**row) for row in table.get("disks", ())),
        public=tuple(Attribute(**row) for row in table.get("public", ())),
        inbound=tuple(Attribute(**row) for row in table.get("inbound", ())),
    )


def clouds() -> list[str]:
    """Return the clouds that have a module, sorted."""
    return sorted(path.parent.name for path in terraform_dir().glob("*/main.tf"))


def modules_json() -> bytes:
    """Return the content of ``policy/modules.json``."""
    return codec.encode({"skytf_modules": {cloud: module(cloud) for cloud in clouds()}})
