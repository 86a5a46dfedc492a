"""
A bundle is the directory that a person or a pull request reviews: written whole, read back with suspicion.

The same request, catalog, quota and tool give the same bytes on every machine, so "is this what was reviewed?" is a
comparison of files. ``plan.json`` and ``.terraform.lock.hcl`` need Terraform and are compared apart.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from gateway.errors import BadProgram
from gateway.program import Program
from gateway.program import decode as decode_program
from gateway.program import encode as encode_program
from skytf import __version__
from skytf.errors import InputError, Refused
from skytf.listing import FOLDER as LISTINGS
from skytf.listing import job_of, name_of
from skytf.model import codec
from skytf.model.difference import Difference
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.quota import QuotaRead
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology

BUNDLE_VERSION = 2
MANIFEST = "transfer.json"
TOPOLOGY = "topology.json"
PLAN_JSON = "plan.json"
PLAN_MD = "PLAN.md"
PLAN_HTML = "plan.html"
ATTRIBUTES = ".gitattributes"
INFRA = "infra/"
PROGRAMS = "programs/"
LOCK_FILE = f"{INFRA}.terraform.lock.hcl"

_TOP = frozenset({ATTRIBUTES, MANIFEST, TOPOLOGY, PLAN_JSON, PLAN_MD, PLAN_HTML})
_FOLDERS = (INFRA, LISTINGS, PROGRAMS)
# What follows from the rest is folded in a pull request (GitHub Docs, "Customizing how changed files appear").
_FOLDED = (f"{PROGRAMS}**", PLAN_HTML, PLAN_JSON, TOPOLOGY)
# Whatever core.autocrlf or the attributes of the repository say: other line ends are other bytes, and refused.
_AS_IT_IS = "* -text"
# What Terraform itself leaves behind where somebody runs it in a bundle; never applied, so no edit.
_TERRAFORMS_OWN = f"{INFRA}.terraform/"
AGAIN = "plan again, or take the reviewed files back from version control"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    ``transfer.json``: what decided the bundle, together with the tool.

    ``figures`` are the rows of the catalog that it rests on, ``quota`` what the accounts allowed when it was planned.
    ``against`` is what became different since the bundle that it was compared with, None where it was with none.
    ``modules`` are the SHA-256 of the tool's own Terraform modules, by folder below ``infra/modules/``.
    """

    request: Request
    survey: tuple[JobSurvey, ...]
    figures: Figures = field(default_factory=Figures)
    quota: tuple[QuotaRead, ...] = ()
    against: Difference | None = None
    modules: Mapping[str, str] = field(default_factory=dict)
    bundle_version: int = BUNDLE_VERSION
    tool_version: str = __version__

    @property
    def digest(self) -> str:
        """SHA-256 of ``transfer.json``, hexadecimal."""
        return hashlib.sha256(codec.encode(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in memory; ``files`` has every file of it: path with ``/`` → content, sorted."""

    files: Mapping[str, bytes]
    manifest: Manifest
    topology: Topology
    programs: Mapping[str, Program]

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, hexadecimal: two bundles with one digest are one bundle."""
        total = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            total.update(hashlib.sha256(name.encode()).digest())
            total.update(hashlib.sha256(content).digest())
        return total.hexdigest()

    @property
    def infra(self) -> dict[str, bytes]:
        """The Terraform root module: path inside ``infra/`` → content."""
        return {name.removeprefix(INFRA): content for name, content in self.files.items() if name.startswith(INFRA)}

    @property
    def listings(self) -> dict[str, bytes]:
        """Job id → its pinned listing, as `skytf.listing` reads it; empty where none is pinned."""
        return {job_of(name): content for name, content in self.files.items() if name.startswith(LISTINGS)}

    @property
    def plan_json(self) -> bytes | None:
        """The normalised plan; None where the bundle was planned offline."""
        return self.files.get(PLAN_JSON)

    def with_file(self, name: str, content: bytes) -> Bundle:
        """Return the same bundle with one file more, which Terraform made."""
        return replace(self, files=dict(sorted({**self.files, name: content}.items())))


def compose(
    *,
    manifest: Manifest,
    topology: Topology,
    programs: Mapping[str, Program],
    infra: Mapping[str, bytes],
    plan_md: bytes,
    plan_html: bytes,
    plan_json: bytes | None = None,
    listings: Mapping[str, bytes] | None = None,
) -> Bundle:
    """
    Return the bundle of these parts.

    *infra* may hold the ``.terraform.lock.hcl`` that init made; *listings* are job id → pinned listing.
    """
    files = {
        ATTRIBUTES: "".join(
            f"{line}\n" for line in (_AS_IT_IS, *(f"{one} linguist-generated" for one in _FOLDED))
        ).encode(),
        MANIFEST: codec.encode(manifest),
        TOPOLOGY: codec.encode(topology),
        PLAN_HTML: plan_html,
        PLAN_MD: plan_md,
        **{
            f"{PROGRAMS}{gateway}.json": codec.lay_out(encode_program(program)) for gateway, program in programs.items()
        },
        **{f"{INFRA}{name}": content for name, content in infra.items()},
        **{name_of(job_id): content for job_id, content in (listings or {}).items()},
    }
    if plan_json is not None:
        files[PLAN_JSON] = plan_json
    return Bundle(dict(sorted(files.items())), manifest, topology, dict(sorted(programs.items())))


def write(out_dir: Path, files: Mapping[str, bytes]) -> None:
    """
    Write *files* to *out_dir*: a new or empty directory, or an older bundle, whose stale files go.

    What stands beside the files of a bundle (a README, ``.git``) is left alone.

    Raises:
        InputError: *out_dir* holds something else, or cannot be written.
    """
    try:
        if out_dir.exists() and not out_dir.is_dir():
            raise InputError(f"{out_dir} is a file, not a directory", hint="give another directory to --out")
        if out_dir.is_dir() and any(out_dir.iterdir()) and not (out_dir / MANIFEST).is_file():
            raise InputError(
                f"{out_dir} is not empty and holds no bundle, so nothing is overwritten there",
                hint="give a new or empty directory, or one with an earlier bundle",
            )
        if link := _link_in(out_dir):
            raise InputError(
                f"{out_dir / link} is a symbolic link, so what lies behind it could be overwritten",
                hint="remove the link, or give another directory to --out",
            )
        # First of all: what is half written is then known as a (broken) bundle, and may be written again.
        _write_file(out_dir / MANIFEST, files[MANIFEST])
        for name, content in files.items():
            _write_file(out_dir / name, content)
        _remove_stale(out_dir, files)
    except OSError as error:
        raise InputError(
            f"the bundle cannot be written to {out_dir}: {error.strerror or error}",
            hint="give another directory to --out",
        ) from error


def read(directory: Path, *, any_tool: bool = False) -> Bundle:
    """
    Return the bundle that *directory* holds; with *any_tool* also one that another skytf planned, to look at it.

    Raises:
        InputError: *directory* is none, or holds no bundle.
        Refused: Another version wrote it, or a file of it is broken.
    """
    if not directory.is_dir():
        what = "is a file, not a directory" if directory.exists() else "does not exist"
        raise InputError(f"{directory} {what}", hint="skytf plan SRC DST --out DIR writes a bundle")
    if not (directory / MANIFEST).is_file():
        raise InputError(
            f"{directory} is no bundle: it has no {MANIFEST}", hint="skytf plan SRC DST --out DIR writes one"
        )
    if link := _link_in(directory):
        raise Refused(f"{directory / link} is a symbolic link: what was reviewed is not in the bundle", hint=AGAIN)
    try:
        files = {name: (directory / name).read_bytes() for name in _names(directory)}
    except OSError as error:
        raise InputError(f"the bundle {directory} cannot be read: {error.strerror or error}") from error
    _check_versions(directory, files[MANIFEST], any_tool=any_tool)
    if TOPOLOGY not in files:
        raise Refused(f"the bundle {directory} has no {TOPOLOGY}", hint=AGAIN)
    manifest = _decoded(directory, MANIFEST, files[MANIFEST], Manifest)
    topology = _decoded(directory, TOPOLOGY, files[TOPOLOGY], Topology)
    return Bundle(files, manifest, topology, _programs(directory, files))


def _names(directory: Path) -> list[str]:
    """Return the paths of the bundle's files, sorted; strangers beside them are not among them."""
    found = [name for name in _TOP if (directory / name).is_file()]
    for folder in _FOLDERS:
        for path in (directory / folder).rglob("*"):
            name = path.relative_to(directory).as_posix()
            if path.is_file() and not name.startswith(_TERRAFORMS_OWN):
                found.append(name)
    return sorted(found)


def _link_in(directory: Path) -> str:
    """Return the first symbolic link that stands for a file or folder of a bundle, empty where there is none."""
    below = (path for folder in _FOLDERS for path in sorted((directory / folder).rglob("*")))
    for path in (*(directory / name for name in (*sorted(_TOP), *_FOLDERS)), *below):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink() and not name.startswith(_TERRAFORMS_OWN):
            return name
    return ""


def _write_file(path: Path, content: bytes) -> None:
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return  # a bundle in git keeps its times where nothing changed
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # never through a link that somebody put there
    with beside.open("xb") as file:
        file.write(content)
    beside.replace(path)


def _remove_stale(out_dir: Path, files: Mapping[str, bytes]) -> None:
    shutil.rmtree(out_dir / _TERRAFORMS_OWN, ignore_errors=True)
    for name in _names(out_dir):
        if name not in files:
            (out_dir / name).unlink()
    for folder in _FOLDERS:
        for path in sorted((out_dir / folder).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()


def _check_versions(directory: Path, content: bytes, *, any_tool: bool) -> None:
    raw = _decoded(directory, MANIFEST, content, dict[str, Any])
    if raw.get("bundle_version") != BUNDLE_VERSION:
        raise Refused(
            f"the bundle {directory} has format {raw.get('bundle_version')}, this skytf reads {BUNDLE_VERSION}",
            hint="plan again with this skytf",
        )
    if raw.get("tool_version") != __version__ and not any_tool:
        raise Refused(
            f"the bundle {directory} was planned with skytf {raw.get('tool_version')}, this is {__version__}",
            hint="plan again with this skytf, or apply with the one that planned",
        )


def _programs(directory: Path, files: Mapping[str, bytes]) -> dict[str, Program]:
    programs = {}
    for name, content in files.items():
        if not name.startswith(PROGRAMS):
            continue
        try:
            programs[PurePosixPath(name).stem] = decode_program(content)
        except BadProgram as error:
            raise Refused(f"{directory / name} is broken: {error}", hint=AGAIN) from error
    return programs


def _decoded(directory: Path, name: str, content: bytes, kind: type[Value]) -> Value:
    try:
        return codec.decode(content, kind)
    except ValueError as error:
        raise Refused(f"{directory / name} is broken: {error}", hint=AGAIN) from error
