"""A session of a local VM behaves as one of sshd's."""

from __future__ import annotations

import time

import paramiko
import psutil
import pytest

from skytf.localvm import processes
from tests.skytf.localvm.vm import TIMEOUT_S, Vm, gone, run


def test_a_command_has_its_exit_code_and_its_own_error_stream(vm: Vm) -> None:
    said = vm.run("echo out; echo err >&2; exit 3")

    assert (said.code, said.out, said.err) == (3, "out\n", "err\n")


def test_every_short_command_delivers_all_its_output(vm: Vm) -> None:
    """The exit code must not overtake the output, whichever comes first."""
    with vm.connect() as connection:
        answers = {
            (said.code, said.out, said.err) for said in (run(connection, "echo o; echo e >&2") for _ in range(30))
        }

    assert answers == {(0, "o\n", "e\n")}


def test_a_command_that_a_signal_ended_has_no_exit_code(vm: Vm) -> None:
    said = vm.run("kill -TERM $$")

    assert said.code == -1


def test_a_session_starts_in_a_home_of_its_own(vm: Vm) -> None:
    said = vm.run("pwd; echo $HOME; echo $SKYTF_VM_ID; command -v skytf-shape; echo $SKYTF_TREES")

    machine = vm.machine
    assert said.out.splitlines() == [
        str(machine.home),
        str(machine.home),
        "t1/gw-0",
        f"{machine.bin}/skytf-shape",
        f"{machine.root}/image/trees",
    ]


def test_nothing_of_the_provisioners_environment_reaches_a_session(vm: Vm) -> None:
    said = vm.run("env; cat /proc/$PPID/environ")

    assert "OPENSSH PRIVATE KEY" not in said.out
    assert "SKYTF_VM_PORT_FILE" not in said.out


def test_a_client_may_send_a_locale_and_nothing_else(vm: Vm) -> None:
    with vm.connect() as connection:
        _, out, _ = connection.exec_command(
            "echo $LC_TIME $LD_PRELOAD", environment={"LC_TIME": "C", "LD_PRELOAD": "x"}
        )

        assert out.read() == b"C\n"


def test_large_input_comes_back_whole(vm: Vm) -> None:
    block = b"0123456789abcdef" * (1 << 17)
    with vm.connect() as connection:
        said = run(connection, "cat", stdin=block)

    assert said.out.encode() == block


def test_a_command_that_reads_no_input_ends_all_the_same(vm: Vm) -> None:
    with vm.connect() as connection:
        said = run(connection, "echo done", stdin=b"x" * 1000)

    assert said.out == "done\n"


def test_a_daemon_that_holds_the_output_holds_the_session(vm: Vm) -> None:
    """As with sshd: a deployment that would hang on a cloud hangs here too."""
    started_s = time.monotonic()
    vm.run("sleep 0.5 & echo started")

    assert time.monotonic() - started_s >= 0.5


def test_a_daemon_that_let_go_does_not_hold_the_session(vm: Vm) -> None:
    said = vm.run("setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")

    assert vm.run(f"kill {said.out.strip()}").code == 0


def test_a_terminal_is_one(vm: Vm) -> None:
    with vm.connect() as connection:
        said = run(connection, "tty && stty size </dev/tty", pty=True)

    assert said.out.startswith("/dev/")
    assert said.out.split()[1:] == ["24", "80"]


def test_closing_a_terminal_ends_what_runs_on_it(vm: Vm) -> None:
    with vm.connect() as connection:
        _, out, _ = connection.exec_command("echo $$; exec sleep 1000", get_pty=True)
        process = psutil.Process(int(out.readline()))
        out.channel.close()

        processes.wait_gone([process], TIMEOUT_S)

        assert gone(process)


def test_sudo_runs_the_command_as_it_is(vm: Vm) -> None:
    said = vm.run("sudo -n -E -u root -- A=b sh -c 'echo $A $HOME'")

    assert said.out == f"b {vm.machine.home}\n"


def test_python3_is_new_enough(vm: Vm) -> None:
    said = vm.run("python3 -c 'import sys; print(sys.version_info >= (3, 11), sys.prefix == sys.base_prefix)'")

    assert said.out == "True True\n"


def test_too_long_a_command_is_the_sessions_error_not_the_servers(vm: Vm) -> None:
    with vm.connect() as connection:
        said = run(connection, "echo " + "x" * 140_000)

        assert said.code == 126
        assert run(connection, "echo alive").out == "alive\n"


def test_files_go_both_ways_relative_to_the_home(vm: Vm) -> None:
    with vm.connect() as connection, connection.open_sftp() as sftp:
        with sftp.open("up.txt", "w") as file:
            file.write("content")
        sftp.chmod("up.txt", 0o640)

        assert (vm.machine.home / "up.txt").read_text() == "content"
        assert (vm.machine.home / "up.txt").stat().st_mode & 0o777 == 0o640
        with sftp.open(str(vm.machine.home / "up.txt")) as file:
            assert file.read() == b"content"
        assert sftp.normalize(".") == str(vm.machine.home)


def test_a_connection_has_as_many_sessions_as_sshd_allows(vm: Vm) -> None:
    with vm.connect() as connection:
        transport = connection.get_transport()
        assert transport is not None
        channels = [transport.open_session() for _ in range(10)]

        with pytest.raises(paramiko.ChannelException):
            transport.open_session()
        for channel in channels:
            channel.close()
        with pytest.raises(paramiko.ChannelException):  # answered after the server saw that those are closed
            transport.open_channel("direct-tcpip", ("192.0.2.1", 80), ("127.0.0.1", 0))
        assert run(connection, "echo again").out == "again\n"
