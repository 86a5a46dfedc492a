"""The control API: HTTP on loopback, reached through SSH, for whoever has the token (docs/control.md)."""

from __future__ import annotations

from gateway.control.server import Control

__all__ = ["Control"]
