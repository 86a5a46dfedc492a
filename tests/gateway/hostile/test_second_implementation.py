"""docs/wire.md is enough: an implementation that knows nothing else talks with real gateways, as sink and source."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.units import KIB
from tests.gateway.hostile import second
from tests.gateway.hostile.second import Connection, Me, Payload
from tests.gateway.hostile.target import Target
from tests.gateway.pipelines import fill, gateway, key_of, read_step, send_step, shard_of, tree
from tests.gateway.test_control import Client
from tests.gateway.test_daemon import SECRETS, Home

PAGE = Path(__file__).parents[3] / "docs" / "wire.md"
TRANSFER = str(SECRETS["transfer_id"])
PAYLOAD = Payload(bytes.fromhex(str(SECRETS["payload_key"])), TRANSFER)
COMPLETING = -2


class SecondSink:
    """Gateway ``b`` of the second implementation: takes what ``a`` sends and keeps it in memory."""

    def __init__(self, source_key: bytes) -> None:
        self.private = os.urandom(32)
        self.objects: dict[str, bytes] = {}
        self.kinds: set[str] = set()
        self.failures: list[BaseException] = []
        self._keys = {"a": second.public_key(source_key)}
        self._parts: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
        self._connected = threading.Event()
        self._writing = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        for sock in list(self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in list(self._threads):
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            connection = second.answer(sock, Me("b", self.private, TRANSFER), self._keys)
            (self._control if connection.lane == second.CONTROL else self._frames)(connection)
        except (second.Closed, OSError):
            return
        except BaseException as error:
            self.failures.append(error)
            raise

    def _control(self, connection: Connection) -> None:
        self._messages, handled = connection, 0
        self._connected.set()
        while True:
            body = connection.read()
            if body[0] == second.MESSAGE:
                handled += 1
                self._answer(*PAYLOAD.open_message(body))
            else:
                assert body[0] == second.PING
            self._write(struct.pack(">BQ", second.PING, handled))

    def _write(self, body: bytes) -> None:
        self._connected.wait()
        with self._writing:
            self._messages.write(body)

    def _frames(self, connection: Connection) -> None:
        while True:
            frame = connection.read_frame()
            assert frame is not None
            assert (frame.partition, frame.source, frame.destinations) == ("job", "a", [0])
            receipts = []
            for (object_id, key, offset, size_bytes, number, whole_bytes, tokens, _, _), plain in PAYLOAD.open_frame(
                frame
            ):
                if number:
                    self._parts[tokens[0]][offset] = plain
                else:
                    assert whole_bytes == size_bytes
                    self.objects[key] = plain
                digest = second.crc64nvme(plain)
                receipts.append([object_id, number, "etag", size_bytes, digest, tokens.get(0, ""), False, False])
            connection.ack(frame)
            self._write(PAYLOAD.seal_message("a", "b", "receipt", [receipts, "job", 0]))

    def _answer(self, to: str, sender: str, kind: str, body: list[Any]) -> None:
        assert (to, sender) == ("b", "a")
        self.kinds.add(kind)
        if kind == "open":
            object_id, attempt, key, _, _, _, partition, destination = body
            answer = [object_id, attempt, f"to/{key}", f"upload of {key}", False, False, partition, destination]
            self._write(PAYLOAD.seal_message("a", "b", "opened", answer))
        elif kind == "complete":
            object_id, attempt, key, token, parts, _, size_bytes, digest, _, partition, destination = body
            self.objects[key] = b"".join(plain for _, plain in sorted(self._parts.pop(token).items()))
            assert (len(self.objects[key]), second.crc64nvme(self.objects[key])) == (size_bytes, digest)
            assert sum(part[2] for part in parts) == size_bytes
            answer = [object_id, attempt, size_bytes, digest, False, partition, destination]
            self._write(PAYLOAD.seal_message("a", "b", "completed", answer))


@pytest.mark.timeout(60)  # a wrong page may well end in silence
def test_a_sink_after_the_page_gets_every_byte_of_a_real_source(tmp_path: Path) -> None:
    fill(tmp_path / "from", small=30, large=[300 * KIB, 130 * KIB])
    private = os.urandom(32)
    program = gateway("a", read_step(send_step("b")), dials=["b"], sinks={"0": ("b",)})
    home, sink = Home(tmp_path / "a", program, link_private_key=private.hex()), SecondSink(private)
    try:
        client = Client(home.start()["control_port"])
        address = {"gateway": "b", "public_key": second.public_key(sink.private).hex(), "host": "127.0.0.1"}
        assert client.ask("PUT", "/v1/peers", [address | {"port": sink.port}])[0] == 204
        assert client.ask("POST", "/v1/shards?wait_s=10", shard_of(tmp_path / "from"))[0] == 202
        seen = [event["kind"] for event in _until_done(client)]
    finally:
        home.command("stop")
        sink.close()

    assert not sink.failures
    assert not {"failed", "fatal"} & set(seen)
    assert sink.objects == tree(tmp_path / "from")
    assert {"open", "complete"} <= sink.kinds


def _until_done(client: Client) -> Iterator[dict[str, Any]]:
    for event in client.events():
        yield event
        if event["kind"] == "shard_done":
            return


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as target:
        yield target


class SecondSource:
    """Gateway ``m`` of the second implementation, with one connection for messages and one for frames."""

    _heard: ClassVar[set[bytes]] = set()

    def __init__(self, target: Target) -> None:
        me, key = Me("m", target.keys["m"], TRANSFER), second.public_key(target.keys["b"])
        self.control = second.dial(target.dial(), me, "b", key, second.CONTROL)
        self.frames = second.dial(target.dial(), me, "b", key, second.FORWARD)

    def __enter__(self) -> SecondSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.control.close()
        self.frames.close()

    def ask(self, kind: str, body: list[Any]) -> tuple[str, list[Any]]:
        """Send a message and return the kind and the body of the next that comes."""
        self.control.write(PAYLOAD.seal_message("b", "m", kind, body))
        return self.hear()

    def hear(self) -> tuple[str, list[Any]]:
        """Return the next message that is no repeat: a new connection repeats what the last one did not confirm."""
        while (body := self.control.read()) in self._heard or body[0] != second.MESSAGE:
            assert body[0] in {second.PING, second.MESSAGE}
        self._heard.add(body)
        to, sender, kind, letter = PAYLOAD.open_message(body)
        assert (to, sender) == ("m", "b")
        return kind, letter

    def send(self, pieces: list[tuple[list[Any], bytes]], **seal: int) -> tuple[str, list[Any]]:
        """Send a frame, wait for its acknowledgement, and return the next message."""
        frame = PAYLOAD.make_frame("job", "m", pieces, 32 * KIB, **seal)
        self.frames.write_frame(frame)
        assert self.frames.read() == bytes([second.ACK]) + frame.frame_id
        return self.hear()


@pytest.mark.parametrize("cipher", [0, 1])
@pytest.mark.parametrize("codec", [0, 1, 2])
def test_a_source_after_the_page_writes_objects_through_a_real_sink(target: Target, codec: int, cipher: int) -> None:
    content = {f"small {codec}{cipher}": b"text " * 1000, f"empty {codec}{cipher}": b""}
    pieces = [
        ([f"id of {key}", key, 0, len(plain), 0, len(plain), {}, {"mtime_s": 1e9}, False], plain)
        for key, plain in content.items()
    ]

    with SecondSource(target) as source:
        kind, (receipts, partition, destination) = source.send(pieces, codec=codec, cipher=cipher)

    assert (kind, partition, destination) == ("receipt", "job", 0)
    assert [receipt[:2] + receipt[3:7] for receipt in receipts] == [
        [f"id of {key}", 0, len(plain), second.crc64nvme(plain), "", False] for key, plain in content.items()
    ]
    assert content.items() <= target.copies().items()


def test_a_source_after_the_page_writes_a_large_object_in_chunks(target: Target) -> None:
    plain, half = os.urandom(100_000), 50_000
    with SecondSource(target) as source:
        kind, opened = source.ask("open", ["id", 1, "large one", len(plain), {}, False, "job", 0])
        assert (kind, opened[:2], opened[-2:]) == ("opened", ["id", 1], ["job", 0])
        assert opened[2] == f"{key_of(target.copies_path)}/large one"
        token = opened[3]
        parts = []
        for number, offset in ((1, 0), (2, half)):
            piece = ["id", "large one", offset, half, number, len(plain), {0: token}, {}, False]
            kind, (((_, _, etag, size_bytes, digest, *_),), _, _) = source.send([(piece, plain[offset:][:half])])
            parts.append([number, etag, size_bytes, digest])
        digest = second.crc64nvme(plain)
        question = ["id", 1, "large one", token, parts, {}, len(plain), digest, False, "job", 0]
        kind, completed = source.ask("complete", question)

    assert (kind, completed[:3], completed[4:]) == ("completed", ["id", 1, len(plain)], [False, "job", 0])
    assert target.copies()["large one"] == plain


def test_a_refusal_is_as_the_page_says(target: Target) -> None:
    with SecondSource(target) as source:
        kind, refused = source.ask("complete", ["id", 7, "nothing", "no upload", [], {}, 0, 0, False, "job", 0])

    assert kind == "refused"
    assert refused[:4] + refused[-2:] == ["id", COMPLETING, 7, "", "job", 0]
    assert [type(field) for field in refused[4:8]] == [str, str, str, bool]


VECTORS: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)[-1])


def test_the_opening_of_the_page_is_what_the_page_describes() -> None:
    opening = VECTORS["opening"]
    keys = {name: bytes.fromhex(opening[f"{name}_key"]) for name in ("initiator", "responder")}
    noise = second.Noise(
        second.prologue(VECTORS["transfer_id"], opening["initiator"], opening["responder"]),
        keys["initiator"],
        second.public_key(keys["responder"]),
        initiator=True,
        ephemeral=bytes.fromhex(opening["initiator_ephemeral"]),
    )
    claim = struct.pack(">HHBH", *opening["versions"], opening["lane"], opening["slot"])
    name = opening["initiator"].encode()

    sent = second.MAGIC + bytes([len(name)]) + name + noise.write_first(claim)
    answer = noise.read_second(bytes.fromhex(opening["answer"]))

    assert sent.hex() == opening["bytes"]
    assert struct.unpack(">HH", answer) == second.VERSIONS
    assert [key.hex() for key in noise.hkdf(b"")] == opening["stream_keys"]


def test_the_sealed_vectors_of_the_page_open_by_the_page() -> None:
    payload = Payload(bytes.fromhex(VECTORS["payload_key"]), VECTORS["transfer_id"])
    body = bytes.fromhex(VECTORS["records"]["frame"])
    *names, salt, _, _ = second.unpack(body[1:])
    frame = second.Frame(*names, salt, b"", [], b"")

    assert frame.bound().hex() == VECTORS["binding"]
    for vector in (*VECTORS["slices"], *VECTORS["xchacha20poly1305"], VECTORS["zstd"]):
        sealed = bytes.fromhex(vector["sealed"])
        assert payload.open(frame, vector["index"], vector["final"], sealed).hex() == vector["plaintext"]
    for name, index in (("manifest", second.MANIFEST_INDEX), ("trailer", second.TRAILER_INDEX)):
        sealed = bytes.fromhex(VECTORS[name]["sealed"])
        assert payload.open(frame, index, True, sealed, frame.bound()).hex() == VECTORS[name]["plaintext"]
    *names, body = payload.open_message(bytes.fromhex(VECTORS["records"]["message"]))
    assert names == [VECTORS["message"][name] for name in ("to", "sender", "kind")]
    assert second.pack(body).hex() == VECTORS["message"]["body"]
    assert body[0][0][4] == int(VECTORS["crc64nvme"], 16)
