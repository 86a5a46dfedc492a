"""A cloud's region, written ``aws:us-east-1``; ``local:a`` is this machine as a site."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skytf.errors import InputError

_REGION = re.compile(r"([a-z][a-z0-9]*):([a-z0-9][a-z0-9-]*)")


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """One region of one cloud."""

    cloud: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Region:
        """
        Return the region that *text* names.

        Raises:
            InputError: *text* is not ``cloud:region``.
        """
        match = _REGION.fullmatch(text)
        if match is None:
            raise InputError(f"{text!r} is not a region", hint="write cloud:region, for example local:a")
        return cls(match[1], match[2])

    @property
    def slug(self) -> str:
        """The region as a Terraform identifier and the start of a gateway id: ``local-a``."""
        return f"{self.cloud}-{self.name}"

    def __str__(self) -> str:
        return f"{self.cloud}:{self.name}"
