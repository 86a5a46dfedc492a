"""How the archive of a tree comes onto a host that lacks it; every way ends with the same file there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from skytf.deploy.cancel import Cancel
from skytf.deploy.session import Session
from skytf.deploy.tree import Tree

TreeSource = Literal["auto", "push", "fan-out", "index"]
TREE_SOURCES: tuple[TreeSource, ...] = get_args(TreeSource)


@dataclass(frozen=True, slots=True)
class Errand:
    """Bring the archive of *tree* to *incoming*, a path on the host of *session*, whose Python is *python*."""

    session: Session
    python: str
    tree: Tree
    incoming: PurePosixPath
    cancel: Cancel
    on_step: Callable[[str], None]

    def archive(self) -> Path:
        """
        Return the archive on this machine, built if it is not there.

        Raises:
            HostError: It cannot be built.
            Cancelled: The errand is off.
        """
        self.on_step(f"building {self.tree.name}")
        return self.tree.archive(self.cancel)

    def run_script(self, name: str, *arguments: str, stdin: bytes = b"", timeout_s: float) -> None:
        """
        Run the script *name* of this package on the host, with nothing of the host but its Python.

        Raises:
            HostError: It failed; the message has its last words.
        """
        self.session.run(script_argv(self.python, name, *arguments), stdin=stdin, timeout_s=timeout_s)


def push(errand: Errand) -> None:
    """
    Send the archive through the SSH session: slow from a thin line, but it always works.

    Raises:
        HostError: It cannot be built, or did not arrive.
        Cancelled: The errand is off.
    """
    archive = errand.archive()
    errand.on_step(f"sending {errand.tree.name}")
    errand.session.put(archive, str(errand.incoming))


def push_instead(errand: Errand, why: object) -> None:
    """Say that another way failed, and `push`; do neither when the errand is off."""
    errand.cancel.check(errand.session.host)
    errand.on_step(f"{errand.tree.name} could not be fetched, so it is sent ({why})")
    push(errand)


def script_argv(python: str, name: str, *arguments: str) -> Sequence[str]:
    """Return the command line that runs the script *name* of this package on a host."""
    return [python, "-I", "-S", "-c", script_text(name), *arguments]


def script_text(name: str) -> str:
    """Return the script *name* of this package."""
    return Path(__file__).with_name(name).read_text()
