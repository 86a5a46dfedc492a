"""A relay as deployed holds and passes on what it cannot read: we look for it in its memory and on both its links."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.program import Program, Settings, Step
from gateway.units import KIB, MIB
from tests.gateway.pipelines import SMALL, gateway, read_step, send_step, shard_of, tree, write_step
from tests.gateway.recorder import Recorder
from tests.lab.gateways import Gateway, Gateways, Keys

PATIENCE_S = 30.0


def memory_of(pid: int) -> bytes:
    """Return all memory of process *pid* that it can write to: heap, stacks, buffers."""
    held = bytearray()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(edge, 16) for edge in span.split("-"))
                memory.seek(start)
                held += memory.read(end - start)
    return bytes(held)


def may_look_into(pid: int) -> bool:
    try:
        memory_of(pid)
    except PermissionError:
        return False
    return True


def found(secret: dict[str, bytes], within: bytes) -> set[str]:
    return {name for name, value in secret.items() if value in within}


def plant(directory: Path, marker: bytes, name: str) -> None:
    """Write files that name and repeat the marker, amid what compresses little: some travel together, one in chunks."""
    directory.mkdir()
    for number in range(24):
        lines = [marker + secrets.token_hex(200).encode() for _ in range(10 * number if number else 4000)]
        (directory / f"{name} {number}").write_bytes(b"\n".join(lines))


def programs(to: Path, settings: Settings) -> list[Program]:
    return [
        gateway(
            "a", read_step(send_step("r")), dials=("r",), routes={"b": ("r",)}, sinks={"0": ("b",)}, settings=settings
        ),
        gateway("r", Step("receive", children=(send_step("b"),)), dials=("b",), dialled_by=("a",), settings=settings),
        gateway(
            "b", Step("receive", children=(write_step(to),)), dialled_by=("r",), routes={"a": ("r",)}, settings=settings
        ),
    ]


@pytest.mark.parametrize(
    ("compression", "cipher"), [("none", "aes256gcm"), ("lz4", "auto"), ("zstd", "xchacha20poly1305")]
)
def test_a_relay_holds_neither_plaintext_nor_payload_key(tmp_path: Path, compression: str, cipher: str) -> None:
    settings = replace(SMALL, compression=compression, cipher=cipher)
    marker, name = secrets.token_hex(12).encode(), secrets.token_hex(8)
    plant(tmp_path / "from", marker, name)
    keys = Keys()
    secret = {
        "content": marker,
        "name": name.encode(),
        "payload key": bytes.fromhex(keys.payload_key),
        "payload key as text": keys.payload_key.encode(),
    }

    with ExitStack() as stack:
        taps: dict[str, Recorder] = {}

        def tapped(one: Gateway, _: str) -> tuple[str, int]:
            if one.name not in taps:
                taps[one.name] = stack.enter_context(Recorder(one.data_port))
            return "127.0.0.1", taps[one.name].port

        fleet = stack.enter_context(
            Gateways(tmp_path / "home", programs(tmp_path / "to", settings), address=tapped, keys=keys)
        )
        relay = fleet["r"]
        if not may_look_into(relay.pid):
            pytest.skip("this kernel lets nobody read the memory of another process (ptrace_scope)")
        taps["b"].hold()
        fleet["a"].take(shard_of(tmp_path / "from"))
        taps["r"].wait_for(MIB // 4, PATIENCE_S)
        source_memory = memory_of(fleet["a"].pid)
        full_memory = memory_of(relay.pid)
        taps["b"].let_go()
        fleet["a"].wait("shard_done")
        done_memory = memory_of(relay.pid)
        traffic = {tap: bytes(recorder.heard) for tap, recorder in taps.items()}

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    # What we look with finds what is there: a source's secrets, and in the relay the bytes that came over the wire.
    assert found(secret, source_memory) >= {"content", "name", "payload key"}
    assert any(traffic["r"][at : at + 64] in full_memory for at in range(0, len(traffic["r"]) - 64, KIB))
    assert found(secret, full_memory) == set()
    assert found(secret, done_memory) == set()
    assert found(secret, traffic["r"] + traffic["b"]) == set()
