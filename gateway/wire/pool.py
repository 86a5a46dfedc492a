"""
The memory of a gateway: slices that are made once and lent out, frame by frame.

An allocation per slice would cost page faults that halve the throughput of every codec, so the whole
arena is mapped when the gateway starts and a slice goes round for as long as it lives.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import LocalWireError, Stopped

# What sealing adds to a slice at most: one byte for the codec, 16 for the AES-GCM tag (`gateway.wire.codecs`).
OVERHEAD = 17
_PAGE_BYTES = mmap.PAGESIZE


@dataclass(frozen=True, slots=True)
class Scratch:
    """What a connection lends to each of its frames in turn: a sealed slice and the plaintext of one."""

    sealed: memoryview
    plain: memoryview

    @classmethod
    def of(cls, slice_bytes: int) -> Scratch:
        """Return memory for slices of *slice_bytes*; touched only when it is used."""
        return cls(_mapped(slice_bytes + OVERHEAD), _mapped(slice_bytes))


def _mapped(size_bytes: int) -> memoryview:
    return memoryview(mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


class Loan(Protocol):
    """Memory of one frame, such as a `Lease`."""

    slices: list[memoryview]

    def release(self) -> None:
        """Give it back."""


class Lease:
    """Slices of a pool that belong to one frame until they are released."""

    __slots__ = ("_pool", "slices")

    def __init__(self, pool: Pool, slices: list[memoryview]) -> None:
        self._pool: Pool | None = pool
        self.slices = slices

    def release(self) -> None:
        """Give the slices back; their bytes may be overwritten from now on. A second call does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            slices, self.slices = self.slices, []
            pool.take_back(slices)


def _address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


@dataclass(slots=True, eq=False)
class Withdrawal:
    """A way out for those who wait for memory on behalf of something that may end, such as a connection."""

    withdrawn: bool = False


class Memory(Protocol):
    """What a receiver of frames needs of a `Pool`."""

    slice_bytes: int
    slices: int

    def reserve(self, size_bytes: int, withdrawal: Withdrawal | None = None) -> Loan:
        """Return memory for *size_bytes* of plaintext."""

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Make every present and future `reserve` with *withdrawal* raise `Stopped`."""


@dataclass(slots=True, eq=False)
class _Waiter:
    count: int
    withdrawal: Withdrawal | None
    wake: threading.Condition
    granted: list[memoryview] = field(default_factory=list)


class Pool:
    """
    Slices of *slice_bytes* (plus `OVERHEAD`, enough for a sealed slice), as many as fit *total_bytes*.

    Memory is bounded by ``slices * (slice_bytes + OVERHEAD)``, each slice rounded up to a page. It is mapped at once
    and used from the slice returned last, so that a quiet gateway touches little of it. With *shared*, processes that
    are forked later see the same bytes.
    """

    def __init__(self, total_bytes: int, slice_bytes: int, *, shared: bool = False) -> None:
        if slice_bytes < 1 or total_bytes < slice_bytes:
            raise LocalWireError(
                f"a pool of {total_bytes} bytes holds no slice of {slice_bytes}",
                hint="raise pool_bytes or lower slice_bytes in the settings of the program",
            )
        self.slice_bytes = slice_bytes
        self.slices = total_bytes // slice_bytes
        stride = -(-(slice_bytes + OVERHEAD) // _PAGE_BYTES) * _PAGE_BYTES
        flags = (mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE) | mmap.MAP_ANONYMOUS
        self._arena = arena = memoryview(mmap.mmap(-1, self.slices * stride, flags=flags))
        self._free = [arena[i * stride : i * stride + slice_bytes + OVERHEAD] for i in range(self.slices)]
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        self._closed = False

    @property
    def free_bytes(self) -> int:
        """Plaintext bytes that could be reserved at once if nobody waited."""
        return len(self._free) * self.slice_bytes

    def offset_of(self, view: memoryview) -> int | None:
        """Return where in the arena *view* begins; None if it does not lie there."""
        offset = _address(view) - _address(self._arena)
        return offset if 0 <= offset < len(self._arena) else None

    def at(self, offset: int, size_bytes: int) -> memoryview:
        """Return *size_bytes* of the arena from *offset* on."""
        return self._arena[offset : offset + size_bytes]

    def slices_of(self, size_bytes: int) -> int:
        """Return how many slices *size_bytes* of plaintext take; an empty frame takes one."""
        return max(1, -(-size_bytes // self.slice_bytes))

    def reserve(self, size_bytes: int, withdrawal: Withdrawal | None = None) -> Lease:
        """
        Return slices for *size_bytes* of plaintext; blocks until there are enough, first come first served.

        All of a frame is reserved at once: who held a part and waited for the rest could wait for ever.

        Raises:
            LocalWireError: The pool is smaller than that.
            Stopped: The pool was closed, or *withdrawal* was withdrawn.
        """
        count = self.slices_of(size_bytes)
        if count > self.slices:
            raise LocalWireError(
                f"{size_bytes} bytes do not fit a pool of {self.slices} slices of {self.slice_bytes} bytes",
                hint="raise pool_bytes in the settings of the program",
            )
        with self._lock:
            if not self._waiters and count <= len(self._free) and not self._is_over(withdrawal):
                return Lease(self, self._pop(count))
            waiter = _Waiter(count, withdrawal, threading.Condition(self._lock))
            self._waiters.append(waiter)
            while not waiter.granted:
                if self._is_over(withdrawal):
                    self._waiters.remove(waiter)
                    self._grant()
                    raise Stopped("the wait for memory was given up, the pipeline stops")
                waiter.wake.wait()
        return Lease(self, waiter.granted)

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Make every present and future `reserve` with *withdrawal* raise `Stopped`."""
        with self._lock:
            withdrawal.withdrawn = True
            self._wake_all()

    def close(self) -> None:
        """Make every present and future `reserve` raise `Stopped`. Leases that are out stay valid."""
        with self._lock:
            self._closed = True
            self._wake_all()

    def take_back(self, slices: list[memoryview]) -> None:
        """Return *slices* to those who wait, or to the free ones; `Lease.release` calls it."""
        with self._lock:
            self._free.extend(slices)
            self._grant()

    def _is_over(self, withdrawal: Withdrawal | None) -> bool:
        return self._closed or (withdrawal is not None and withdrawal.withdrawn)

    def _pop(self, count: int) -> list[memoryview]:
        slices = self._free[-count:]
        del self._free[-count:]
        return slices

    def _grant(self) -> None:
        # Only the head of the line is served: a large frame is not starved by small ones.
        while self._waiters and self._waiters[0].count <= len(self._free):
            waiter = self._waiters.popleft()
            waiter.granted = self._pop(waiter.count)
            waiter.wake.notify()

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            waiter.wake.notify()
