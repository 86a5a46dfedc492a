"""LocalStore: the conformance suite, and what only files have."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from gateway.errors import AccessDenied, BucketMissing, IntegrityError, ObjectMissing, SourceChanged, StoreError
from gateway.stores.base import Attributes, Part, Skipped, Store, StoreSpec
from gateway.stores.local import LocalStore
from gateway.stores.local.files import set_mtime
from tests.gateway.stores.conformance import StoreConformance, begin, keys_below, put, put_part, read


@pytest.fixture
def store() -> Store:
    return LocalStore(StoreSpec("file"))


@pytest.fixture
def at(tmp_path: Path) -> str:
    return key_of(tmp_path) + "/"


def key_of(path: Path) -> str:
    return str(path).removeprefix("/")


class TestLocalStore(StoreConformance):
    has_digests = False

    @pytest.fixture
    def store(self) -> Store:
        return LocalStore(StoreSpec("file"))

    @pytest.fixture
    def at(self, tmp_path: Path) -> str:
        return key_of(tmp_path) + "/"


def test_a_listing_says_what_it_passes_over(store: Store, at: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "linked-folder").symlink_to(".")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / os.fsdecode(b"latin-\xe9")).write_text("content")
    skipped: list[Skipped] = []

    keys = [listed.key for listed in store.list(at, on_skip=skipped.append)]

    assert keys == [at + "file"]
    assert {entry.key.removeprefix(at): entry.reason for entry in skipped} == {
        "link": "symlink",
        "linked-folder": "symlink",
        "empty/": "empty-directory",
        "pipe": "special",
        "socket": "special",
        "latin-\\xe9": "not-utf8",
    }


def test_a_listing_that_goes_on_does_not_repeat_what_it_passed_over(store: Store, at: str, tmp_path: Path) -> None:
    for name in ("a", "c"):
        (tmp_path / name).symlink_to("nowhere")
    skipped: list[Skipped] = []

    list(store.list(at, start_after=at + "b", on_skip=skipped.append))

    assert [entry.key for entry in skipped] == [at + "c"]


def test_an_unreadable_directory_is_passed_over() -> None:
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        for name in ("closed", "open"):
            (Path(root) / name).mkdir()
            (Path(root) / name / "file").touch()
        (Path(root) / "closed").chmod(0)

        answer = run_as_nobody(f"""
            skipped = []
            print([listed.key for listed in store.list({key_of(Path(root))!r} + "/", on_skip=skipped.append)], skipped)
        """)

    assert answer == f"['{root[1:]}/open/file'] [Skipped(key='{root[1:]}/closed/', reason='unreadable')]"


def test_a_directory_without_permission_to_write_is_denied_and_named() -> None:
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o555)

        answer = run_as_nobody(f"""
            at = {key_of(Path(root))!r} + "/"
            for call in (
                lambda: store.check_writable(at + "new/folder/"),
                lambda: store.put(at + "file", memoryview(b"x"), Attributes()),
                lambda: store.create_multipart(at + "file", Attributes(), size_bytes=1, transfer_id="t"),
            ):
                try:
                    call()
                except AccessDenied as error:
                    print(str(error).count({root!r}), end=" ")
        """)

        assert answer == "1 1 1"
        assert list(Path(root).iterdir()) == []


def test_a_place_where_no_file_can_be_made_is_denied(store: Store) -> None:
    with pytest.raises(AccessDenied, match="/proc/new") as caught:
        store.check_writable("proc/new/")
    assert caught.value.hint
    with pytest.raises(AccessDenied, match="/proc/new/file"):
        put(store, "proc/new/file", b"content")


@pytest.mark.parametrize(
    "call",
    [
        """store.put(at + "file", memoryview(bytes(100_000)), Attributes())""",
        """store.create_multipart(at + "file", Attributes(), size_bytes=100_000, transfer_id="t")""",
    ],
)
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, call: str) -> None:
    answer = run_python(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        at = {key_of(tmp_path)!r} + "/"
        try:
            {call}
        except StoreFull as error:
            print(error, "|", error.hint)
    """)

    assert f"cannot write {tmp_path}/file" in answer
    assert answer.partition("|")[2].strip()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_between_the_parts_is_full(tmp_path: Path) -> None:
    answer = run_python(f"""
        import resource
        key = {key_of(tmp_path)!r} + "/file"
        token = store.create_multipart(key, Attributes(), size_bytes=20_000, transfer_id="t")
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            store.put_part(key, token, number=2, offset=10_000, payload=memoryview(bytes(10_000)))
        except StoreFull as error:
            print("full")
        store.abort_multipart(key, token)
    """)

    assert answer == "full"
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """The file has no name while it is written: the test kills the writer in the middle of the last step but one."""
    process = subprocess.run(
        python(f"""
            import os, signal
            from gateway.stores.local import store as module
            module.set_mtime = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            store.put({key_of(tmp_path)!r} + "/file", memoryview(b"content"), Attributes(mtime_s=1.0))
        """),
        check=False,
    )

    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_disks_without_nameless_files_are_written_through_a_hidden_one(
    store: Store, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.stores.local.files._NAMELESS", 0)
    put(store, at + "file", b"old")

    put(store, at + "file", b"new")
    with pytest.raises(StoreError, match="exists already"):
        put(store, at + "file", b"other", if_absent=True)

    assert read(store, at + "file") == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_hidden_file_of_an_upload_is_not_listed_and_names_the_transfer(
    store: Store, at: str, tmp_path: Path
) -> None:
    begin(store, at + "object", 10)

    (hidden,) = tmp_path.iterdir()

    assert hidden.name.startswith(".object.skytf-t1.")
    assert hidden.stat().st_size == 10
    assert list(store.list(at)) == []


def test_a_name_of_full_length_can_be_written_in_parts(store: Store, at: str) -> None:
    key = at + "é" * 127 + "x"
    token = begin(store, key, 3)
    part = put_part(store, key, token, 1, [b"abc"])

    store.complete_multipart(key, token, [part], Attributes())

    assert read(store, key) == b"abc"


def test_parts_that_do_not_make_the_whole_file_are_refused(store: Store, at: str) -> None:
    token = begin(store, at + "object", 10)
    part = put_part(store, at + "object", token, 1, [b"abc"])

    for parts in ([part], [part, Part(3, "", 7, 0)], [Part(2, "", 7, 0), part]):
        with pytest.raises(IntegrityError, match="object"):
            store.complete_multipart(at + "object", token, parts, Attributes())


@pytest.mark.parametrize("token", ["../secret", "secret", ".x.skytf-t.part/../../secret"])
def test_a_token_cannot_name_another_file(store: Store, at: str, tmp_path: Path, token: str) -> None:
    (tmp_path / "secret").write_text("old")

    with pytest.raises(ObjectMissing, match="object"):
        store.put_part(at + "object", token, number=1, offset=0, payload=memoryview(b"new"))
    with pytest.raises(ObjectMissing, match="object"):
        store.abort_multipart(at + "object", token)

    assert (tmp_path / "secret").read_text() == "old"


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "a//b", "./a", "a/.", "/a", "nul\0"])
def test_a_key_that_no_path_can_say_is_refused(store: Store, at: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be a file") as caught:
        put(store, at + name, b"content")

    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_a_directory_of_one_name_do_not_go_together(store: Store, at: str) -> None:
    put(store, at + "n", b"content")
    put(store, at + "folder/c", b"content")

    with pytest.raises(StoreError, match="n/c") as caught:
        put(store, at + "n/c", b"content")
    assert "directory" in caught.value.hint
    for if_absent in (False, True):
        with pytest.raises(StoreError, match="folder") as caught:
            put(store, at + "folder", b"content", if_absent=if_absent)
        assert "directory" in caught.value.hint
    with pytest.raises(StoreError, match="folder"):
        begin(store, at + "folder", 1)


def test_a_folder_marker_makes_a_directory_however_often(store: Store, at: str, tmp_path: Path) -> None:
    head = put(store, at + "a/b/", b"")
    put(store, at + "a/b/", b"", if_absent=True)

    assert (tmp_path / "a" / "b").is_dir()
    assert store.head(at + "a/b/").size_bytes == head.size_bytes == 0
    with pytest.raises(StoreError, match="content"):
        put(store, at + "c/", b"content")


def test_writing_replaces_a_link_and_not_what_it_leads_to(store: Store, at: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "link").symlink_to("other")

    put(store, at + "link", b"content")

    assert (tmp_path / "other").read_text() == "other"
    assert not (tmp_path / "link").is_symlink()


def test_a_path_may_be_as_deep_as_the_system_allows(store: Store, at: str, tmp_path: Path) -> None:
    key = at + "d/" * 1500 + "file"

    put(store, key, b"content")

    assert store.head(key).size_bytes == 7
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # rmtree of Python 3.11 recurses


def test_a_token_that_no_file_can_have_is_no_upload(store: Store, at: str) -> None:
    with pytest.raises(ObjectMissing):
        store.put_part(at + "file", ".file.skytf-\0.part", number=1, offset=0, payload=memoryview(b"x"))


def test_a_linked_directory_at_the_destination_is_written_into(store: Store, at: str, tmp_path: Path) -> None:
    """It is the user's own: no key of a source can make a link."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to("elsewhere")

    put(store, at + "folder/file", b"content")

    assert (tmp_path / "folder").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"content"


def test_a_link_that_is_named_explicitly_is_followed(store: Store, at: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("content")
    (tmp_path / "link").symlink_to("folder")

    assert keys_below(store, at + "link/") == [at + "link/file"]
    assert read(store, at + "link/file") == b"content"


def test_a_file_that_is_written_to_while_it_is_read_is_noticed(store: Store, at: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    buffer = memoryview(bytearray(5))

    with store.read_range(at + "file", offset=0, size_bytes=10) as reader:
        reader.readinto(buffer)
        path.write_bytes(b"01234changed")
        os.utime(path, ns=(0, 0))
        with pytest.raises(SourceChanged, match=str(path)):
            reader.readinto(buffer)


def test_nothing_of_a_changed_file_is_given_away(store: Store, at: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    buffer = memoryview(bytearray(3))

    with store.read_range(at + "file", offset=0, size_bytes=10) as reader:
        reader.readinto(buffer)
        path.write_bytes(b"changed...")
        os.utime(path, ns=(0, 0))
        with pytest.raises(SourceChanged, match="changed while it was read"):
            reader.readinto(buffer)


def test_a_part_that_is_still_being_written_leaves_a_complete_file_alone(store: Store, at: str, tmp_path: Path) -> None:
    token = begin(store, at + "file", 8)
    late = store.stream_part(at + "file", token, number=1, offset=0)
    assert late is not None
    late.write(memoryview(b"0123"))
    etag = store.put_part(at + "file", token, number=1, offset=0, payload=memoryview(b"01234567"))
    head = store.complete_multipart(at + "file", token, [Part(1, etag, 8, 0)], Attributes(mtime_s=5.0))

    with pytest.raises(ObjectMissing, match="complete"):
        late.write(memoryview(b"late"))
    late.abandon()

    assert (tmp_path / "file").read_bytes() == b"01234567"
    assert store.head(at + "file").version == head.version


def test_a_part_of_another_process_leaves_a_complete_file_alone(store: Store, at: str, tmp_path: Path) -> None:
    token = begin(store, at + "file", 8)
    late = LocalStore(StoreSpec("file")).stream_part(at + "file", token, number=1, offset=0)
    etag = store.put_part(at + "file", token, number=1, offset=0, payload=memoryview(b"01234567"))
    store.complete_multipart(at + "file", token, [Part(1, etag, 8, 0)], Attributes(mtime_s=5.0))

    with pytest.raises(ObjectMissing):
        late.write(memoryview(b"late"))
    late.abandon()

    assert (tmp_path / "file").read_bytes() == b"01234567"
    assert (tmp_path / "file").stat().st_mtime == 5.0


def test_what_a_disk_says_when_a_part_is_closed_counts_only_if_the_part_does(at: str) -> None:
    store = LocalStore(StoreSpec("file"))
    token = begin(store, at + "file", 8)
    finished, abandoned = (store.stream_part(at + "file", token, number=1, offset=0) for _ in range(2))
    os.close(finished._descriptor)
    os.close(abandoned._descriptor)

    with pytest.raises(StoreError, match="cannot write part 1"):
        finished.finish()
    abandoned.abandon()


def test_a_part_that_is_closed_is_no_longer_known(at: str) -> None:
    store = LocalStore(StoreSpec("file"))
    token = begin(store, at + "file", 8)
    finished, abandoned = (store.stream_part(at + "file", token, number=1, offset=0) for _ in range(2))

    finished.finish()
    abandoned.abandon()
    with pytest.raises(ObjectMissing):
        store.stream_part(at + "file", token.replace(".skytf", "x.skytf"), number=1, offset=0)

    assert not store._parts._parts


def test_a_file_that_becomes_shorter_while_it_is_read_is_noticed(store: Store, at: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    buffer = memoryview(bytearray(10))

    with store.read_range(at + "file", offset=0, size_bytes=10) as reader:
        os.truncate(path, 3)
        with pytest.raises(SourceChanged, match="shorter"):
            reader.readinto(buffer)


def test_a_path_that_does_not_exist_is_missing(store: Store, at: str) -> None:
    with pytest.raises(BucketMissing, match="nowhere"):
        store.check_readable(at + "nowhere")
    with pytest.raises(BucketMissing, match="nowhere"):
        keys_below(store, at + "nowhere/")


def test_a_directory_is_no_object(store: Store, at: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(ObjectMissing, match="folder is a directory") as caught:
        store.head(at + "folder")

    assert "--recursive" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text/plain"),
        ("a.tar.gz", "application/gzip"),
        ("a.json", "application/json"),
        ("a", ""),
        ("a:b.png", "image/png"),
    ],
)
def test_the_content_type_is_guessed_from_the_name(store: Store, at: str, name: str, expected: str) -> None:
    put(store, at + name, b"")

    assert store.head(at + name).attributes.content_type == expected


def test_files_get_the_mode_of_the_umask(store: Store, at: str, tmp_path: Path) -> None:
    token = begin(store, at + "parts", 1)
    part = put_part(store, at + "parts", token, 1, [b"x"])
    reference = tmp_path / "reference"
    reference.touch()

    put(store, at + "whole", b"x")
    store.complete_multipart(at + "parts", token, [part], Attributes())

    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "parts").stat().st_mode == reference.stat().st_mode


def python(body: str) -> list[str]:
    """Return the command that runs *body* with a ``store`` in a process of its own."""
    imports = """
        from gateway.errors import *
        from gateway.stores.base import *
        from gateway.stores.local import LocalStore
        store = LocalStore(StoreSpec("file"))
    """
    return [sys.executable, "-c", textwrap.dedent(imports) + textwrap.dedent(body)]


def run_python(body: str) -> str:
    """Return what *body* prints."""
    return subprocess.run(python(body), check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def run_as_nobody(body: str) -> str:
    """Return what *body* prints as a user that permissions hold for: root passes them all."""
    become = "import os\nos.geteuid() or os.seteuid(65534)\n"
    command = python(become + textwrap.dedent(body))
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def test_a_pipe_that_is_itself_the_source_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreError, match="is a device, a pipe or a socket"):
        LocalStore(StoreSpec("file")).head(str(tmp_path / "pipe")[1:])


@pytest.mark.parametrize("mtime_s", [float("nan"), float("inf"), 1e300])
def test_a_time_that_no_file_can_have_is_an_error_of_the_store(tmp_path: Path, mtime_s: float) -> None:
    path = tmp_path / "file"
    path.touch()

    with pytest.raises(StoreError, match="modification time"):
        set_mtime(bytes(path), mtime_s)
