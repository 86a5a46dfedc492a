"""
What a fuzzer feeds: a target takes any bytes, and raises only for what would be a bug.

Each lets pass the errors that its callers handle, and asserts what must hold besides. `fuzz` runs one under a
coverage-guided fuzzer, `test_properties` all of them under hypothesis.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from gateway import program
from gateway.daemon import read_secrets
from gateway.delivery import letters
from gateway.delivery.letters import Letter
from gateway.errors import BadProgram, IntegrityError, RemoteWireError
from gateway.stores.base import Attributes
from gateway.wire import records
from gateway.wire.codecs import FrameOpener, open_message
from gateway.wire.decoder import FrameLimits, RecordDecoder
from gateway.wire.frame import Message, decode_manifest, decode_trailer
from gateway.wire.handshake import Handshake, Lane
from gateway.wire.intake import Arrived
from gateway.wire.link import Identity
from gateway.wire.records import FrameHeader, Kind
from tests.gateway.hostile import second

KEY, TRANSFER = bytes(range(32)), "transfer-1"
SLICE_BYTES, MOST_FRAME_BYTES = 64, 640
SEAL_BYTES = 17
ALL = frozenset(Kind) - {Kind.HELLO}
ANN, BOB = Identity(b"a" * 32), Identity(b"b" * 32)


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """*run* takes any bytes; *seeds* are some that lead far into the code. *runs* is the budget of the fuzzer."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    runs: int = 100_000


class Memory:
    """Takes frames in, and knows how much memory it was asked for."""

    def __init__(self) -> None:
        self.frames = self.over = 0
        self._largest = memoryview(bytearray(SLICE_BYTES + SEAL_BYTES))

    def begin(self, header: FrameHeader, manifest: bytes) -> Memory:
        assert header.raw_bytes <= MOST_FRAME_BYTES
        assert len(manifest) == header.manifest_bytes
        self.frames += 1
        return self

    def room(self, size_bytes: int) -> memoryview:
        assert 1 <= size_bytes <= len(self._largest)
        return self._largest[:size_bytes]

    def took(self, sealed: memoryview) -> None:
        assert sealed

    def finish(self, trailer: bytes) -> None:
        self.over += 1

    def abandon(self) -> None:
        self.over += 1


def record(body: bytes) -> bytes:
    """Return *body* as a record under a seal that has only the right length."""
    return struct.pack(">I", len(body) + SEAL_BYTES) + body + bytes(SEAL_BYTES)


def events_of(stream: bytes, portion: int) -> Iterator[object]:
    """Yield what a decoder makes of *stream* in portions of at most *portion* bytes; check what it takes for that."""
    memory = Memory()
    limits = FrameLimits(memory.begin, SLICE_BYTES, MOST_FRAME_BYTES)
    decoder = RecordDecoder(lambda sealed: sealed[:-SEAL_BYTES], ALL, limits)
    try:
        while stream:
            view = decoder.want()
            assert 1 <= len(view) <= max(records.MAX_RECORD_BYTES, 4 << 20)
            n = min(len(view), len(stream), portion)
            view[:n] = stream[:n]
            stream = stream[n:]
            event = decoder.advance(n)
            if isinstance(event, Arrived):
                event.intake.finish(event.trailer)
                yield event.frame_id, event.trailer
            elif event is not None:
                yield event
    except RemoteWireError as error:
        yield str(error)
    finally:
        decoder.abandon()
    assert memory.frames == memory.over


def decode_stream(data: bytes) -> None:
    """A connection that sends *data*, in large portions and in small ones: both say the same."""
    assert list(events_of(data, 1 << 30)) == list(events_of(data, 7))


def decode_scripted(data: bytes) -> None:
    """A connection whose records have the right lengths: *data* is cut into bodies, so that a fuzzer gets past them."""
    stream, rest = b"", data
    while len(rest) > 1:
        length, rest = max(9, rest[0]), rest[1:]
        stream += record(rest[:length].ljust(9, b"\0"))
        rest = rest[length:]
        if stream[4] in {Kind.FRAME, Kind.SLICE}:
            clear = rest[0] if rest else 0
            stream += rest[1 : 1 + clear]
            rest = rest[1 + clear :]
    decode_stream(stream)


