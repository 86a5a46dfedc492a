"""A peer that holds a key and breaks every rule loses its connection; the gateway, and its other peers, go on."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from gateway.units import KIB, MIB
from tests.gateway.hostile import second
from tests.gateway.hostile.second import Connection, Me, Payload
from tests.gateway.hostile.target import Peak, Target
from tests.gateway.pipelines import SMALL
from tests.gateway.test_daemon import SECRETS

TRANSFER = str(SECRETS["transfer_id"])
PAYLOAD = Payload(bytes.fromhex(str(SECRETS["payload_key"])), TRANSFER)
FORGED = Payload(bytes(32), TRANSFER)
# A pool of the program's size, both of its kind, and what the allocator keeps.
ROGUES_MAY_COST_BYTES = 2 * SMALL.pool_bytes + 32 * MIB
FRAME_ID, SALT = b"i" * 16, b"s" * 32


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as target:
        target.let_the_source_in()
        target.move()
        yield target


def link(target: Target, lane: int = second.FORWARD, slot: int = 0) -> Connection:
    """Return a connection of gateway ``m`` with the target."""
    key = second.public_key(target.keys["b"])
    return second.dial(target.dial(), Me("m", target.keys["m"], TRANSFER), "b", key, lane, slot=slot)


def is_cut_off(connection: Connection) -> bool:
    """Return whether the target closes the connection; what it still says before is passed over."""
    with suppress(ConnectionResetError):
        while connection.sock.recv(4096):
            continue
    return True


def header(**changes: object) -> bytes:
    """Return the body of a FRAME record with some fields *changed*."""
    names = (
        "frame_id",
        "partition",
        "source",
        "destinations",
        "attempt",
        "raw_bytes",
        "salt",
        "manifest_bytes",
        "slices",
    )
    fields = dict(zip(names, (FRAME_ID, "job", "m", [0], 1, 100, SALT, 0, 1), strict=True)) | changes
    return bytes([second.FRAME]) + second.pack(list(fields.values()))


END = bytes([second.END, 0]) + bytes(20)
FRAMES = {
    "a frame larger than any pool": [header(raw_bytes=2**62, slices=0)],
    "a manifest larger than allowed": [header(manifest_bytes=2**40)],
    "more slices than bytes": [header(slices=2**31)],
    "a name that is no text": [header().replace(b"\xa3job", b"\xa3\xff\xfe\xfd")],
    "a header that is no msgpack": [bytes([second.FRAME]) + b"\xc1" * 40],
    "a frame in a frame": [header(), header()],
    "a slice before any frame": [struct.pack(">BII", second.SLICE, 0, 10)],
    "an end before any frame": [END],
    "a frame that ends early": [header(), END],
    "a slice out of order": [header(slices=2), struct.pack(">BII", second.SLICE, 1 << 8 | 1, 10)],
    "a slice of 4 GiB": [header(), struct.pack(">BII", second.SLICE, 1, 2**32 - 1)],
    "a run of no slices": [header(), struct.pack(">BII", second.SLICE, 0, 10)],
    "a run beyond the frame": [header(), struct.pack(">BII", second.SLICE, 255, 10)],
    "an end of an unknown kind": [header(), bytes([second.END, 9]) + bytes(20)],
    "a message among frames": [PAYLOAD.seal_message("b", "m", "open", [])],
    "a record of an unknown kind": [bytes([99]) + bytes(20)],
    "a hello again": [bytes([second.HELLO]) + bytes(8)],
}
MESSAGES = {
    "more confirmed than was sent": [struct.pack(">BQ", second.PING, 2**63)],
    "a request to dial": [struct.pack(">BQ", second.LANES, 2**40)],
    "a ping of another length": [bytes([second.PING]) + bytes(20)],
    "a frame among messages": [header()],
    "a name that is no text": [bytes([second.MESSAGE]) + b"\x94\xa1\xff\xa1m\xa4open\xc4\x01s"],
}


@pytest.mark.parametrize("bodies", FRAMES.values(), ids=FRAMES)
def test_who_breaks_the_rules_of_frames_is_cut_off(target: Target, bodies: list[bytes]) -> None:
    with closing(link(target)) as connection:
        with suppress(OSError):
            for body in bodies:
                connection.write(body)

        assert is_cut_off(connection)
    target.move()


@pytest.mark.parametrize("bodies", MESSAGES.values(), ids=MESSAGES)
def test_who_breaks_the_rules_of_messages_is_cut_off(target: Target, bodies: list[bytes]) -> None:
    with closing(link(target, second.CONTROL)) as connection:
        for body in bodies:
            connection.write(body)

        assert is_cut_off(connection)
    target.move()


@pytest.mark.parametrize(
    "raw",
    [bytes(30), b"\xff" * 30, struct.pack(">I", 2**32 - 1), struct.pack(">I", 25) + bytes(30), bytes(range(30))],
    ids=["zeros", "ones", "a record of 4 GiB", "a record too short", "a record under no key"],
)
@pytest.mark.parametrize("lane", [second.CONTROL, second.FORWARD, second.BACKWARD])
def test_garbage_behind_a_handshake_is_cut_off(target: Target, lane: int, raw: bytes) -> None:
    with closing(link(target, lane)) as connection:
        with suppress(OSError):  # it may be quicker than we are
            connection.sock.sendall(raw)
            connection.sock.shutdown(socket.SHUT_WR)

        assert is_cut_off(connection)
    target.move()


def test_a_lane_or_a_slot_that_the_program_does_not_have_is_refused(target: Target) -> None:
    for lane, slot in ((second.CONTROL, 1), (second.FORWARD, 2), (second.BACKWARD, 65_535), (3, 0), (255, 0)):
        with closing(link(target, lane, slot)) as connection:
            assert is_cut_off(connection)
    target.move()


def test_seals_that_do_not_open_change_nothing(target: Target) -> None:
    before = target.copies()
    piece = (["id", "forged", 0, 5, 0, 5, {}, {}, False], b"hello")
    forged = FORGED.make_frame("job", "m", [piece], 32 * KIB)
    elsewhere = PAYLOAD.make_frame("no such job", "m", [piece], 32 * KIB)
    altered = PAYLOAD.make_frame("job", "m", [piece], 32 * KIB)
    altered.source = "a"
    with closing(link(target)) as frames, closing(link(target, second.CONTROL)) as control:
        for frame in (forged, elsewhere, altered):
            frames.write_frame(frame)
            assert frames.read() == bytes([second.ACK]) + frame.frame_id
        control.write(FORGED.seal_message("b", "m", "abort", ["forged", "token", "job", 0]))
        control.write(PAYLOAD.seal_message("b", "m", "gossip", []))
        control.write(PAYLOAD.seal_message("nobody", "m", "abort", ["forged", "token", "job", 0]))

    target.move()
    assert target.copies() == before


PIECES = {
    "a key that climbs": {"key": "../../../../../../../tmp/climbed"},
    "a key with a NUL": {"key": "a\0b"},
    "a key that no disk takes": {"key": "k" * 5000},
    "no key": {"key": ""},
    "a token that climbs": {"number": 1, "token": {0: "../../token"}},
    "a token with a NUL": {"number": 1, "token": {0: "t\0"}},
    "a chunk before the beginning": {"number": 1, "offset": -5, "token": {0: "t"}},
    "a chunk beyond all files": {"number": 1, "offset": 2**64 - 1, "token": {0: "t"}},
    "a size below nothing": {"size_bytes": -5},
    "a time that is no number": {"attributes": {"mtime_s": float("nan")}},
    "a time without end": {"attributes": {"mtime_s": float("inf")}},
    "a time that no file has": {"attributes": {"mtime_s": 1e300}},
    "a time that is text": {"attributes": {"mtime_s": "noon"}},
    "attributes that nobody knows": {"attributes": {"colour": 1, "user_metadata": {"a\0": "\0"}}},
}


@pytest.mark.parametrize("changes", PIECES.values(), ids=PIECES)
def test_a_piece_that_nobody_can_write_harms_nothing(target: Target, changes: dict[str, object]) -> None:
    fields = {"object_id": "id", "key": "odd", "offset": 0, "size_bytes": 5, "number": 0, "object_size": 5}
    fields |= {"token": {}, "attributes": {}, "again": False} | changes
    frame = PAYLOAD.make_frame("job", "m", [(list(fields.values()), b"hello")], 32 * KIB)
    around = set(target.copies_path.parent.iterdir())

    with closing(link(target)) as frames:
        for _ in range(SMALL.writers + 1):
            frames.write_frame(frame)
            assert frames.read() == bytes([second.ACK]) + frame.frame_id

    target.move()
    assert target.state() == "idle"
    assert set(target.copies_path.parent.iterdir()) == around


@pytest.mark.parametrize("size_bytes", [-1, 2**62, 2**63, 2**64 - 1])
def test_an_opening_of_an_impossible_size_harms_nothing(target: Target, size_bytes: int) -> None:
    body = PAYLOAD.seal_message("b", "m", "open", ["id", 1, "impossible", size_bytes, {}, False, "job", 0])

    with closing(link(target, second.CONTROL)) as control:
        for _ in range(5):  # more than an owner has threads
            control.write(body)
        control.write(struct.pack(">BQ", second.PING, 0))
        target.move()

    assert target.state() == "idle"
    assert "impossible" not in target.copies()


def test_frames_that_are_sent_again_write_the_same_again(target: Target) -> None:
    piece = (["id", "twice", 0, 5, 0, 5, {}, {}, False], b"hello")
    frame = PAYLOAD.make_frame("job", "m", [piece], 32 * KIB)

    with closing(link(target)) as frames:
        for _ in range(20):
            frames.write_frame(frame)
            assert frames.read() == bytes([second.ACK]) + frame.frame_id

    target.move()
    assert target.copies()["twice"] == b"hello"


def test_frames_begun_and_never_ended_cost_no_more_than_the_pool(target: Target) -> None:
    peak = Peak(target.process)

    with ExitStack() as held:
        for slot in range(2):
            connection = held.enter_context(closing(link(target, second.FORWARD, slot)))
            connection.write(header(raw_bytes=SMALL.chunk_bytes, manifest_bytes=4 * MIB), bytes(4 * MIB))
            peak.look()
        target.move()
        peak.look()

    assert peak.grown_bytes < ROGUES_MAY_COST_BYTES
    target.move()


def test_a_storm_of_connections_of_a_peer_stays_in_its_bounds(target: Target) -> None:
    peak, over = Peak(target.process), threading.Event()

    def storm(slot: int) -> None:
        while not over.is_set():
            with suppress(OSError, second.Closed):
                link(target, second.FORWARD, slot).close()

    threads = [threading.Thread(target=storm, args=(number % 2,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        target.move()
        peak.look()
    over.set()
    for thread in threads:
        thread.join()

    assert peak.grown_bytes < ROGUES_MAY_COST_BYTES
    target.move()


@pytest.mark.slow  # the target waits for the peer to be dead
def test_messages_without_end_stay_in_the_bounds(target: Target) -> None:
    """They wait in a queue that counts them, their answers in a mailbox of 16 MiB; the log quotes little of them."""
    peak, logged, count, size_bytes = Peak(target.process), len(target.log), 200, 100_000
    body = PAYLOAD.seal_message("b", "m", "complete", ["id", 1, "k", "t" * size_bytes, [], {}, 0, 0, False, "job", 0])

    with closing(link(target, second.CONTROL)) as control:
        for _ in range(count):
            try:
                control.write(body)
            except OSError:
                break
    target.move()
    peak.look()

    assert peak.grown_bytes < ROGUES_MAY_COST_BYTES + count * size_bytes + 16 * MIB
    assert len(target.log) - logged < count * 3000
