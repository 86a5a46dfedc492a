"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 45


def sources() -> Iterator[Path]:
    for package in ("gateway", "skytf"):
        yield from (ROOT / package).rglob("*.py")


def test_no_file_is_longer_than_a_reader_holds() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > MAX_FILE_LINES
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    """Counted without its docstring, which says what callers rely on and may be long."""
    long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                body = node.body
                has_docstring = ast.get_docstring(node) is not None
                begin = body[1].lineno if has_docstring and len(body) > 1 else node.lineno
                if (lines := node.end_lineno - begin + 1) > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines

    assert long == {}


def test_every_public_name_says_what_it_is() -> None:
    silent = []
    for path in sources():
        tree = ast.parse(path.read_text())
        if ast.get_docstring(tree) is None:
            silent.append(str(path.relative_to(ROOT)))
        silent += [
            f"{path.relative_to(ROOT)}:{node.name}"
            for node in tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node) is None
        ]

    assert silent == []
