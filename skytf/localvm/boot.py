"""Boot a local VM: lay out its directory, start its SSH server, wait until that listens."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from skytf.errors import HostError, InputError
from skytf.localvm.machine import LISTEN_ADDRESS, ROOT_VARIABLE, Machine, Record, Tags, session_environment

# A start takes a quarter of a second; a machine that is a hundred times slower is out of order.
_BOOT_TIMEOUT_S = 60
_LOG_TAIL_BYTES = 2000

# What of sudo's options a script might use; the user is the operator's own anyway.
_SUDO = """\
#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -p|-u|-g|-C|-h|-r|-t|-T) shift; [ $# -gt 0 ] && shift ;;
    --) shift; break ;;
    -*) shift ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || exit 0
exec env -- "$@"
"""


@dataclass(frozen=True, slots=True)
class Order:
    """
    What Terraform's provisioner asks for.

    ``ssh_port`` 0 lets the machine choose; ``listen_address`` is one of loopback's.
    """

    machine: Machine
    tags: Tags
    authorized_key: str
    host_key: str = field(repr=False)
    port_file: Path
    ssh_port: int
    ttl_minutes: float
    listen_address: str = LISTEN_ADDRESS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, now_s: float) -> Order:
        """
        Return the order that the provisioner's environment describes.

        Raises:
            InputError: A variable is missing, or does not mean what it should.
        """
        try:
            ttl_minutes = float(environment["SKYTF_VM_TTL_MINUTES"])
            expires_at = environment["SKYTF_VM_EXPIRES_AT"]
            expires_s = datetime.fromisoformat(expires_at).timestamp() if expires_at else now_s + ttl_minutes * 60
            return cls(
                machine=Machine.parse(environment[ROOT_VARIABLE], environment["SKYTF_VM_ID"]),
                tags=Tags(environment["SKYTF_VM_OWNER"], expires_s, json.loads(environment["SKYTF_VM_TAGS"])),
                authorized_key=environment["SKYTF_VM_AUTHORIZED_KEY"],
                host_key=environment["SKYTF_VM_HOST_KEY"],
                port_file=Path(environment["SKYTF_VM_PORT_FILE"]),
                ssh_port=int(environment["SKYTF_VM_SSH_PORT"]),
                ttl_minutes=ttl_minutes,
                listen_address=environment.get("SKYTF_VM_LISTEN_ADDRESS", LISTEN_ADDRESS),
            )
        except KeyError as error:
            raise InputError(
                f"a local VM cannot be booted without the variable {error.args[0]}",
                hint="let terraform/local boot it, with the environment of skytf.clouds.local",
            ) from error
        except ValueError as error:
            raise InputError(f"a local VM cannot be booted: {error}") from error


def boot(order: Order) -> int:
    """
    Return the port of the SSH server of the VM that *order* describes, once it listens.

    A VM that runs already is left as it is. On failure nothing is left.

    Raises:
        HostError: The server could not be started; the message says why.
    """
    machine = order.machine
    port = _port_if_running(machine)
    if port is None:
        try:
            _lay_out(order)
            port = _start_server(order)
        except BaseException:
            _clean(machine)
            raise
    try:
        order.port_file.write_text(f"{port}\n")
    except OSError as error:
        _clean(machine)
        raise HostError(
            f"local VM {machine.vm_id}: its port cannot be written to {order.port_file}: {error}"
        ) from error
    return port


def _port_if_running(machine: Machine) -> int | None:
    if not machine.directory.exists():
        return None
    # Only a second boot comes here: the first one need not pay for the import.
    from skytf.localvm import halt, processes

    record = Record.read(machine)
    if record is not None and record.pid in processes.members(machine):
        return record.port
    halt.halt(machine)
    return None


def _clean(machine: Machine) -> None:
    from skytf.localvm import halt

    halt.halt(machine)


def _lay_out(order: Order) -> None:
    machine = order.machine
    _make_private(machine)
    for directory in (machine.home, machine.bin, machine.tmp, machine.host_key.parent):
        directory.mkdir(mode=0o700)
    for path, text in ((machine.host_key, order.host_key), (machine.authorized_keys, order.authorized_key)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text.rstrip("\n") + "\n")
    python = f"{shlex.quote(sys.executable)} -P -m skytf.localvm"
    where = f"{shlex.quote(str(machine.root))} {machine.vm_id}"
    scripts = {
        "sudo": _SUDO,
        "skytf-rotate-host-key": f"#!/bin/sh\nexec {python} rotate-host-key {where}\n",
        "skytf-shape": f'#!/bin/sh\nexec {python} shape "$@"\n',
    }
    for name, text in scripts.items():
        (machine.bin / name).write_text(text)
        (machine.bin / name).chmod(0o700)
    # VM images are chosen to bring a Python that is new enough; this machine's own may be older, or have another name.
    (machine.bin / "python3").symlink_to(Path(sys.executable).resolve())


def _make_private(machine: Machine) -> None:
    machine.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    while not machine.directory.is_dir():
        with suppress(FileNotFoundError):  # halting another VM removed a parent that it left empty
            for directory in (*reversed(machine.directory.parents[:2]), machine.directory):
                directory.mkdir(mode=0o700, exist_ok=True)


def _start_server(order: Order) -> int:
    machine = order.machine
    receive, send = os.pipe()
    command = [sys.executable, "-P", "-m", "skytf.localvm", "serve", "--ready-fd", str(send)]
    command += ["--address", order.listen_address, "--ssh-port", str(order.ssh_port)]
    command += ["--ttl-minutes", str(order.ttl_minutes)]
    environment = session_environment(machine, order.tags)
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]  # where skytf is, if it is not installed
    with machine.log.open("wb") as log, os.fdopen(receive) as answer:
        # A session of its own and no inherited pipe: Ctrl-C in the terminal is not for it, and Terraform need not wait.
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=machine.home,
            env=environment,
            start_new_session=True,
            pass_fds=(send,),
        )
        os.close(send)
        if not select.select([answer], [], [], _BOOT_TIMEOUT_S)[0]:
            raise HostError(f"local VM {machine.vm_id} did not begin to answer within {_BOOT_TIMEOUT_S} s")
        word, _, rest = answer.read().strip().partition(" ")
    if word == "READY":
        return int(rest)
    why = rest or machine.log.read_text(errors="replace")[-_LOG_TAIL_BYTES:].strip() or "its SSH server ended at once"
    raise HostError(f"local VM {machine.vm_id} could not be booted: {why}")
