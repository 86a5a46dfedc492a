"""Terraform on a module of ours, and where this machine has the real provider of a cloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skytf.resources import terraform_dir

MIRROR = "SKYTF_PROVIDER_MIRROR"
# Where Terraform itself looks for providers that it need not download (its "implied local mirror directories").
_USUAL_MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
)
_TIMEOUT_S = 300


def mirror_with(source: str) -> Path | None:
    """Return the filesystem mirror that has the real provider *source* (``hashicorp/aws``), None if there is none."""
    named = os.environ.get(MIRROR)
    places = [Path(named)] if named else [Path(place).expanduser() for place in _USUAL_MIRRORS]
    return next((place for place in places if any(place.glob(f"registry.terraform.io/{source}/*"))), None)


def install_from(mirror: Path, directory: Path) -> Path:
    """Write a CLI configuration into *directory* that installs from *mirror* and from nowhere else; return it."""
    config = directory / "terraform.tfrc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return config


@dataclass(frozen=True)
class Terraform:
    """
    Terraform in the directory *path*, with the modules laid out below it as a bundle has them.

    *config* is the CLI configuration that says where providers come from; *environment* is all of the environment
    beside what Terraform needs anyway.
    """

    path: Path
    config: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def module(self, cloud: str) -> Path:
        """Lay out the module of *cloud* and return its directory."""
        directory = self.path / "modules" / cloud
        if not directory.exists():
            shutil.copytree(terraform_dir() / cloud, directory)
            shutil.copytree(terraform_dir() / "shared", self.path / "modules" / "shared", dirs_exist_ok=True)
        return directory

    def run(self, *arguments: str, at: Path | None = None, code: int = 0) -> str:
        """Run Terraform in *at*, else in the directory itself; return all that it says if it ends with *code*."""
        finished = subprocess.run(
            [sys.executable, "-P", "-m", "skytf.runner.shim", *arguments, "-no-color"],
            cwd=at or self.path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.path),
                "CHECKPOINT_DISABLE": "1",
                "TF_INPUT": "0",
                "TF_CLI_CONFIG_FILE": str(self.config),
                **self.environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert finished.returncode == code, finished.stdout
        return finished.stdout
