"""plan.html: what a reviewer looks at in a browser; one file that asks nobody for anything."""

from __future__ import annotations

from skytf.model.review import Page


def plan_html(page: Page) -> bytes:
    """Return plan.html."""
    return b"<!doctype html>" + page.manifest_digest.encode() + b"\n"
