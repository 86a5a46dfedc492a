"""A package made by hand, with a lock that pins it: resolving needs no network."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

WHEEL = "tiny-1.0-py3-none-any.whl"


def write_wheel(directory: Path) -> str:
    """Write the wheel of ``tiny`` into *directory*; return a lock that pins it."""
    files = {
        "tiny/__init__.py": "ANSWER = 42\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files["tiny-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in [*files, "tiny-1.0.dist-info/RECORD"])
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / WHEEL, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    digest = hashlib.sha256((directory / WHEEL).read_bytes()).hexdigest()
    return f"tiny==1.0 --hash=sha256:{digest}\n"
