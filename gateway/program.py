"""
A program is the graph of steps of one gateway, as data.

A program has groups; a group serves one or more partitions (a partition is one job) with one
tree of steps. Chunks enter at the head (`read_object_store`, `read_local`, `gen_data`, `receive`) and
leave at the leaves (`send`, `write_object_store`, `write_local`, `discard`). Between them `mux_and`
gives every branch each chunk (that is for one of the branch's destinations), and under `mux_or` branches compete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.errors import BadProgram
from gateway.units import MIB

HEADS = frozenset({"read_object_store", "read_local", "gen_data", "receive"})
MUXES = frozenset({"mux_and", "mux_or"})
LEAVES = frozenset({"send", "write_object_store", "write_local", "discard"})
COMPRESSIONS = ("lz4", "zstd", "none")
# `auto` is AES-256-GCM where the source gateway's CPU has instructions for it.
CIPHERS = ("auto", "aes256gcm", "xchacha20poly1305")
PROGRAM_VERSION = 1


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
    ``link_tls`` puts TLS 1.3 around every link; its certificates come with the secrets. ``congestion`` and
    ``socket_buffer_bytes`` are `gateway.wire.tuning`'s; a peer that is silent for ``dead_after_s`` is dead.
    """

    chunk_bytes: int = 64 * MIB
    threshold_bytes: int = 128 * MIB
    slice_bytes: int = MIB
    batch_bytes: int = 4 * MIB
    batch_objects: int = 128
    pool_bytes: int = 512 * MIB
    readers: int = 4
    writers: int = 4
    compression: str = "lz4"
    cipher: str = "auto"
    if_exists: str = "overwrite"
    max_attempts: int = 5
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
        program = msgspec.json.decode(text, type=Program)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadProgram(f"not a gateway program: {error}") from error
    validate(program)
    return program


def steps(step: Step) -> Iterator[Step]:
    """Yield *step* and all below it, parents first."""
    yield step
    for child in step.children:
        yield from steps(child)


def validate(program: Program) -> None:
    """
    Check what the types cannot: heads, leaves, muxes, peers and partitions.

    Raises:
        BadProgram: Something does not hold together; the message names the step.
    """
    if program.version != PROGRAM_VERSION:
        raise BadProgram(
            f"program of {program.gateway} has version {program.version}, this gateway runs {PROGRAM_VERSION}",
            hint="plan again with this version of skytf",
        )
    _validate_codecs(program)
    seen: set[str] = set()
    for group in program.groups:
        if overlap := seen.intersection(group.partitions):
            raise BadProgram(f"partition {sorted(overlap)[0]!r} stands in two groups of {program.gateway}")
        seen.update(group.partitions)
        if group.head.op not in HEADS:
            raise BadProgram(f"a group of {program.gateway} begins with {group.head.op!r}, which produces no chunks")
        for step in steps(group.head):
            _validate_step(program, step)


def _validate_codecs(program: Program) -> None:
    settings = program.settings
    for name, word, known in (
        ("compression", settings.compression, COMPRESSIONS),
        ("cipher", settings.cipher, CIPHERS),
    ):
        if word not in known:
            raise BadProgram(
                f"the program of {program.gateway} has {name} {word!r}", hint=f"known are {', '.join(known)}"
            )


def _validate_step(program: Program, step: Step) -> None:
    if step.op not in HEADS | MUXES | LEAVES:
        raise BadProgram(f"unknown operator {step.op!r} in the program of {program.gateway}")
    if step.op in LEAVES and step.children:
        raise BadProgram(f"{step.op!r} in the program of {program.gateway} ends a branch but has children")
    if step.op not in LEAVES and not step.children:
        raise BadProgram(f"{step.op!r} in the program of {program.gateway} leads nowhere")
    if step.op == "send" and step.params.get("peer") not in {peer.gateway for peer in program.peers}:
        raise BadProgram(f"{program.gateway} sends to {step.params.get('peer')!r}, which is none of its peers")
