from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skytf.cli import app
from skytf.cli.session import Session
from tests.skytf.cli.fake import FakeClient
from tests.skytf.cli.results import CHECK, DIFFERENCE, FLEET, SAME, TRANSFER, UNSEARCHED

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell that runs the tests must not add options, colours or widths."""
    for name in list(os.environ):
        if name.startswith("SKYTF_") or name in {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"}:
            monkeypatch.delenv(name)


@pytest.fixture
def client() -> FakeClient:
    return FakeClient(
        transfer_list=[TRANSFER],
        fleets=[FLEET],
        unsearched=[UNSEARCHED],
        comparisons=[SAME],
        checks=[CHECK],
        difference=DIFFERENCE,
    )


@pytest.fixture
def run(client: FakeClient) -> Run:
    """Run one command line with the fake client; nobody is at the terminal."""

    def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), obj=Session(client.factory), env=env)

    return invoke


def lines_of(result: Result) -> list[dict[str, Any]]:
    """Return what a run wrote as JSON Lines."""
    return [json.loads(line) for line in result.stdout.splitlines()]
