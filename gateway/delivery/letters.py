"""
What source gateways and sinks tell each other about objects: the bodies of the messages, one class per kind.

``number`` names what an answer is about: a chunk by its own number (0 is a whole object), or `OPENING`, `COMPLETING`.
``key`` is the suffix that a destination appends to its prefix, unless it is called ``destination_key``.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from gateway.errors import RemoteWireError
from gateway.stores.base import Attributes

OPENING = -1
COMPLETING = -2


class _Body(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    partition: str
    destination: int


class Open(_Body, frozen=True):
    """Source to owner: begin an object of several chunks."""

    object_id: str
    attempt: int
    key: str
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**62)]  # what fits into a file offset of every system
    attributes: Attributes
    again: bool


class Opened(_Body, frozen=True):
    """Owner to source: chunks may come (*token*), or the object stands there already and is *skipped*."""

    object_id: str
    attempt: int
    destination_key: str
    token: str
    if_absent: bool
    skipped: bool


class Received(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """
    One piece that a store has; *token* says to which upload it belongs, empty for whole objects.

    *compared* says that the store reported a digest of the whole object and that it was the piece's.
    """

    object_id: str
    number: int
    etag: str
    size_bytes: int
    crc64nvme: int
    token: str
    skipped: bool
    compared: bool = False


class Receipt(_Body, frozen=True):
    """Sink to source: what it wrote of one frame."""

    items: tuple[Received, ...]


class Refused(_Body, frozen=True):
    """Sink to source: one piece, open or complete failed there. *error* is the name of a class of `gateway.errors`."""

    object_id: str
    number: int
    attempt: int
    token: str
    error: str
    message: str
    hint: str
    retryable: bool


class Complete(_Body, frozen=True):
    """
    Source to owner: make the object of exactly *parts* visible. It says all, for an owner that never opened it.

    A part is the fields of a `Part` in their order: 55 bytes instead of 95 lets 10,000 of them into one message.
    """

    object_id: str
    attempt: int
    key: str
    token: str
    parts: tuple[tuple[int, str, int, int], ...]
    attributes: Attributes
    size_bytes: int
    crc64nvme: int
    if_absent: bool


class Completed(_Body, frozen=True):
    """Owner to source: the object stands there; *crc64nvme* is the store's own digest, None where it has none."""

    object_id: str
    attempt: int
    size_bytes: int
    crc64nvme: int | None
    skipped: bool


class Abort(_Body, frozen=True):
    """Source to owner: forget an upload and what it wrote."""

    destination_key: str
    token: str


Letter: TypeAlias = Open | Opened | Receipt | Refused | Complete | Completed | Abort

_TYPES: dict[str, type[Letter]] = {
    kind.__name__.lower(): kind for kind in (Open, Opened, Receipt, Refused, Complete, Completed, Abort)
}


def object_of(letter: Letter) -> str:
    """Return the source's own name of the object that *letter* is about; empty where it says none."""
    return "" if isinstance(letter, Receipt | Abort) else letter.object_id


def kind_of(letter: Letter) -> str:
    """Return the kind of the message that carries *letter*."""
    return type(letter).__name__.lower()


def pack(letter: Letter) -> bytes:
    """Return *letter* as MessagePack."""
    return msgspec.msgpack.encode(letter)


def unpack(kind: str, body: bytes) -> Letter:
    """
    Return the letter in a message of *kind*.

    Raises:
        RemoteWireError: There is no such kind, or *body* is none of it.
    """
    expected = _TYPES.get(kind)
    if expected is None:
        raise RemoteWireError(f"no message is of kind {kind!r}", hint="run the same skytf version on all gateways")
    try:
        return msgspec.msgpack.decode(body, type=expected)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RemoteWireError(f"a message of kind {kind!r} cannot be read: {error}") from error
