from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.install import SharedDisks, install, probe
from skytf.deploy.session import Result, Session
from skytf.deploy.tree import Tree
from skytf.errors import HostError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))


class Saying:
    """A host whose probe printed *lines*."""

    host = "local-a-1"

    def __init__(self, *lines: str) -> None:
        self._said = "".join(f"{line}\n" for line in lines)

    def run(self, command: str) -> Result:
        return Result(0, self._said, "")


def tree_of(name: str, files: Mapping[str, str]) -> Tree:
    def fill(directory: Path, _cancel: Cancel) -> None:
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)

    return Tree(name, fill)


def install_one(session: Session, tree: Tree) -> list[str]:
    """Install *tree* and return the steps that it took."""
    steps: list[str] = []
    install(
        session,
        probe(session),
        "t1",
        trees=[tree],
        files={"program.json": b"{}"},
        shared=SharedDisks(),
        cancel=Cancel(),
        on_step=steps.append,
    )
    return steps


def test_a_probe_finds_what_trees_must_fit(session: Session) -> None:
    facts = probe(session)

    assert facts.home.is_absolute()
    assert tuple(map(int, facts.platform.python.split("."))) >= (3, 11)
    assert facts.platform.uv_name().startswith(facts.platform.machine)
    assert Path(facts.trees_dir).is_dir()


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        (["/usr/bin/python3 Python 3.12.3"], ("/usr/bin/python3", "3.12")),
        (["/usr/bin/python3 Python 3.10.12", "/usr/bin/python3.13 Python 3.13.0rc1"], ("/usr/bin/python3.13", "3.13")),
        (["/odd path/python3 Python 3.11.2"], ("/odd path/python3", "3.11")),
    ],
)
def test_the_first_python_that_is_new_enough_is_taken(found: list[str], chosen: tuple[str, str]) -> None:
    lines = ["home /root", "system Linux", "machine x86_64", "libc glibc 2.39", "trees /t", "disk a 1:2"]

    facts = probe(Saying(*lines, *(f"python {line}" for line in found)))  # type: ignore[arg-type]

    assert (facts.python, facts.platform.python) == chosen


@pytest.mark.parametrize(
    ("found", "named"), [([], "found: none"), (["python /usr/bin/python3 Python 3.10.12"], r"found: 3\.10\.12")]
)
def test_a_host_without_a_python_that_is_new_enough_is_refused(found: list[str], named: str) -> None:
    lines = ["home /root", "system Linux", "machine x86_64", "libc glibc 2.35", "trees /t", "disk a 1:2"]

    with pytest.raises(HostError, match=rf"local-a-1 has no Python from 3\.11 on \({named}\)"):
        probe(Saying(*lines, *found))  # type: ignore[arg-type]


def test_a_baked_tree_and_a_sent_one_are_both_found() -> None:
    lines = [
        "home /root",
        "system Linux",
        "machine x86_64",
        "libc glibc 2.39",
        "disk a 1:2",
        "trees /root/.skytf/trees",
    ]
    lines += ["python /usr/bin/python3 Python 3.12.3", "tree /root/.skytf/trees/code-1", "tree /opt/skytf/trees/deps-1"]

    facts = probe(Saying(*lines))  # type: ignore[arg-type]

    assert facts.trees == {
        "code-1": PurePosixPath("/root/.skytf/trees/code-1"),
        "deps-1": PurePosixPath("/opt/skytf/trees/deps-1"),
    }


def test_a_tree_is_sent_once(session: Session) -> None:
    tree = tree_of("deps-once-1", {"package/a.py": "A = 1\n"})

    first = install_one(session, tree)
    second = install_one(session, tree)

    assert first == ["building deps-once-1", "sending deps-once-1"]
    assert second == []


def test_a_tree_that_another_host_put_on_a_shared_disk_meanwhile_is_not_sent(session: Session) -> None:
    tree = tree_of("deps-meanwhile-1", {"package/a.py": "A = 1\n"})
    before = probe(session)
    install_one(session, tree)
    steps: list[str] = []

    install(
        session,
        before,
        "t1",
        trees=[tree],
        files={},
        shared=SharedDisks(),
        cancel=Cancel(),
        on_step=steps.append,
    )

    assert steps == []


def test_the_launcher_runs_the_package_of_the_trees_and_nothing_of_the_host(session: Session) -> None:
    main = "import sys, dependency; print(dependency.NAME, sys.argv[1:], 'site' in sys.modules)"
    trees = [
        tree_of("code-launch-1", {"gateway/__init__.py": "", "gateway/__main__.py": main}),
        tree_of("deps-launch-1", {"dependency.py": "NAME = 'from the tree'"}),
    ]

    installed = install(
        session, probe(session), "t2", trees=trees, files={}, shared=SharedDisks(), cancel=Cancel(), on_step=print
    )

    said = session.run(installed.command("start")).stdout
    assert said == f"from the tree ['start', '{installed.directory}'] False\n"


def test_the_files_of_a_transfer_are_its_users_alone(session: Session) -> None:
    install_one(session, tree_of("deps-files-1", {"a.py": ""}))

    directory = Path(probe(session).home, "skytf", "t1")

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {path.name for path in directory.iterdir()} == {"launcher.py", "program.json", "trees.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert [Path(tree).name for tree in json.loads((directory / "trees.json").read_text())] == ["deps-files-1"]


def test_nothing_is_sent_after_somebody_cancelled(session: Session) -> None:
    cancel = Cancel()
    cancel.set()

    with pytest.raises(Cancelled):
        install(
            session,
            probe(session),
            "t1",
            trees=[tree_of("deps-cancelled-1", {"a.py": ""})],
            files={},
            shared=SharedDisks(),
            cancel=cancel,
            on_step=print,
        )
