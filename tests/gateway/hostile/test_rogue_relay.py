"""A relay that says everything twice, and old things again: what arrives is right all the same, and once."""

from __future__ import annotations

import dataclasses
import os
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.program import Step
from gateway.units import KIB
from gateway.wire.peers import Identity
from tests.gateway.hostile import second
from tests.gateway.hostile.second import Connection, Frame, Me
from tests.gateway.pipelines import SMALL, fill, gateway, read_step, send_step, shard_of, tree, write_step
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import SECRETS, Home

TRANSFER = str(SECRETS["transfer_id"])


class Parrot:
    """Gateway ``r`` between ``a`` and ``b``: it has no payload key, and passes every frame and message on twice."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self.port = 0
        self.repeated = 0
        self._me = Me("r", keys["r"], TRANSFER)
        self._keys = {name: second.public_key(key) for name, key in keys.items()}
        self._controls: dict[str, Connection] = {}
        self._writing = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._old: Frame | None = None
        self._sink_port = 0

    def start(self, sink_port: int) -> None:
        """Connect with the sink and wait for the source."""
        self._sink_port = sink_port
        listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(listener)
        self.port = listener.getsockname()[1]
        self._controls["b"] = self._dial(second.CONTROL, 0)
        self._run(self._pass_messages, self._controls["b"], "a")
        self._run(self._accept, listener)

    def close(self) -> None:
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _run(self, act: Any, *arguments: object) -> None:
        def run() -> None:
            with suppress(OSError, second.Closed):
                act(*arguments)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def _dial(self, lane: int, slot: int) -> Connection:
        sock = socket.create_connection(("127.0.0.1", self._sink_port))
        self._sockets.append(sock)
        return second.dial(sock, self._me, "b", self._keys["b"], lane, slot=slot)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            self._sockets.append(sock)
            connection = second.answer(sock, self._me, self._keys)
            if connection.lane == second.CONTROL:
                self._controls["a"] = connection
                self._run(self._pass_messages, connection, "b")
            else:
                self._run(self._pass_frames, connection)

    def _pass_messages(self, connection: Connection, to: str) -> None:
        handled = 0
        while True:
            body = connection.read()
            with self._writing:
                if body[0] == second.MESSAGE:
                    handled += 1
                    self.repeated += 1
                    for _ in range(2):
                        self._controls[to].write(body)
                connection.write(struct.pack(">BQ", second.PING, handled))

    def _pass_frames(self, near: Connection) -> None:
        far = self._dial(second.FORWARD, near.slot)
        while True:
            frame = near.read_frame()
            if frame is None:
                continue
            near.ack(frame)
            old, self._old = self._old, frame
            for repeat in (frame, frame, old):
                if repeat is not None:
                    far.write_frame(repeat)
                    assert far.read() == bytes([second.ACK]) + repeat.frame_id
                    self.repeated += 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("if_exists", ["overwrite", "fail", "skip"])
def test_a_relay_that_repeats_everything_changes_nothing(tmp_path: Path, if_exists: str) -> None:
    fill(tmp_path / "from", small=40, large=[300 * KIB, 700 * KIB, 130 * KIB])
    keys = {name: os.urandom(32) for name in "abr"}
    agreed = dataclasses.replace(SMALL, if_exists=if_exists)
    sink = Step("receive", children=(write_step(tmp_path / "to"),))
    programs = {
        "a": gateway(
            "a", read_step(send_step("r")), dials=["r"], routes={"b": ("r",)}, sinks={"0": ("b",)}, settings=agreed
        ),
        "b": gateway("b", sink, dialled_by=["r"], routes={"a": ("r",)}, settings=agreed),
    }
    homes = {n: Home(tmp_path / n, program, link_private_key=keys[n].hex()) for n, program in programs.items()}
    parrot = Parrot(keys)
    try:
        abouts = {name: home.start() for name, home in homes.items()}
        clients = {name: Client(about["control_port"]) for name, about in abouts.items()}
        address = {"gateway": "r", "public_key": Identity(keys["r"]).public_key.hex(), "host": "127.0.0.1"}
        assert clients["b"].ask("PUT", "/v1/peers", [address | {"port": 1}])[0] == 204
        parrot.start(abouts["b"]["data_port"])
        assert clients["a"].ask("PUT", "/v1/peers", [address | {"port": parrot.port}])[0] == 204
        assert clients["a"].ask("POST", "/v1/shards?wait_s=10", shard_of(tmp_path / "from"))[0] == 202
        seen = []
        for event in clients["a"].events():
            seen.append(event["kind"])
            if event["kind"] == "shard_done":
                break
    finally:
        for home in homes.values():
            home.command("stop")
        parrot.close()

    assert parrot.repeated > 20
    assert not {"failed", "fatal"} & set(seen)
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
