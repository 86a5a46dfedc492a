"""``gen_data``: objects that no store has, made as they are read. For rehearsals and benchmarks."""

# ruff: noqa: ARG002 -- signatures are those of the contracts
from __future__ import annotations

import hashlib
import random
from contextlib import AbstractContextManager, nullcontext

from gateway.delivery.runtime import Runtime
from gateway.operators.base import SourceOperator, param
from gateway.stores.base import Attributes, Head, RangeReader, Readable
from gateway.units import KIB, MIB

# Longer than the 64 KiB that lz4 looks back, so that random content stays incompressible although it repeats; short
# enough to stay in a core's cache beside what is made of it.
_PERIOD_BYTES = 256 * KIB
# The most that is lent at once.
_LENT_BYTES = MIB
# A log as services write them: lz4 makes a period 4.5 times smaller, zstd 9 times; what is longer repeats for zstd.
_LINE = b'{"time": %d, "level": "info", "service": "gateway-%d", "message": "object copied", "etag": "%s", "ms": %d}\n'
_BEGIN_MS = 1_763_800_000_000


class GenData(SourceOperator):
    """
    Params: ``seed`` (default 0) and ``compressible`` (default false).

    ``objects`` and ``size_bytes`` are for whoever makes the shards, whose entries say keys and sizes.
    """

    params = frozenset({"seed", "compressible", "objects", "size_bytes"})

    def open_store(self, runtime: Runtime) -> Readable:
        """Return the store that makes objects up."""
        return Generated(
            param(self.step, "seed", int, 0), compressible=param(self.step, "compressible", bool, default=False)
        )


class Generated:
    """
    What a source reads of a store, with an object of any size under every key.

    The content depends on seed, key and offset alone, so that what arrived can be checked. Heads say no size.
    """

    at_hand = True

    def __init__(self, seed: int, *, compressible: bool = False) -> None:
        rng = random.Random(seed)  # noqa: S311 -- test content, no secret
        content = _log(rng) if compressible else rng.randbytes(_PERIOD_BYTES)
        self._content = memoryview(content * (1 + _LENT_BYTES // _PERIOD_BYTES))
        self._seed = seed

    def url(self, key: str) -> str:
        """Return *key* as it stands in messages."""
        return f"generated://{self._seed}/{key}"

    def head(self, key: str) -> Head:
        """Return an object without attributes."""
        return Head(key, 0, "", Attributes(), written_s=0.0)

    def read_range(
        self, key: str, *, offset: int, size_bytes: int, version: str = ""
    ) -> AbstractContextManager[RangeReader]:
        """Open a stream over made-up bytes."""
        shift = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())
        return nullcontext(_Range(self._content, offset + shift, size_bytes))


def _log(rng: random.Random) -> bytes:
    lines = bytearray()
    time_ms = _BEGIN_MS
    while len(lines) < _PERIOD_BYTES:
        time_ms += rng.randrange(1000)
        lines += _LINE % (time_ms, rng.randrange(8), rng.randbytes(5).hex().encode(), rng.randrange(500))
    return bytes(lines[:_PERIOD_BYTES])


class _Range:
    """The bytes from *position* on of the content, which repeats for ever."""

    def __init__(self, content: memoryview, position: int, size_bytes: int) -> None:
        self._content = content
        self._position = position
        self._left = size_bytes

    def lend(self, size_bytes: int) -> memoryview:
        start = self._position % _PERIOD_BYTES
        lent = self._content[start : start + min(size_bytes, self._left, _LENT_BYTES)]
        self._position += len(lent)
        self._left -= len(lent)
        return lent

    def readinto(self, buffer: memoryview) -> int:
        filled = 0
        while filled < len(buffer) and self._left:
            lent = self.lend(len(buffer) - filled)
            buffer[filled : filled + len(lent)] = lent
            filled += len(lent)
        return filled
