from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest

from skytf.errors import InputError, Refused
from skytf.home import Home, Status, client_alive, new_transfer_id, this_client


def status(pid: int, started_s: float) -> Status:
    return Status("t", "applying", "me", pid, started_s)


def test_the_home_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    assert Home.find({"SKYTF_HOME": str(tmp_path)}).root == tmp_path
    assert Home.find({}).root == tmp_path / "state" / "skytf"


def test_ids_sort_by_time_wherever_they_are_made() -> None:
    east = timezone(timedelta(hours=9))
    early = new_transfer_id(datetime(2026, 11, 22, 16, 40, 1, tzinfo=UTC), lambda _size: "ab12cd")
    late = new_transfer_id(datetime(2026, 11, 23, 1, 40, 2, tzinfo=east), lambda _size: "000000")

    assert early == "20261122-164001-ab12cd"
    assert late > early
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", new_transfer_id())


def test_a_transfer_is_for_its_owner_alone(tmp_path: Path) -> None:
    transfer = Home(tmp_path / "home").create("one")

    secret = transfer.write("work/apply.auto.tfvars.json", b"{}")

    assert secret.stat().st_mode & 0o777 == 0o600
    for directory in (transfer.root, transfer.root.parent, transfer.workdir, transfer.keys, transfer.logs):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in transfer.workdir.iterdir()] == ["apply.auto.tfvars.json"]


def test_a_new_layout_of_the_root_module_keeps_the_state(tmp_path: Path) -> None:
    transfer = Home(tmp_path).create("one")
    transfer.lay_out({"main.tf": b"old", "modules/local/main.tf": b""})
    (transfer.workdir / "terraform.tfstate").write_text("{}")

    transfer.lay_out({"main.tf": b"new", "modules/local/main.tf": b""})

    assert (transfer.workdir / "main.tf").read_bytes() == b"new"
    assert (transfer.workdir / "terraform.tfstate").read_text() == "{}"


def test_what_opened_a_fleet_is_forgotten_and_the_state_is_kept(tmp_path: Path) -> None:
    transfer = Home(tmp_path).create("one")
    secrets = ("work/apply.auto.tfvars.json", "work/apply.tfplan", "work/terraform.tfstate.backup", "keys/ssh")
    written = [transfer.write(name, b"secret") for name in secrets]
    state = transfer.write("work/terraform.tfstate", b"{}")

    transfer.forget_secrets()

    assert [path.exists() for path in written] == [False] * len(secrets)
    assert state.exists()


def test_transfers_are_listed_newest_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    empty = home.transfers()
    for name in ("20260101-000000-aaaaaa", "20260102-000000-aaaaaa"):
        home.create(name)

    assert empty == []
    assert [one.transfer_id for one in home.transfers()] == ["20260102-000000-aaaaaa", "20260101-000000-aaaaaa"]


@pytest.mark.parametrize("name", ["", ".", "..", "../locks", "gone", "one/work"])
def test_an_id_that_is_none_is_wrong_input(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path)
    home.create("one")
    (tmp_path / "locks").mkdir()

    with pytest.raises(InputError, match="no transfer"):
        home.transfer(name)

    assert home.transfer("one").transfer_id == "one"


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()

    with pytest.raises(InputError, match="home") as caught:
        Home(tmp_path / "home").create("one")

    assert "SKYTF_HOME" in caught.value.hint


def test_a_home_that_cannot_be_written_is_named_when_a_bundle_is_held(tmp_path: Path) -> None:
    (tmp_path / "home").touch()

    with pytest.raises(InputError, match="home"), Home(tmp_path / "home").bundle_locked("digest"):
        pass


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a\udcff"])
def test_a_home_in_which_no_vm_could_live_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a home"):
        Home(tmp_path / name).create("one")

    assert list(tmp_path.iterdir()) == []


def test_a_new_home_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Home(tmp_path / "home").create("one")
    finally:
        os.umask(before)

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_status_comes_back_and_a_broken_one_is_named(tmp_path: Path) -> None:
    transfer = Home(tmp_path).create("one")
    written = status(*this_client())

    transfer.set_status(written)
    found = transfer.status()
    (transfer.root / "status.json").write_text("{")

    assert found == written
    with pytest.raises(InputError, match="transfer one does not say"):
        transfer.status()


def test_a_client_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client:
        named = status(client.pid, psutil.Process(client.pid).create_time())
        alive = client_alive(named)
        client.kill()
        # Waits for the end and leaves the zombie where it is, as a parent does that never looks.
        os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOWAIT)
        zombie = client_alive(named)

    assert alive
    assert not zombie
    assert not client_alive(named)


def test_another_process_with_the_same_pid_is_another_client() -> None:
    pid, started_s = this_client()

    assert client_alive(status(pid, started_s))
    assert not client_alive(status(pid, started_s - 60))


def test_a_bundle_is_applied_once_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path)

    with home.bundle_locked("digest"):
        with home.bundle_locked("another"):
            pass
        with pytest.raises(Refused, match="being applied already"), home.bundle_locked("digest"):
            pass

    with home.bundle_locked("digest"):
        pass


HOLD = """
import sys
from pathlib import Path
from skytf.home import Home
with Home(Path(sys.argv[1])).transfer("one").locked():
    print("held", flush=True)
    input()
"""


def test_a_killed_client_lets_go_of_its_transfer(tmp_path: Path) -> None:
    transfer = Home(tmp_path).create("one")
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "held\n"
        with pytest.raises(Refused, match="another skytf works on transfer one"), transfer.locked():
            pass
        client.kill()
        client.wait()

    with transfer.locked():
        pass
