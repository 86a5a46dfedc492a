"""Trees that hosts make themselves of wheels from a package index on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf.deploy import shipping
from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.index import Index, find_wheels
from skytf.deploy.install import SharedDisks, install, probe
from skytf.deploy.packages import Packages, Platform
from skytf.deploy.packages import install as install_packages
from skytf.deploy.session import Session
from skytf.deploy.tree import Tree
from skytf.errors import HostError
from tests.skytf.deploy import index_server
from tests.skytf.deploy.wheels import WHEEL, write_wheel

LINUX = Platform("3.12", "x86_64", "glibc 2.39")


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYTF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[index_server.Index]:
    """An index that knows ``tiny``, as the operator's settings name it."""
    (tmp_path / "tiny.lock").write_text(write_wheel(tmp_path / "wheels"))
    with index_server.Index(tmp_path / "wheels") as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        yield index


@pytest.fixture
def lock(tmp_path: Path, served: index_server.Index) -> Path:
    return tmp_path / "tiny.lock"


def tiny_tree(lock: Path, name: str, platform: Platform) -> Tree:
    def fill(directory: Path, cancel: Cancel) -> None:
        install_packages(lock, directory, platform, cancel)

    return Tree(name, fill, Packages(lock, platform))


def install_tree(session: Session, lock: Path, name: str) -> tuple[Path, list[str]]:
    """Install ``tiny`` by way of the index; return where it is and the steps that it took."""
    facts, steps = probe(session), list[str]()
    install(
        session,
        facts,
        "t1",
        trees=[tiny_tree(lock, name, facts.platform)],
        files={},
        shared=SharedDisks(),
        cancel=Cancel(),
        on_step=steps.append,
        bring=Index().bring,
    )
    return Path(facts.trees_dir) / name, steps


def test_a_host_makes_the_tree_of_what_the_lock_pins(session: Session, lock: Path, served: index_server.Index) -> None:
    tree, steps = install_tree(session, lock, "deps-index-1")

    assert steps == ["locating deps-index-1", "fetching deps-index-1 from the package index"]
    assert served.asked == [WHEEL]
    assert (tree / "tiny" / "__init__.py").read_text() == "ANSWER = 42\n"
    assert list((tree / "tiny" / "__pycache__").iterdir())
    assert not list(tree.parent.glob(".incoming-deps-index-1*"))


def test_a_file_that_changed_meanwhile_is_refused_and_the_tree_is_sent(
    session: Session, lock: Path, tmp_path: Path
) -> None:
    facts = probe(session)
    tree = tiny_tree(lock, "deps-index-2", facts.platform)
    tree.archive(Cancel())
    wheels = find_wheels(Packages(lock, facts.platform), Cancel())
    (tmp_path / "wheels" / WHEEL).write_bytes(b"another file")
    index = Index()
    index._found[Packages(lock, facts.platform)] = wheels
    steps: list[str] = []

    install(
        session,
        facts,
        "t1",
        trees=[tree],
        files={},
        shared=SharedDisks(),
        cancel=Cancel(),
        on_step=steps.append,
        bring=index.bring,
    )

    assert "is not the file that was locked" in steps[2]
    assert steps[-1] == "sending deps-index-2"
    assert (Path(facts.trees_dir) / "deps-index-2" / "tiny").is_dir()


def test_a_host_that_does_not_reach_the_index_is_sent_the_tree(
    session: Session, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shipping.script_text
    unreachable = "raise OSError('Network is unreachable')"
    monkeypatch.setattr(
        shipping, "script_text", lambda name: real(name).replace("with urllib", f"{unreachable}\n        with urllib")
    )

    tree, steps = install_tree(session, lock, "deps-index-3")

    assert any("could not be fetched" in step and "Network is unreachable" in step for step in steps)
    assert (tree / "tiny").is_dir()


def test_code_that_no_index_has_is_sent(session: Session) -> None:
    facts, steps = probe(session), list[str]()
    tree = Tree("code-index-1", lambda directory, _cancel: (directory / "a.py").touch())

    install(
        session,
        facts,
        "t1",
        trees=[tree],
        files={},
        shared=SharedDisks(),
        cancel=Cancel(),
        on_step=steps.append,
        bring=Index().bring,
    )

    assert steps == ["building code-index-1", "sending code-index-1"]


def test_the_files_are_those_of_the_hosts_platform(lock: Path, tmp_path: Path, served: index_server.Index) -> None:
    """uv knows what fits; of several, the one that says most about the host is best."""
    names = [
        "tiny-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "tiny-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "tiny-1.0-cp312-cp312-manylinux_2_28_aarch64.whl",
        "tiny-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
        "tiny-1.0-cp39-abi3-manylinux_2_28_x86_64.whl",
    ]
    for name in names:
        (tmp_path / "wheels" / name).write_bytes((tmp_path / "wheels" / WHEEL).read_bytes())

    [wheel] = find_wheels(Packages(lock, LINUX), Cancel())

    assert wheel.url.endswith("/tiny-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")


def test_a_file_that_the_lock_does_not_pin_is_not_taken(lock: Path) -> None:
    lock.write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n")

    with pytest.raises(HostError, match="tiny"):
        find_wheels(Packages(lock, LINUX), Cancel())


def test_no_password_is_passed_on(lock: Path, served: index_server.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", served.url.replace("//", "//me:secret@"))

    [wheel] = find_wheels(Packages(lock, LINUX), Cancel())

    assert wheel.url.startswith("http://127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@index.example/tiny.whl",
        "https://token@index.example/tiny.whl",
        "https://index.example/tiny.whl?signature=secret",
        "file:///home/me/tiny.whl",
        "",
    ],
)
def test_an_address_that_is_nobody_elses_business_is_not_passed_on(
    lock: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    digest = lock.read_text().strip().rpartition(":")[2]
    listing = f"[[packages]]\nname = 'tiny'\nwheels = [{{url = '{url}', hashes = {{sha256 = '{digest}'}}}}]\n"

    def listed(argv: list[str], directory: Path, *_: object) -> None:
        (directory / "pylock.toml").write_text(listing)

    monkeypatch.setattr("skytf.deploy.packages.run", listed)

    with pytest.raises(HostError, match="no file of tiny") as caught:
        find_wheels(Packages(lock, LINUX), Cancel())

    assert "secret" not in str(caught.value)


def test_an_index_that_is_not_there_is_asked_once(
    lock: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int, session: Session
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port}/simple")
    index = Index()
    wanted = Packages(lock, LINUX)

    with pytest.raises(HostError, match=r"tiny\.lock cannot be found"):
        index._find(wanted, Cancel())
    monkeypatch.setattr("skytf.deploy.index.find_wheels", lambda *_: pytest.fail("asked again"))
    with pytest.raises(HostError, match=r"tiny\.lock cannot be found"):
        index._find(wanted, Cancel())


def test_cancelling_is_no_failure_of_the_index(lock: Path) -> None:
    cancel = Cancel()
    cancel.set()

    with pytest.raises(Cancelled):
        Index()._find(Packages(lock, LINUX), cancel)
