"""
The journal: per shard and destination a watermark and the exceptions, small whatever the object count.

One JSON object a line, appended and never rewritten. The client writes one for a transfer, a gateway one for itself,
both with this code. A line is one of::

    {"shard": id, "partition": p, "first_key": k, "last_key": k, "destinations": [0], "objects": n}
    {"mark": id, "destination": 0, "watermark": k, "beyond": [k, …]}       beyond: only those that are new
    {"failed": id, "destination": 0, "key": k, "error": "…", "hint": "…"}
    {"done": id}
    {"opened": token, "destination": 0, "key": k, "shard": id}    an upload to complete or abort
    {"closed": token, "destination": 0, "key": k}

Keys are ordered by their UTF-8 bytes, which is the order of Python strings (code points). A shard holds every object of
its key range that is not settled yet, so a watermark says that all up to it is: those that are not in the shard were
settled before.
"""

from __future__ import annotations

import json
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.shard import Shard


class Progress:
    """
    Which entries of a shard are settled (done, skipped or failed) for one destination.

    ``watermark`` counts the leading entries that all are; ``beyond`` holds the indexes above it.
    Not thread-safe: its owner locks.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.watermark = 0
        self.beyond: set[int] = set()
        self.failed: dict[int, str] = {}

    def settle(self, index: int, *, failed: str = "") -> bool:
        """Note that entry *index* is settled, with the reason where it *failed*; return whether that is news."""
        if index < self.watermark or index in self.beyond:
            return False
        if failed:
            self.failed[index] = failed
        self.beyond.add(index)
        while self.watermark in self.beyond:
            self.beyond.remove(self.watermark)
            self.watermark += 1
        return True

    @property
    def done(self) -> bool:
        """Whether every entry is settled."""
        return self.watermark >= self.count


@dataclass(slots=True)
class Settled:
    """What a journal says of one shard and destination."""

    watermark: str | None = None
    beyond: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ShardRecord:
    """What a journal says of one shard; ``settled`` has an item per destination."""

    shard_id: str
    partition: str
    first_key: str
    last_key: str
    objects: int
    settled: dict[int, Settled]
    done: bool = False


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that was opened and neither completed nor aborted, as far as the journal knows."""

    destination: int
    key: str
    token: str
    shard_id: str


class JournalState:
    """
    A journal, read.

    Memory: a few strings per shard, the keys settled out of order and those that failed.
    """

    def __init__(self, shards: Mapping[str, ShardRecord], uploads: Mapping[str, OpenUpload]) -> None:
        self.shards = shards
        self.open_uploads = tuple(uploads.values())
        self._targets: dict[tuple[str, int], _Target] = {}
        for record in shards.values():
            for destination, settled in record.settled.items():
                target = self._targets.setdefault((record.partition, destination), _Target())
                target.add(record.first_key, settled)
        for target in self._targets.values():
            target.merge()

    def is_settled(self, partition: str, destination: int, key: str) -> bool:
        """Return whether *key* has arrived (or was skipped): binary search over what the shards have behind them."""
        target = self._targets.get((partition, destination))
        return target is not None and target.has(key)


