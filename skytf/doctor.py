"""Look at what skytf needs on this machine, and say what is missing."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gateway.units import GIB, format_bytes
from skytf import __version__
from skytf.clouds import CLOUDS, open_cloud
from skytf.clouds.sheet import sheet
from skytf.clouds.tags import TRANSFER
from skytf.deploy.tree import cache_dir
from skytf.errors import EngineMissing, TerraformError
from skytf.home import Home
from skytf.model.region import Region
from skytf.runner.engine import Engine, resolve
from skytf.runner.terraform import Terraform

_LITTLE_DISK_BYTES = GIB
_PROVIDER_TIMEOUT_S = 180.0  # the largest has 150 MB
_MIRROR = "can the registry be reached? else name a mirror of providers: provider_installation in ~/.terraformrc"
_LOCKED_VERSION = re.compile(r'version\s*=\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: ``state`` is ``ok``, ``warn`` or ``fail``."""

    name: str
    state: str
    text: str
    hint: str = ""


def examine(
    home: Home, regions: Sequence[Region] = (), *, engine: str | None, env: Mapping[str, str]
) -> Iterator[Check]:
    """
    Yield what was found, the most basic first; nothing is created but the home directory.

    Every cloud is asked for its credentials, and where they are good for more. What a cloud lacks is a failure where
    one of its *regions* is named, else a warning. Whether Terraform finds the provider is tried for these alone: it
    may have to be fetched.

    Raises:
        InputError: One of *regions* is none.
    """
    for region in regions:
        sheet(region.cloud).check_region(region.name)
    yield Check("skytf", "ok", f"{__version__} on Python {sys.version.split()[0]}")
    found = _engine(engine, env)
    yield _engine_check(found)
    yield _home(home)
    named = {name: [region.name for region in regions if region.cloud == name] for name in CLOUDS}
    with ThreadPoolExecutor(len(CLOUDS), thread_name_prefix="doctor") as pool:
        for checks in pool.map(lambda name: _cloud(home, name, named[name]), CLOUDS):
            yield from checks
    if isinstance(found, Engine):
        yield from (_provider(found, name, env) for name in CLOUDS if named[name] and sheet(name).provider)
    yield _trees()


def _cloud(home: Home, name: str, regions: Sequence[str]) -> list[Check]:
    cloud = open_cloud(name, home.root)
    if cloud is None:
        hint = f"what a lost client leaves there is found in its console, by the tag {TRANSFER}"
        return [Check(f"cloud {name}", "warn", "no adapter: reap and doctor cannot look there", hint)]
    # This machine is always wanted; of other clouds nobody needs all.
    bad = "fail" if regions or sheet(name).provider is None else "warn"
    return [
        Check(f"cloud {name}: {check.name}", "ok" if check.ok else bad, check.found, check.hint)
        for check in cloud.check(regions)
    ]


def _provider(engine: Engine, cloud: str, env: Mapping[str, str]) -> Check:
    """Let Terraform look for the provider of *cloud* as it will at the next transfer."""
    wanted = sheet(cloud).provider
    assert wanted is not None
    name = f"cloud {cloud}: provider"
    block = {wanted.name: {"source": wanted.source, "version": wanted.version}}
    with tempfile.TemporaryDirectory(prefix="skytf-doctor-") as scratch:
        workdir = Path(scratch)
        (workdir / "versions.tf.json").write_text(json.dumps({"terraform": {"required_providers": block}}))
        terraform = Terraform(engine=engine, workdir=workdir, log_dir=workdir, env=env, clouds=(cloud,))
        try:
            terraform.init(timeout_s=_PROVIDER_TIMEOUT_S)
        except TerraformError as error:
            text = error.diagnostics[0].splitlines()[0] if error.diagnostics else str(error)
            return Check(name, "warn", f"{wanted.source} {wanted.version} cannot be had: {text}", error.hint or _MIRROR)
        lock = workdir / ".terraform.lock.hcl"  # a provider of the user's development overrides is not locked
        version = _LOCKED_VERSION.search(lock.read_text()) if lock.exists() else None
    return Check(name, "ok", f"{wanted.source} {version[1] if version else wanted.version}")


def _engine(setting: str | None, env: Mapping[str, str]) -> Engine | EngineMissing:
    try:
        return resolve(setting, env)
    except EngineMissing as error:
        return error


def _engine_check(found: Engine | EngineMissing) -> Check:
    if isinstance(found, EngineMissing):
        return Check("terraform", "fail", str(found), found.hint)
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
    return Check("gateway trees", "ok", f"{len(names)} cached in {cache_dir() / 'trees'}")
