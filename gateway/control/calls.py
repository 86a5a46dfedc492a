"""
Every call of the control API as data: the routes and the OpenAPI document are made of the same table.

The types are what travels as JSON. A field that a client does not know is to be passed over; one that it relies on
stays as long as the version of the API does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from gateway.shard import Shard
from gateway.wire.connections import SocketProfile
from gateway.wire.noise import KEY_BYTES

# The versions of this API that are served: a client looks here before anything else.
CONTROL_VERSIONS = (1,)
MOST_WAIT_S = 30.0
# 2^63 - 1, as far as a sequence number goes.
MOST_SEQ = (1 << 63) - 1

Count = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
State = Literal["idle", "running", "draining", "stopping", "failed"]


class Error(msgspec.Struct, frozen=True):
    """What failed, on which object and why; ``hint`` is the next step, where there is one."""

    error: str
    hint: str


class Span(msgspec.Struct, frozen=True):
    """Versions from the lowest to the highest."""

    lowest: int
    highest: int


class Versions(msgspec.Struct, frozen=True):
    """
    What this gateway is and speaks.

    ``control`` are the versions of this API, ``programs`` those of the programs it runs, ``wire`` those of the protocol
    between gateways.
    """

    program: str
    control: tuple[int, ...]
    programs: tuple[int, ...]
    wire: Span


class Counts(msgspec.Struct, frozen=True):
    """
    Totals since the gateway started.

    ``bytes_read`` and ``bytes_written`` are of objects; ``bytes_sealed`` is what those read became, compressed and
    sealed. ``bytes_sent`` and ``bytes_received`` went over all links, ``sent_to`` and ``received_from`` are the same by
    peer. ``stores`` maps ``<job id>-source`` and ``<job id>-destination-<n>`` to requests by operation and to
    ``read_bytes`` and ``written_bytes``.
    """

    bytes_read: Count
    bytes_sealed: Count
    bytes_written: Count
    frames_resent: Count
    bytes_sent: Count
    bytes_received: Count
    sent_to: dict[str, int]
    received_from: dict[str, int]
    stores: dict[str, dict[str, int]]


class OperatorCounts(msgspec.Struct, frozen=True):
    """
    What one operator of the program has done since the gateway started.

    ``partition`` is the first one of its group, ``step`` its place in the group's tree, 0 the head, parents first.
    ``to`` are the peers or the destination that it leads to, as far as it is the one that knows. ``chunks`` counts
    frames where frames cannot be looked into. ``busy_s`` and ``waiting_s`` are seconds, summed over the threads.
    """

    partition: str
    step: int
    op: str
    to: tuple[str, ...]
    chunks: int
    bytes: int
    busy_s: float
    waiting_s: float


class Counters(Counts, frozen=True):
    """
    The counts, and what they say.

    ``compression_ratio`` is ``bytes_read / bytes_sealed``, null where nothing was read. ``bottleneck`` is the step of
    `OperatorCounts` that holds the others up: the last of those that were at work for nearly the largest share of
    their time; null where nothing was moved.
    """

    compression_ratio: float | None
    operators: tuple[OperatorCounts, ...]
    bottleneck: OperatorCounts | None


class Status(msgspec.Struct, frozen=True):
    """
    What the gateway is and how it is; ``peers`` says whether there is a connection to each.

    ``processes`` is how many of its processes run connections: fewer than were begun if one has died.
    """

    gateway: str
    version: str
    state: State
    peers: dict[str, bool]
    processes: Count
    counters: Counts


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a peer listens, and its public link key in hex."""

    gateway: str
    public_key: Annotated[str, Meta(pattern=f"^[0-9a-fA-F]{{{2 * KEY_BYTES}}}$")]
    host: Annotated[str, Meta(min_length=1, max_length=255)]
    port: Port


