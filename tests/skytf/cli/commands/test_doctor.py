from __future__ import annotations

import pytest

from skytf.doctor import Check
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


@pytest.mark.parametrize(("state", "code", "mark"), [("ok", 0, "✓"), ("warn", 0, "!"), ("fail", 1, "✗")])
def test_only_a_failed_check_is_a_failure(run: Run, client: FakeClient, state: str, code: int, mark: str) -> None:
    client.checks = [Check("engine", state, "terraform 1.11.4", "install one")]

    result = run("doctor")

    assert result.exit_code == code
    assert result.stdout == f"{mark} engine  terraform 1.11.4\n  Next: install one\n"
