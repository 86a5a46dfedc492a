from __future__ import annotations

import pytest

from skytf.render.markdown import cell, code, prose


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a`b``c", "```a`b``c```"),
        ("`", "`` ` ``"),
        ("line\nbreak\u202etxt\x1b[0m", "`line\\nbreak\\u202etxt\\x1b[0m`"),
        ("<script>@team #1", "`<script>@team #1`"),
    ],
)
def test_what_users_wrote_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_long_text_loses_its_middle() -> None:
    shown = code("a" * 500 + "b" * 500)

    assert len(shown) < 310
    assert shown.startswith("`aaa")
    assert shown.endswith("bbb`")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("made-up price list, 2026-10-01", "made-up price list, 2026-10-01"),
        ("aws_eip in aws:us-east-1 -> b", "aws_eip in aws:us-east-1 -> b"),
        ("_all_ of *it* <b>", r"\_all\_ of \*it\* \<b>"),
        ("list (https://x.y/z), @team #12 a#b", "list (`https://x.y/z`), `@team` `#12` a#b"),
        ("# heading", r"\# heading"),
        ("1. first", r"1\. first"),
        ("2022-04-16 to 2026", "2022-04-16 to 2026"),
        ("-5 %, 1.5 GB", "-5 %, 1.5 GB"),
        ("1.5 GB", "1.5 GB"),
        ("--- rule", r"\--- rule"),
        ("   - item", r"\- item"),
        ("> quoted", r"\> quoted"),
        ("one\ntwo", r"one\\ntwo"),
        ("a|b", r"a\|b"),
        ("", ""),
    ],
)
def test_words_of_others_stay_words(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_a_pipe_does_not_end_a_cell() -> None:
    assert cell("a|b") == r"`a\|b`"
