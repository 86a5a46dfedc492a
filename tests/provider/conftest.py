"""The fixtures of the stand-ins, for their own tests."""

from __future__ import annotations

from tests.provider.fixtures import provider_config, workdir, world

__all__ = ["provider_config", "workdir", "world"]
