"""Sentences with names of others in them, which each page shows in its own way."""

from __future__ import annotations

from collections.abc import Iterable

from skytf.render.markdown import code, prose
from skytf.render.words import count


class Name(str):
    """What a user, a bucket or a catalog called something: shown as it is, and as nothing else."""

    __slots__ = ()


# Words of ours as plain text, the names of others as `Name`.
Sentence = tuple[str, ...]


def said(*parts: str) -> Sentence:
    """Return a sentence of *parts*."""
    return parts


def in_markdown(sentence: Sentence) -> str:
    """Return *sentence* for Markdown, where nothing in it can be markup."""
    return "".join(
        code(part) if isinstance(part, Name) else prose(part, begins=number == 0)
        for number, part in enumerate(sentence)
    )


def is_name(part: str) -> bool:
    """Whether *part* of a sentence is a name of somebody else's."""
    return isinstance(part, Name)


def among(names: Iterable[str], at_most: int = 5) -> Sentence:
    """Return *names* with commas between them; after *at_most* how many more there are."""
    found = list(names)
    parts: list[str] = []
    for one in found[:at_most]:
        parts += [", ", Name(one)] if parts else [Name(one)]
    if len(found) > at_most:
        parts.append(f" and {count(len(found) - at_most, 'other')}")
    return tuple(parts)
