"""Templates in, text out."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from skytf.resources import templates_dir, terraform_dir


def fill(name: str, **values: Any) -> bytes:
    """Return the template *name* filled with *values*; a value that is missing is an error, never an empty place."""
    return _environment().get_template(name).render(**values).encode()


def fill_html(name: str, **values: Any) -> bytes:
    """Return the template *name* filled with *values*, each of which is text there and no markup."""
    return _environment(html=True).get_template(name).render(**values).encode()


def trusted(markup: str) -> Markup:
    """Return *markup* of our own, which `fill_html` leaves as it is."""
    return Markup(markup)  # noqa: S704 - the callers build it from numbers and files of ours


@cache
def _environment(*, html: bool = False) -> Environment:
    # The modules are searched too: a cloud brings its provider block along in its own folder.
    return Environment(
        loader=FileSystemLoader([templates_dir(), terraform_dir()], encoding="utf-8"),
        # HCL and Markdown: what is interpolated there is checked or escaped by the callers.
        autoescape=html,  # noqa: S701  # for the reason above
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
