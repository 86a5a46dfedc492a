from __future__ import annotations

import dataclasses

import pytest

from gateway.delivery.letters import Complete, Receipt, Received, kind_of, pack, unpack
from gateway.errors import RemoteWireError
from gateway.stores.base import Attributes, Part
from gateway.wire.records import MAX_MESSAGE_BYTES


def test_a_letter_comes_out_as_it_went_in() -> None:
    received = Received(object_id="1f", number=3, etag="e", size_bytes=7, crc64nvme=2**64 - 1, token="t", skipped=False)
    letter = Receipt(partition="job", destination=1, items=(received,))

    assert unpack(kind_of(letter), pack(letter)) == letter


def test_completing_ten_thousand_parts_fits_into_one_message() -> None:
    part = dataclasses.astuple(Part(10_000, f'"{"f" * 32}"', 5 << 30, 2**64 - 1))
    letter = Complete(
        partition="job",
        destination=0,
        object_id="1f",
        attempt=1,
        key="k" * 1024,
        token="t" * 256,
        parts=(part,) * 10_000,
        attributes=Attributes(user_metadata={"m": "v" * 2048}),
        size_bytes=5 << 40,
        crc64nvme=1,
        if_absent=False,
    )

    assert len(pack(letter)) < MAX_MESSAGE_BYTES - 4096


@pytest.mark.parametrize(
    ("kind", "body"),
    [("gossip", b"\x90"), ("open", b"\x90"), ("open", b""), ("abort", b"\x94\xa1\xff\x00\xa1k\xa1t")],
)
def test_garbage_is_the_fault_of_the_peer(kind: str, body: bytes) -> None:
    with pytest.raises(RemoteWireError):
        unpack(kind, body)
