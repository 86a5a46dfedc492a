"""One local VM: where its files are, what it is tagged with, and what its processes find in their environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from skytf.errors import InputError

SSH_USER = "skytf"
LISTEN_ADDRESS = "127.0.0.1"
# What makes a process one of a VM's, to whoever looks for it later.
ID_VARIABLE = "SKYTF_VM_ID"
ROOT_VARIABLE = "SKYTF_LOCAL_ROOT"
OWNER_VARIABLE = "SKYTF_VM_OWNER"
EXPIRES_VARIABLE = "SKYTF_VM_EXPIRES_S"
TAGS_VARIABLE = "SKYTF_VM_TAGS"

_VM_ID = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9-]*)")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Machine:
    """A VM's identity and its files; *root* is the directory of all VMs of this machine (``SKYTF_LOCAL_ROOT``)."""

    root: Path
    transfer_id: str
    gateway_id: str

    @classmethod
    def parse(cls, root: str | Path, vm_id: str) -> Machine:
        """
        Return the VM that *vm_id* (``<transfer id>/<gateway id>``) names.

        Raises:
            InputError: *vm_id* is no such pair, so it must not become part of a path.
        """
        match = _VM_ID.fullmatch(vm_id)
        if match is None:
            raise InputError(f"{vm_id!r} is not the id of a local VM", hint="write <transfer id>/<gateway id>")
        return cls(Path(root).absolute(), match[1], match[2])

    @property
    def vm_id(self) -> str:
        """What its processes carry in ``SKYTF_VM_ID``."""
        return f"{self.transfer_id}/{self.gateway_id}"

    @property
    def directory(self) -> Path:
        """Everything that is the VM's own; gone after halting."""
        return self.root / "vms" / self.transfer_id / self.gateway_id

    @property
    def home(self) -> Path:
        """HOME and first working directory of every session."""
        return self.directory / "home"

    @property
    def bin(self) -> Path:
        """First in PATH of every session."""
        return self.directory / "bin"

    @property
    def tmp(self) -> Path:
        """TMPDIR of every session."""
        return self.directory / "tmp"

    @property
    def host_key(self) -> Path:
        """The SSH server's private key."""
        return self.directory / "etc" / "ssh_host_ed25519_key"

    @property
    def authorized_keys(self) -> Path:
        """Who may log in."""
        return self.directory / "etc" / "authorized_keys"

    @property
    def log(self) -> Path:
        """Output of the SSH server."""
        return self.directory / "vm.log"


@dataclass(frozen=True, slots=True)
class Tags:
    """What every cloud resource is tagged with; ``expires_s`` is Unix time."""

    owner: str
    expires_s: float
    others: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the tags as variables, which every process of the VM carries."""
        return {
            OWNER_VARIABLE: self.owner,
            EXPIRES_VARIABLE: f"{self.expires_s:.0f}",
            TAGS_VARIABLE: json.dumps(dict(self.others), sort_keys=True),
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Tags:
        """
        Return the tags that a process of a VM carries.

        Raises:
            InputError: They are not what a VM was started with.
        """
        try:
            others = {str(name): str(text) for name, text in json.loads(environment.get(TAGS_VARIABLE) or "{}").items()}
            return cls(environment[OWNER_VARIABLE], float(environment[EXPIRES_VARIABLE]), others)
        except (KeyError, ValueError, AttributeError) as error:
            raise InputError(f"the tags of a local VM cannot be read from its environment: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Record:
    """``vm.json``: a running VM as others see it; ``started_s`` is Unix time."""

    transfer_id: str
    gateway_id: str
    tags: Tags
    pid: int
    port: int
    started_s: float

    def write(self, machine: Machine) -> None:
        """Replace the record of *machine*."""
        part = machine.directory / "vm.json.part"
        part.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        part.replace(machine.directory / "vm.json")

    @classmethod
    def read(cls, machine: Machine) -> Record | None:
        """Return the record of *machine*, None where there is none that can be read."""
        try:
            fields = json.loads((machine.directory / "vm.json").read_text())
            return cls(**{**fields, "tags": Tags(**fields["tags"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def recorded(root: Path) -> tuple[Machine, ...]:
    """Return the VMs that have a directory under *root*, sorted."""
    directories = sorted(path for path in (root / "vms").glob("*/*") if path.is_dir())
    return tuple(
        Machine.parse(root, f"{path.parent.name}/{path.name}")
        for path in directories
        if _VM_ID.fullmatch(f"{path.parent.name}/{path.name}")
    )


def session_environment(machine: Machine, tags: Tags) -> dict[str, str]:
    """Return the environment that the VM's processes start with; nothing of the operator's own is in it."""
    return {
        "HOME": str(machine.home),
        "LANG": "C.UTF-8",
        "LOGNAME": SSH_USER,
        "PATH": f"{machine.bin}:{_SYSTEM_PATH}",
        "SHELL": "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh",
        "TMPDIR": str(machine.tmp),
        "USER": SSH_USER,
        # Shared by the VMs of this machine, as /opt/skytf/trees is part of a baked image.
        "SKYTF_TREES": str(machine.root / "image" / "trees"),
        ID_VARIABLE: machine.vm_id,
        ROOT_VARIABLE: str(machine.root),
        **tags.environment(),
    }
