from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from skytf.bundle import Bundle
from skytf.cli.plan_view import _Reading, show_plan
from skytf.cli.session import Session
from skytf.cli.text import safe_lines
from skytf.render.plan_md import plan_md
from tests.skytf.cli.fake import FakeBundle
from tests.skytf.render import sample


def on_a_terminal(text: str, columns: int) -> str:
    console = Console(width=columns, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(_Reading(safe_lines(text)), width=columns)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_graph_is_left_to_who_can_draw_it() -> None:
    shown = on_a_terminal(plan_md(sample.clouds_page()).decode(), 100)

    assert "flowchart" not in shown
    assert "<br/>" not in shown
    assert "aws:us-east-1 to aws:eu-west-1" in shown


def test_other_blocks_of_code_are_shown() -> None:
    assert "skytf plan" in on_a_terminal("```sh\nskytf plan\n```\n", 80)


def test_no_figure_is_cut_off_at_eighty_columns() -> None:
    shown = on_a_terminal(plan_md(sample.clouds_page()).decode(), 80)

    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines())
    assert "…" not in shown
    assert "$24,210" in shown


def test_it_says_where_the_page_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bundle = FakeBundle(files={**FakeBundle().files, "plan.html": b"page"})

    show_plan(Session(), cast("Bundle", bundle), tmp_path)

    assert f"Bundle: {tmp_path}\nPage: {tmp_path}/plan.html\nNext: " in capsys.readouterr().out