class _Target:
    """The settled key ranges of one partition and destination, as disjoint closed intervals."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, str]] = []
        self._starts: list[str] = []
        self._beyond: set[str] = set()
        self._failed: set[str] = set()

    def add(self, first_key: str, settled: Settled) -> None:
        """Add one shard; later shards overrule what failed in earlier ones."""
        mark = settled.watermark
        self._failed -= {
            key for key in self._failed if (mark is not None and first_key <= key <= mark) or key in settled.beyond
        }
        self._failed.update(settled.failed)
        self._beyond.update(settled.beyond)
        if mark is not None:
            self._spans.append((first_key, mark))

    def merge(self) -> None:
        """Make the spans disjoint and ascending, and drop the single keys that they cover."""
        merged: list[tuple[str, str]] = []
        for start, end in sorted(self._spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        self._spans = merged
        self._starts = [start for start, _ in merged]
        self._beyond = {key for key in self._beyond if not self._covers(key)}

    def has(self, key: str) -> bool:
        return key not in self._failed and (key in self._beyond or self._covers(key))

    def _covers(self, key: str) -> bool:
        position = bisect_right(self._starts, key) - 1
        return position >= 0 and key <= self._spans[position][1]


class Journal:
    """
    Append to the journal at *path*, from any thread.

    Each line is handed to the operating system before a method returns: it survives the death of the process. It is
    not synced to the disk, because what a lost line costs is one object copied twice.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._lock = threading.Lock()
        if path.stat().st_size and not _ends_in_newline(path):
            self._file.write(b"\n")  # so that the torn line of a killed process stays alone

    def begin(self, shard: Shard) -> None:
        """Note that *shard* was handed out."""
        keys = [entry.key for entry in shard.entries]
        self._append(
            shard=shard.shard_id,
            partition=shard.partition,
            first_key=min(keys, default=""),
            last_key=max(keys, default=""),
            destinations=list(shard.destinations),
            objects=len(keys),
        )

    def event(self, event: Mapping[str, Any]) -> None:
        """Note what matters of an event of the control API; the others are passed over."""
        kind = event["kind"]
        if kind == "mark":
            self.mark(event["shard_id"], event["destination"], event["watermark"], event["beyond"])
        elif kind == "failed":
            fields = {name: event[name] for name in ("destination", "key", "error", "hint")}
            self._append(failed=event["shard_id"], **fields)
        elif kind == "shard_done":
            self._append(done=event["shard_id"])
        elif kind == "opened":
            fields = {name: event[name] for name in ("destination", "key")}
            self._append(opened=event["token"], shard=event["shard_id"], **fields)
        elif kind == "closed":
            self._append(closed=event["token"], destination=event["destination"], key=event["key"])

    def mark(self, shard_id: str, destination: int, watermark: str | None, beyond: Sequence[str]) -> None:
        """Note how far *shard_id* is at *destination*; *beyond* are the keys settled above the watermark since."""
        self._append(mark=shard_id, destination=destination, watermark=watermark, beyond=list(beyond))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _append(self, **line: Any) -> None:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._file.write(text)

    @staticmethod
    def read(path: Path) -> JournalState:
        """Return what the journal at *path* says; a file that is not there says nothing, a torn line neither."""
        shards: dict[str, ShardRecord] = {}
        uploads: dict[str, OpenUpload] = {}
        for line in _lines(path):
            _apply(line, shards, uploads)
        return JournalState(shards, uploads)


def _ends_in_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # torn by a kill: what it said will be done again
            if isinstance(line, dict):
                yield line


def _apply(line: dict[str, Any], shards: dict[str, ShardRecord], uploads: dict[str, OpenUpload]) -> None:
    if "opened" in line:
        uploads[line["opened"]] = OpenUpload(line["destination"], line["key"], line["opened"], line["shard"])
    elif "closed" in line:
        uploads.pop(line["closed"], None)
    elif "partition" in line:
        shards[line["shard"]] = ShardRecord(
            shard_id=line["shard"],
            partition=line["partition"],
            first_key=line["first_key"],
            last_key=line["last_key"],
            objects=line["objects"],
            settled={destination: Settled() for destination in line["destinations"]},
        )
    elif "done" in line and line["done"] in shards:
        shards[line["done"]].done = True
    elif (record := shards.get(line.get("mark", line.get("failed", "")))) is not None:
        _apply_settled(line, record.settled.setdefault(line["destination"], Settled()))


def _apply_settled(line: dict[str, Any], settled: Settled) -> None:
    if "failed" in line:
        settled.failed[line["key"]] = line["error"]
        return
    settled.beyond.update(line["beyond"])
    if (mark := line["watermark"]) is not None:
        settled.watermark = mark
        settled.beyond = {key for key in settled.beyond if key > mark}
