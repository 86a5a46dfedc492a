"""What every store must do; `test_<scheme>.py` says only how to make one."""

from __future__ import annotations

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from awscrt import checksums

from gateway.errors import IntegrityError, ObjectExists, ObjectMissing, SourceChanged
from gateway.stores.base import Attributes, Head, Listed, Part, Store

ODD_NAMES = (
    "a b",
    " space at both ends ",
    unicodedata.normalize("NFC", "café"),
    unicodedata.normalize("NFD", "cafe\u0301"),
    "🚚.bin",
    "100%",
    "a%20b",
    "a+b",
    "quote'\"`.txt",
    "back\\slash",
    "*?#[]&=:;,@$!~^(){}|<>",
    "dots...",
    "-rf",
    "日本語/日本語.txt",
)


class StoreConformance:
    """Subclasses give a fixture ``store`` and, where keys need one, a ``root`` that they begin with."""

    part_bytes: ClassVar[int] = 1024
    root: ClassVar[str] = ""
    has_digests: ClassVar[bool] = True
    knows_lost_uploads: ClassVar[bool] = True
    odd_names: ClassVar[tuple[str, ...]] = ODD_NAMES

    @pytest.fixture
    def at(self, store: Store) -> str:
        """What every key of a test begins with."""
        return self.root

    @pytest.mark.parametrize("size_bytes", [0, 1, 100_000])
    def test_an_object_reads_back_as_it_was_written(self, store: Store, at: str, size_bytes: int) -> None:
        content = bytes(range(256)) * (size_bytes // 256 + 1)

        written = put(store, at + "object", content[:size_bytes])

        head = store.head(at + "object")
        assert head.size_bytes == size_bytes
        assert head.version == written.version
        assert read(store, at + "object") == content[:size_bytes]

    def test_a_large_object_that_is_written_whole_reads_back(self, store: Store, at: str) -> None:
        content = bytes(range(256)) * (3 << 12)

        put(store, at + "large", content)

        assert read(store, at + "large") == content

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_any_name_is_taken_literally(self, store: Store, at: str, name: str) -> None:
        if name not in self.odd_names:
            pytest.skip(f"this server cannot store {name!r}")

        put(store, at + name, b"content")

        assert read(store, at + name) == b"content"
        assert [listed.key for listed in store.list(at)] == [at + name]

    def test_a_second_write_replaces_the_first(self, store: Store, at: str) -> None:
        first = put(store, at + "object", b"first")

        second = put(store, at + "object", b"second")

        assert read(store, at + "object") == b"second"
        assert second.version != first.version

    def test_a_written_object_is_not_written_over_with_if_absent(self, store: Store, at: str) -> None:
        put(store, at + "object", b"first")

        with pytest.raises(ObjectExists, match="object"):
            put(store, at + "object", b"second", if_absent=True)

        assert read(store, at + "object") == b"first"

    def test_of_racing_writers_with_if_absent_one_wins(self, store: Store, at: str) -> None:
        barrier = threading.Barrier(8)

        def write(number: int) -> bool:
            barrier.wait(timeout=30)
            try:
                put(store, at + "object", bytes([number]), if_absent=True)
            except ObjectExists:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, range(8)))

        assert won.count(True) == 1
        assert read(store, at + "object") == bytes([won.index(True)])

    def test_the_modification_time_is_kept(self, store: Store, at: str) -> None:
        put(store, at + "object", b"content", Attributes(mtime_s=1_000_000_000.25))

        assert store.head(at + "object").attributes.mtime_s == 1_000_000_000.25

    def test_what_a_write_answers_is_what_stands_there(self, store: Store, at: str) -> None:
        written = put(store, at + "object", b"content", Attributes(mtime_s=1_000_000_000.25))

        head = store.head(at + "object")
        assert written.version == head.version
        assert written.size_bytes == head.size_bytes
        assert abs(written.written_s - head.written_s) <= 1

    def test_the_digest_of_the_whole_object_is_reported(self, store: Store, at: str) -> None:
        put(store, at + "object", b"content")

        expected = checksums.crc64nvme(b"content") if self.has_digests else None
        assert store.head(at + "object").crc64nvme == expected

    def test_a_missing_object_is_named(self, store: Store, at: str) -> None:
        with pytest.raises(ObjectMissing, match="no-such-object"):
            store.head(at + "no-such-object")
        with pytest.raises(ObjectMissing, match="no-such-object"):
            read(store, at + "no-such-object", size_bytes=1)

    def test_what_was_deleted_is_gone(self, store: Store, at: str) -> None:
        put(store, at + "object", b"content")

        store.delete(at + "object")
        store.delete(at + "object")

        assert list(store.list(at)) == []

    @pytest.mark.parametrize(("offset", "size_bytes"), [(0, 10), (3, 4), (9, 1), (0, 0)])
    def test_a_range_is_exactly_what_was_asked_for(self, store: Store, at: str, offset: int, size_bytes: int) -> None:
        put(store, at + "object", b"0123456789")

        assert read(store, at + "object", offset=offset, size_bytes=size_bytes) == b"0123456789"[offset:][:size_bytes]

    def test_a_range_can_be_read_in_pieces(self, store: Store, at: str) -> None:
        put(store, at + "object", b"0123456789")
        buffer = memoryview(bytearray(4))
        pieces = []

        with store.read_range(at + "object", offset=1, size_bytes=9) as reader:
            while count := reader.readinto(buffer):
                pieces.append(bytes(buffer[:count]))

        assert pieces == [b"1234", b"5678", b"9"]

    def test_a_range_can_be_closed_early(self, store: Store, at: str) -> None:
        put(store, at + "object", b"0123456789")
        buffer = memoryview(bytearray(2))

        with store.read_range(at + "object", offset=0, size_bytes=10) as reader:
            count = reader.readinto(buffer)

        assert (count, bytes(buffer)) == (2, b"01")

    @pytest.mark.parametrize(("offset", "size_bytes"), [(8, 3), (20, 5)])
    def test_a_range_behind_the_end_says_that_the_source_changed(
        self, store: Store, at: str, offset: int, size_bytes: int
    ) -> None:
        put(store, at + "object", b"0123456789")

        with pytest.raises(SourceChanged, match="object"):
            read(store, at + "object", offset=offset, size_bytes=size_bytes)

    @pytest.mark.parametrize("size_bytes", [0, 5])
    def test_another_version_is_not_read(self, store: Store, at: str, size_bytes: int) -> None:
        listed = put(store, at + "object", b"first")
        put(store, at + "object", b"other")

        with pytest.raises(SourceChanged, match="object"):
            read(store, at + "object", size_bytes=size_bytes, version=listed.version)

    def test_reading_does_not_change_the_version(self, store: Store, at: str) -> None:
        put(store, at + "object", b"content")
        (before,) = store.list(at)

        read(store, at + "object", version=before.version)

        assert [listed.version for listed in store.list(at)] == [before.version]
        assert store.head(at + "object").version == before.version

    def test_keys_come_in_the_order_of_their_utf8_bytes(self, store: Store, at: str) -> None:
        names = ["a", "a b", "a-b", "a.b", "a0/x", "aé", "a\ufffd", "a🚚", "b/c", "b/c0"]
        for name in names:
            put(store, at + name, b"")

        keys = [listed.key for listed in store.list(at)]

        assert keys == sorted((at + name for name in names), key=str.encode)

    def test_a_prefix_is_a_plain_string(self, store: Store, at: str) -> None:
        for name in ("data/dir/x", "data/dir2/y", "data/dirt", "data/other", "elsewhere"):
            put(store, at + name, b"")

        assert keys_below(store, at + "data/dir") == [at + "data/dir/x", at + "data/dir2/y", at + "data/dirt"]
        assert keys_below(store, at + "data/dirt") == [at + "data/dirt"]
        assert keys_below(store, at + "data/dir/") == [at + "data/dir/x"]

    def test_a_listing_goes_on_after_any_key(self, store: Store, at: str) -> None:
        for name in ("a/b/c", "a/b0", "a/c", "a0", "b", "b.d/e"):
            put(store, at + name, b"")
        whole = keys_below(store, at)

        for position, key in enumerate(whole):
            assert keys_below(store, at, start_after=key) == whole[position + 1 :]
        assert keys_below(store, at, start_after=at + "a/b/") == whole

    def test_a_listing_shows_size_and_version(self, store: Store, at: str) -> None:
        written = put(store, at + "object", b"content")

        (listed,) = store.list(at)

        assert isinstance(listed, Listed)
        assert (listed.size_bytes, listed.version) == (7, written.version)
        assert listed.mtime_s is not None

    def test_parts_may_come_in_any_order_and_twice(self, store: Store, at: str) -> None:
        content = [bytes([number]) * self.part_bytes for number in (1, 2)] + [b"end"]
        token = store.create_multipart(
            at + "object", Attributes(mtime_s=1e9), size_bytes=2 * self.part_bytes + 3, transfer_id="t1"
        )

        parts = [put_part(store, at + "object", token, number, content) for number in (3, 1, 2, 1)]
        parts = sorted(parts[:3], key=lambda part: part.number)
        head = store.complete_multipart(at + "object", token, parts, Attributes(mtime_s=1e9))

        assert head == store.head(at + "object")
        assert head.size_bytes == 2 * self.part_bytes + 3
        assert head.attributes.mtime_s == 1e9
        assert head.crc64nvme in (None, checksums.crc64nvme(b"".join(content)))
        assert read(store, at + "object") == b"".join(content)

    def test_an_unfinished_object_cannot_be_seen(self, store: Store, at: str) -> None:
        put(store, at + "object", b"old")
        token = begin(store, at + "object", self.part_bytes)
        put_part(store, at + "object", token, 1, [b"n" * self.part_bytes])

        assert [listed.key for listed in store.list(at)] == [at + "object"]
        assert read(store, at + "object") == b"old"

    def test_a_missing_part_is_not_completed(self, store: Store, at: str) -> None:
        content = [b"1" * self.part_bytes, b"2" * self.part_bytes]
        token = begin(store, at + "object", 2 * self.part_bytes)
        first = put_part(store, at + "object", token, 1, content)
        never = Part(number=3, etag='"00000000000000000000000000000000"', size_bytes=self.part_bytes, crc64nvme=0)

        with pytest.raises(IntegrityError, match="object"):
            store.complete_multipart(at + "object", token, [first, never], Attributes())

        assert list(store.list(at)) == []

    def test_completing_with_if_absent_keeps_what_is_there(self, store: Store, at: str) -> None:
        token = begin(store, at + "object", self.part_bytes)
        part = put_part(store, at + "object", token, 1, [b"n" * self.part_bytes])
        put(store, at + "object", b"old")

        with pytest.raises(ObjectExists, match="object"):
            store.complete_multipart(at + "object", token, [part], Attributes(), if_absent=True)

        assert read(store, at + "object") == b"old"

    def test_an_aborted_upload_leaves_nothing_and_takes_nothing(self, store: Store, at: str) -> None:
        if not self.knows_lost_uploads:
            pytest.skip("this server answers 500 for an upload it does not know")
        token = begin(store, at + "object", self.part_bytes)
        put_part(store, at + "object", token, 1, [b"n" * self.part_bytes])

        store.abort_multipart(at + "object", token)
        store.abort_multipart(at + "object", token)

        with pytest.raises(ObjectMissing, match="object"):
            put_part(store, at + "object", token, 1, [b"n" * self.part_bytes])
        assert list(store.list(at)) == []

    def test_two_uploads_of_one_key_do_not_meet(self, store: Store, at: str) -> None:
        first, second = (begin(store, at + "object", self.part_bytes) for _ in range(2))
        put_part(store, at + "object", first, 1, [b"1" * self.part_bytes])
        part = put_part(store, at + "object", second, 1, [b"2" * self.part_bytes])

        store.complete_multipart(at + "object", second, [part], Attributes())
        store.abort_multipart(at + "object", first)

        assert read(store, at + "object") == b"2" * self.part_bytes

    def test_a_store_that_works_passes_its_checks_and_is_left_as_it_was(self, store: Store, at: str) -> None:
        put(store, at + "object", b"content")

        store.check_readable(at + "object")
        store.check_writable(at + "new/")

        assert [listed.key for listed in store.list(at)] == [at + "object"]


