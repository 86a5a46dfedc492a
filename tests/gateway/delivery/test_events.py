from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.delivery.events import Counters, Events
from gateway.journal import Journal
from gateway.shard import Entry, Shard


def test_events_are_numbered_and_forgotten_once_read() -> None:
    events = Events()
    for name in ("a", "b", "c"):
        events.emit("peer", gateway=name, up=True)

    assert [event["gateway"] for event in events.after(1)] == ["b", "c"]
    assert [event["seq"] for event in events.after(0)] == [2, 3]


def test_the_log_is_bounded() -> None:
    events = Events(retained=3)

    for number in range(10):
        events.emit("peer", gateway=str(number), up=True)

    assert [event["seq"] for event in events.after(0)] == [8, 9, 10]


def test_followers_are_woken_until_they_leave() -> None:
    events, woken = Events(), []
    leave = events.follow(lambda: woken.append(1))

    events.emit("peer", gateway="a", up=True)
    leave()
    events.emit("peer", gateway="a", up=False)

    assert len(woken) == 1


def test_counters_become_one_event_however_often_they_change() -> None:
    events = Events()
    counters = Counters(events)
    for _ in range(100):
        counters.add("bytes_read", 10)

    first, second = events.after(0), events.after(1)

    assert [(event["kind"], event["bytes_read"]) for event in first] == [("counters", 1000)]
    assert second == []


def test_links_and_stores_are_told_with_the_counters() -> None:
    traffic = {"b": (0, 0)}
    events = Events()
    counters = Counters(events, lambda: traffic)
    count = counters.of_store("job-0-source")
    counters.of_store("job-1-source")

    count("get", 2)
    count("get", 1)
    traffic["b"] = (100, 7)
    (told,) = events.after(0)
    nothing_new = events.after(told["seq"])
    traffic["b"] = (101, 7)
    again = events.after(told["seq"])

    assert (told["sent_to"], told["received_from"], told["bytes_sent"]) == ({"b": 100}, {"b": 7}, 100)
    assert told["stores"] == {"job-0-source": {"get": 3}}, "of a store that nobody asked nothing is told"
    assert nothing_new == []
    assert [event["bytes_sent"] for event in again] == [101]


def test_what_many_threads_count_of_a_store_adds_up() -> None:
    counters = Counters(Events())
    count = counters.of_store("job-0-source")

    def work() -> None:
        for _ in range(1_000):
            count("get", 1)
            count("read_bytes", 10)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counters.read()
    for thread in threads:
        thread.join()

    assert counters.read()["stores"] == {"job-0-source": {"get": 8_000, "read_bytes": 80_000}}


def test_events_reach_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    events = Events(journal)

    events.emit("opened", shard_id="s", destination=0, key="k", token="t")
    journal.close()

    assert [upload.token for upload in Journal.read(tmp_path / "journal").open_uploads] == ["t"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_ends_the_journal_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(Path("/dev/full"))
    events = Events(journal)

    events.begin(Shard("s", "job", (Entry("k", "k", 1, "v"),), (0,)))
    for _ in range(2):
        events.emit("shard_done", shard_id="s")

    assert [event["kind"] for event in events.after(0)] == ["shard_done", "shard_done"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["the journal ends here"]
    journal.close()


def test_a_shard_that_several_work_on_is_begun_and_done_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    events = Events(journal)
    shard = Shard("s", "job", (Entry("k", "k", 1, "v"),), (0, 1))
    events.shards.take("s")

    events.begin(shard)
    events.shards.split("s", 2)
    events.begin(Shard("s", "job", shard.entries, (1,)))
    events.emit("shard_done", shard_id="s")
    first = [event["kind"] for event in events.after(0)]
    events.emit("shard_done", shard_id="s")

    assert first == []
    assert [event["kind"] for event in events.after(0)] == ["shard_done"]
    assert set(Journal.read(tmp_path / "journal").shards["s"].settled) == {0, 1}
    journal.close()
