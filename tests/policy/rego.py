"""The Rego rules run by Python (regopy): which of them a bundle breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regopy import Interpreter

from skytf.bundle import MANIFEST, PLAN_JSON, TOPOLOGY, Bundle
from tests.policy.bundles import TFVARS

POLICY = Path(__file__).parents[2] / "policy"
FILES = (MANIFEST, TOPOLOGY, TFVARS, PLAN_JSON)
# regopy writes a quotation mark in a text as it is, and that is no JSON.
_QUERY = "x := {[one.rule, replace(one.where, `\"`, `'`)] | some one in data.skytf.deny}"


def broken(bundle: Bundle, policy: Mapping[str, Any] | None) -> set[tuple[str, str]]:
    """Return rule and place of all that *bundle* breaks; a quotation mark in a place has become an apostrophe."""
    rego = Interpreter()
    rego.add_module("skytf.rego", (POLICY / "skytf.rego").read_text())
    rego.add_data_json((POLICY / "modules.json").read_text())
    if policy is not None:
        rego.add_data_json(json.dumps({"skytf_policy": policy}))
    combined = [
        {"path": f"b/{name}", "contents": json.loads(bundle.files[name])} for name in FILES if name in bundle.files
    ]
    rego.set_input_term(json.dumps(combined))
    return {(rule, where) for rule, where in rego.query(_QUERY).results[0].bindings["x"]}
