"""Look at what skytf needs on this machine, and say what is missing."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.units import GIB, format_bytes
from skytf import __version__
from skytf.clouds import CLOUDS, open_cloud
from skytf.deploy.tree import cache_dir
from skytf.errors import EngineMissing
from skytf.home import Home
from skytf.runner.engine import resolve

_LITTLE_DISK_BYTES = GIB


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: ``state`` is ``ok``, ``warn`` or ``fail``."""

    name: str
    state: str
    text: str
    hint: str = ""


def examine(home: Home, *, engine: str | None, env: Mapping[str, str]) -> Iterator[Check]:
    """Yield what was found, the most basic first; nothing is created but the home directory."""
    yield Check("skytf", "ok", f"{__version__} on Python {sys.version.split()[0]}")
    yield _engine(engine, env)
    yield _home(home)
    for name in CLOUDS:
        cloud = open_cloud(name, home.root)
        if cloud is None:
            yield Check(f"cloud {name}", "warn", "no adapter: reap cannot look there")
            continue
        for check in cloud.check():
            yield Check(f"cloud {name}: {check.name}", "ok" if check.ok else "fail", check.found)
    yield _trees()


def _engine(setting: str | None, env: Mapping[str, str]) -> Check:
    try:
        found = resolve(setting, env)
    except EngineMissing as error:
        return Check("terraform", "fail", str(error), error.hint)
    return Check("terraform", "ok", f"{found.kind} {found.version} ({found.licence}) at {found.path}")


def _home(home: Home) -> Check:
    try:
        home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home.root):  # rights, read-only mounts and quotas: only writing knows
            pass
        free_bytes = shutil.disk_usage(home.root).free
    except OSError as error:
        return Check("home", "fail", f"{home.root}: {error.strerror}", "set SKYTF_HOME to a directory you may write")
    state = "ok" if free_bytes >= _LITTLE_DISK_BYTES else "warn"
    return Check("home", state, f"{home.root}, {format_bytes(free_bytes)} free")


def _trees() -> Check:
    names = sorted(path.name.removesuffix(".tar.gz") for path in (cache_dir() / "trees").glob("*.tar.gz"))
    if not names:
        return Check("gateway trees", "ok", "none cached yet: the first transfer builds them from the package index")
    return Check("gateway trees", "ok", f"{len(names)} cached: {', '.join(names)}")
