"""Hold a bundle against the rules of a policy file. Pure but for reading that file."""

from __future__ import annotations
