from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skytf.runner.diagnostics import Diagnostic
from skytf.runner.messages import (
    ChangeSummary,
    Message,
    Other,
    Outputs,
    Provision,
    ResourceChange,
    Version,
    parse_line,
)

RESOURCE = {"addr": "module.a.terraform_data.one", "resource_type": "terraform_data"}

LINES: list[tuple[dict[str, object], Message]] = [
    ({"type": "version", "terraform": "1.15.5", "@message": "Terraform 1.15.5"}, Version("1.15.5", "Terraform 1.15.5")),
    ({"type": "version", "tofu": "1.6.2", "@message": "OpenTofu 1.6.2"}, Version("1.6.2", "OpenTofu 1.6.2")),
    (
        {"type": "planned_change", "change": {"resource": RESOURCE, "action": "create"}},
        ResourceChange("planned", "module.a.terraform_data.one", "create"),
    ),
    (
        {"type": "apply_progress", "hook": {"resource": RESOURCE, "action": "create", "elapsed_seconds": 10}},
        ResourceChange("progress", "module.a.terraform_data.one", "create", elapsed_s=10),
    ),
    (
        {"type": "apply_errored", "hook": {"resource": RESOURCE, "action": "delete", "elapsed_seconds": 1}},
        ResourceChange("errored", "module.a.terraform_data.one", "delete", elapsed_s=1),
    ),
    (
        {"type": "provision_progress", "hook": {"resource": RESOURCE, "provisioner": "local-exec", "output": "hi"}},
        Provision("progress", "module.a.terraform_data.one", "local-exec", "hi"),
    ),
    (
        {"type": "change_summary", "changes": {"add": 1, "change": 2, "remove": 3, "operation": "plan"}},
        ChangeSummary("plan", add=1, change=2, remove=3),
    ),
    ({"type": "outputs", "outputs": {"b": {"value": "secret"}, "a": {}}}, Outputs(("a", "b"))),
    ({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "no"}}, Diagnostic("error", "no")),
    ({"type": "refresh_start", "@message": "Refreshing", "hook": {}}, Other("refresh_start", "Refreshing")),
    ({"type": "planned_change", "@message": "odd", "change": 7}, Other("planned_change", "odd")),
]


@pytest.mark.parametrize(("raw", "expected"), LINES)
def test_a_line_becomes_its_message(raw: dict[str, object], expected: Message) -> None:
    assert parse_line(json.dumps(raw) + "\n") == expected


def test_plain_text_is_kept() -> None:
    assert parse_line("Initializing the backend...\n") == Other("", "Initializing the backend...")
    assert parse_line("42\n") == Other("", "42")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["resource", "addr", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=60)
@given(kind=st.sampled_from([str(raw["type"]) for raw, _ in LINES]), body=JSON)
def test_no_shape_of_a_line_raises(kind: str, body: object) -> None:
    raw = {"type": kind, **dict.fromkeys(("change", "hook", "changes", "outputs", "diagnostic"), body)}

    parse_line(json.dumps(raw))
