"""What Terraform complains about, as a value, and back in the words and lines that Terraform uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What Terraform says when a condition that a module makes of its input, or of what it found, does not hold.
CHECKS = (
    "Resource precondition failed",
    "Resource postcondition failed",
    "Module output value precondition failed",
    "Invalid value for variable",
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """
    One error or warning, as ``terraform … -json`` reports it.

    ``line`` counts from 1 and is 0 where the complaint is about no file. ``context`` is the block it is in,
    ``code`` the offending lines as they stand in the file, ``values`` what the expressions there came to.
    """

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    filename: str = ""
    line: int = 0
    column: int = 0
    context: str = ""
    code: str = ""
    values: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether it made the command fail."""
        return self.severity == "error"


def parse_diagnostic(raw: Mapping[str, Any]) -> Diagnostic:
    """Return the diagnostic that *raw* describes; what Terraform left out stays empty."""
    place = raw.get("range") or {}
    start = place.get("start") or {}
    snippet = raw.get("snippet") or {}
    return Diagnostic(
        severity=str(raw.get("severity", "error")),
        summary=str(raw.get("summary", "")),
        detail=str(raw.get("detail", "")).strip(),
        address=str(raw.get("address", "")),
        filename=str(place.get("filename", "")),
        line=int(start.get("line", 0)),
        column=int(start.get("column", 0)),
        context=str(snippet.get("context") or ""),
        code=str(snippet.get("code") or ""),
        values=tuple(f"{one.get('traversal')} {one.get('statement')}" for one in snippet.get("values") or ()),
    )


def headline(diagnostic: Diagnostic) -> str:
    """Return what is wrong in one line: of a module's own check its message, for the summary is always the same."""
    if diagnostic.summary in CHECKS and diagnostic.detail:
        return " ".join(diagnostic.detail.partition("\n\n")[0].split())
    return diagnostic.summary


def format_diagnostic(diagnostic: Diagnostic) -> str:
    """Return *diagnostic* as Terraform writes it on a terminal, without colour and frame."""
    lines = [f"{diagnostic.severity.capitalize()}: {diagnostic.summary}", ""]
    if diagnostic.address:
        lines.append(f"  with {diagnostic.address},")
    if diagnostic.filename:
        within = f", in {diagnostic.context}" if diagnostic.context else ""
        lines.append(f"  on {diagnostic.filename} line {diagnostic.line}{within}:")
        lines += [
            f"  {number:>4}: {code}" for number, code in enumerate(diagnostic.code.splitlines(), start=diagnostic.line)
        ]
    if diagnostic.values:
        lines.append("    where")
        lines += [f"      {value}" for value in diagnostic.values]
    if lines[-1]:
        lines.append("")
    lines += diagnostic.detail.splitlines()
    return "\n".join(lines).rstrip()
