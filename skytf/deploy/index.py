"""
Let a host fetch the packages of a tree from the package index by itself.

Which files these are is decided here, by uv and the operator's own settings, and pinned by the hashes of the lock. The
host is told plain addresses and hashes: no address that holds a password or a signature is passed on.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uv

from skytf.deploy import packages
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.packages import Packages
from skytf.deploy.shipping import Errand, push, push_instead
from skytf.errors import HostError

_FETCH_TIMEOUT_S = 300.0
_PIN = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NUMBER = re.compile(r"\d+")


class Wheel(msgspec.Struct, frozen=True):
    """A file of a package index."""

    url: str
    sha256: str


class Index:
    """What each set of packages consists of, found once; shared by the threads of a deployment."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: dict[Packages, tuple[Wheel, ...] | HostError] = {}

    def bring(self, errand: Errand) -> None:
        """
        Let the host make the archive from wheels; `push` what is no packages, or cannot be had this way.

        Raises:
            HostError: It could not be sent either.
            Cancelled: The errand is off.
        """
        if errand.tree.packages is None:
            push(errand)
            return
        try:
            errand.on_step(f"locating {errand.tree.name}")
            order = msgspec.json.encode(self._find(errand.tree.packages, errand.cancel))
            errand.on_step(f"fetching {errand.tree.name} from the package index")
            errand.run_script("fetch_wheels.py", str(errand.incoming), stdin=order, timeout_s=_FETCH_TIMEOUT_S)
        except HostError as error:
            push_instead(errand, error)

    def _find(self, wanted: Packages, cancel: Cancel) -> tuple[Wheel, ...]:
        with self._guard:
            if wanted not in self._found:
                try:
                    self._found[wanted] = find_wheels(wanted, cancel)
                except Cancelled:
                    raise
                except HostError as error:
                    self._found[wanted] = error
            found = self._found[wanted]
        if isinstance(found, HostError):
            raise found
        return found


def find_wheels(wanted: Packages, cancel: Cancel) -> tuple[Wheel, ...]:
    """
    Return the file of each package, as the index names it.

    Raises:
        HostError: The index cannot be reached, lacks a file, or names one by an address that is nobody else's business.
        Cancelled: *cancel* was set.
    """
    pins = frozenset(_PIN.findall(wanted.lock_file.read_text()))
    with tempfile.TemporaryDirectory(prefix="skytf-") as directory:
        listing = Path(directory) / "pylock.toml"
        argv = [
            *(uv.find_uv_bin(), "pip", "compile", "--quiet", "--python", sys.executable, "--no-header"),
            *("--python-version", wanted.platform.python, "--python-platform", wanted.platform.uv_name()),
            *("--only-binary", ":all:", "--no-deps", "--generate-hashes", "--format", "pylock.toml"),
            *("--output-file", str(listing), str(wanted.lock_file)),
        ]
        environment = packages.uv_environment(os.environ, packages.pip_settings())
        failed = packages.run(argv, Path(directory), environment, cancel)
        cancel.check(f"packages of {wanted.lock_file.name}")
        if failed is not None:
            raise HostError(f"the files of {wanted.lock_file.name} cannot be found: {failed}")
        found = tomllib.loads(listing.read_text())
    return tuple(_choose(package, pins) for package in found.get("packages", ()))


def _choose(package: dict[str, Any], pins: frozenset[str]) -> Wheel:
    """Return the best of the wheels that uv found fit."""
    fit = [
        Wheel(str(wheel["url"]), str(wheel["hashes"]["sha256"]))
        for wheel in package.get("wheels", ())
        if wheel.get("hashes", {}).get("sha256") in pins and _is_public(str(wheel.get("url", "")))
    ]
    if not fit:
        raise HostError(f"no file of {package['name']} that the lock pins has an address to pass on")
    return max(fit, key=lambda wheel: _rank(wheel.url))


def _is_public(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and "@" not in parts.netloc and not parts.query


def _rank(url: str) -> tuple[bool, list[int], list[int]]:
    """Order wheels as installers do: made for this Python alone, for the newest one, for the newest system."""
    python, abi, platform = url.rpartition("/")[2].removesuffix(".whl").rsplit("-", 3)[1:]
    return abi not in ("abi3", "none"), _numbers(python), _numbers(platform)


def _numbers(text: str) -> list[int]:
    return sorted(int(number) for number in _NUMBER.findall(text))
