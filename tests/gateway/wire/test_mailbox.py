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


def test_a_dead_peer_gets_no_messages_until_it_is_back() -> None:
    mailbox = Mailbox("b")
    mailbox.put(b"1", 0)

    assert mailbox.set_dead(True) == 1
    with pytest.raises(PeerLost, match="is lost"):
        mailbox.put(b"2", 0)
    mailbox.set_dead(False)
    mailbox.put(b"3", 0)

    assert mailbox.take(0) == [b"3"]


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
