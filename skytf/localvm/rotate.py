"""Replace a VM's host key while it runs; the server makes the new one, and connections that are open keep theirs."""

from __future__ import annotations

import fcntl
import os
import select
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skytf.errors import HostError
from skytf.localvm import processes
from skytf.localvm.machine import Machine, Record

if TYPE_CHECKING:
    import asyncssh

_PATIENCE_MS = 10_000


def rotate(machine: Machine, acceptor: asyncssh.SSHAcceptor) -> None:
    """Make a host key, use it for new connections, then say the public one to whoever asked; runs in the server."""
    import asyncssh  # noqa: PLC0415 - the command that asks need not pay for it

    key = asyncssh.generate_private_key("ssh-ed25519")
    part = machine.host_key.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.export_private_key("openssh"))
    part.replace(machine.host_key)
    acceptor.update(server_host_keys=[key])
    with suppress(OSError):  # nobody waits: it was a plain SIGHUP
        answer = os.open(_fifo(machine), os.O_WRONLY | os.O_NONBLOCK)
        with os.fdopen(answer, "wb") as file:
            file.write(key.export_public_key("openssh").strip() + b"\n")


def request(machine: Machine) -> str:
    """
    Have the server of *machine* rotate its host key; return the new public key, one line, once it is in use.

    Raises:
        HostError: The server is gone or does not answer.
    """
    with machine.host_key.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one rotation at a time, so that every answer reaches who asked
        fifo = _fifo(machine)
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo, 0o600)
        # Open for writing too: a reader alone would wait for a server that may have died.
        answer = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            return _ask(machine, answer)
        finally:
            os.close(answer)
            fifo.unlink()


def _ask(machine: Machine, answer: int) -> str:
    record = Record.read(machine)
    server = None if record is None else processes.server(machine, record.pid)
    if server is None:
        raise HostError(f"local VM {machine.vm_id} has no server to ask for a new host key")
    server.send_signal(signal.SIGHUP)
    poll = select.poll()
    poll.register(answer, select.POLLIN)
    if not poll.poll(_PATIENCE_MS):
        raise HostError(f"local VM {machine.vm_id}: its server did not rotate the host key", hint=f"see {machine.log}")
    return os.read(answer, select.PIPE_BUF).decode().strip()


def _fifo(machine: Machine) -> Path:
    return machine.host_key.with_suffix(".rotated")
