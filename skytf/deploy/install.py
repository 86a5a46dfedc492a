"""Put a gateway on a host: look what is there, send what is missing, write its files."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skytf.deploy.cancel import Cancel
from skytf.deploy.packages import Platform
from skytf.deploy.session import Session
from skytf.deploy.shipping import Errand, push
from skytf.deploy.tree import Tree
from skytf.errors import HostError

_OLDEST_PYTHON = (3, 11)
_UNPACK_TIMEOUT_S = 300.0
# One round trip, without Python: which there is, is what we ask. `python3` first, then the newer named ones.
_PROBE = """
echo "home $HOME"
echo "system $(uname -s)"
echo "machine $(uname -m)"
echo "libc $(getconf GNU_LIBC_VERSION 2>/dev/null || echo musl)"
for name in python3 python3.11 python3.12 python3.13 python3.14; do
  path=$(command -v $name) && echo "python $path $($path -V 2>&1)"
done
trees=${SKYTF_TREES:-$HOME/.skytf/trees}
mkdir -p "$trees" && echo "trees $trees"
echo "disk $(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(stat -Lc %d:%i "$trees" 2>/dev/null)"
for directory in "$trees" /opt/skytf/trees; do
  for tree in "$directory"/deps-* "$directory"/code-*; do [ -d "$tree" ] && echo "tree $tree"; done
done
true
"""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """
    What `probe` found.

    ``trees`` maps the names of trees that are there to their directories; ``trees_dir`` is where new ones go, and
    ``disk`` is equal for hosts that share it.
    """

    home: PurePosixPath
    python: str
    platform: Platform
    trees_dir: PurePosixPath
    trees: dict[str, PurePosixPath]
    disk: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A gateway that is ready to start: its directory on the host and the Python that runs it."""

    directory: PurePosixPath
    python: str

    def command(self, verb: str) -> list[str]:
        """Return the command line of the daemon's *verb*: ``start``, ``stop``, ``status``."""
        return [self.python, "-I", "-S", str(self.directory / "launcher.py"), verb, str(self.directory)]


class SharedDisks:
    """Let hosts that share a disk (all those of the local cloud) send each tree once, one after the other."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def lock(self, disk: str, tree: str) -> threading.Lock:
        """Return the lock for *tree* on *disk*."""
        with self._guard:
            return self._locks[disk, tree]


def probe(session: Session) -> HostFacts:
    """
    Return what the host is and has.

    Raises:
        HostError: It has no Python from 3.11 on, or is no host we know.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in session.run(_PROBE).stdout.splitlines():
        name, _, value = line.partition(" ")
        found[name].append(value.strip())
    if not found["trees"]:
        raise HostError(f"{session.host}: the directory for trees cannot be made", hint="look at its disk and rights")
    path, version = _choose_python(session, found["python"])
    libc = "macos" if found["system"] == ["Darwin"] else found["libc"][0]
    trees = [PurePosixPath(tree) for tree in found["tree"]]
    return HostFacts(
        home=PurePosixPath(found["home"][0]),
        python=path,
        platform=Platform(version, found["machine"][0], libc),
        trees_dir=PurePosixPath(found["trees"][0]),
        trees={tree.name: tree for tree in reversed(trees)},
        disk=found["disk"][0] or session.host,
    )


def install(
    session: Session,
    facts: HostFacts,
    transfer_id: str,
    *,
    trees: Sequence[Tree],
    files: dict[str, bytes],
    shared: SharedDisks,
    cancel: Cancel,
    on_step: Callable[[str], None],
    bring: Callable[[Errand], None] = push,
) -> Installed:
    """
    Let *bring* fetch the *trees* that the host does not have; send *files* into the transfer's directory there.

    Raises:
        HostError: A tree cannot be built, sent or unpacked.
        Cancelled: *cancel* was set.
    """
    paths = []
    for tree in trees:
        incoming = facts.trees_dir / f".incoming-{tree.name}-{secrets.token_hex(8)}"
        errand = Errand(session, facts.python, tree, incoming, cancel, on_step)
        paths.append(_ensure(facts, errand, shared, bring))
    directory = facts.home / "skytf" / transfer_id
    session.run(["mkdir", "-p", "-m", "700", str(directory)])
    launcher = Path(__file__).with_name("launcher.py").read_bytes()
    trees_json = json.dumps([str(path) for path in paths]).encode()
    for name, content in {**files, "launcher.py": launcher, "trees.json": trees_json}.items():
        session.put(content, str(directory / name))
    return Installed(directory, facts.python)


def _ensure(facts: HostFacts, errand: Errand, shared: SharedDisks, bring: Callable[[Errand], None]) -> PurePosixPath:
    tree = errand.tree.name
    if tree in facts.trees:
        return facts.trees[tree]
    target = facts.trees_dir / tree
    with shared.lock(facts.disk, tree):
        errand.cancel.check(errand.session.host)
        if errand.session.run(["test", "-d", str(target)], check=False).exit_status == 0:
            return target
        bring(errand)
        errand.run_script("unpack.py", str(errand.incoming), str(target), timeout_s=_UNPACK_TIMEOUT_S)
    return target


def _choose_python(session: Session, found: Sequence[str]) -> tuple[str, str]:
    """Return path and version (``3.12``) of the first that is new enough; *found* are lines ``PATH Python 3.12.3``."""
    for line in found:
        match = re.fullmatch(r"(.+) Python (\d+)\.(\d+)\.\S+", line)
        if match is not None and (int(match[2]), int(match[3])) >= _OLDEST_PYTHON:
            return match[1], f"{match[2]}.{match[3]}"
    have = ", ".join(line.rpartition(" ")[2] for line in found) or "none"
    raise HostError(
        f"{session.host} has no Python from 3.11 on (found: {have})",
        hint="choose an image that brings one, such as Ubuntu 24.04 or Debian 12",
    )
