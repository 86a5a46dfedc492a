from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.delivery.channel import Channel
from gateway.errors import Stopped


def test_a_full_channel_takes_nothing_more() -> None:
    channel: Channel[int] = Channel(2)

    taken = [channel.put(number, timeout_s=0) for number in range(3)]

    assert taken == [True, True, False]
    assert [channel.get(), channel.get()] == [0, 1]


def test_room_wakes_the_one_who_waits() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.put, 2)
        channel.get()

        assert waiting.result(5)
    assert channel.get() == 2


def test_closing_ends_both_ends_and_returns_what_is_left() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.put, 2)
        left = channel.close()

        assert isinstance(waiting.exception(5), Stopped)
    assert left == [1]
    with pytest.raises(Stopped):
        channel.get()
