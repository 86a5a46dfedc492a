"""The process that is a local VM: an SSH server on loopback, and the init of what is started over it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncssh
from asyncssh.channel import SSHChannel

from skytf.localvm import halt, rotate
from skytf.localvm.machine import (
    ID_VARIABLE,
    LISTEN_ADDRESS,
    ROOT_VARIABLE,
    SSH_USER,
    Machine,
    Record,
    Tags,
    session_environment,
)
from skytf.localvm.reaper import Reaper
from skytf.localvm.session import Shell

MAX_SESSIONS = 10  # sshd's default per connection
_KEEPALIVE_S = 30
_SFTP_VERSION = 3  # the one that OpenSSH speaks


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the SSH server listens; port 0 is any free one."""

    address: str
    port: int


def serve(environment: Mapping[str, str], *, ready: int, endpoint: Endpoint, ttl_minutes: float) -> int:
    """
    Be the VM that *environment* names, until a SIGTERM or *ttl_minutes* halt it; return the exit code.

    Writes ``READY <port>`` or ``ERROR <why>`` to the descriptor *ready* and closes it.
    """
    machine = Machine.parse(environment[ROOT_VARIABLE], environment[ID_VARIABLE])
    return asyncio.run(_Server(machine, Tags.from_environment(environment)).run(ready, endpoint, ttl_minutes * 60))


class _Server:
    def __init__(self, machine: Machine, tags: Tags) -> None:
        self._machine = machine
        self._tags = tags
        self._connections: set[asyncssh.SSHServerConnection] = set()

    async def run(self, ready: int, endpoint: Endpoint, ttl_s: float) -> int:
        loop = asyncio.get_running_loop()
        halted = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, halted.set)
        # A SIGINT is for whoever sits at a terminal; this process has none.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        shell = Shell(session_environment(self._machine, self._tags), self._machine.home, Reaper(loop))
        try:
            acceptor = await self._listen(shell, endpoint)
        except (OSError, ValueError, asyncssh.Error) as error:  # a port, a key
            _answer(ready, f"ERROR {_why(error, endpoint)}")
            return 1
        loop.add_signal_handler(signal.SIGHUP, rotate.rotate, self._machine, acceptor)
        loop.call_later(ttl_s, halted.set)
        record = Record(
            self._machine.transfer_id,
            self._machine.gateway_id,
            self._tags,
            pid=os.getpid(),
            port=acceptor.get_port(),
            started_s=time.time(),
        )
        record.write(self._machine)
        if not _answer(ready, f"READY {record.port}"):
            halted.set()  # nobody booted us after all
        await halted.wait()
        acceptor.close()
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.to_thread(halt.power_off, self._machine)
        return 0

    async def _listen(self, shell: Shell, endpoint: Endpoint) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            endpoint.address,
            endpoint.port,
            server_factory=lambda: _Connection(self._connections, self._machine.authorized_keys, shell),
            server_host_keys=[str(self._machine.host_key)],
            send_server_host_keys=False,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            gss_host=None,
            keepalive_interval=_KEEPALIVE_S,
        )


class _Connection(asyncssh.SSHServer):
    """One client: one user, public keys only, as many sessions as sshd allows, forwarding to loopback only."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection], authorized_keys: Path, shell: Shell) -> None:
        self._connections = connections
        self._authorized_keys = authorized_keys
        self._shell = shell
        self._connection: asyncssh.SSHServerConnection | None = None
        self.sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        if username == SSH_USER and self._connection is not None:
            self._connection.set_authorized_keys(str(self._authorized_keys))
        return True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes] | bool:
        if self.sessions >= MAX_SESSIONS:
            return False
        return cast("asyncssh.SSHServerSession[bytes]", _Session(self, self._shell))

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,
        orig_port: int,
    ) -> bool:
        return dest_host in (LISTEN_ADDRESS, "localhost")


class _Session(asyncssh.SSHServerProcess[bytes]):
    """A session that its connection counts."""

    def __init__(self, owner: _Connection, shell: Shell) -> None:
        super().__init__(shell.run, _sftp_server, _SFTP_VERSION, allow_scp=False)
        self._owner = owner
        owner.sessions += 1

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.sessions -= 1
        super().connection_lost(exc)


def _sftp_server(channel: SSHChannel[bytes]) -> asyncssh.SFTPServer:
    # Relative paths are relative to this process's working directory, which is the VM's home.
    return asyncssh.SFTPServer(cast("asyncssh.SSHServerChannel[bytes]", channel))


def _answer(ready: int, line: str) -> bool:
    with suppress(BrokenPipeError), os.fdopen(ready, "w") as file:
        file.write(line + "\n")
        file.flush()
        return True
    return False


def _why(error: Exception, endpoint: Endpoint) -> str:
    if isinstance(error, OSError) and endpoint.port:
        return f"port {endpoint.port} of {endpoint.address} cannot be used: {os.strerror(error.errno or 0)}"
    return str(error)
