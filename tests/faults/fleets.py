"""The fleets and files that the tests of faults use."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.program import Program, Settings, Step
from gateway.units import KIB, MIB
from tests.gateway.pipelines import gateway, read_step, send_step, tree, write_step
from tests.lab.gateways import Gateway
from tests.lab.wan import Link

# 20 MiB take 4 s: long enough to strike in the middle.
LINK = Link(mbit=40.0, delay_ms=5.0)
# Small chunks, so that many are under way; everything else as deployed, dead_after_s too.
SETTINGS = Settings(
    chunk_bytes=512 * KIB,
    threshold_bytes=MIB,
    slice_bytes=256 * KIB,
    batch_bytes=512 * KIB,
    pool_bytes=16 * MIB,
)


def plant(directory: Path, *, large: int = 8, small: int = 40) -> dict[str, bytes]:
    """Write *large* files of 2 MiB and *small* ones below *directory*; return them all."""
    directory.mkdir(parents=True)
    for number in range(large):
        (directory / f"large {number:02}").write_bytes(os.urandom(2 * MIB + number))
    for number in range(small):
        (directory / f"small {number:03}").write_bytes(os.urandom(100 * KIB + number))
    return tree(directory)


def reading(name: str, *peers: str, settings: Settings = SETTINGS, **about: object) -> Program:
    """Return a source that sends to any of *peers*, which it dials."""
    about = {"sinks": {"0": peers}, **about}
    return gateway(name, read_step(send_step(*peers)), dials=peers, settings=settings, **about)  # type: ignore[arg-type]  # fields of a program, whichever a test wants


def writing(name: str, to: Path, *sources: str, settings: Settings = SETTINGS, **about: object) -> Program:
    """Return a sink that writes below *to* what *sources* send, who dial it."""
    head = Step("receive", children=(write_step(to),))
    return gateway(name, head, dialled_by=sources, settings=settings, **about)  # type: ignore[arg-type]  # fields of a program, whichever a test wants


def relaying(name: str, source: str, sink: str, settings: Settings = SETTINGS) -> Program:
    """Return a relay from *source* to *sink*."""
    head = Step("receive", children=(send_step(sink),))
    return gateway(name, head, dials=(sink,), dialled_by=(source,), settings=settings)


def assert_all_arrived(files: dict[str, bytes], to: Path, *sources: Gateway) -> None:
    """Nothing lost, nothing wrong, nothing half-written left, and nobody gave anything up."""
    assert [event for source in sources for event in source.events("failed") + source.events("fatal")] == []
    arrived = tree(to)
    assert arrived.keys() == files.keys()
    assert [name for name, content in files.items() if arrived[name] != content] == []
