"""A bundle played on this machine: same topology, same programs, no cloud and no bucket."""

from __future__ import annotations
