"""
What a source gateway asks the sinks and makes of their answers. Pure state, as the ledger it works on.

Per object and destination::

    OPENING ──Opened──▶ SENDING ──last Receipt──▶ COMPLETING ──Completed──▶ DONE
       ▲ ╲                 │  ╲                        │
       │  ╰─skipped──▶ DONE│   ╰ whole object: the     │ the upload is gone, or its parts are wrong
       ╰───────────────────┴───  receipt is enough ────╯
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from gateway import errors
from gateway.chunk import Chunk
from gateway.delivery.inflight import Delivery, InFlight, Say, ShardRun, Stage, Tell, choose_owner
from gateway.delivery.ledger import Ledger
from gateway.delivery.letters import (
    COMPLETING,
    Abort,
    Complete,
    Completed,
    Letter,
    Open,
    Opened,
    Receipt,
    Received,
    Refused,
)
from gateway.stores.base import Head, Part

# The upload was aborted behind our back, or holds other bytes than were sent: only a new one helps.
_REOPEN: Mapping[int, frozenset[str]] = {
    COMPLETING: frozenset({errors.ObjectMissing.__name__, errors.IntegrityError.__name__}),
    1: frozenset({errors.ObjectMissing.__name__}),  # any chunk
}


class Dialogue:
    """
    Ask owners to open and complete, take receipts, and repeat what stays without an answer.

    *sinks* is that of the program: partition → destination (as text) → gateways. Times are of one monotonic clock.
    """

    def __init__(self, ledger: Ledger, sinks: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._ledger = ledger
        self._sinks = sinks
        self._dead: set[str] = set()
        self._asked: OrderedDict[tuple[str, int], float] = OrderedDict()

    def admit(self, run: ShardRun, index: int, chunks: Sequence[Chunk], head: Head, now: float) -> None:
        """Take on an object of several *chunks*, *head* at its source: ask its owners to open it."""
        item = self._ledger.admit(run, index, chunks, Stage.OPENING)
        item.attributes, item.expected_crc = head.attributes, head.crc64nvme
        for delivery in item.deliveries.values():
            self._ask_open(item, delivery, now)

    def answer(self, sender: str, letter: Letter, now: float) -> None:
        """Take what a sink says. Late answers and those about objects that are settled change nothing."""
        if isinstance(letter, Receipt):
            for received in letter.items:
                self._on_received(letter, received, now)
        elif isinstance(letter, Opened):
            self._on_opened(sender, letter)
        elif isinstance(letter, Completed):
            self._on_completed(letter)
        elif isinstance(letter, Refused):
            self._on_refused(letter, now)

    def lost(self, gateway: str, now: float) -> None:
        """Do without *gateway*: send again what it may have held, and let others own its objects."""
        self._dead.add(gateway)
        self._repeat(gateway, now)

    def found(self, gateway: str, now: float) -> None:
        """Count on *gateway* again; what was sent and asked while it was missed has reached nobody."""
        if gateway in self._dead:
            self._dead.discard(gateway)
            self._repeat(gateway, now, unless_another_lives=True)

    def _repeat(self, gateway: str, now: float, *, unless_another_lives: bool = False) -> None:
        a_sink = any(gateway in sinks for lanes in self._sinks.values() for sinks in lanes.values())
        for (partition, destination), lane in self._ledger.lanes.items():
            sinks = self._sinks[partition][str(destination)]
            # a relay may have held chunks for any destination
            concerned = not a_sink or gateway in sinks
            if concerned and not (unless_another_lives and a_sink and set(sinks) - self._dead - {gateway}):
                for object_id, number in list(lane.sent):
                    self._ledger.again(self._ledger.objects[object_id], number, destination)
        for item in list(self._ledger.objects.values()):
            for delivery in list(item.deliveries.values()):
                # a relay may also have held the question, or the answer
                if not a_sink or delivery.owner == gateway:
                    self._ask_again(item, delivery, now)

    def expire(self, now: float) -> float | None:
        """Repeat or give up what has waited too long; return when the next thing may have, None if nothing waits."""
        timeout_s = self._ledger.limits.receipt_timeout_s
        for item, delivery in self._overdue(now - timeout_s):
            error = f"{delivery.owner} did not answer for {timeout_s:.0f} s"
            self._retry_question(item, delivery, errors.PeerLost.__name__, error, now)
        for (_, destination), lane in self._ledger.lanes.items():
            while (deadline := lane.deadline(timeout_s)) is not None and deadline <= now:
                object_id, number = next(iter(lane.sent))
                error = f"no sink confirmed it for {timeout_s:.0f} s"
                item = self._ledger.objects[object_id]
                self._retry_piece(item, item.deliveries[destination], number, errors.PeerLost.__name__, error)
        deadlines = [lane.deadline(timeout_s) for lane in self._ledger.lanes.values()]
        if self._asked:
            deadlines.append(next(iter(self._asked.values())) + timeout_s)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def _overdue(self, asked_before: float) -> Iterator[tuple[InFlight, Delivery]]:
        while self._asked:
            (object_id, destination), asked_at = next(iter(self._asked.items()))
            if asked_at > asked_before:
                return
            del self._asked[object_id, destination]
            item = self._ledger.objects.get(object_id)
            if item is not None and item.deliveries[destination].stage in (Stage.OPENING, Stage.COMPLETING):
                yield item, item.deliveries[destination]

    def _find(self, object_id: str, destination: int) -> tuple[InFlight, Delivery] | None:
        item = self._ledger.objects.get(object_id)
        delivery = None if item is None else item.deliveries.get(destination)
        return None if item is None or delivery is None else (item, delivery)

    def _on_opened(self, sender: str, letter: Opened) -> None:
        found = self._find(letter.object_id, letter.destination)
        if found is not None and letter.token and found[1].token == letter.token:
            return  # said twice: to abort it now would take the upload away that is in use
        if found is None or found[1].stage is not Stage.OPENING or found[1].attempt != letter.attempt:
            self._abort_stranger(sender, letter)
            return
        item, delivery = found
        self._asked.pop((item.object_id, delivery.destination), None)
        if letter.skipped:
            self._ledger.settle(item, delivery, skipped=True)
            return
        delivery.stage, delivery.token, delivery.if_absent = Stage.SENDING, letter.token, letter.if_absent
        delivery.destination_key = letter.destination_key
        fields = {"destination": delivery.destination, "key": letter.destination_key, "token": letter.token}
        self._ledger.actions.append(Tell("opened", {"shard_id": item.run.shard.shard_id, **fields}))
        self._ledger.repeat(item, delivery.destination)
        self._ledger.stream(item)

    def _abort_stranger(self, sender: str, letter: Opened) -> None:
        """Undo an opening that nobody waits for any more: another owner was asked, or the object was given up."""
        if letter.token:
            abort = Abort(
                partition=letter.partition,
                destination=letter.destination,
                destination_key=letter.destination_key,
                token=letter.token,
            )
            self._ledger.actions.append(Say(sender, abort))

    def _on_received(self, letter: Receipt, received: Received, now: float) -> None:
        found = self._find(received.object_id, letter.destination)
        if found is None:
            return
        item, delivery = found
        if not item.has(received.number) or not delivery.lacks(received.number) or received.token != delivery.token:
            return
        if received.skipped:
            self._ledger.settle(item, delivery, skipped=True)
            return
        if received.crc64nvme != item.crcs.get(received.number):
            error = "a sink confirmed other bytes than were read"
            self._retry_piece(item, delivery, received.number, errors.IntegrityError.__name__, error)
            return
        self._ledger.lane(item, delivery.destination).arrive((item.object_id, received.number), now)
        if item.whole:
            self._ledger.settle(item, delivery, compared=received.compared)
            return
        delivery.receipts[received.number] = Part(
            received.number, received.etag, received.size_bytes, received.crc64nvme
        )
        self._ledger.release(item)
        if len(delivery.receipts) == len(item.chunks):
            self._complete(item, delivery, now)

    def _complete(self, item: InFlight, delivery: Delivery, now: float) -> None:
        if item.expected_crc is not None and item.combined_crc != item.expected_crc:
            message = f"{item.entry.key!r} was read with another digest than its store has"
            self._ledger.fail(item, delivery, errors.IntegrityError.__name__, message, "copy it again")
            return
        self._ask_complete(item, delivery, now)

    def _on_completed(self, letter: Completed) -> None:
        found = self._find(letter.object_id, letter.destination)
        if found is None or found[1].stage is not Stage.COMPLETING or found[1].attempt != letter.attempt:
            return
        item, delivery = found
        if letter.skipped:
            self._ledger.close(delivery)
            self._ledger.settle(item, delivery, skipped=True)
        elif letter.size_bytes != item.entry.size_bytes or letter.crc64nvme not in (None, item.combined_crc):
            message = f"{item.entry.key!r} stands at its destination with another size or digest than was read"
            self._ledger.fail(item, delivery, errors.IntegrityError.__name__, message, "look who else writes there")
        else:
            self._ledger.close(delivery)
            self._ledger.settle(item, delivery, compared=letter.crc64nvme is not None)

    def _on_refused(self, letter: Refused, now: float) -> None:
        found = self._find(letter.object_id, letter.destination)
        if found is None or not found[0].concerns(letter):
            return
        item, delivery = found
        reopen = letter.error in _REOPEN.get(min(letter.number, 1), ())
        if not letter.retryable and not reopen:
            self._ledger.fail(item, delivery, letter.error, letter.message, letter.hint)
        elif letter.number >= 0 and not reopen:
            self._retry_piece(item, delivery, letter.number, letter.error, letter.message)
        else:
            if reopen:
                self._reopen(item, delivery)
            self._retry_question(item, delivery, letter.error, letter.message, now)

    def _reopen(self, item: InFlight, delivery: Delivery) -> None:
        """Forget all that was sent into the present upload."""
        self._ledger.abort(item, delivery)
        self._ledger.forget(item, delivery.destination)
        delivery.stage = Stage.OPENING
        delivery.receipts.clear()
        self._ledger.release(item)

    def _retry_piece(self, item: InFlight, delivery: Delivery, number: int, error: str, message: str) -> None:
        key = delivery.destination, number
        failures = item.failures[key] = item.failures.get(key, 0) + 1
        if failures >= self._ledger.settings.max_attempts:
            self._give_up(item, delivery, error, message)
        else:
            self._ledger.again(item, number, delivery.destination)

    def _retry_question(self, item: InFlight, delivery: Delivery, error: str, message: str, now: float) -> None:
        delivery.failures += 1
        if delivery.failures >= self._ledger.settings.max_attempts:
            self._give_up(item, delivery, error, message)
        else:
            self._ask_again(item, delivery, now)

    def _give_up(self, item: InFlight, delivery: Delivery, error: str, message: str) -> None:
        message = f"{message} ({self._ledger.settings.max_attempts} attempts)"
        self._ledger.fail(item, delivery, error, message, "run the transfer again once the cause is gone")

    def _ask_again(self, item: InFlight, delivery: Delivery, now: float) -> None:
        if delivery.stage is Stage.OPENING:
            self._ask_open(item, delivery, now)
        elif delivery.stage is Stage.COMPLETING:
            self._ask_complete(item, delivery, now)
        elif delivery.stage is Stage.SENDING and not item.whole:
            delivery.owner = self._owner(item, delivery)

    def _owner(self, item: InFlight, delivery: Delivery) -> str:
        sinks = self._sinks[item.run.shard.partition][str(delivery.destination)]
        return choose_owner(item.entry.suffix, delivery.destination, sinks, self._dead, delivery.failures)

    def _question(self, item: InFlight, delivery: Delivery, stage: Stage, now: float) -> None:
        delivery.stage = stage
        delivery.attempt += 1
        delivery.owner = self._owner(item, delivery)
        self._asked.pop((item.object_id, delivery.destination), None)  # so that the new one goes to the end
        self._asked[item.object_id, delivery.destination] = now

    def _ask_open(self, item: InFlight, delivery: Delivery, now: float) -> None:
        self._question(item, delivery, Stage.OPENING, now)
        letter = Open(
            partition=item.run.shard.partition,
            destination=delivery.destination,
            object_id=item.object_id,
            attempt=delivery.attempt,
            key=item.entry.suffix,
            size_bytes=item.entry.size_bytes,
            attributes=item.attributes,
            again=item.run.shard.again or delivery.attempt > 1,
        )
        self._ledger.actions.append(Say(delivery.owner, letter))

    def _ask_complete(self, item: InFlight, delivery: Delivery, now: float) -> None:
        self._question(item, delivery, Stage.COMPLETING, now)
        letter = Complete(
            partition=item.run.shard.partition,
            destination=delivery.destination,
            object_id=item.object_id,
            attempt=delivery.attempt,
            key=item.entry.suffix,
            token=delivery.token,
            parts=tuple(dataclasses.astuple(part) for _, part in sorted(delivery.receipts.items())),
            attributes=item.attributes,
            size_bytes=item.entry.size_bytes,
            crc64nvme=item.combined_crc,
            if_absent=delivery.if_absent,
        )
        self._ledger.actions.append(Say(delivery.owner, letter))
