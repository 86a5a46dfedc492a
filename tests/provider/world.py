"""
The account that the providers work on, as a directory: what stands in it, what it answers, what goes wrong in it.

::

    resources/<type>/<id>.json  what was created and not deleted, as Terraform's state has it
    data.json                   answers of data sources that differ from the invented ones
    faults.json                 what goes wrong on demand
    addresses/127.0.x.y         the name of the gateway that this address belongs to
    machines/                   the VMs: one local VM for each instance
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

VARIABLE = "SKYTF_TEST_WORLD"
ALWAYS = -1
_NOBODY_COMES_S = 120
Values = dict[str, Any]


class Gate:
    """
    Where an operation waits; within ``with gate:`` it is there, after it, it goes on.

    Entering blocks until then, so a test knows what is in the middle of what; it fails if nobody comes.
    """

    def __init__(self, pipe: Path) -> None:
        self.pipe = pipe
        self._writer: list[int] = []

    def __enter__(self) -> None:
        opening = threading.Thread(target=lambda: self._writer.append(os.open(self.pipe, os.O_WRONLY)))
        opening.start()
        opening.join(_NOBODY_COMES_S)
        if not self._writer:
            os.close(os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK))  # lets the thread go
            opening.join()
            os.close(self._writer.pop())
            raise AssertionError("what was to be held did not come")

    def __exit__(self, *_: object) -> None:
        os.close(self._writer.pop())


class World:
    """One account; several providers, of several Terraform runs, may work on it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def machines(self) -> Path:
        """The root of the VMs, for `skytf.localvm`."""
        return self.directory / "machines"

    def environment(self) -> dict[str, str]:
        """Return the variable by which providers find this world."""
        return {VARIABLE: str(self.directory)}

    def resources(self, *kinds: str) -> list[Values]:
        """Return what stands in the world, of *kinds* or of any kind, sorted; ``type`` is the resource's."""
        paths = sorted(self.directory.glob("resources/*/*.json"))
        return [
            {**json.loads(path.read_text()), "type": path.parent.name}
            for path in paths
            if not kinds or path.parent.name in kinds
        ]

    def store(self, kind: str, key: str, values: Values) -> None:
        """Keep *values* as resource *key* of type *kind*; user data is in there, so only the owner may read."""
        path = self._path(kind, key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, json.dumps(values, indent=1, sort_keys=True))

    def load(self, kind: str, key: str) -> Values | None:
        """Return resource *key* of type *kind*, None where it is gone."""
        try:
            values: Values = json.loads(self._path(kind, key).read_text())
        except FileNotFoundError:
            return None
        return values

    def remove(self, kind: str, key: str) -> None:
        """Forget a resource, as if it had been deleted by hand; idempotent."""
        self._path(kind, key).unlink(missing_ok=True)

    def _path(self, kind: str, key: str) -> Path:
        # Ids contain slashes on Azure and Google.
        name = key if "/" not in key else hashlib.sha256(key.encode()).hexdigest()[:24]
        return self.directory / "resources" / kind / f"{name}.json"

    def answer(self, kind: str, values: Values, *, where: Values | None = None) -> None:
        """Let data source *kind* answer with *values* where its arguments are as *where* says."""
        with self._changing("data.json") as entries:
            entries.insert(0, {"type": kind, "where": where or {}, "values": values})

    def answers(self, kind: str, arguments: Values) -> Values:
        """Return what was set for data source *kind* with *arguments*; the latest setting wins."""
        for entry in self._entries("data.json"):
            if entry["type"] == kind and _matches(arguments, entry.get("where", {})):
                values: Values = entry["values"]
                return values
        return {}

    def fail(
        self,
        kind: str,
        operation: str,
        error: str,
        *,
        where: Values | None = None,
        times: int = 1,
    ) -> None:
        """
        Let *operation* on resources of type *kind* end with *error*.

        Args:
            kind: Resource or data source type, with wildcards.
            operation: ``plan``, ``create``, ``created`` (after it stands, which taints it), ``read``, ``update``,
                ``delete``, ``data`` or ``configure``.
            error: What the provider says.
            where: Only with these values; paths such as ``tags.Name`` or ``boot_disk.0.auto_delete``, with wildcards.
            times: How often; `ALWAYS` for no end.
        """
        self._add_fault(kind, operation, where, times, {"error": error})

    def hold(self, kind: str, operation: str, *, where: Values | None = None) -> Gate:
        """Let the next *operation* wait until somebody has gone through the returned gate."""
        pipe = Path(tempfile.mkdtemp(prefix="hold-", dir=self.directory)) / "pipe"
        os.mkfifo(pipe, 0o600)
        self._add_fault(kind, operation, where, 1, {"hold": str(pipe)})
        return Gate(pipe)

    def fault(self, kind: str, operation: str, values: Values) -> str | None:
        """Return the error that *operation* must end with, if any, and count it; wait where it is to be held."""
        chosen: Values = {}
        with self._changing("faults.json") as entries:
            for entry in entries:
                left = entry.get("times", 1)
                if (
                    left
                    and entry.get("operation", "create") == operation
                    and fnmatchcase(kind, entry["type"])
                    and _matches(values, entry.get("where", {}))
                ):
                    entry["times"] = left - 1 if left > 0 else left
                    chosen = dict(entry)
                    break
        if pipe := chosen.get("hold"):
            Path(pipe).read_bytes()
        error: str | None = chosen.get("error")
        return error

    def pending_faults(self) -> list[Values]:
        """Return the faults that have not happened as often as they should."""
        return [entry for entry in self._entries("faults.json") if entry.get("times", 1) > 0]

    def _add_fault(self, kind: str, operation: str, where: Values | None, times: int, what: Values) -> None:
        with self._changing("faults.json") as entries:
            entries.append({"type": kind, "operation": operation, "where": where or {}, "times": times, **what})

    def address(self, name: str) -> str:
        """Return the address of gateway *name*, 127.0.x.y: always the same one, and nobody else's in this world."""
        directory = self.directory / "addresses"
        directory.mkdir(mode=0o700, exist_ok=True)
        with self._lock():
            for attempt in range(1000):
                digest = hashlib.sha256(f"{self.directory}/{name}/{attempt}".encode()).digest()
                # Not the first /24, where everything else of this machine listens, nor the ends of any.
                path = directory / f"127.0.{digest[0] % 254 + 1}.{digest[1] % 254 + 1}"
                if not path.exists():
                    path.write_text(name)
                if path.read_text() == name:
                    return path.name
        raise RuntimeError("no address is left")

    def _entries(self, file: str) -> list[Values]:
        try:
            entries: list[Values] = json.loads((self.directory / file).read_text())
        except FileNotFoundError:
            return []
        return entries

    @contextmanager
    def _changing(self, file: str) -> Iterator[list[Values]]:
        with self._lock():
            entries = self._entries(file)
            before = json.dumps(entries)
            yield entries
            if json.dumps(entries) != before:
                _replace(self.directory / file, json.dumps(entries, indent=1))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.directory / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def look_up(values: Any, path: str) -> Any:
    """Return what stands at *path* (``tags.Name``, ``boot_disk.0.size``) in *values*, None where nothing does."""
    for step in path.split("."):
        if isinstance(values, Mapping):
            values = values.get(step)
        elif isinstance(values, list) and step.isdigit() and int(step) < len(values):
            values = values[int(step)]
        else:
            return None
    return values


def _matches(values: Values, where: Values) -> bool:
    for path, wanted in where.items():
        found = look_up(values, path)
        if isinstance(found, str) and isinstance(wanted, str):
            if not fnmatchcase(found, wanted):
                return False
        elif found != wanted:
            return False
    return True


def _replace(path: Path, text: str) -> None:
    descriptor, part = tempfile.mkstemp(dir=path.parent)  # 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(part).replace(path)
