from __future__ import annotations

import inspect
import re

from skytf import errors
from skytf.errors import EngineMissing, Interrupted, SkytfError, TerraformError


def classes() -> dict[str, type[SkytfError]]:
    return {name: one for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, SkytfError)}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    shown = re.findall(r"^    ([│├└─ ]*)(\w+) {2,}(\d+)", errors.__doc__, re.MULTILINE)
    parents: dict[int, str] = {}
    found = {}
    for branch, name, code in shown:
        depth = len(branch) // 3
        parents[depth] = name
        found[name] = (parents[depth - 1] if depth else "Exception", int(code))

    actual = {name: (one.__bases__[0].__name__, one.exit_code) for name, one in classes().items()}
    actual["Interrupted"] = ("SkytfError", 130)  # 128 plus the signal's number; the tree shows the first
    assert found == actual


def test_exit_codes_are_the_documented_ones() -> None:
    codes = {name: one.exit_code for name, one in classes().items()}

    assert codes == {
        "SkytfError": 1,
        "TransferFailed": 1,
        "InputError": 2,
        "NoTopology": 3,
        "TerraformError": 4,
        "EngineMissing": 4,
        "HostError": 5,
        "ObjectsMissing": 6,
        "Refused": 7,
        "PolicyDenied": 8,
        "Interrupted": 1,
    }
    assert Interrupted("", signal_number=2).exit_code == 130
    assert Interrupted("", signal_number=15).exit_code == 143


def test_an_error_carries_the_next_step() -> None:
    error = TerraformError("apply failed", hint="look", diagnostics=("Error: no",))

    assert (str(error), error.hint, error.diagnostics) == ("apply failed", "look", ("Error: no",))
    assert EngineMissing("none").diagnostics == ()
