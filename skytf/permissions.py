"""What the operator's credentials must be allowed, per cloud, derived from the resource types in its module."""

from __future__ import annotations

from skytf.model.review import Review


def needed(review: Review) -> dict[str, tuple[str, ...]]:
    """Return cloud → what planning, applying and destroying what *review* says must be allowed to do, sorted."""
    return {}
