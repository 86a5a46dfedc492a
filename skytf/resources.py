"""Where the Terraform modules and the templates are: beside the packages in a checkout, in ``_data`` of a wheel."""

from __future__ import annotations

from pathlib import Path

from skytf.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
# What a child module is made of; templates, tables and READMEs beside it are for us, not for Terraform.
_MODULE_SUFFIXES = frozenset({".tf", ".tftpl"})


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
    paths = sorted(path for path in root.rglob("*") if path.suffix in _MODULE_SUFFIXES and path.is_file())
    if not paths:
        known = sorted(path.name for path in terraform_dir().iterdir() if any(path.glob("*.tf")))
        raise InputError(f"there is no Terraform module for cloud {cloud!r}", hint=f"known clouds: {', '.join(known)}")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def has_provider(cloud: str) -> bool:
    """Return whether *cloud* needs a provider block; a cloud without one is the operator's own machine."""
    return (terraform_dir() / cloud / "provider.tf.j2").is_file()


def _find(name: str) -> Path:
    shipped = _PACKAGE / "_data" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
