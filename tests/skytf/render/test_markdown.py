from __future__ import annotations

import pytest

from skytf.render.markdown import code


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