def decode_bodies(data: bytes) -> None:
    """One record's body, whoever reads it."""
    body = data.ljust(records.MIN_BODY_BYTES, b"\0")
    for decode in (
        records.decode_frame,
        records.decode_message,
        records.decode_ack,
        records.decode_count,
        records.decode_end,
    ):
        try:
            decoded = decode(body)
        except RemoteWireError:
            continue
        if isinstance(decoded, Message):
            assert records.decode_message(records.encode_message(decoded)) == decoded


class Wire:
    """A socket on which *said* has come, and nothing more will."""

    def __init__(self, said: bytes) -> None:
        self._said = io.BytesIO(said)
        self.answer = b""

    def recv(self, size_bytes: int) -> bytes:
        return self._said.read(size_bytes)

    def sendall(self, data: bytes) -> None:
        self.answer += data

    def settimeout(self, timeout_s: float | None) -> None:
        pass


def respond(data: bytes) -> None:
    """A stranger that says *data*: it gets no byte."""
    wire = Wire(data)
    try:
        Handshake(BOB, "b", TRANSFER).respond(wire, {"a": ANN.public_key}.get)  # type: ignore[arg-type]  # a wire of bytes stands in for the socket
    except RemoteWireError:
        assert wire.answer == b""
    else:
        raise AssertionError("a stranger was let in")


def initiate(data: bytes) -> None:
    """Something that is no gateway, where we dial one, answers *data*."""
    try:
        Handshake(ANN, "a", TRANSFER).initiate(Wire(data), "b", BOB.public_key, Lane.FORWARD, 0)  # type: ignore[arg-type]  # a wire of bytes stands in for the socket
    except RemoteWireError:
        return
    raise AssertionError("a stranger was believed")


def decode_pieces(data: bytes) -> None:
    """A manifest and a trailer from a source that holds the key, and is mad."""
    for decode in (decode_manifest, lambda plain: decode_trailer(plain, 1)):
        try:
            decode(data)
        except IntegrityError:
            continue


def unpack_letter(data: bytes) -> None:
    """A message's body from a gateway that holds the key, and is mad."""
    kinds = ("open", "opened", "receipt", "refused", "complete", "completed", "abort", "gossip")
    if data:
        kind = kinds[data[0] % len(kinds)]
        try:
            letter = letters.unpack(kind, data[1:])
        except RemoteWireError:
            return
        assert letters.unpack(kind, letters.pack(letter)) == letter or b"nan" in repr(letter).encode()


def open_sealed(data: bytes) -> None:
    """A slice that is none, and one that is sealed with the right key around anything, under any first byte."""
    if not data:
        return
    frame = second.Frame(b"i" * 16, "p", "a", [0], 1, 64, b"s" * 32, b"", [], b"")
    opener = FrameOpener(KEY, TRANSFER, frame.frame_id, frame.salt)
    payload = second.Payload(KEY, TRANSFER)
    associated = payload.associated(data[0], frame.frame_id, 0, True, b"")
    cipher = min(data[0] >> 4, 1)
    authentic = data[:1] + payload.encrypt(cipher, frame.salt, 0, data[1:], associated)
    out = memoryview(bytearray(SLICE_BYTES))
    for sealed in (data, authentic):
        try:
            assert opener.open(0, True, memoryview(sealed), out) <= SLICE_BYTES
        except IntegrityError:
            continue


def open_text(data: bytes) -> None:
    """A message's seal that is none."""
    try:
        open_message(KEY, TRANSFER, "b", "a", "open", data)
    except IntegrityError:
        return
    raise AssertionError("a forged message was believed")


def decode_program(data: bytes) -> None:
    """A file that may be a program: what is one is the same after a round trip."""
    try:
        decoded = program.decode(data)
    except BadProgram:
        return
    assert program.encode(program.decode(program.encode(decoded))) == program.encode(decoded)


def decode_secrets(data: bytes) -> None:
    """What comes on stdin of a daemon."""
    try:
        read_secrets(io.BytesIO(data))
    except BadProgram as error:
        said = str(error)
    else:
        said = ""
    assert "5e5e5e" not in said


