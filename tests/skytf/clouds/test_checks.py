"""Lines of the doctor that clouds share."""

from __future__ import annotations

import pytest

from skytf.clouds import checks
from skytf.clouds.base import Quota
from skytf.errors import SkytfError

TYPE = "n2-standard-16"


def fail() -> str:
    raise SkytfError("nobody answers")


def test_an_answer_is_ok_and_an_error_says_what_to_do() -> None:
    good = checks.asked("network", lambda: "it answers")
    bad = checks.asked("network", fail, "plug it in")

    assert (good.ok, good.found, good.hint) == (True, "it answers", "")
    assert (bad.ok, bad.found, bad.hint) == (False, "nobody answers", "plug it in")


def test_permissions_that_are_missing_are_named() -> None:
    good = checks.permissions([], 3, "ask for more")
    bad = checks.permissions(["a.b", "c.d"], 3, "ask for more")

    assert (good.ok, good.hint) == (True, "")
    assert (bad.ok, bad.found, bad.hint) == (False, "not allowed: a.b, c.d", "ask for more")


@pytest.mark.parametrize(("instances", "ok", "hint"), [(3, True, ""), (0, False, "more, please"), (None, True, "")])
def test_a_quota_that_is_used_up_is_not_ok(instances: int | None, ok: bool, hint: str) -> None:
    def ask(region: str, instance_type: str) -> Quota:
        return Quota(region, instance_type, instances, "N2_CPUS", 64, 16, "more, please")

    check = checks.quota("gcp", "us-central1", ask)

    assert (check.name, check.ok, check.hint) == ("quota in us-central1", ok, hint)
    assert TYPE in check.found


def test_a_quota_that_cannot_be_asked_for_is_not_ok() -> None:
    check = checks.quota("gcp", "us-central1", lambda region, instance_type: fail())  # type: ignore[arg-type, return-value]  # it never returns

    assert (check.ok, check.found) == (False, "nobody answers")
    assert check.hint
