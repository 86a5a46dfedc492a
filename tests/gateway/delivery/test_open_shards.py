from __future__ import annotations

import threading

from gateway.delivery.open_shards import OpenShards


def test_a_shard_is_open_until_it_is_done() -> None:
    shards = OpenShards()

    assert shards.take("s")
    assert not shards.take("s"), "offered again it is the same one"
    assert len(shards) == 1
    assert shards.done("s")
    assert len(shards) == 0
    assert shards.take("s")


def test_a_shard_of_several_parts_is_done_with_the_last() -> None:
    shards = OpenShards()
    shards.take("s")
    shards.split("s", 2)
    shards.split("s", 2)

    assert [shards.done("s") for _ in range(3)] == [False, False, True]


def test_work_on_a_shard_begins_once() -> None:
    shards = OpenShards()
    shards.take("s")

    assert [shards.begin("s"), shards.begin("s")] == [True, False]
    shards.done("s")
    shards.take("s")
    assert shards.begin("s")


def test_who_waits_is_told_when_nothing_is_open() -> None:
    shards, left = OpenShards(), []
    shards.take("s")
    waiter = threading.Thread(target=lambda: left.append(shards.wait(20)))
    waiter.start()

    shards.forget("s")
    waiter.join(20)

    assert left == [0]


def test_nobody_waits_after_the_end() -> None:
    shards = OpenShards()
    shards.take("s")

    shards.close()

    assert shards.wait(20) == 1
