"""Fill a directory with the packages of a lock, for a Python and a machine that need not be ours."""

from __future__ import annotations

import ast
import os
import platform as here
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from skytf.deploy.cancel import Cancel
from skytf.errors import HostError

_TIMEOUT_S = 900
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# pip's word → uv's variable; all by environment, because an index address may contain a password.
_PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """
    What binary packages depend on.

    Attributes:
        python: ``3.12``.
        machine: As ``uname -m`` says.
        libc: ``glibc 2.39``, ``musl``, or ``macos``.
    """

    python: str
    machine: str
    libc: str

    def uv_name(self) -> str:
        """Return the platform as ``uv --python-platform`` wants it; manylinux_2_28 where the host's glibc has it."""
        machine = _MACHINES.get(self.machine.lower(), self.machine)
        if self.libc == "macos":
            return f"{machine}-apple-darwin"
        if self.libc == "musl":
            return f"{machine}-unknown-linux-musl"
        version = tuple(int(part) for part in self.libc.removeprefix("glibc ").split("."))
        return f"{machine}-manylinux_2_28" if version >= (2, 28) else f"{machine}-manylinux_2_17"

    def is_ours(self) -> bool:
        """Tell whether packages for this process fit too."""
        return self.machine == here.machine() and self.python == f"{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True, slots=True)
class Packages:
    """What a lock pins, for hosts of one platform."""

    lock_file: Path
    platform: Platform


def install(lock_file: Path, directory: Path, platform: Platform, cancel: Cancel) -> None:
    """
    Install the hash-pinned packages of *lock_file* into *directory*, emptied first: wheels only, nothing is built.

    uv does it; from its cache alone when the index cannot be reached; pip when uv cannot and the host is like us.

    Raises:
        HostError: No way worked; the message has the resolver's last words.
        Cancelled: *cancel* was set.
    """
    wanted = [
        "--target",
        str(directory),
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-deps",
        "-r",
        str(lock_file),
    ]
    uv_argv = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable),
        *("--python-version", platform.python, "--python-platform", platform.uv_name()),
        *wanted,
    ]
    ways = [uv_argv, [*uv_argv, "--offline"]]
    if platform.is_ours():
        ways.append([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
    environment = uv_environment(os.environ, pip_settings())
    reasons = []
    for argv in ways:
        _empty(directory)  # pip leaves alone what a uv that failed half-way has put there, and calls it done
        failed = run(argv, directory, environment, cancel)
        cancel.check(f"packages of {lock_file.name}")
        if failed is None:
            return
        reasons.append(failed)
    raise HostError(
        f"the gateway's packages ({lock_file.name}, Python {platform.python}, {platform.uv_name()}) cannot be had: "
        f"{reasons[0]}",
        hint="see that the package index can be reached (pip's and uv's settings are honoured), then apply again",
    )


def _empty(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir()


def pip_settings() -> dict[str, str]:
    """Return what pip is set up to on this machine, files and variables; empty where there is no pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False, timeout=60
    )
    settings: dict[str, str] = {}
    # Files come in rising order of weight; variables weigh most, wherever they are listed.
    lines = [line for line in listed.stdout.splitlines() if "=" in line]
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in ("global", "install", ":env:"):
            settings[option] = str(ast.literal_eval(value))
    return settings


def uv_environment(environment: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* with pip's index and certificate settings in uv's words; uv's own settings win."""
    # Certificates of the operating system, as pip does it; the variable has an older and a newer name.
    result = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true", "UV_PYTHON_DOWNLOADS": "never", **environment}
    own_index = "UV_INDEX_URL" in environment
    for option, variable in _PIP_TO_UV.items():
        words = pip.get(option, "").split()
        if option == "find-links":
            # pip ignores a directory that is not there, uv refuses it
            words = [word for word in words if "://" in word or Path(word).is_dir()]
        if words and not (own_index and option == "index-url"):
            result.setdefault(variable, ("," if option == "find-links" else " ").join(words))
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        result.setdefault("UV_NO_INDEX", "true")
    return result


def run(argv: list[str], directory: Path, environment: Mapping[str, str], cancel: Cancel) -> str | None:
    """Run *argv* beside *directory*, until *cancel* at the longest; return None when it worked, else its last words."""
    process = subprocess.Popen(
        argv,
        cwd=directory.parent,  # away from any project of the user's, whose settings are not ours
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process, cancel.closing(process.terminate):
        try:
            said, _ = process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"no end after {_TIMEOUT_S} s"
    return None if process.returncode == 0 else " ".join(said.split())[-500:] or f"exit status {process.returncode}"