def put(
    store: Store, key: str, content: bytes, attributes: Attributes | None = None, *, if_absent: bool = False
) -> Head:
    """Write a whole object."""
    return store.put(key, memoryview(content), attributes or Attributes(), if_absent=if_absent)


def read(store: Store, key: str, *, offset: int = 0, size_bytes: int | None = None, version: str = "") -> bytes:
    """Return a range, the whole object without *size_bytes*."""
    wanted = store.head(key).size_bytes if size_bytes is None else size_bytes
    buffer = memoryview(bytearray(wanted + 1))
    with store.read_range(key, offset=offset, size_bytes=wanted, version=version) as reader:
        return bytes(buffer[: reader.readinto(buffer)])


def keys_below(store: Store, prefix: str, *, start_after: str = "") -> list[str]:
    """Return the keys of a listing."""
    return [listed.key for listed in store.list(prefix, start_after=start_after)]


def begin(store: Store, key: str, size_bytes: int) -> str:
    """Begin a multipart upload."""
    return store.create_multipart(key, Attributes(), size_bytes=size_bytes, transfer_id="t1")


def put_part(store: Store, key: str, token: str, number: int, content: list[bytes]) -> Part:
    """Write part *number* of *content*."""
    payload = content[number - 1]
    offset = sum(len(part) for part in content[: number - 1])
    etag = store.put_part(key, token, number=number, offset=offset, payload=memoryview(payload))
    return Part(number, etag, len(payload), checksums.crc64nvme(payload))
