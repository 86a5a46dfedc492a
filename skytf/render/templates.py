"""Templates in, text out."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from skytf.resources import templates_dir, terraform_dir


def fill(name: str, **values: Any) -> bytes:
    """Return the template *name* filled with *values*; a value that is missing is an error, never an empty place."""
    return _environment().get_template(name).render(**values).encode()


@cache
def _environment() -> Environment:
    # The modules are searched too: a cloud brings its provider block along in its own folder.
    return Environment(  # noqa: S701 - HCL and Markdown; what is interpolated is checked or escaped by the callers
        loader=FileSystemLoader([templates_dir(), terraform_dir()], encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
