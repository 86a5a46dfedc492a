"""What a policy finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """
    One rule that a bundle breaks.

    ``where`` names the region, end or resource that breaks it, empty where it is the whole; ``found`` and ``allowed``
    are values in words. ``policy`` is the file that has the rule, empty where nobody has said.
    """

    rule: str
    where: str
    found: str
    allowed: str
    policy: str = ""

    def __str__(self) -> str:
        of = f" of {self.where}" if self.where else ""
        return f"{self.rule}{of}: found {self.found}, allowed {self.allowed}"
