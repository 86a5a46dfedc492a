"""
Slices made smaller before they are sealed, where that pays: lz4, or zstd for who pays for egress.

What has no use for it is left alone by itself. A stream is packed for as long as its slices shrink. After one that
did not, a sample of each decides: 16 KiB from four places in it, of one slice in `LONG_EVERY` 128 KiB in one piece, in
case the short sample misses what repeats farther apart. A slice of 1 MiB of noise costs 6 us with lz4 and 13 with zstd
so, where packing it in vain cost 140 and more (Xeon, 2026-11).
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, cast

import lz4.block

from gateway.errors import IntegrityError, LocalWireError

RAW, LZ4, ZSTD = 0, 1, 2
LONG_EVERY = 64
_NUMBERS = {"lz4": LZ4, "zstd": ZSTD}
# Measured on logs, 2026-11, GB/s and ratio of one thread on slices of 256 KiB: level 1 1.3 and 15.4, level -1 1.4 and
# 13.3, level 3 1.2 and 15.1; lz4 2.4 and 8.7. On prose of random words level 1 has 2.4, -1 has 1.6, lz4 has 1.3.
_ZSTD_LEVEL = 1
# Measured on logs in JSON, 2026-11, slices of 1 MiB: 1.35 GB/s and a ratio of 4.48, against 1.14 and 4.50 without; on
# Python source the ratio is 2.19 instead of 2.29.
_lz4 = partial(lz4.block.compress, mode="fast", acceleration=2)
# A slice that shrinks by less costs its sink more time to unpack than it saves on any link of 10 Gbit/s.
_WORTH = 0.95
# Where in a slice its sample is taken, in hundredths: no two distances are alike, and none is a power of two. With even
# ones, data of that period look like four times the same.
_SAMPLED_AT = (6, 29, 66, 89)
_SAMPLE_BYTES = 4096
# lz4 looks back 64 KiB. Slices that are no longer are not sampled.
_LONG_SAMPLE_BYTES = 128 << 10


class Verdict:
    """Whether what any thread tried last did shrink; nobody has tried yet: it may."""

    def __init__(self) -> None:
        self.packs = True


class Compressor(threading.local):
    """
    Packs the slices of a stream, and skips those that would not shrink.

    Several threads may share one: each has a state and (for zstd, 1.3 MiB of) memory of its own.
    Holds at most two slices beside the caller's while it packs one. ``verdict`` is common to all threads.
    """

    def __init__(self, codec: str, verdict: Verdict | None = None) -> None:
        self.verdict = verdict or Verdict()
        self.number = _NUMBERS[codec]
        self._pack = _lz4 if codec == "lz4" else _zstd().ZstdCompressor(level=_ZSTD_LEVEL).compress
        self._shrinks = True
        self._sampled = 0

    def skips(self, plaintext: memoryview) -> bool:
        """Tell whether *plaintext*, and what follows it, looks as if it would not shrink."""
        return not self._shrinks and len(plaintext) > _LONG_SAMPLE_BYTES and not self._sample_shrinks(plaintext)

    def pack(self, plaintext: memoryview) -> bytes | None:
        """Return *plaintext* packed, or None: it does not shrink enough, as far as we looked."""
        return None if self.skips(plaintext) else self.pack_now(plaintext)

    def pack_now(self, plaintext: memoryview) -> bytes | None:
        """Return *plaintext* packed, or None if it does not shrink enough."""
        packed = cast(bytes, self._pack(plaintext))
        self._shrinks = self.verdict.packs = len(packed) <= _WORTH * len(plaintext)
        return packed if self._shrinks else None

    def _sample_shrinks(self, plaintext: memoryview) -> bool:
        self._sampled += 1
        sample: memoryview | bytes
        if self._sampled % LONG_EVERY:
            starts = [len(plaintext) * hundredths // 100 for hundredths in _SAMPLED_AT]
            sample = b"".join([plaintext[start : start + _SAMPLE_BYTES] for start in starts])
        else:
            start = (len(plaintext) - _LONG_SAMPLE_BYTES) // 2
            sample = plaintext[start : start + _LONG_SAMPLE_BYTES]
        return len(self._pack(sample)) <= _WORTH * len(sample)


def compressor(setting: str) -> Compressor | None:
    """Return what packs slices as *setting* says: ``lz4``, ``zstd`` or ``none``."""
    return None if setting == "none" else Compressor(setting, Verdict())


def pack_small(plaintext: memoryview) -> bytes | None:
    """Return *plaintext* packed with lz4, or None if that is not smaller. For manifests, which every sink can open."""
    packed = cast(bytes, lz4.block.compress(plaintext))
    return packed if len(packed) < len(plaintext) else None


def unpack(codec: int, packed: bytes, most_bytes: int) -> bytes:
    """
    Return what was packed with *codec*: `LZ4` or `ZSTD`.

    Raises:
        IntegrityError: *packed* is damaged, or says that it has more than *most_bytes*, which are not allocated then.
    """
    if codec == LZ4:
        _check(int.from_bytes(packed[:4], "little"), most_bytes)
        try:
            return cast(bytes, lz4.block.decompress(packed))
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise IntegrityError(f"does not unpack: {error}") from error
    zstd = _zstd()
    try:
        _check(zstd.frame_content_size(packed), most_bytes)
        return cast(bytes, _unpacking.zstd().decompress(packed, allow_extra_data=False))
    except zstd.ZstdError as error:
        raise IntegrityError(f"does not unpack: {error}") from error


def _check(size_bytes: int, most_bytes: int) -> None:
    if not 0 <= size_bytes <= most_bytes:
        raise IntegrityError(f"has {size_bytes} bytes, expected at most {most_bytes}")


class _Unpacking(threading.local):
    """A decompressor takes 30 us to make, and serves one thread at a time."""

    def __init__(self) -> None:
        self._zstd: Any = None

    def zstd(self) -> Any:
        if self._zstd is None:
            self._zstd = _zstd().ZstdDecompressor()
        return self._zstd


_unpacking = _Unpacking()


def _zstd() -> Any:
    # A gateway has the package only if its transfer uses it.
    try:
        import zstandard  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise LocalWireError(
            "zstd is not installed on this gateway", hint="plan again with --compression lz4"
        ) from error
    return zstandard
