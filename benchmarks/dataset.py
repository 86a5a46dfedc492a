"""A data set that is awkward on purpose: large files, thousands of small ones, empty ones, and names that bite."""

from __future__ import annotations

from pathlib import Path
from random import Random

from gateway.units import KIB, MIB

# Names that have broken copy tools: spaces, percent signs that look like escapes, composed and decomposed accents,
# characters beyond the basic plane, quotes and shell characters.
AWKWARD_NAMES = (
    "a name with spaces.txt",
    "100%.txt",
    "a%20b.txt",
    "%2F..%2Fetc.txt",
    "caf\u00e9 composed.txt",
    "cafe\u0301 decomposed.txt",
    "\u65e5\u672c\u8a9e.txt",
    "\U0001f680 rocket.txt",
    'quote\'s "double" $HOME `id` ;&|.txt',
    "plus+equals=at@comma,.txt",
    "-rf",
    "trailing dot.",
)
WORDS = b"gateway region bucket object chunk frame relay receipt journal shard egress goodput topology bundle ".split()


def write_dataset(
    root: Path, *, large: int = 2, large_bytes: int = 136 * MIB, small: int = 3_000, seed: int = 1
) -> int:
    """
    Write the data set below *root* (created) and return its size in bytes.

    The same arguments give the same bytes. The first large file is random, the next compresses about fourfold,
    and so on in turn; small files hold 0 to 16 KiB.
    """
    random = Random(seed)
    total = 0
    for number in range(large):
        total += _write(root / "large" / f"large-{number}.bin", _content(random, large_bytes + number, number % 2 == 1))
    for number in range(small):
        path = root / "small" / f"{number % 40:02d}" / f"object-{number:05d}.dat"
        total += _write(path, _content(random, random.randrange(16 * KIB), number % 2 == 1))
    for number, name in enumerate(AWKWARD_NAMES):
        total += _write(root / "names \u2713 100%" / name, f"awkward name {number}\n".encode())
    for number in range(8):
        total += _write(root / "empty" / f"empty-{number}", b"")
    return total


def _write(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return len(content)


def _content(random: Random, size_bytes: int, compressible: bool) -> bytes:
    if not compressible:
        return random.randbytes(size_bytes)
    page = b" ".join(random.choices(WORDS, k=8 * KIB))
    return (page * (size_bytes // len(page) + 1))[:size_bytes]
