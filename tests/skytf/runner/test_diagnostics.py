from __future__ import annotations

from skytf.runner.diagnostics import Diagnostic, format_diagnostic, headline, parse_diagnostic

RAW = {
    "severity": "error",
    "summary": "Invalid value for variable",
    "detail": "At least one gateway.\n\nThis was checked by the validation rule.",
    "address": "module.local-a.terraform_data.one",
    "range": {"filename": "main.tf", "start": {"line": 7, "column": 3, "byte": 9}, "end": {"line": 7, "column": 9}},
    "snippet": {
        "context": 'module "local-a"',
        "code": "  gateways = {}",
        "start_line": 7,
        "values": [{"traversal": "var.gateways", "statement": "is empty"}],
    },
}


def test_the_headline_of_a_check_is_its_own_message() -> None:
    assert headline(parse_diagnostic(RAW)) == "At least one gateway."
    assert headline(parse_diagnostic(RAW | {"summary": "no room"})) == "no room"


def test_a_diagnostic_reads_as_terraform_writes_it() -> None:
    assert format_diagnostic(parse_diagnostic(RAW)).splitlines() == [
        "Error: Invalid value for variable",
        "",
        "  with module.local-a.terraform_data.one,",
        '  on main.tf line 7, in module "local-a":',
        "     7:   gateways = {}",
        "    where",
        "      var.gateways is empty",
        "",
        "At least one gateway.",
        "",
        "This was checked by the validation rule.",
    ]


def test_a_diagnostic_without_a_place_has_none() -> None:
    text = format_diagnostic(Diagnostic("warning", "Old provider", "Update it."))

    assert text == "Warning: Old provider\n\nUpdate it."


def test_missing_fields_stay_empty() -> None:
    assert parse_diagnostic({"snippet": None, "range": None}) == Diagnostic("error", "")
