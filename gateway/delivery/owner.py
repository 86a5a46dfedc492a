"""The owner's side of an object of several chunks: opens it, completes it, aborts it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gateway.delivery.channel import Channel
from gateway.delivery.exists import IfExists, Writable
from gateway.delivery.letters import COMPLETING, OPENING, Abort, Complete, Completed, Letter, Open, Opened, Refused
from gateway.delivery.runtime import Runtime
from gateway.delivery.workers import Workers
from gateway.errors import GatewayError, ObjectExists, ObjectMissing, Stopped, StoreUnavailable
from gateway.stores.base import Head, Part

# Questions wait for a store call each; a source has at most 16 objects open (`ledger.Limits`).
THREADS = 4
QUESTIONS = 4096


class Owner:
    """
    Answer the questions of sources about uploads into *store*.

    Any sink of a site can complete or abort what another one opened; the table of ``uploads`` is only for what is
    left when this gateway stops.
    """

    def __init__(self, runtime: Runtime, store: Writable, exists: IfExists, key_for: Callable[[str], str]) -> None:
        self._runtime = runtime
        self._store = store
        self._exists = exists
        self._key_for = key_for
        self._questions: Channel[tuple[str, Letter]] = Channel(QUESTIONS)
        self._uploads: dict[str, str] = {}
        self._lock = threading.Lock()
        self._workers = Workers(runtime.on_crash)

    def start(self) -> None:
        """Start the threads that wait for the store."""
        self._workers.start("own", self._answer_questions, THREADS)

    def hear(self, sender: str, letter: Open | Complete | Abort) -> None:
        """Take a question of *sender*. Never waits: who has too much to do refuses."""
        if not self._questions.put((sender, letter), timeout_s=0):
            self._refuse(sender, letter, StoreUnavailable(f"{self._runtime.gateway} has too much to do"))

    def close(self) -> None:
        """Answer nothing more."""
        self._questions.close()

    def join(self) -> None:
        """Wait for the threads, then abort every upload that is still open here."""
        self._workers.join()
        with self._lock:
            uploads, self._uploads = self._uploads, {}
        for token, key in uploads.items():
            self._abort(key, token)

    def _answer_questions(self) -> None:
        while True:
            sender, letter = self._questions.get()
            try:
                if isinstance(letter, Open):
                    self._runtime.say(sender, self._open(letter))
                elif isinstance(letter, Complete):
                    self._runtime.say(sender, self._complete(letter))
                elif isinstance(letter, Abort):
                    with self._lock:
                        self._uploads.pop(letter.token, None)
                    self._abort(letter.destination_key, letter.token)
            except Stopped:
                raise
            except GatewayError as error:
                self._refuse(sender, letter, error)

    def _open(self, letter: Open) -> Opened:
        key = self._key_for(letter.key)
        if_absent = self._exists.must_be_absent(key, again=letter.again)
        token = ""
        if if_absent is not None:
            transfer_id = self._runtime.secrets.transfer_id
            token = self._store.create_multipart(
                key, letter.attributes, size_bytes=letter.size_bytes, transfer_id=transfer_id
            )
            with self._lock:
                self._uploads[token] = key
        return Opened(
            partition=letter.partition,
            destination=letter.destination,
            object_id=letter.object_id,
            attempt=letter.attempt,
            destination_key=key,
            token=token,
            if_absent=bool(if_absent),
            skipped=if_absent is None,
        )

    def _complete(self, letter: Complete) -> Completed:
        key = self._key_for(letter.key)
        skipped = False
        try:
            parts = [Part(*part) for part in letter.parts]
            head = self._store.complete_multipart(
                key, letter.token, parts, letter.attributes, if_absent=letter.if_absent
            )
        except (ObjectMissing, ObjectExists) as error:
            head = self._standing(key, letter, error)
            skipped = isinstance(error, ObjectExists) and not self._is_result(head, letter)
        with self._lock:
            self._uploads.pop(letter.token, None)
        return Completed(
            partition=letter.partition,
            destination=letter.destination,
            object_id=letter.object_id,
            attempt=letter.attempt,
            size_bytes=head.size_bytes,
            crc64nvme=head.crc64nvme,
            skipped=skipped,
        )

    def _standing(self, key: str, letter: Complete, error: GatewayError) -> Head:
        """Return what stands at *key* if that answers *letter*: an earlier owner may have died after completing it."""
        try:
            head = self._store.head(key)
        except ObjectMissing:
            raise error from None
        skips = isinstance(error, ObjectExists) and self._exists.rule == "skip"
        if skips or self._is_result(head, letter):
            return head
        raise error

    def _is_result(self, head: Head, letter: Complete) -> bool:
        return self._exists.is_result(
            head, size_bytes=letter.size_bytes, crc64nvme=letter.crc64nvme, mtime_s=letter.attributes.mtime_s
        )

    def _abort(self, key: str, token: str) -> None:
        try:
            self._store.abort_multipart(key, token)
        except GatewayError as error:
            # Nothing waits for it. The client's sweep by transfer id finds what is left.
            self._runtime.log(f"an upload to {self._store.url(key)} could not be aborted: {error}")

    def _refuse(self, sender: str, letter: Letter, error: GatewayError) -> None:
        if isinstance(letter, Open | Complete):
            number = OPENING if isinstance(letter, Open) else COMPLETING
            self._runtime.log(f"{letter.key!r} of {sender} refused: {type(error).__name__}: {error}")
            self._runtime.events.troubles.add("refused", letter.key, str(error), error.hint)
            refused = Refused(
                partition=letter.partition,
                destination=letter.destination,
                object_id=letter.object_id,
                number=number,
                attempt=letter.attempt,
                token="",
                error=type(error).__name__,
                message=str(error),
                hint=error.hint,
                retryable=error.retryable,
            )
            self._runtime.say(sender, refused)
