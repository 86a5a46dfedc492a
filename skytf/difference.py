"""What became different between two bundles. Pure."""

from __future__ import annotations
