"""The tree of errors in the docstring is the tree of the classes."""

from __future__ import annotations

import inspect
import re

import pytest

from gateway import errors

LINE = re.compile(r"^    (?P<indent>[│ ]*)(?:[├└]─ )?(?P<name>[A-Z][A-Za-z]+) *(?P<text>.*)$", re.MULTILINE)


def documented() -> dict[str, str]:
    """Return each class that the docstring names and its parent there."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for match in LINE.finditer(errors.__doc__ or ""):
        column = match.start("name") - match.start()
        while path and path[-1][0] >= column:
            path.pop()
        parents[match["name"]] = path[-1][1] if path else "Exception"
        path.append((column, match["name"]))
    return parents


def defined() -> dict[str, type[Exception]]:
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    return {name: kind for name, kind in classes.items() if issubclass(kind, Exception)}


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    assert documented() == {name: kind.__bases__[0].__name__ for name, kind in defined().items()}


@pytest.mark.parametrize("kind", defined().values(), ids=lambda kind: str(kind.__name__))
def test_every_error_carries_its_hint_and_says_whether_to_try_again(kind: type[errors.GatewayError]) -> None:
    error = kind("s3://bucket/key: what failed", hint="what to do")

    assert str(error) == "s3://bucket/key: what failed"
    assert error.hint == "what to do"
    assert error.retryable is (kind.__name__ in {"StoreUnavailable", "IntegrityError", "PeerLost"})
