"""`docs/wire.md` says what the code does: its test vectors hold, byte for byte."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.bindings import crypto_scalarmult_base

from gateway.wire.ciphers import AES256GCM, XCHACHA20POLY1305
from gateway.wire.codecs import FrameOpener, FrameSealer, crc64nvme, open_message, seal_message
from gateway.wire.compression import Compressor
from gateway.wire.frame import Frame, Message, decode_manifest, decode_trailer, encode_manifest
from gateway.wire.handshake import MAGIC, WIRE_VERSIONS
from gateway.wire.noise import NoiseKK
from gateway.wire.records import (
    encode_ack,
    encode_end,
    encode_frame,
    encode_lanes,
    encode_message,
    encode_ping,
    encode_slice,
)

unhex = bytes.fromhex


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    page = (Path(__file__).parents[3] / "docs" / "wire.md").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(page.split("```json\n")[1].split("```")[0])
    return found


def a_frame(vectors: dict[str, Any]) -> Frame:
    slices = [memoryview(unhex(entry["sealed"])) for entry in vectors["slices"]]
    manifest = unhex(vectors["manifest"]["sealed"])
    return Frame(unhex(vectors["frame_id"]), "p0", "gw-a", (0, 2), 1, 76, unhex(vectors["salt"]), manifest, slices)


@pytest.mark.parametrize(("name", "cipher"), [("slices", AES256GCM), ("xchacha20poly1305", XCHACHA20POLY1305)])
def test_slices_seal_and_open_as_written(vectors: dict[str, Any], name: str, cipher: int) -> None:
    keys = unhex(vectors["payload_key"]), vectors["transfer_id"], unhex(vectors["frame_id"]), unhex(vectors["salt"])
    sealer, opener = FrameSealer(*keys, cipher=cipher), FrameOpener(*keys)

    for entry, compress in zip(vectors[name], (None, Compressor("lz4")), strict=True):
        out = memoryview(bytearray(200))
        used = sealer.seal(entry["index"], entry["final"], memoryview(unhex(entry["plaintext"])), out, compress)
        plain = memoryview(bytearray(100))
        opened = opener.open(entry["index"], entry["final"], memoryview(unhex(entry["sealed"])), plain)

        assert out[:used].hex() == entry["sealed"]
        assert plain[:opened].hex() == entry["plaintext"]


def test_a_slice_of_zstd_opens_as_written(vectors: dict[str, Any]) -> None:
    """Another version of zstd may pack it otherwise."""
    keys = unhex(vectors["payload_key"]), vectors["transfer_id"], unhex(vectors["frame_id"]), unhex(vectors["salt"])
    entry, plain = vectors["zstd"], memoryview(bytearray(100))

    opened = FrameOpener(*keys).open(entry["index"], entry["final"], memoryview(unhex(entry["sealed"])), plain)

    assert entry["sealed"].startswith("02")
    assert plain[:opened].hex() == entry["plaintext"]


def test_manifest_and_trailer_are_as_written(vectors: dict[str, Any]) -> None:
    keys = unhex(vectors["payload_key"]), vectors["transfer_id"], unhex(vectors["frame_id"]), unhex(vectors["salt"])
    frame = a_frame(vectors)

    plaintext = FrameOpener(*keys).open_manifest(frame.manifest, frame.binding())
    (piece,) = decode_manifest(plaintext)

    assert frame.binding().hex() == vectors["binding"]
    assert plaintext.hex() == vectors["manifest"]["plaintext"]
    assert encode_manifest([piece]) == plaintext
    assert FrameSealer(*keys).seal_manifest(plaintext, frame.binding()) == frame.manifest
    payload = b"".join(unhex(entry["plaintext"]) for entry in vectors["slices"])
    trailer = FrameOpener(*keys).open_trailer(unhex(vectors["trailer"]["sealed"]), frame.binding())
    assert trailer.hex() == vectors["trailer"]["plaintext"]
    assert FrameSealer(*keys).seal_trailer(trailer, frame.binding()).hex() == vectors["trailer"]["sealed"]
    assert piece.size_bytes == len(payload)
    assert decode_trailer(trailer, 1) == (crc64nvme(payload),) == (int(vectors["crc64nvme"], 16),)


def test_the_message_seals_and_opens_as_written(vectors: dict[str, Any]) -> None:
    message = vectors["message"]
    fields = (unhex(vectors["payload_key"]), vectors["transfer_id"], message["to"], message["sender"], message["kind"])

    assert seal_message(*fields, unhex(message["body"]), nonce=unhex(message["nonce"])).hex() == message["seal"]
    assert open_message(*fields, unhex(message["seal"])).hex() == message["body"]


def test_the_records_are_as_written(vectors: dict[str, Any]) -> None:
    frame, message = a_frame(vectors), vectors["message"]

    bodies = {
        "frame": encode_frame(frame, len(frame.slices)),
        "slice": encode_slice(1, len(frame.slices[1])),
        "ack": encode_ack(frame.frame_id),
        "message": encode_message(Message(message["to"], message["sender"], message["kind"], unhex(message["seal"]))),
        "ping": encode_ping(7),
        "lanes": encode_lanes(4),
        "end": encode_end(unhex(vectors["trailer"]["sealed"])),
        "given_up": encode_end(None),
    }

    assert {kind: body.hex() for kind, body in bodies.items()} == vectors["records"]


def test_the_opening_of_a_connection_is_as_written(vectors: dict[str, Any]) -> None:
    opening = vectors["opening"]
    me, peer = opening["initiator"], opening["responder"]
    noise = NoiseKK(
        initiator=True,
        prologue=MAGIC + msgspec.msgpack.encode((vectors["transfer_id"], me, peer)),
        static=unhex(opening["initiator_key"]),
        remote=crypto_scalarmult_base(unhex(opening["responder_key"])),
        ephemeral=unhex(opening["initiator_ephemeral"]),
    )
    claim = struct.pack(">HHBH", *opening["versions"], opening["lane"], opening["slot"])

    sent = MAGIC + bytes([len(me)]) + me.encode() + noise.write_first(claim)
    answer = noise.read_second(unhex(opening["answer"]))

    assert sent.hex() == opening["bytes"]
    assert struct.unpack(">HH", answer) == tuple(opening["versions"]) == WIRE_VERSIONS
    assert [key.hex() for key in noise.split()] == opening["stream_keys"]
