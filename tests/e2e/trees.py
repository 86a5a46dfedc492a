"""Directories to copy, and what is in one."""

from __future__ import annotations

from pathlib import Path
from random import Random

from benchmarks.dataset import AWKWARD_NAMES
from gateway.units import MIB
from skytf import Options

# Small enough that every kind of object and chunk appears within a few MiB.
SMALL = Options(instances=2, chunk_bytes=5 * MIB, threshold_bytes=6 * MIB)


def plant(root: Path, *, small: int = 200, large: int = 2, seed: int = 1) -> dict[str, bytes]:
    """Write a tree below *root* and return its contents: large files in chunks, small ones, empty ones, odd names."""
    random = Random(seed)
    files = {f"large/{n}.bin": random.randbytes(13 * MIB + n) for n in range(large)}
    files |= {f"small/{n % 7}/{n:04d}": random.randbytes(random.randrange(4_000)) for n in range(small)}
    files |= {f"names \u2713/{name}": name.encode() for name in AWKWARD_NAMES}
    files |= {"empty/one": b"", "empty/two": b"", "edge/threshold": bytes(6 * MIB), "edge/above": bytes(6 * MIB + 1)}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below *root*, hidden ones too: what is half-written would show."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
