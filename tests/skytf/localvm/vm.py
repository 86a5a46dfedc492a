"""A local VM for a test, booted as Terraform's provisioner boots it, and strict SSH connections to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import paramiko
import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skytf.localvm import processes
from skytf.localvm.machine import Machine, Record

TIMEOUT_S = 20


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key as ssh-keygen writes it; ``public`` is one line without comment."""

    private: str
    public: str

    @classmethod
    def generate(cls) -> KeyPair:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return cls(private.decode(), public.decode())


@dataclass(frozen=True)
class Said:
    """What a command said over SSH."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Vm:
    """A VM's identity, and what opens it."""

    machine: Machine
    host: KeyPair
    client: KeyPair
    port_file: Path
    ssh_port: int = 0
    ttl_minutes: float = 60.0
    listen_address: str = "127.0.0.1"

    @classmethod
    def prepare(cls, directory: Path, name: str = "t1/gw-0", **settings: float | int | str) -> Vm:
        machine = Machine.parse(directory / "local", name)
        return cls(
            machine, KeyPair.generate(), KeyPair.generate(), directory / f"{machine.gateway_id}.port", **settings
        )

    @property
    def environment(self) -> dict[str, str]:
        """What terraform/local puts into the environment of its create provisioner."""
        return {
            "PATH": os.environ["PATH"],
            "SKYTF_LOCAL_ROOT": str(self.machine.root),
            "SKYTF_VM_AUTHORIZED_KEY": self.client.public,
            "SKYTF_VM_EXPIRES_AT": "2040-01-01T00:00:00Z",
            "SKYTF_VM_HOST_KEY": self.host.private,
            "SKYTF_VM_ID": self.machine.vm_id,
            "SKYTF_VM_LISTEN_ADDRESS": self.listen_address,
            "SKYTF_VM_OWNER": "tester",
            "SKYTF_VM_PORT_FILE": str(self.port_file),
            "SKYTF_VM_SSH_PORT": str(self.ssh_port),
            "SKYTF_VM_TAGS": json.dumps({"purpose": "test"}),
            "SKYTF_VM_TTL_MINUTES": str(self.ttl_minutes),
        }

    def boot(self) -> subprocess.CompletedProcess[str]:
        return self._command("boot", env=self.environment)

    def halt(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "SKYTF_LOCAL_ROOT": str(self.machine.root)}
        return self._command("halt", self.machine.vm_id, "--port-file", str(self.port_file), env=environment)

    @property
    def port(self) -> int:
        return int(self.port_file.read_text())

    @property
    def server(self) -> psutil.Process:
        record = Record.read(self.machine)
        assert record is not None
        return psutil.Process(record.pid)

    @contextmanager
    def connect(
        self, host_key: str = "", *, client: KeyPair | None = None, user: str = "skytf"
    ) -> Iterator[paramiko.SSHClient]:
        """Connect to the server if it has *host_key* (the bootstrap one by default), with the key *client*."""
        with ssh(self.port, host_key or self.host.public, (client or self.client).private, user=user) as connection:
            yield connection

    def run(self, command: str) -> Said:
        with self.connect() as connection:
            return run(connection, command)

    def leftovers(self) -> list[str]:
        """Return what is left of the VM: processes and files."""
        found = [f"process {pid} {process.name()}" for pid, process in processes.members(self.machine).items()]
        return found + [str(path) for path in (self.machine.directory, self.port_file) if path.exists()]

    def _command(self, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "skytf.localvm", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@contextmanager
def ssh(
    port: int, host_key: str, private_key: str, *, user: str = "skytf", host: str = "127.0.0.1"
) -> Iterator[paramiko.SSHClient]:
    """Connect to *port* of *host* strictly: only to a server with *host_key*, only with *private_key*."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    kind, encoded = host_key.split()[:2]
    key = paramiko.PKey.from_type_string(kind, paramiko.hostkeys.decodebytes(encoded.encode()))
    client.get_host_keys().add(f"[{host}]:{port}", kind, key)
    connection = socket.create_connection((host, port), TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # four times faster commands
    try:
        client.connect(
            host,
            port,
            username=user,
            pkey=paramiko.Ed25519Key.from_private_key(StringIO(private_key)),
            allow_agent=False,
            look_for_keys=False,
            timeout=TIMEOUT_S,
            sock=connection,
        )
        yield client
    finally:
        client.close()
        connection.close()


def gone(process: psutil.Process) -> bool:
    """Return whether *process* has ended; a zombie has, where nobody reaps orphans."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def run(client: paramiko.SSHClient, command: str, *, stdin: bytes = b"", pty: bool = False) -> Said:
    """Run *command* in a session of its own."""
    writer, out, err = client.exec_command(command, timeout=TIMEOUT_S, get_pty=pty)
    with writer, out, err:
        if stdin:
            writer.write(stdin)
        if not pty:
            writer.channel.shutdown_write()
        text, errors = out.read().decode(), err.read().decode()
        return Said(out.channel.recv_exit_status(), text, errors)
