"""What is synced before an object is confirmed, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.stores import open_store
from gateway.stores.base import Attributes, Part, Store, StoreSpec
from gateway.stores.local import durable, files
from tests.gateway.pipelines import SMALL, Fleet, fill, gateway, key_of, read_step, shard_of, tree, write_step

CONTENT = memoryview(b"content" * 1000)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Everything that is synced or gets its final name from now on, in order."""
    seen: list[tuple[str, str]] = []
    fsync, link, replace = os.fsync, os.link, os.replace

    def synced(descriptor: int) -> None:
        seen.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def named(do: Callable[..., None]) -> Callable[..., None]:
        def naming(source: bytes, target: bytes, **options: Any) -> None:
            do(source, target, **options)
            seen.append(("name", os.fsdecode(target)))

        return naming

    monkeypatch.setattr(durable.os, "fsync", synced)
    monkeypatch.setattr(files.os, "link", named(link))
    monkeypatch.setattr(files.os, "replace", named(replace))
    return seen


@pytest.fixture
def store() -> Store:
    return open_store(StoreSpec("file"), durable=True)


def put_in_parts(store: Store, key: str) -> None:
    token = store.create_multipart(key, Attributes(), size_bytes=len(CONTENT), transfer_id="t")
    etag = store.put_part(key, token, number=1, offset=0, payload=CONTENT)
    store.complete_multipart(key, token, [Part(1, etag, len(CONTENT), 0)], Attributes())


@pytest.mark.parametrize("write", [lambda store, key: store.put(key, CONTENT, Attributes()), put_in_parts])
@pytest.mark.parametrize("exists", [False, True])
def test_bytes_are_synced_before_the_name_and_the_name_before_the_answer(
    store: Store, calls: list[tuple[str, str]], tmp_path: Path, write: Callable[[Store, str], None], exists: bool
) -> None:
    target = tmp_path / "file"
    if exists:
        target.write_bytes(b"old")

    write(store, key_of(target))

    named = calls.index(("name", str(target)))
    before = [path for what, path in calls[:named] if what == "sync"]
    after = [path for what, path in calls[named:] if what == "sync"]
    assert target.read_bytes() == CONTENT
    assert before
    assert str(tmp_path) not in before
    assert after[0] == str(tmp_path)


def test_new_directories_are_synced_up_to_the_root_and_once(
    store: Store, calls: list[tuple[str, str]], tmp_path: Path
) -> None:
    directory = tmp_path / "new" / "newer"

    store.put(key_of(directory / "one"), CONTENT, Attributes())
    first = [path for what, path in calls if what == "sync" and Path(path) in {directory, *directory.parents}]
    calls.clear()
    store.put(key_of(directory / "two"), CONTENT, Attributes())
    second = [path for what, path in calls if what == "sync" and Path(path) in {directory, *directory.parents}]

    assert first == [str(path) for path in (directory, *directory.parents)]
    assert second == [str(directory)]


def test_a_link_to_a_directory_is_no_obstacle(store: Store, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    store.put(key_of(tmp_path / "link" / "file"), CONTENT, Attributes())

    assert (tmp_path / "real" / "file").read_bytes() == CONTENT


def test_nothing_is_synced_unless_it_is_asked_for(calls: list[tuple[str, str]], tmp_path: Path) -> None:
    store = open_store(StoreSpec("file"))

    store.put(key_of(tmp_path / "a"), CONTENT, Attributes())
    put_in_parts(store, key_of(tmp_path / "b"))

    assert {what for what, _ in calls} == {"name"}


def test_settings_ask_for_it(calls: list[tuple[str, str]], tmp_path: Path) -> None:
    fill(tmp_path / "from", small=3)
    settings = replace(SMALL, fsync=True)
    program = gateway("a", read_step(write_step(tmp_path / "to")), sinks={"0": ("a",)}, settings=settings)

    with Fleet(program) as fleet:
        fleet.move("a", shard_of(tmp_path / "from"))

    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert sum(what == "sync" for what, _ in calls) >= 2 * len(tree(tmp_path / "to"))


def test_a_directory_is_known_only_once_its_own_name_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = durable.Durable()
    known: list[set[bytes]] = []
    monkeypatch.setattr(names, "file", lambda _: known.append(set(names._known)))

    names.name(os.fsencode(tmp_path / "a" / "b" / "file"))

    assert len(known) > 3
    assert not any(known)
    assert os.fsencode(tmp_path / "a" / "b") in names._known
