"""Frames on a connection: what is announced is sent, or the connection ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway.errors import LocalWireError
from gateway.wire.decoder import FrameLimits, RecordDecoder
from gateway.wire.frame import Frame
from gateway.wire.intake import Arrived, keep
from gateway.wire.link import Link
from gateway.wire.pool import Pool, Scratch, Withdrawal
from gateway.wire.records import Kind
from gateway.wire.writer import LinkWriter

SLICE = 100


@pytest.fixture
def links() -> Iterator[tuple[Link, Link]]:
    ends = socket.socketpair()
    near, far = Link(ends[0], b"k" * 32, b"j" * 32), Link(ends[1], b"j" * 32, b"k" * 32)
    near.accept_header(far.header)
    far.accept_header(near.header)
    yield near, far
    near.close()
    far.close()


def a_frame(count: int) -> Frame:
    slices = [memoryview(bytes([number]) * SLICE) for number in range(count)]
    return Frame(b"i" * 16, "p", "a", (0,), 1, count * SLICE, b"s" * 32, b"man", slices, trailer=b"t" * 20)


def test_frames_arrive_as_they_were_given(links: tuple[Link, Link]) -> None:
    near, far = links
    pool, frames = Pool(100 * SLICE, SLICE), list[Frame]()
    limits = FrameLimits(
        lambda header, manifest: keep(pool, Withdrawal(), frames.append, header, manifest), SLICE, 100 * SLICE
    )
    writer = LinkWriter(near, Scratch.of(SLICE))

    for count in (0, 1, 8, 21):
        assert a_frame(count).send(writer)
    near.break_off()
    for event in far.receive(
        RecordDecoder(far.open, frozenset({Kind.FRAME, Kind.SLICE, Kind.END}), limits), lambda _: None
    ):
        assert isinstance(event, Arrived)
        event.intake.finish(event.trailer)

    assert [len(frame.slices) for frame in frames] == [0, 1, 8, 21]
    assert [bytes(view) for view in frames[-1].slices] == [bytes(view) for view in a_frame(21).slices]
    assert writer.sealed_bytes == 30 * SLICE


def test_a_frame_cannot_be_given_up_between_slices_that_were_announced(links: tuple[Link, Link]) -> None:
    writer = LinkWriter(links[0], Scratch.of(SLICE))
    frame = a_frame(3)
    writer.begin(frame, 3)
    writer.slice(0, frame.slices[0], 2)

    with pytest.raises(LocalWireError, match="begins anew"):
        writer.give_up()

    writer.slice(1, frame.slices[1], 0)
    writer.give_up()
    assert frame.send(writer), "the next frame goes on the same connection"


def test_a_frame_begins_only_when_the_one_before_it_has_ended(links: tuple[Link, Link]) -> None:
    writer = LinkWriter(links[0], Scratch.of(SLICE))
    writer.begin(a_frame(1), 1)

    with pytest.raises(LocalWireError, match="before the one before it"):
        writer.begin(a_frame(1), 1)
