"""What is wrong is said in one paragraph, with the next step; nothing is half-written and nothing keeps running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from skytf import Client, Copy, Hooks, Target
from skytf.deploy.fleet import deploy_fleet
from skytf.errors import HostError, TerraformError
from tests.e2e.commands import assert_plain, skytf
from tests.e2e.leftovers import left_of
from tests.e2e.stores import guarded_server
from tests.e2e.trees import SMALL, contents
from tests.e2e.victims import ssh_servers
from tests.servers import S3Server

ONE = replace(SMALL, instances=1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with one file, ``in/a``, beside a directory with nothing in it and a file."""
    for name in ("in", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/a").write_text("content")
    (tmp_path / "file").write_text("content")
    return tmp_path


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("gone out -r", ["/gone", "No such file", "check the path"]),
        ("in/gone out", ["/in/gone", "No such file"]),
        ("empty out -r", ["nothing to copy below", "/empty"]),
        ("in out", ["/in is a directory", "add --recursive"]),
        ("file out -r", ["/file", "leave out --recursive"]),
        ("in in -r", ["/in is the source", "outside the source"]),
        ("in in/below -r", ["/in/below is the source", "or inside it"]),
        ("file file", ["/file would be copied onto itself"]),
        ("file .", ["/file would be copied onto itself"]),
        ("in file/below -r", ["/file/below", "a file stands where a directory is needed"]),
        ("in /proc/nowhere/out -r", ["/proc/nowhere/out", "choose another path"]),
        ("in out out -r", ["/out is named twice", "leave one out"]),
        ("s4://bucket/x out -r", ["s4://bucket/x", "did you mean s3://bucket/x"]),
        ("in gs://bucket/x -r", ["gs://bucket/x", "moves no bytes", "s3://"]),
        ("in s3://bucket -r", ["no credentials for s3://bucket", "AWS_ACCESS_KEY_ID"]),
        ("in s3://bucket -r --profile nobody", ["s3://bucket", "nobody", "profile"]),
        ("in out -r --chunk-size 1KiB", ["1.0 KiB", "--chunk-size between"]),
        ("in out -r --via mars:a", ["'mars:a'", "local"]),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(home: Path, source: Path, ends: str, words: list[str]) -> None:
    before = contents(source)

    said = skytf(home, "cp", *ends.split(), "--yes", cwd=source)

    assert_plain(said, 2, *words)
    assert contents(source) == before
    assert not (source / "out").exists()


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("s3://no-such-bucket/x out -r", ["s3://no-such-bucket", "check the name"]),
        ("in s3://no-such-bucket/x -r", ["s3://no-such-bucket does not exist", "create the bucket"]),
        ("s3://BUCKET/gone out -r", ["nothing to copy below s3://BUCKET/gone", "spelled"]),
        ("s3://BUCKET/gone out", ["there is no object s3://BUCKET/gone", "spelled"]),
        ("s3://BUCKET/one out", ["there is no object s3://BUCKET/one", "add --recursive"]),
        ("s3://BUCKET/one/two out -r", ["nothing to copy below s3://BUCKET/one/two", "leave out --recursive"]),
    ],
)
def test_a_bucket_or_an_object_that_is_not_there(  # noqa: PLR0917  # fixtures and one row of the table
    home: Path, source: Path, s3_server: S3Server, bucket: str, ends: str, words: list[str]
) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="one/two", Body=b"content")
    arguments = (*ends.replace("BUCKET", bucket).split(), "--yes", "--endpoint-url", s3_server.endpoint_url)

    said = skytf(home, "cp", *arguments, cwd=source, env=s3_server.environment)

    assert_plain(said, 2, *(word.replace("BUCKET", bucket) for word in words))
    assert not (source / "out").exists()


def test_a_store_where_nothing_listens_is_named(
    home: Path, source: Path, closed_port: int, s3_server: S3Server
) -> None:
    address = f"http://127.0.0.1:{closed_port}"

    for ends in (("s3://bucket/x", "out"), ("in", "s3://bucket/x")):
        said = skytf(home, "cp", *ends, "-r", "--yes", "--endpoint-url", address, cwd=source, env=s3_server.environment)

        assert_plain(said, 2, "s3://bucket", address, "Connection refused", "check the endpoint URL")


