"""The predecessor's table of key mappings, with its hazards fixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping import destination_key, suffix_of

NON_RECURSIVE = [
    ("foo/a.txt", "foo/a.txt", "bar", "bar"),
    ("foo/a.txt", "foo/a.txt", "bar/", "bar/a.txt"),
    ("foo/a.txt", "foo/a.txt", "", "a.txt"),
    ("foo/a.txt", "foo/a.txt", "/", "a.txt"),
    ("foo/a.txt", "foo/b.txt", "bar", None),
    ("foo", "foo/a.txt", "bar", None),
    ("", "foo/b.txt", "", None),
    ("/", "foo/b.txt", "", None),
    ("foo", "foo", "qux", "qux"),
    ("foo/", "foo/", "qux/", "qux/foo/"),
    ("foo/", "foo/", "", "foo/"),
    ("foo/", "foo/", "/", "foo/"),
    ("foo/bar", "foo/bar", "qux/", "qux/bar"),
    # an exact key is copied although others share its prefix
    ("foo", "foo.txt", "qux", None),
    ("", "", "qux", None),
]
RECURSIVE = [
    ("foo/", "foo/a.txt", "bar", "bar/a.txt"),
    ("foo", "foo/c.txt", "bar", "bar/c.txt"),
    ("foo", "fooc.txt", "bar", None),
    ("foo/a.txt", "foo/a.txt", "bar", None),
    ("bar/foo/", "bar/foo/b.txt", "bar", "bar/b.txt"),
    ("", "foo/bar/baz.txt", "", "foo/bar/baz.txt"),
    ("", "foo/bar/baz.txt", "/", "foo/bar/baz.txt"),
    ("/", "foo/bar/baz.txt", "", "foo/bar/baz.txt"),
    ("/", "foo/bar/baz.txt", "/", "foo/bar/baz.txt"),
    ("", "foo/bar/baz.txt", "qux", "qux/foo/bar/baz.txt"),
    ("", "foo/bar/baz.txt", "qux/", "qux/foo/bar/baz.txt"),
    ("/", "foo/bar/baz.txt", "qux", "qux/foo/bar/baz.txt"),
    ("/", "foo/bar/baz.txt", "qux/", "qux/foo/bar/baz.txt"),
    ("foo", "foo/bar/baz.txt", "qux", "qux/bar/baz.txt"),
    ("foo/", "foo/bar/baz.txt", "qux", "qux/bar/baz.txt"),
    ("/", "foo/", "qux/", "qux/foo/"),
    ("foo", "foobar/baz.txt", "", None),
    # no key gains a leading slash
    ("foo", "foo/a", "", "a"),
    ("foo", "foo/a", "/", "a"),
    # folder markers: those below are objects, that of the prefix itself is not
    ("foo", "foo/", "bar", None),
    ("foo/", "foo/", "bar", None),
    ("foo", "foo/bar/", "qux", "qux/bar/"),
    # two keys never land on one
    ("foo", "foo//a", "qux", "qux//a"),
]


def mapped(source: str, key: str, destination: str, *, recursive: bool) -> str | None:
    suffix = suffix_of(source, key, recursive=recursive)
    return None if suffix is None else destination_key(destination, suffix, recursive=recursive)


@pytest.mark.parametrize(("source", "key", "destination", "expected"), NON_RECURSIVE)
def test_one_key_is_mapped_as_the_table_says(source: str, key: str, destination: str, expected: str | None) -> None:
    assert mapped(source, key, destination, recursive=False) == expected


@pytest.mark.parametrize(("source", "key", "destination", "expected"), RECURSIVE)
def test_a_tree_is_mapped_as_the_table_says(source: str, key: str, destination: str, expected: str | None) -> None:
    assert mapped(source, key, destination, recursive=True) == expected


@given(prefixes=st.tuples(*[st.text("ab/", max_size=4)] * 2), keys=st.tuples(*[st.text("ab/", max_size=8)] * 2))
def test_two_keys_never_land_on_one(prefixes: tuple[str, str], keys: tuple[str, str]) -> None:
    source, destination = prefixes
    first, second = (mapped(source, key, destination, recursive=True) for key in keys)

    assert first is None or (first == second) == (keys[0] == keys[1])


@given(source=st.text("ab/", max_size=4), key=st.text("ab/", max_size=8), recursive=st.booleans())
def test_no_key_gains_a_leading_slash(source: str, key: str, recursive: bool) -> None:
    landing = mapped(source, key, "", recursive=recursive)

    # an empty component of the key, at its beginning or right behind the prefix, is the only slash that can come first
    if landing is not None and landing.startswith("/"):
        assert key.startswith("/") or "//" in key


@given(source=st.text("ab/", max_size=4), key=st.text("ab/", max_size=8))
def test_what_belongs_to_a_tree_stands_below_its_prefix(source: str, key: str) -> None:
    suffix = suffix_of(source, key, recursive=True)

    if suffix is not None and source not in ("", "/"):
        assert key == source.removesuffix("/") + "/" + suffix
