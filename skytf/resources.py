"""Where the Terraform modules and the templates are: beside the packages in a checkout, in ``_data`` of a wheel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skytf.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
# What a child module is made of; templates, tables, tests and READMEs beside it are for us, not for Terraform.
_MODULE_SUFFIXES = frozenset({".tf", ".tftpl"})
_NO_PART = frozenset({".terraform", "tests"})
_SHARED = "shared"


def terraform_dir() -> Path:
    """Return the directory with one child module per cloud."""
    return _find("terraform")


def templates_dir() -> Path:
    """Return the directory with the templates of what is rendered."""
    return _find("templates")


def module_files(cloud: str) -> dict[str, bytes]:
    """
    Return the files of the child module of *cloud*: path inside the module, with ``/`` → content; sorted.

    Raises:
        InputError: There is no module for *cloud*.
    """
    root = terraform_dir() / cloud
    if not (root / "main.tf").is_file():
        known = sorted(path.parent.name for path in terraform_dir().glob("*/main.tf"))
        raise InputError(f"there is no Terraform module for cloud {cloud!r}", hint=f"known clouds: {', '.join(known)}")
    paths = {path.relative_to(root): path for path in root.rglob("*") if path.suffix in _MODULE_SUFFIXES}
    return {
        inside.as_posix(): path.read_bytes()  # a link brings what it leads to
        for inside, path in sorted(paths.items())
        if path.is_file() and _NO_PART.isdisjoint(inside.parts)
    }


def shared_files(module: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the templates that clouds share and the files of *module* refer to: name → content; sorted."""
    return {
        path.name: path.read_bytes()
        for path in sorted((terraform_dir() / _SHARED).glob("*.tftpl"))
        if any(f"/{_SHARED}/{path.name}".encode() in content for content in module.values())
    }


def _find(name: str) -> Path:
    shipped = _PACKAGE / "_data" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
