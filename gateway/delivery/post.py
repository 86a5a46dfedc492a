"""Letters as messages: sealed under the payload key, so that relays forward them and cannot read or change them."""

from __future__ import annotations

from gateway.delivery.letters import Letter, kind_of, pack, unpack
from gateway.errors import RemoteWireError
from gateway.wire.codecs import open_message, seal_message
from gateway.wire.frame import Message


class Post:
    """Seals and opens the letters of *gateway*; *key* is the payload key, None on a relay."""

    def __init__(self, gateway: str, transfer_id: str, key: bytes | None) -> None:
        self._gateway = gateway
        self._transfer_id = transfer_id
        self._key = key

    def seal(self, to: str, letter: Letter) -> Message:
        """Return *letter* as a message for gateway *to*. Raises: RemoteWireError, on a relay."""
        kind = kind_of(letter)
        seal = seal_message(self._known_key, self._transfer_id, to, self._gateway, kind, pack(letter))
        return Message(to=to, sender=self._gateway, kind=kind, seal=seal)

    def open(self, message: Message) -> Letter:
        """
        Return what *message* says.

        Raises:
            IntegrityError: It is not what its sender sealed.
            RemoteWireError: It says nothing that we know, or we are a relay.
        """
        fields = message.to, message.sender, message.kind
        return unpack(message.kind, open_message(self._known_key, self._transfer_id, *fields, message.seal))

    @property
    def _known_key(self) -> bytes:
        if self._key is None:
            raise RemoteWireError("a relay has no business with messages")
        return self._key
