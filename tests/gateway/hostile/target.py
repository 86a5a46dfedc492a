"""Two real daemons that move files between them, so that others can try to stop the second one."""

from __future__ import annotations

import os
import socket
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType

import psutil

from gateway.program import Step
from gateway.units import KIB, MIB
from gateway.wire.peers import Identity
from tests.gateway.pipelines import SMALL, fill, gateway, read_step, send_step, shard_of, tree, write_step
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import Home

# Stacks of 64 threads in a handshake, what they log, and what the allocator keeps of both.
STRANGERS_MAY_COST_BYTES = 32 * MIB


class Target(AbstractContextManager["Target"]):
    """
    Gateway ``a`` reads files and sends them to ``b``, which writes them: the target. ``m`` is a peer of ``b``, too.

    ``m`` is no process: a test that holds its key may play it.
    """

    def __init__(self, home: Path) -> None:
        self._files, self.copies_path = home / "from", home / "to"
        fill(self._files, small=60, large=[700 * KIB, 300 * KIB, 2 * MIB])
        self.keys = {name: os.urandom(32) for name in "abm"}
        sink = Step("receive", children=(write_step(self.copies_path),))
        programs = {
            "a": gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)}, settings=SMALL),
            "b": gateway("b", sink, dialled_by=["a", "m"], settings=SMALL),
        }
        self._homes = {
            name: Home(home / name, program, link_private_key=self.keys[name].hex())
            for name, program in programs.items()
        }
        self._clients: dict[str, Client] = {}
        self._moved = 0
        self._exit = ExitStack()

    def __enter__(self) -> Target:
        self._abouts = {name: self._start(name) for name in ("b", "a")}
        self._clients = {name: Client(about["control_port"]) for name, about in self._abouts.items()}
        self.port: int = self._abouts["b"]["data_port"]
        self.process = psutil.Process(self._abouts["b"]["pid"])
        self._introduce("b")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def log(self) -> str:
        """What the target has written to its log."""
        return (self._homes["b"].directory / "log").read_text()

    def state(self) -> str:
        """Return what the target says of itself: ``failed`` is what nobody may make it."""
        return str(self._clients["b"].ask("GET", "/v1/status")[1]["state"])

    def let_the_source_in(self, port: int = 0) -> None:
        """Tell the source where the target is, or that it is at *port*; from now on it dials."""
        self._introduce("a", port)

    def move(self) -> None:
        """Move all files, as often as this is called; fails unless every byte arrives."""
        self._moved += 1
        name = f"job/{self._moved}"
        events = self._clients["a"].events()
        status, answer = self._clients["a"].ask("POST", "/v1/shards?wait_s=10", shard_of(self._files, name=name))
        assert status == 202, answer
        for event in events:
            assert event["kind"] not in {"failed", "fatal"}, event
            if event["kind"] == "shard_done" and event["shard_id"] == name:
                break
        arrived = self.copies()
        assert {name: arrived[name] for name in tree(self._files)} == tree(self._files)

    def copies(self) -> dict[str, bytes]:
        """Return what the target has written."""
        return tree(self.copies_path)

    def dial(self, host: str = "127.0.0.1") -> socket.socket:
        """Return a connection with the target that comes from the address *host* of this machine."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(host, 0))

    def _start(self, name: str) -> dict[str, int]:
        about = self._homes[name].start()
        self._exit.callback(self._homes[name].command, "stop")
        return about

    def _introduce(self, name: str, port: int = 0) -> None:
        addresses = [
            {
                "gateway": other,
                "public_key": Identity(key).public_key.hex(),
                "host": "127.0.0.1",
                "port": port or (self._abouts[other]["data_port"] if other in self._abouts else 1),
            }
            for other, key in self.keys.items()
        ]
        assert self._clients[name].ask("PUT", "/v1/peers", addresses)[0] == 204


class Peak:
    """The most memory, threads and descriptors that a process has had since this was made, read whenever asked."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.rss_bytes = self.threads = self.descriptors = 0
        self.look()
        self.before_bytes = self.rss_bytes

    @property
    def grown_bytes(self) -> int:
        """How much the process has grown at most."""
        return self.rss_bytes - self.before_bytes

    def look(self) -> None:
        """Read the process once more."""
        self.rss_bytes = max(self.rss_bytes, self._process.memory_info().rss)
        self.threads = max(self.threads, self._process.num_threads())
        self.descriptors = max(self.descriptors, self._process.num_fds())