def test_wrong_keys_are_refused_before_a_fleet_is_made(home: Path, source: Path) -> None:
    with guarded_server() as server:
        bucket = server.make_bucket("bucket")
        wrong = replace(server, secret_key="wrong")
        for ends in ((f"s3://{bucket}/x", "out"), ("in", f"s3://{bucket}/x")):
            arguments = (*ends, "-r", "--yes", "--endpoint-url", server.endpoint_url)

            said = skytf(home, "cp", *arguments, cwd=source, env=wrong.environment)

            assert_plain(said, 2, f"s3://{bucket}/x", "credentials")
            assert "wrong" not in said.stderr


def test_no_terraform_is_said_with_the_way_to_one(home: Path, source: Path) -> None:
    option = skytf(home, "cp", "in", "out", "-r", "--yes", "--terraform", "/nonexistent", cwd=source)
    variable = skytf(home, "cp", "in", "out", "-r", "--yes", cwd=source, env={"SKYTF_TERRAFORM": "/nonexistent"})
    no_engine = skytf(home, "cp", "in", "out", "-r", "--yes", "--terraform", "/bin/true", cwd=source)

    assert_plain(option, 4, "/nonexistent", "SKYTF_TERRAFORM")
    assert_plain(variable, 4, "/nonexistent", "SKYTF_TERRAFORM")
    assert_plain(no_engine, 4, "/bin/true", "does not answer as Terraform does")


def test_only_debug_shows_a_traceback(home: Path, source: Path) -> None:
    said = skytf(home, "cp", "gone", "out", "-r", "--yes", "--debug", cwd=source)

    assert said.returncode == 2
    assert "Traceback (most recent call last)" in said.stderr
    assert f"Error: cannot read {source}/gone" in said.stderr


def test_nobody_to_ask_is_no_yes(home: Path, source: Path) -> None:
    assert_plain(skytf(home, "cp", "in", "out", "-r", cwd=source), 2, "nobody to ask", "--yes")


def test_a_port_that_is_taken_fails_the_apply_and_leaves_nothing(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        monkeypatch.setattr("skytf.sites._ANY_SSH_PORT", port)

        with pytest.raises(TerraformError) as failed:
            Client(home=home).copy([Copy(Target(str(source / "file")), (Target(str(source / "out")),))], ONE)

    assert failed.value.exit_code == 4
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use" in " ".join(failed.value.diagnostics)
    assert not (source / "out").exists()
    assert left_of(home) == []


class _Freeze(Hooks):
    """Stops an SSH server when it has been made: it accepts connections, and says nothing."""

    def __init__(self, home: Path, gateway: str) -> None:
        self._home = home
        self._gateway = gateway

    def on_phase(self, phase: str, _text: str) -> None:
        if phase == "deploying":
            os.kill(ssh_servers(self._home)[self._gateway], signal.SIGSTOP)


@pytest.mark.slow
def test_a_host_that_never_answers_is_named_and_removed(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skytf.fleet.deploy_fleet", partial(deploy_fleet, deadline_s=3))
    client = Client(home=home, hooks=_Freeze(home, "local-b-0"))

    with pytest.raises(HostError, match=r"local-b-0 .* never answered SSH .* gave up after 3 s") as failed:
        client.copy([Copy(Target(str(source / "file")), (Target(str(source / "out")),))], ONE)

    assert (failed.value.exit_code, "firewall" in failed.value.hint) == (5, True)
    assert not (source / "out").exists()
    assert left_of(home) == []


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("not root: no little disk can be mounted")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no little disk can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_that_fills_up_ends_the_transfer_early(home: Path, source: Path, little_disk: Path) -> None:
    files = {f"{number:02}": os.urandom(100_000) for number in range(40)} | {"large": os.urandom(7_000_000)}
    for name, content in files.items():
        (source / "in" / name).write_bytes(content)
    (little_disk / "filler").write_bytes(bytes(8_000_000))
    arguments = ("in", "disk/out", "-r", "--yes", "--chunk-size", "5MiB", "--threshold", "5MiB")

    said = skytf(home, "cp", *arguments, cwd=source)
    (little_disk / "filler").unlink()
    resumed = skytf(home, "resume", "--yes", cwd=source)

    assert_plain(said, 1, f"{little_disk}/out/", "No space left on device", "make room on the disk")
    assert resumed.returncode == 0, resumed.stderr
    assert contents(little_disk / "out") == {**files, "a": b"content"}


def test_a_disk_that_is_too_small_is_not_begun(home: Path, source: Path, little_disk: Path) -> None:
    (source / "in/large").write_bytes(bytes(17 << 20))

    said = skytf(home, "cp", "in", "disk/out", "-r", "--yes", cwd=source)

    assert_plain(said, 2, f"{little_disk}/out is on a disk of 16.0 MiB, which cannot hold 17.0 MiB")
    assert contents(little_disk) == {}
