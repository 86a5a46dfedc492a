"""What handing out work needs: gateways, whoever answers for them, and a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gateway.shard import Shard
from skytf.monitor.events import Event


class GatewayControl(Protocol):
    """What dispatch needs of a gateway's control API (`skytf.monitor.client`)."""

    def post_shard(self, shard: Shard, *, wait_s: float) -> bool:
        """Hand over *shard*; False where the gateway's intake stayed full for *wait_s*."""

    def events(self, after: int = 0) -> Iterator[Event]:
        """Yield events as they come, until the gateway is lost or `close` is called."""

    def lost(self, gateway_id: str) -> None:
        """Tell this gateway that another one is gone."""

    def close(self) -> None:
        """End every call that waits."""


class Record(Protocol):
    """Where dispatch writes down what is settled (the journal of a transfer)."""

    def handed(self, shard: Shard) -> None:
        """A shard goes out."""

    def event(self, event: Event) -> None:
        """A gateway reported something."""
