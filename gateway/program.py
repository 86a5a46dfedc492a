"""
A program is the graph of steps of one gateway, as data.

A program has groups; a group serves one or more partitions (a partition is one job) with one
tree of steps. Chunks enter at the head (`read_object_store`, `read_local`, `gen_data`, `receive`) and
leave at the leaves (`send`, `write_object_store`, `write_local`, `discard`). Between them `mux_and`
gives every branch each chunk (that is for one of the branch's destinations), and under `mux_or` branches compete.
A mux may stand at the head, too: then it gives what enters the gateway, chunks from peers and shards from the client,
to branches with heads of their own, or chunks to branches that have none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.errors import BadProgram
from gateway.units import KIB, MIB

SOURCES = frozenset({"read_object_store", "read_local", "gen_data"})
HEADS = SOURCES | {"receive"}
MUXES = frozenset({"mux_and", "mux_or"})
LEAVES = frozenset({"send", "write_object_store", "write_local", "discard"})
COMPRESSIONS = ("lz4", "zstd", "none")
# `auto` is AES-256-GCM where the source gateway's CPU has instructions for it.
CIPHERS = ("auto", "aes256gcm", "xchacha20poly1305")
PROGRAM_VERSION = 1
# Far more than any topology needs; a tree is walked by recursion.
MOST_DEPTH = 64
_LEAST = {
    **dict.fromkeys(("chunk_bytes", "slice_bytes", "batch_bytes", "batch_objects", "pool_bytes"), 1),
    **dict.fromkeys(("readers", "writers", "max_attempts"), 1),
    **dict.fromkeys(("threshold_bytes", "socket_buffer_bytes", "processes"), 0),
    "dead_after_s": 0.01,
}
_CHOICES = {"compression": COMPRESSIONS, "cipher": CIPHERS, "if_exists": ("overwrite", "skip", "fail")}
# As the kernel names them (TCP_CA_NAME_MAX is 16); whether this machine has it, `gateway.wire.tuning` finds out.
CONGESTION = re.compile(r"[a-z][a-z0-9_-]{0,14}")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Step:
    """
    One operator placed in a program.

    ``destinations`` are the indexes (in the partition's job) that a chunk passing here can reach;
    empty means all. ``params`` are the operator's own (`gateway.operators`).
    """

    op: str
    params: Mapping[str, Any] = field(default_factory=dict)
    destinations: tuple[int, ...] = ()
    children: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One tree of steps for one or more partitions."""

    partitions: tuple[str, ...]
    head: Step


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A gateway at the other end of a link; its address and public key are pushed beside the program.

    ``dial`` says that this gateway opens the connections (a `local` site dials a cloud site;
    otherwise the sending side dials). ``connections`` counts those that carry chunks.
    """

    gateway: str
    dial: bool
    connections: int


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What all gateways of a transfer agree on. Sizes in bytes of object data unless said otherwise.

    ``compression`` (`COMPRESSIONS`) and ``cipher`` (`CIPHERS`) are what sources pack and seal with; a sink opens all.
    ``fsync`` has a file on the disk before it is confirmed. ``link_tls`` puts TLS 1.3 around every link; its
    certificates come with the secrets. ``congestion`` and ``socket_buffer_bytes`` are `gateway.wire.tuning`'s; a
    peer that is silent for ``dead_after_s`` is dead. ``processes`` 0 leaves their number to each gateway's machine.
    """

    chunk_bytes: int = 64 * MIB
    threshold_bytes: int = 128 * MIB
    slice_bytes: int = 512 * KIB
    batch_bytes: int = 4 * MIB
    batch_objects: int = 128
    pool_bytes: int = 512 * MIB
    readers: int = 4
    writers: int = 4
    processes: int = 0
    compression: str = "lz4"
    cipher: str = "auto"
    if_exists: str = "overwrite"
    max_attempts: int = 5
    fsync: bool = False
    link_tls: bool = False
    congestion: str = "auto"
    socket_buffer_bytes: int = 0
    dead_after_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """
    What one gateway runs.

    Attributes:
        gateway: The id of the gateway this is for.
        groups: The step trees.
        peers: The gateways this one has links with.
        routes: Gateway id → peers that are one hop nearer to it, for the messages that are not chunks.
        sinks: Partition → destination index (as text) → gateways that write there. A source gateway picks an object's
            owner among them.
    """

    gateway: str
    groups: tuple[Group, ...]
    peers: tuple[Peer, ...] = ()
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sinks: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    version: int = PROGRAM_VERSION


def encode(program: Program) -> bytes:
    """Return *program* as JSON with sorted keys and two-space indent, for people to review; ends in a newline."""
    return msgspec.json.format(msgspec.json.encode(program, order="sorted"), indent=2) + b"\n"


def decode(text: bytes) -> Program:
    """
    Return the program that *text* holds.

    Raises:
        BadProgram: *text* is no program, is of another version, or does not hold together.
    """
    try:
        raw = msgspec.json.decode(text)
        _check_version(msgspec.convert(raw, _Versioned))
        program = msgspec.convert(raw, Program)
        unknown = _unknown(raw, msgspec.to_builtins(program), "")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadProgram(f"not a gateway program: {error}") from error
    if unknown:
        raise BadProgram(f"the program of {program.gateway} has a field that means nothing: {unknown}")
    validate(program)
    return program


def steps(step: Step) -> Iterator[Step]:
    """Yield *step* and all below it, parents first."""
    yield step
    for child in step.children:
        yield from steps(child)


def reads(head: Step) -> bool:
    """Return whether shards can be given to the group of *head*."""
    return head.op in SOURCES or (head.op in MUXES and any(reads(child) for child in head.children))


def receives(head: Step) -> bool:
    """Return whether frames that peers send can be given to the group of *head*."""
    return head.op not in SOURCES and (head.op not in MUXES or any(receives(child) for child in head.children))


def validate(program: Program) -> None:
    """
    Check what the types cannot: version, settings, peers, partitions, and the tree of each group.

    Raises:
        BadProgram: Something does not hold together; the message names the step.
    """
    _check_version(program)
    _check_settings(program)
    _check_peers(program)
    seen: set[str] = set()
    for group in program.groups:
        if not group.partitions:
            raise BadProgram(f"a group of {program.gateway} serves no partition")
        for partition in group.partitions:
            if partition in seen:
                raise BadProgram(f"partition {partition!r} stands in two groups of {program.gateway}")
            seen.add(partition)
        if group.head.op not in HEADS | MUXES:
            _check_known(program, group.head)
            raise BadProgram(f"a group of {program.gateway} begins with {group.head.op!r}, which produces no chunks")
        _check_step(program, group.head, (), at_head=True)


class _Versioned(msgspec.Struct, frozen=True):
    """A program of any version, as far as its error message needs it."""

    gateway: str
    version: int = PROGRAM_VERSION


def _check_version(program: Program | _Versioned) -> None:
    if program.version != PROGRAM_VERSION:
        raise BadProgram(
            f"program of {program.gateway} has version {program.version}, this gateway runs {PROGRAM_VERSION}",
            hint="plan again with this version of skytf",
        )


def _check_settings(program: Program) -> None:
    settings = program.settings
    for name, least in _LEAST.items():
        value = getattr(settings, name)
        if not least <= value < math.inf:
            raise BadProgram(f"{name} of the program of {program.gateway} is {value}, and is at least {least}")
    if not CONGESTION.fullmatch(settings.congestion):
        raise BadProgram(f"congestion of the program of {program.gateway} is {settings.congestion!r}, which names none")
    for name, known in _CHOICES.items():
        if (value := getattr(settings, name)) not in known:
            raise BadProgram(
                f"{name} of the program of {program.gateway} is {value!r}, which is none of {', '.join(known)}"
            )


def _check_peers(program: Program) -> None:
    peers = [peer.gateway for peer in program.peers]
    if twice := [name for name in peers if peers.count(name) > 1]:
        raise BadProgram(f"{program.gateway} has peer {twice[0]!r} twice")
    if program.gateway in peers:
        raise BadProgram(f"{program.gateway} is a peer of its own, which is a cycle")
    for target, hops in program.routes.items():
        if missing := [hop for hop in hops if hop not in peers]:
            raise BadProgram(f"{program.gateway} reaches {target!r} by {missing[0]!r}, which is none of its peers")


def _check_step(program: Program, step: Step, above: tuple[Step, ...], *, at_head: bool) -> None:
    _check_known(program, step)
    where = f"in the program of {program.gateway}"
    if any(step is one for one in above) or len(above) > MOST_DEPTH:
        raise BadProgram(f"{step.op!r} {where} leads back to itself, or more than {MOST_DEPTH} steps down")
    if step.op in HEADS and not at_head:
        raise BadProgram(f"{step.op!r} {where} stands below {above[-1].op!r}: chunks enter at the head of a group")
    if step.op in LEAVES and step.children:
        raise BadProgram(f"{step.op!r} {where} ends a branch but has children")
    if step.op not in LEAVES and not step.children:
        raise BadProgram(f"{step.op!r} {where} leads nowhere")
    if any(destination < 0 for destination in step.destinations):
        raise BadProgram(f"{step.op!r} {where} leads to destination {min(step.destinations)}: they count from 0")
    if step.op == "send":
        peer = step.params.get("peer")
        if peer == program.gateway:
            raise BadProgram(f"{program.gateway} sends to itself, which is a cycle")
        if peer not in {one.gateway for one in program.peers}:
            raise BadProgram(f"{program.gateway} sends to {peer!r}, which is none of its peers")
    for child in step.children:
        _check_step(program, child, (*above, step), at_head=at_head and step.op in MUXES)


def _check_known(program: Program, step: Step) -> None:
    if step.op not in HEADS | MUXES | LEAVES:
        raise BadProgram(f"unknown operator {step.op!r} in the program of {program.gateway}")


def _unknown(raw: Any, known: Any, path: str) -> str:
    """Return the path of the first field of *raw* that *known*, the same after decoding, does not have; else empty."""
    if isinstance(raw, dict):
        pairs = [(f"{path}.{name}".lstrip("."), raw[name], known.get(name, _NOTHING)) for name in sorted(raw)]
    elif isinstance(raw, list):
        pairs = [(f"{path}[{at}]", one, known[at]) for at, one in enumerate(raw)]
    else:
        return ""
    for name, one, meant in pairs:
        if meant is _NOTHING:
            return name
        if found := _unknown(one, meant, name):
            return found
    return ""
