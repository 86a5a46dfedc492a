"""Text of others in Markdown."""

from __future__ import annotations

import re

_TEXT_CHARS = 300
# What makes a list, a heading, a quotation or a rule of a line that begins with it; an indented line is code.
_BEGINNING = re.compile(r"^(\d+(?=[.)](?: |$))|(?=[#=>])|(?=[+-][ +-]))(.)")
_BACKTICKS = re.compile("`+")
# An underscore within a word means nothing.
_MARKUP = re.compile(r"([\\`*{}\[\]<|~&!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
# What GitHub and GitLab make a link or a mention of by themselves; a backslash does not stop them.
_LINKS_ITSELF = re.compile(r"@|://|\bwww\.|[#!]\d|\bGH-\d", re.IGNORECASE)
_AROUND = "()[]{}<>,;:.'\"!?"


def visible(text: str) -> str:
    """
    Return *text*, which a user or a bucket wrote, on one line and without what hides or turns around text.

    Control and direction-changing characters are written as escapes; a long text loses its middle.
    """
    if len(text) > _TEXT_CHARS:
        text = f"{text[: _TEXT_CHARS // 2]} … {text[-_TEXT_CHARS // 2 :]}"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def code(text: str) -> str:
    """Return *text* as a Markdown code span that shows it, as `visible` has it, and does nothing else."""
    shown = visible(text)
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    # A space at both ends is part of the span's syntax where the text itself begins or ends with a backtick or space.
    pad = " " if shown[:1] in ("`", " ", "") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str) -> str:
    """Return `code` of *text* for a table: there a pipe ends the cell, in a code span too, unless it is escaped."""
    return code(text).replace("|", r"\|")


def prose(text: str, *, begins: bool = True) -> str:
    """
    Return words of a catalog or a cloud as words: no markup, no link, no mention; what could be one is code.

    *begins* where they may begin a line or a list's item.
    """
    words = " ".join(_word(one) for one in visible(text).split(" "))
    if not begins:
        return words
    return _BEGINNING.sub(r"\1\\\2", words.lstrip(" "))


def _word(text: str) -> str:
    inner = text.strip(_AROUND)
    if not _LINKS_ITSELF.search(text) or not inner:
        return _escaped(text)
    before, _, after = text.partition(inner)
    return _escaped(before) + cell(inner) + _escaped(after)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
