"""What identifies a VM, and what others read of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.errors import InputError
from skytf.localvm.machine import Machine, Record, Tags, recorded, session_environment

TAGS = Tags("me", 1000.0, {"a": "b"})


@pytest.mark.parametrize("vm_id", ["", "t1", "t1/", "../x", "t1/../x", "t1/a/b", "T1/a", "-t/a", "t1/a\n"])
def test_an_id_that_could_leave_its_directory_is_refused(vm_id: str) -> None:
    with pytest.raises(InputError, match="is not the id of a local VM"):
        Machine.parse("/root", vm_id)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    machine = Machine.parse(tmp_path, "t1/gw-0")
    machine.directory.mkdir(parents=True)
    record = Record("t1", "gw-0", TAGS, pid=1, port=2, started_s=3.0)
    record.write(machine)

    assert Record.read(machine) == record


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tags": {"owner": "me"}}'])
def test_a_record_that_is_broken_is_none(tmp_path: Path, text: str) -> None:
    machine = Machine.parse(tmp_path, "t1/gw-0")
    machine.directory.mkdir(parents=True)
    (machine.directory / "vm.json").write_text(text)

    assert Record.read(machine) is None


def test_tags_come_back_from_the_environment_of_a_process(tmp_path: Path) -> None:
    environment = session_environment(Machine.parse(tmp_path, "t1/gw-0"), TAGS)

    assert Tags.from_environment(environment) == TAGS


def test_an_environment_without_tags_is_an_error() -> None:
    with pytest.raises(InputError, match="SKYTF_VM_OWNER"):
        Tags.from_environment({})


def test_directories_that_are_no_vm_are_not_listed(tmp_path: Path) -> None:
    machine = Machine.parse(tmp_path, "t1/gw-0")
    machine.directory.mkdir(parents=True)
    (tmp_path / "vms" / "t1" / "NOT A VM").mkdir()
    (tmp_path / "vms" / "t1" / "file").touch()

    assert recorded(tmp_path) == (machine,)
