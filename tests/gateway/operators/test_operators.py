from __future__ import annotations

import threading
from typing import Any, cast

import lz4.block
import pytest

from gateway.delivery.events import Counters, Events
from gateway.delivery.runtime import Runtime, Secrets
from gateway.errors import BadProgram
from gateway.operators import OPERATORS
from gateway.operators.base import Context, Operator, fan_out, param, store_of
from gateway.operators.discard import Nowhere
from gateway.operators.gen_data import Generated
from gateway.operators.mux_or import MuxOr
from gateway.operators.write import Write
from gateway.program import HEADS, LEAVES, MUXES, Settings, Step
from gateway.registry import load
from gateway.stores.base import Attributes
from gateway.units import MIB
from gateway.wire.frame import Frame
from gateway.wire.pool import Pool


class Branch(Operator):
    """A branch that keeps what it gets, and waits before it does if it is told to."""

    def __init__(self, *destinations: int) -> None:
        super().__init__(Step("send", {}, destinations), cast("Context", None))
        self.frames: list[Frame] = []
        self.go = threading.Event()
        self.go.set()
        self.got = threading.Semaphore(0)

    def put(self, frame: Frame) -> None:
        self.go.wait(10)
        self.frames.append(frame)
        self.got.release()


class Memory:
    """Counts how often it was given back."""

    def __init__(self) -> None:
        self.released = 0

    def release(self) -> None:
        self.released += 1


def frame_for(*destinations: int) -> tuple[Frame, Memory]:
    memory = Memory()
    return Frame(bytes(16), "job", "a", destinations, 1, 0, bytes(32), b"", [], memory), memory


def context(**found: Operator) -> Context:
    events = Events()
    runtime = Runtime(
        gateway="a",
        secrets=Secrets("t", bytes(32), "token", bytes(32)),
        settings=Settings(),
        pool=Pool(1 << 20, 1 << 16),
        events=events,
        counters=Counters(events),
        say=lambda *_: None,
        on_crash=lambda *_: None,
        log=lambda _: None,
    )
    return Context(runtime, cast("Any", None), {}, lambda step: found[step.params["name"]])


def test_every_operator_of_a_program_is_in_the_table_and_loads() -> None:
    assert set(OPERATORS) == HEADS | MUXES | LEAVES
    assert all(issubclass(load(reference), Operator) for reference in OPERATORS.values())


def test_a_frame_goes_to_the_branches_of_its_destinations_only() -> None:
    zero, one, both, every = Branch(0), Branch(1), Branch(0, 1), Branch()
    frame, memory = frame_for(1)

    fan_out(frame, [zero, one, both, every])

    assert [len(branch.frames) for branch in (zero, one, both, every)] == [0, 1, 1, 1]
    for _ in range(3):
        assert memory.released == 0
        frame.release()
    assert memory.released == 1


def test_a_frame_for_nobody_is_released() -> None:
    frame, memory = frame_for(7)

    fan_out(frame, [Branch(0), Branch(1)])

    assert memory.released == 1


def test_a_branch_that_fails_costs_no_memory() -> None:
    class Broken(Branch):
        def put(self, frame: Frame) -> None:
            frame.release()
            raise BadProgram("no")

    frame, memory = frame_for(0)

    with pytest.raises(BadProgram):
        fan_out(frame, [Broken(0), Branch(0), Branch(0)])

    assert memory.released == 1


def test_a_branch_that_waits_leaves_frames_to_the_others() -> None:
    slow, fast = Branch(0), Branch(0)
    slow.go.clear()
    slow.got = fast.got
    steps = tuple(Step("discard", {"name": name}, (0,)) for name in ("slow", "fast"))
    mux = MuxOr(Step("mux_or", {}, (0,), steps), context(slow=slow, fast=fast))
    mux.start()

    for _ in range(10):
        mux.put(frame_for(0)[0])
    for _ in range(9):
        assert fast.got.acquire(timeout=10)
    slow.go.set()
    assert fast.got.acquire(timeout=10)
    mux.close()
    mux.join()

    assert len(fast.frames) >= 9
    assert len(slow.frames) + len(fast.frames) == 10


def test_branches_that_compete_must_lead_to_the_same_place() -> None:
    steps = (Step("discard", {"name": "x"}, (0,)), Step("discard", {"name": "x"}, (1,)))

    with pytest.raises(BadProgram, match="same destinations"):
        MuxOr(Step("mux_or", {}, (0, 1), steps), context(x=Branch()))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "names no store"),
        ({"store": {"bucket": "b"}}, "names no store"),
        ({"store": {"scheme": "memory", "credentials": "c"}}, "credentials 'c'"),
    ],
)
def test_a_step_without_a_usable_store_is_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(BadProgram, match=words):
        store_of(Step("read_object_store", params), context().runtime)


def test_a_disk_that_is_not_shared_is_not_written() -> None:
    step = Step("write_local", {"store": {"scheme": "file"}, "prefix": "to", "destination": 0})

    with pytest.raises(BadProgram, match="share one disk"):
        Write(step, context())


def test_a_param_has_its_type() -> None:
    step = Step("send", {"peer": 7})

    with pytest.raises(BadProgram, match="'peer' as str"):
        param(step, "peer", str)
    assert param(step, "other", int, 3) == 3


@pytest.mark.parametrize("compressible", [False, True])
def test_generated_bytes_depend_on_seed_key_and_offset_alone(compressible: bool) -> None:
    def read(seed: int, key: str, offset: int, size_bytes: int) -> bytes:
        buffer = memoryview(bytearray(size_bytes))
        store = Generated(seed, compressible=compressible)
        with store.read_range(key, offset=offset, size_bytes=size_bytes) as reader:
            assert reader.readinto(buffer) == size_bytes
            assert reader.readinto(buffer[:1]) == 0
        return bytes(buffer)

    whole = read(1, "k", 0, 3_000_000)

    assert whole[1_500_000:2_900_000] == read(1, "k", 1_500_000, 1_400_000)
    assert whole[:1000] not in (read(2, "k", 0, 1000), read(1, "other", 0, 1000))


@pytest.mark.parametrize(("compressible", "least", "most"), [(True, 4.0, 5.0), (False, 0.99, 1.0)])
def test_what_is_generated_shrinks_as_text_does_or_not_at_all(compressible: bool, least: float, most: float) -> None:
    buffer = memoryview(bytearray(MIB))
    with Generated(1, compressible=compressible).read_range("k", offset=0, size_bytes=MIB) as reader:
        reader.readinto(buffer)

    ratio = MIB / len(lz4.block.compress(buffer))

    assert least <= ratio <= most


def test_a_slow_discard_lets_bytes_through_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("gateway.operators.discard.time.monotonic", lambda: 100.0)
    monkeypatch.setattr("gateway.operators.discard.time.sleep", pauses.append)
    store = Nowhere(bytes_per_s=1000)

    store.put("k", memoryview(bytes(500)), Attributes())
    store.put_part("k", "token", number=1, offset=0, payload=memoryview(bytes(1000)))
    store.stream_part("k", "token", number=2, offset=0).write(memoryview(bytes(250)))

    assert pauses == [0.5, 1.5, 1.75]


def test_what_is_discarded_is_confirmed_and_gone() -> None:
    store = Nowhere()

    token = store.create_multipart("k", Attributes(), size_bytes=3, transfer_id="t")
    store.put_part("k", token, number=1, offset=0, payload=memoryview(b"one"))

    assert store.put("k", memoryview(b"one"), Attributes()).size_bytes == 3
    assert store.complete_multipart("k", token, [], Attributes()).size_bytes == 0
