"""A filesystem mirror with the providers of the tests, from which Terraform installs them like any others."""

from __future__ import annotations

import platform
import shlex
import sys
from pathlib import Path

from tests.provider.tables import NAMES, load

_ROOT = Path(__file__).parents[2]
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def mirror(directory: Path, *names: str) -> Path:
    """
    Lay out a mirror in *directory*; return a CLI configuration that installs from it and from nowhere else.

    Args:
        directory: Made where it is missing.
        names: Of the providers, as in `tests.provider.tables`; all of them if none is given.
    """
    system = f"{sys.platform}_{_MACHINES[platform.machine()]}"
    for name in names or NAMES:
        table = load(name)
        kind = table.address.rpartition("/")[2]
        place = directory / "mirror" / table.address / table.version / system
        place.mkdir(parents=True, exist_ok=True)
        program = place / f"terraform-provider-{kind}_v{table.version}"
        # sh, because a #! line takes neither a path with spaces nor a long one.
        program.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(_ROOT))} "
            f"exec {shlex.quote(sys.executable)} -m tests.provider.server {name}\n"
        )
        program.chmod(0o755)
    config = directory / "terraform.tfrc"
    config.write_text(
        "disable_checkpoint = true\n"
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{directory / "mirror"}"\n  }}\n}}\n'
    )
    return config
