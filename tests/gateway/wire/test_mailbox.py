"""Messages wait in bounds, and leave only when the peer has handled them."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import PeerLost, RemoteWireError, Stopped
from gateway.wire.mailbox import BATCH, MOST_BYTES, MOST_MESSAGES, Mailbox


def test_messages_leave_in_order_and_in_batches() -> None:
    mailbox = Mailbox("b")
    for i in range(BATCH + 1):
        mailbox.put(bytes([i]), 0)

    assert mailbox.take(0) == [bytes([i]) for i in range(BATCH)]
    assert mailbox.take(0) == [bytes([BATCH])]
    assert mailbox.take(0) == []


def test_a_new_connection_sends_the_unconfirmed_ones_again_and_first() -> None:
    mailbox = Mailbox("b")
    for body in (b"1", b"2", b"3"):
        mailbox.put(body, 0)
    mailbox.take(0)
    mailbox.confirm(1)
    mailbox.put(b"4", 0)

    mailbox.rewind()

    assert mailbox.take(0) == [b"2", b"3", b"4"]
    mailbox.confirm(3)
    assert len(mailbox) == 0


@pytest.mark.parametrize("handled", [2, 2**63])
def test_a_peer_cannot_confirm_more_than_it_got(handled: int) -> None:
    mailbox = Mailbox("b")
    mailbox.put(b"1", 0)
    mailbox.take(0)

    with pytest.raises(RemoteWireError, match="confirms"):
        mailbox.confirm(handled)


@pytest.mark.parametrize(
    ("body", "count"), [(b"m", MOST_MESSAGES), (bytes(MOST_BYTES // 16), 16)], ids=["count", "bytes"]
)
def test_a_full_mailbox_makes_put_wait_and_then_give_up(body: bytes, count: int) -> None:
    mailbox = Mailbox("b")
    for _ in range(count):
        mailbox.put(body, 0)
    with pytest.raises(PeerLost, match="takes no messages"):
        mailbox.put(body, 0.01)

    late = threading.Thread(target=mailbox.put, args=(body, 10))
    late.start()
    taken = len(mailbox.take(0))
    assert late.is_alive(), "what is on its way is not handled yet"
    mailbox.confirm(taken)
    late.join(5)

    assert len(mailbox) == count - taken + 1


def test_a_dead_peer_gets_its_messages_when_it_is_back() -> None:
    mailbox = Mailbox("b")
    mailbox.put(b"1", 0)
    mailbox.take(0)

    mailbox.set_dead(True)
    mailbox.put(b"2", 0)
    mailbox.set_dead(False)
    mailbox.rewind()
    mailbox.put(b"3", 0)

    assert mailbox.take(0) == [b"1", b"2", b"3"]
    assert mailbox.dropped == 0


@pytest.mark.parametrize(("size_bytes", "most"), [(8, MOST_MESSAGES), (MOST_BYTES // 16, 16)], ids=["count", "bytes"])
def test_the_oldest_messages_for_a_dead_peer_make_room(size_bytes: int, most: int) -> None:
    mailbox = Mailbox("b")
    mailbox.set_dead(True)

    for number in range(most + 3):
        mailbox.put(number.to_bytes(8) + bytes(size_bytes - 8), 0)

    left = mailbox.withdraw()
    assert [int.from_bytes(body[:8]) for body in left] == list(range(3, most + 3))
    assert mailbox.dropped == 3


def test_who_waits_for_room_gets_it_when_the_peer_dies() -> None:
    mailbox = Mailbox("b")
    for _ in range(MOST_MESSAGES):
        mailbox.put(b"m", 0)
    late = threading.Thread(target=mailbox.put, args=(b"late", 60))
    late.start()

    mailbox.set_dead(True)
    late.join(5)

    assert not late.is_alive()
    assert mailbox.withdraw()[-1] == b"late"


def test_what_is_withdrawn_is_sent_no_more() -> None:
    mailbox = Mailbox("b")
    for body in (b"1", b"2"):
        mailbox.put(body, 0)
    mailbox.take(0)
    mailbox.put(b"3", 0)

    assert mailbox.withdraw() == [b"1", b"2", b"3"]
    mailbox.rewind()
    assert mailbox.take(0) == []
    assert len(mailbox) == 0


def test_closing_ends_every_wait() -> None:
    mailbox = Mailbox("b")
    taken: list[list[bytes]] = []
    waiting = threading.Thread(target=lambda: taken.append(mailbox.take(60)))
    waiting.start()

    mailbox.close()
    waiting.join(5)

    assert taken == [[]]
    with pytest.raises(Stopped):
        mailbox.put(b"1", 0)


def test_a_poke_ends_one_wait() -> None:
    mailbox = Mailbox("b")

    mailbox.poke()

    assert mailbox.take(60) == []
