"""The stand-ins for the clouds' providers, for the tests of the modules."""

from __future__ import annotations

from tests.provider.fixtures import provider_config, workdir, world

__all__ = ["provider_config", "workdir", "world"]
