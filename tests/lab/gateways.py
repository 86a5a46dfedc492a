"""Gateways as deployed: daemons in directories of their own, on a host or on this machine's loopback."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from gateway.program import Program, encode, steps
from gateway.shard import Shard
from gateway.stores.base import Credentials
from gateway.wire.peers import Identity
from tests.lab.hosts import Host

_CARRIERS = frozenset({"receive", "send", "mux_and", "mux_or"})
TOKEN = "token"
ANSWER_S = 60.0


class Gateway:
    """
    One gateway, started and killed as often as a test likes: its keys and its directory stay.

    ``seen`` holds its events with the time (`time.monotonic`) at which they came. ``launcher`` and ``env`` say how
    Python starts it.
    """

    def __init__(self, directory: Path, program: Program, keys: Keys, host: Host | None = None) -> None:
        self.name = program.gateway
        self.host = host
        self.directory = directory
        self.identity = Identity.generate()
        self.launcher: Sequence[str] = ("-m", "gateway")
        self.env: Mapping[str, str] = {}
        self.news = threading.Condition()
        self.seen: list[tuple[float, dict[str, Any]]] = []
        relay = all(step.op in _CARRIERS for group in program.groups for step in steps(group.head))
        self._secrets = {
            **keys.named(),
            "link_private_key": self.identity.private_key.hex(),
            "payload_key": None if relay else keys.payload_key,
        }
        self._follower: threading.Thread | None = None
        self._stream: http.client.HTTPConnection | None = None
        self._about: dict[str, Any] = {}
        directory.mkdir(parents=True)
        (directory / "program.json").write_bytes(encode(program))
        listen_host = "127.0.0.1" if host is None else "0.0.0.0"
        (directory / "daemon.json").write_text(json.dumps({"listen_host": listen_host}))

    @property
    def pid(self) -> int:
        """The process id of the daemon."""
        return int(self._about["pid"])

    @property
    def data_port(self) -> int:
        """Where the daemon listens for its peers."""
        return int(self._about["data_port"])

    def start(self) -> None:
        """Start the daemon by ``python LAUNCHER start DIRECTORY``, and begin to follow its events."""
        prefix = () if self.host is None else self.host.prefix
        done = subprocess.run(
            [*prefix, sys.executable, *self.launcher, "start", str(self.directory)],
            input=json.dumps(self._secrets),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.env},
        )
        assert done.stdout.startswith("READY "), f"{self.name} did not start: {done.stdout}{done.stderr}"
        self._about = json.loads(done.stdout.removeprefix("READY "))
        self._follower = threading.Thread(target=self._follow, name=f"events of {self.name}")
        self._follower.start()

    def address(self, host: str, port: int = 0) -> dict[str, Any]:
        """Return what a peer is told of this gateway."""
        named = {"gateway": self.name, "public_key": self.identity.public_key.hex()}
        return {**named, "host": host, "port": port or self.data_port}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the control API and return its answer."""
        connection = self._connection()
        try:
            text = None if body is None else msgspec.json.encode(body)
            connection.request(method, path, text, {"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            answer = response.read()
            assert response.status < 400, f"{self.name} answers {response.status}: {answer.decode()}"
            return json.loads(answer) if answer else None
        finally:
            connection.close()

    def take(self, shard: Shard) -> None:
        """Hand *shard* over."""
        self.call("POST", "/v1/shards?wait_s=10", shard)

    def wait(self, kind: str, after_s: float = 0.0, timeout_s: float = ANSWER_S, **fields: object) -> float:
        """Wait for an event of *kind* with *fields* that came after *after_s*; return when it came."""

        def found() -> float | None:
            for at_s, event in self.seen:
                if at_s >= after_s and event["kind"] == kind and fields.items() <= event.items():
                    return at_s
            return None

        return self._wait(found, timeout_s, f"{kind} {fields or ''}")

    def wait_for_objects(self, count: int, timeout_s: float = ANSWER_S) -> None:
        """Wait until at least *count* objects were confirmed."""

        def enough() -> float | None:
            confirmed = sum(event["objects"] for _, event in self.seen if event["kind"] == "mark")
            return float(confirmed) if confirmed >= count else None

        self._wait(enough, timeout_s, f"{count} objects")

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of *kind* so far."""
        return [event for _, event in list(self.seen) if event["kind"] == kind]

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal; after SIGKILL it is gone when this returns."""
        os.kill(self.pid, number)
        if number is signal.SIGKILL:
            self._wait_until_gone()

    def starved_s(self) -> float:
        """Return for how long its threads, in sum, have been ready to run and had no core."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9

    def kill(self) -> None:
        """End the daemon as a power cut would; nothing of it is left when this returns."""
        self.signal(signal.SIGKILL)
        self._about = {}

    def close(self) -> None:
        """Stop the daemon if it runs: in order, and else with SIGKILL. Joins the follower."""
        if self._about:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)
        # Also where no READY line was seen: whoever waited for it may have been interrupted.
        command = [sys.executable, "-m", "gateway", "stop", str(self.directory)]
        subprocess.run(command, capture_output=True, check=bool(self._about))
        if self._follower is not None:
            self._follower.join()

    def _wait_until_gone(self) -> None:
        with (self.directory / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if self._follower is not None:
            self._follower.join()

    def _wait(self, found: Callable[[], float | None], timeout_s: float, what: str) -> float:
        with self.news:
            value: float | None = None

            def ready() -> bool:
                nonlocal value
                value = found()
                return value is not None

            last = [event for _, event in self.seen[-5:]]
            assert self.news.wait_for(ready, timeout_s), f"{self.name}: no {what} in {timeout_s} s, last {last}"
            assert value is not None
            return value

    def _follow(self) -> None:
        connection = self._connection(timeout_s=None)
        try:
            connection.request("GET", "/v1/events?after=0", headers={"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            while line := response.readline():
                if line.strip():
                    with self.news:
                        self.seen.append((time.monotonic(), json.loads(line)))
                        self.news.notify_all()
        except (OSError, http.client.HTTPException):
            pass  # it was killed, which the test knows
        finally:
            connection.close()

    def _connection(self, timeout_s: float | None = ANSWER_S) -> http.client.HTTPConnection:
        port = int(self._about["control_port"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        if self.host is not None:
            connection.sock = self.host.connect(port, timeout_s)
        return connection


class Keys:
    """The secrets that the gateways of one transfer share."""

    def __init__(self, credentials: Mapping[str, Credentials] | None = None) -> None:
        self.payload_key = secrets.token_hex(32)
        self._credentials = credentials or {}
        self._transfer_id = f"lab-{secrets.token_hex(4)}"
        self._started_s = time.time()

    def named(self) -> dict[str, Any]:
        """Return the secrets that every gateway has, under the names of the document."""
        return {
            "transfer_id": self._transfer_id,
            "token": TOKEN,
            "transfer_started_s": self._started_s,
            "credentials": {
                name: {"access_key": one.access_key, "secret_key": one.secret_key}
                for name, one in self._credentials.items()
            },
        }


class Gateways:
    """
    Several gateways, each on the host of its name, or all on loopback where there are no *hosts*.

    *address* returns under which host and port *seen_by* dials a gateway: its host's address, or a relay between them.
    """

    def __init__(
        self,
        home: Path,
        programs: Iterable[Program],
        *,
        address: Callable[[Gateway, str], tuple[str, int]] = lambda one, _: ("127.0.0.1", one.data_port),
        hosts: Mapping[str, Host] | None = None,
        keys: Keys | None = None,
    ) -> None:
        self._address = address
        keys = keys or Keys()
        self._gateways = {
            program.gateway: Gateway(home / program.gateway, program, keys, (hosts or {}).get(program.gateway))
            for program in programs
        }

    def __enter__(self) -> Gateways:
        try:
            for one in self._gateways.values():
                one.start()
            self.introduce()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __getitem__(self, name: str) -> Gateway:
        return self._gateways[name]

    def introduce(self, *names: str) -> None:
        """Tell the gateways *names* (all, without any) where the others are."""
        for name in names or tuple(self._gateways):
            told = [
                other.address(*self._address(other, name)) for other in self._gateways.values() if other.name != name
            ]
            self[name].call("PUT", "/v1/peers", told)

    def _close(self) -> None:
        for one in self._gateways.values():
            one.close()