class Lost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gateway that is dead."""

    gateway: str


class Accepted(msgspec.Struct, frozen=True):
    """How many shards were taken, from the front of those that were offered."""

    accepted: Count


class Full(msgspec.Struct, frozen=True):
    """How many were taken before there was no room; the others are to be offered again, here or elsewhere."""

    accepted: Count
    error: str
    hint: str


class Drained(msgspec.Struct, frozen=True):
    """Whether every shard that was taken is settled, and how many are not."""

    drained: bool
    shards: Count


class Trouble(msgspec.Struct, frozen=True):
    """
    Something that went wrong: ``number`` counts from 1, ``at_s`` is the gateway's own clock, seconds since the epoch.

    ``kind`` is ``failed`` (an object will not arrive), ``refused`` (a piece was not written or read; it is tried again
    where that may help), ``peer`` (the link with a gateway is down) or ``fatal`` (the gateway cannot go on). ``about``
    names the object or the gateway.
    """

    number: int
    at_s: float
    kind: str
    about: str
    error: str
    hint: str


class Troubles(msgspec.Struct, frozen=True):
    """The last errors, oldest first, and how many there were in all by kind; older ones are forgotten."""

    counts: dict[str, int]
    errors: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of a call's query: a JSON Schema, what it means, and what holds without it."""

    name: str
    schema: dict[str, Any]
    means: str


@dataclass(frozen=True, slots=True)
class Call:
    """
    One call. *answer* is None where the answer has no body; *others* are further answers by status.

    *media_type* other than JSON: *answer* is a line of it.
    """

    method: str
    path: str
    name: str
    summary: str
    status: int
    answer: Any = None
    body: Any = None
    query: tuple[Query, ...] = ()
    others: tuple[tuple[int, Any], ...] = ()
    media_type: str = "application/json"

    @property
    def answers(self) -> dict[int, Any]:
        """Status → type of the body, of every answer that is in order or says what is wrong with the question."""
        taken = {} if self.body is None and not self.query else {400: Error}
        return {self.status: self.answer, **taken, 401: Error, **dict(self.others)}


_WAIT = Query(
    "wait_s", {"type": "number", "minimum": 0, "maximum": MOST_WAIT_S, "default": 0}, "how long to wait for it, seconds"
)
_AFTER = Query(
    "after",
    {"type": "integer", "minimum": 0, "maximum": MOST_SEQ, "default": 0},
    "the last number that the client has; the gateway forgets events up to it",
)
_FOLLOW = Query("follow", {"type": "boolean", "default": True}, "stay for what comes; false: say what there is and end")

CALLS: tuple[Call, ...] = (
    Call(
        "GET",
        "/v1/version",
        "version",
        "The versions that this gateway speaks: what a client asks first",
        200,
        Versions,
    ),
    Call("GET", "/v1/openapi.json", "openapi", "This API as an OpenAPI document", 200, dict[str, Any]),
    Call("GET", "/v1/status", "status", "What the gateway is, how it is, and its counts", 200, Status),
    Call("GET", "/v1/counters", "counters", "All counts, by operator too", 200, Counters),
    Call("GET", "/v1/errors", "errors", "What went wrong, the newest last", 200, Troubles, query=(_AFTER,)),
    Call(
        "GET",
        "/v1/sockets",
        "sockets",
        "Each connection with a peer: what was asked of the kernel for it, and what the kernel says of it",
        200,
        list[SocketProfile],
    ),
    Call(
        "PUT",
        "/v1/peers",
        "peers",
        "Where the peers are; the gateway connects to them",
        204,
        body=list[Address],
        others=((503, Error),),
    ),
    Call(
        "POST",
        "/v1/shards",
        "shards",
        "Take one shard or several in order; those that there is room for within wait_s",
        202,
        Accepted,
        body=Shard | list[Shard],
        query=(_WAIT,),
        others=((429, Full), (503, Error)),
    ),
    Call(
        "GET",
        "/v1/events",
        "events",
        "Events as lines of JSON, each with seq and kind; an empty line every 5 s without news",
        200,
        dict[str, Any],
        query=(_AFTER, _FOLLOW),
        media_type="application/x-ndjson",
    ),
    Call("POST", "/v1/lost", "lost", "That gateway is dead: repeat what it may have held", 204, body=Lost),
    Call(
        "POST",
        "/v1/drain",
        "drain",
        "Take no more shards, and finish those that were taken; answers after wait_s at the latest",
        200,
        Drained,
        query=(_WAIT,),
    ),
    Call("POST", "/v1/stop", "stop", "Close and abort everything, say the last counts, and exit", 200, Counters),
)
