"""What all parts of a running gateway share: identity, keys, memory, and the ways to say something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.delivery.events import Counters, Events
from gateway.delivery.letters import Letter
from gateway.errors import BadProgram
from gateway.program import Settings
from gateway.stores.base import Credentials
from gateway.wire.certificates import Certificates
from gateway.wire.noise import KEY_BYTES
from gateway.wire.pool import Pool

PAYLOAD_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """
    What a gateway gets over SSH and keeps in memory only. No field that is secret appears in `repr`.

    ``payload_key`` is None on a relay, ``link_tls`` where links do without TLS. ``transfer_started_s`` is when the
    transfer began (seconds since the epoch): an object that was written since may be this transfer's own.
    """

    transfer_id: str
    link_private_key: bytes = field(repr=False)
    token: str = field(repr=False)
    payload_key: bytes | None = field(default=None, repr=False)
    transfer_started_s: float = 0.0
    credentials: Mapping[str, Credentials] = field(default_factory=dict, repr=False)
    link_tls: Certificates | None = None

    def __post_init__(self) -> None:
        if len(self.link_private_key) != KEY_BYTES:
            raise BadProgram(f"a link key has {KEY_BYTES} bytes, not {len(self.link_private_key)}")
        if self.payload_key is not None and len(self.payload_key) != PAYLOAD_KEY_BYTES:
            raise BadProgram(f"a payload key has {PAYLOAD_KEY_BYTES} bytes, not {len(self.payload_key)}")


@dataclass(frozen=True, slots=True)
class Runtime:
    """
    What operators work with.

    ``say`` seals a letter and sends it to a gateway, this one included. ``on_crash`` gets what ends a thread.
    """

    gateway: str
    secrets: Secrets
    settings: Settings
    pool: Pool
    events: Events
    counters: Counters
    say: Callable[[str, Letter], None]
    on_crash: Callable[[str, BaseException], None]
    log: Callable[[str], None]

    @property
    def payload_key(self) -> bytes:
        """
        The key of the payload.

        Raises:
            BadProgram: This gateway was given none, as a relay.
        """
        if self.secrets.payload_key is None:
            raise BadProgram(
                f"{self.gateway} reads or writes objects but was given no payload key",
                hint="only relays are started without one",
            )
        return self.secrets.payload_key