def _stream_seeds() -> tuple[bytes, ...]:
    header = second.pack([b"i" * 16, "p", "a", [0, 1], 1, 100, b"s" * 32, 3, 2])
    frame = record(b"\x01" + header) + b"man"
    slices = b"".join(
        record(struct.pack(">BII", Kind.SLICE, index << 8 | 1, size)) + bytes(size)
        for index, size in ((0, 64), (1, 36))
    )
    run = frame + record(struct.pack(">BII", Kind.SLICE, 2, 50)) + bytes(100) + record(bytes([Kind.END, 0]) + b"t" * 20)
    whole = frame + slices + record(bytes([Kind.END, 0]) + b"t" * 20)
    small = (b"\x03" + b"i" * 16, b"\x05" + bytes(8), b"\x06" + bytes(8), b"\x04" + second.pack(["b", "a", "k", b"s"]))
    return whole, whole * 2, run, frame + record(bytes([Kind.END, 1]) + bytes(7)), b"".join(map(record, small))


def _script_seeds() -> tuple[bytes, ...]:
    header = b"\x01" + second.pack([b"i" * 16, "p", "a", [0], 1, 64, b"s" * 32, 3, 1])
    sliced = struct.pack(">BII", Kind.SLICE, 1, 20)
    end = bytes([Kind.END, 0]) + b"t" * 17
    frame = bytes([len(header)]) + header + b"\x03man" + bytes([9]) + sliced + b"\x14" + bytes(20)
    return frame + bytes([len(end)]) + end, b"\x09\x05" + bytes(8) + b"\x11\x03" + b"i" * 16


def _letter_seeds() -> tuple[bytes, ...]:
    common = {"partition": "p", "destination": 0}
    named = {"object_id": "o", "attempt": 1, "key": "k"}
    written: tuple[Letter, ...] = (
        letters.Open(**common, **named, size_bytes=5, attributes=Attributes(), again=False),  # type: ignore[arg-type]  # the fields that all letters share
        letters.Abort(**common, destination_key="k", token="t"),  # type: ignore[arg-type]  # the fields that all letters share
        letters.Completed(**common, object_id="o", attempt=1, size_bytes=5, crc64nvme=None, skipped=False),  # type: ignore[arg-type]  # the fields that all letters share
    )
    places = {"open": 0, "abort": 6, "completed": 5}
    return tuple(bytes([places[letters.kind_of(letter)]]) + letters.pack(letter) for letter in written)


def _program_seed() -> bytes:
    steps = program.Step("receive", children=(program.Step("mux_or", children=(program.Step("send", {"peer": "b"}),)),))
    return program.encode(program.Program("a", (program.Group(("p",), steps),), (program.Peer("b", True, 1),)))


_OPENING = second.MAGIC + b"\x01a" + bytes(55)
_PIECE = second.pack([["o", "k", 0, 5, 0, 5, {}, {}, False]])
TARGETS = {
    "stream": FuzzTarget(decode_stream, _stream_seeds()),
    "script": FuzzTarget(decode_scripted, _script_seeds()),
    "bodies": FuzzTarget(decode_bodies, tuple(seed[4:-SEAL_BYTES] for seed in _stream_seeds())),
    "respond": FuzzTarget(respond, (_OPENING, second.MAGIC + b"\x01b" + bytes(100))),
    "initiate": FuzzTarget(initiate, (bytes(52), bytes(range(100))), runs=20_000),
    "pieces": FuzzTarget(decode_pieces, (_PIECE, second.pack([5]))),
    "letters": FuzzTarget(unpack_letter, _letter_seeds()),
    "sealed": FuzzTarget(open_sealed, (b"\x00hello", b"\x01\x05\0\0\0\x50hello", b"\x10hello", b"\x02hello")),
    "message": FuzzTarget(open_text, (bytes(40),)),
    "program": FuzzTarget(decode_program, (_program_seed(),)),
    "secrets": FuzzTarget(
        decode_secrets, (msgspec.json.encode({"transfer_id": "t", "link_private_key": "5e" * 32, "token": "x"}),)
    ),
}
