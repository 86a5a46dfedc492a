"""One gateway as deployed: a daemon of its own, its program on disk, its secrets on stdin, its control API."""

from __future__ import annotations

import http.client
import io
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from gateway.program import Program, encode
from gateway.wire.link import Identity

_TICKS_NS = 1e9


class Daemon:
    """A gateway of a benchmark: started, asked, stopped."""

    def __init__(self, home: Path, program: Program, *, transfer_id: str, payload_key: str | None) -> None:
        self.name = program.gateway
        self.identity = Identity.generate()
        self.about: dict[str, Any] = {}
        self._directory = home / self.name
        self._directory.mkdir(parents=True)
        (self._directory / "program.json").write_bytes(encode(program))
        self._token = secrets.token_hex(16)
        self._secrets = {
            "transfer_id": transfer_id,
            "link_private_key": self.identity.private_key.hex(),
            "token": self._token,
            "payload_key": payload_key,
        }

    @property
    def pid(self) -> int:
        """The process."""
        return int(self.about["pid"])

    def start(self, prefix: Sequence[str] = ()) -> None:
        """Start the daemon and wait for its READY line; *prefix* stands before the command, such as ``taskset``."""
        command = [*prefix, sys.executable, "-m", "gateway", "start", str(self._directory)]
        text = json.dumps(self._secrets)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if not done.stdout.startswith("READY "):
            raise RuntimeError(f"{self.name} did not start: {done.stdout}{done.stderr}")
        self.about = json.loads(done.stdout.removeprefix("READY "))

    def address(self, host: str = "127.0.0.1") -> dict[str, Any]:
        """Return what the others are told of this gateway."""
        return {
            "gateway": self.name,
            "public_key": self.identity.public_key.hex(),
            "host": host,
            "port": self.about["data_port"],
        }

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the control API and return its JSON, None where it has none to say."""
        connection = self._connect()
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, self._headers())
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{self.name} answers {response.status}: {answer.decode()}")
        return json.loads(answer) if answer else None

    def events(self) -> Generator[dict[str, Any], None, None]:
        """Yield the gateway's events from the first that it still has, as they come, until the iterator is closed."""
        connection = self._connect()
        try:
            connection.request("GET", "/v1/events?after=0", headers=self._headers())
            for line in io.TextIOWrapper(connection.getresponse()):
                if line.strip():
                    yield json.loads(line)
        finally:
            connection.close()

    def cpu_s(self) -> float:
        """Return the seconds that its threads have had a core."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / _TICKS_NS

    def memory_bytes(self) -> dict[str, int]:
        """Return what the kernel says of its memory, such as ``VmRSS`` and ``VmHWM`` (the most it ever was)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = [line.split() for line in lines if line.endswith(" kB")]
        return {name.rstrip(":"): int(kib) * 1024 for name, kib, _ in fields}

    def stop(self) -> None:
        """Stop it in order, if it runs."""
        if self.about:
            command = [sys.executable, "-m", "gateway", "stop", str(self._directory)]
            subprocess.run(command, check=True, capture_output=True)
            self.about = {}

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.about["control_port"], timeout=120)


def cpu_count() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))
