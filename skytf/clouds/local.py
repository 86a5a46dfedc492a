"""This machine as a cloud: VMs are found by their files, and by what their processes carry when those are gone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from skytf.clouds.base import Check, FleetTag, Quota
from skytf.errors import InputError
from skytf.localvm import halt, processes
from skytf.localvm.machine import ID_VARIABLE, ROOT_VARIABLE, Machine, Record, Tags, recorded

_UNKNOWN = Tags(owner="", expires_s=0.0)


class LocalCloud:
    """The VMs below one home; those of another home on this machine are another cloud's."""

    def __init__(self, home: Path) -> None:
        # Processes are matched by this path, which they carry: it must not depend on how the home was spelled today.
        self._root = home.resolve() / "local"

    def environment(self) -> Mapping[str, str]:
        """Return where VMs live and which Python they run on."""
        return {ROOT_VARIABLE: str(self._root), "SKYTF_PYTHON": sys.executable}

    def facts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return nothing: this machine has no account."""
        return {}

    def quota(self, region: str, instance_type: str, *, spot: bool = False) -> Quota | None:
        """Return None: how many VMs are too many is for the operator to know."""
        return None

    def find(self, owner: str | None = None) -> tuple[FleetTag, ...]:
        """Return the fleets of *owner*, of everybody if None; the owner of a VM that lost its tags is ``""``."""
        fleets: dict[str, dict[str, Tags]] = {}
        for machine, tags in self._machines().items():
            fleets.setdefault(machine.transfer_id, {})[machine.gateway_id] = tags
        found = (_summed_up(transfer_id, fleets[transfer_id]) for transfer_id in sorted(fleets))
        return tuple(fleet for fleet in found if owner in (None, fleet.owner))

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        """Halt the VMs of *transfer_id* one after the other; raises HostError for a process that cannot be killed."""
        machines = [
            machine
            for machine, tags in self._machines().items()
            if machine.transfer_id == transfer_id and owner in (None, tags.owner)
        ]
        for machine in machines:
            halt.halt(machine)
        return tuple(f"local VM {machine.vm_id}" for machine in machines)

    def check(self, regions: Sequence[str] = ()) -> tuple[Check, ...]:
        """Return whether VMs can be started here, and found again."""
        try:
            server = Check("SSH server of local VMs", ok=True, found=f"asyncssh {version('asyncssh')}")
        except PackageNotFoundError:
            server = Check("SSH server of local VMs", ok=False, found="asyncssh is missing: pip install asyncssh")
        visible = bool(processes.environment(psutil.Process()))
        environments = "can be read" if visible else "cannot be read: VMs whose files are gone will not be found"
        return (server, Check("environments of processes", ok=visible, found=environments))

    def _machines(self) -> dict[Machine, Tags]:
        """Return the VMs with their tags, sorted; those known by a process alone included."""
        found: dict[Machine, Tags] = {}
        for machine in recorded(self._root):
            record = Record.read(machine)
            found[machine] = _UNKNOWN if record is None else record.tags
        for process in psutil.process_iter():
            environment = processes.environment(process)
            if environment.get(ROOT_VARIABLE) != str(self._root):
                continue
            try:
                machine = Machine.parse(self._root, environment.get(ID_VARIABLE, ""))
                tags = Tags.from_environment(environment)
            except InputError:
                continue  # terraform itself has the root in its environment, but is no VM
            if found.get(machine, _UNKNOWN) == _UNKNOWN:
                found[machine] = tags
        return dict(sorted(found.items(), key=lambda item: item[0].vm_id))


def _summed_up(transfer_id: str, machines: Mapping[str, Tags]) -> FleetTag:
    owner = next((tags.owner for tags in machines.values() if tags.owner), "")
    others = {name: text for tags in machines.values() for name, text in tags.others.items()}
    expires_s = max(tags.expires_s for tags in machines.values())
    return FleetTag(transfer_id, owner, expires_s, tuple(sorted(machines)), others)
