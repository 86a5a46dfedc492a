"""
Source key → what every destination appends → destination key.

The way is split in two, because one read serves several destinations: `suffix_of` says what part of a source key
travels, `destination_key` puts it behind the prefix of one destination.

Folder markers (keys that end in ``/``) below the prefix are objects like others; the marker of the prefix itself
(``foo/`` when ``foo`` is copied) says nothing about what is in it and is passed over. At a path destination a marker
creates the directory. A key with an empty component (``foo//a``) keeps it: two keys never land on one.
"""

from __future__ import annotations

_WHOLE_STORE = ("", "/")


def suffix_of(prefix: str, key: str, *, recursive: bool) -> str | None:
    """
    Return the part of *key* that every destination appends, or None where *key* does not belong to the copy.

    With *recursive* that is what follows *prefix* and a ``/``, or the whole key where *prefix* is empty or ``/``;
    a sibling (``foobar/x`` beside ``foo``) does not belong. Without, only the key that equals *prefix* belongs, and its
    last component travels; a key that ends in ``/`` is its own last component.
    """
    if not recursive:
        if key != prefix or not key:
            return None
        return key if key.endswith("/") else key.rpartition("/")[2]
    if prefix in _WHOLE_STORE:
        return key or None
    folder = as_folder(prefix)
    return key.removeprefix(folder) or None if key.startswith(folder) else None


def destination_key(prefix: str, suffix: str, *, recursive: bool) -> str:
    """
    Return the key that *suffix* gets below the destination *prefix*.

    An empty *prefix* or ``/`` adds nothing. With *recursive*, *prefix* is a folder whether or not it ends in ``/``;
    without, a *prefix* that does not end in ``/`` is the destination key itself.
    """
    if prefix in _WHOLE_STORE:
        return suffix
    if recursive or prefix.endswith("/"):
        return as_folder(prefix) + suffix
    return prefix


def as_folder(prefix: str) -> str:
    """Return *prefix* with one ``/`` at its end; the whole store (empty or ``/``) as an empty string."""
    if prefix in _WHOLE_STORE:
        return ""
    return prefix if prefix.endswith("/") else prefix + "/"
