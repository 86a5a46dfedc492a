"""Stopping in order: the first signal destroys the fleet, the second leaves at once and says what stays behind."""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from skytf.cli.lines import line_of
from skytf.cli.session import Session
from skytf.errors import Interrupted, SkytfError

if TYPE_CHECKING:
    from skytf.client import Client

# A terminal that hung up means what a termination means; nothing can be asked any more.
_MEANS = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}
_SHOW_CURSOR = "\x1b[?25h"

_STOPPING_PLAN = "Stopping: nothing was created yet; press Ctrl-C again to leave at once"
_STOPPING_FLEET = "Stopping: the transfer ends and the fleet is destroyed; press Ctrl-C again to leave it behind"


@contextmanager
def stopping_in_order(client: Client, session: Session) -> Iterator[Stopping]:
    """
    Hand the first SIGINT, SIGTERM or SIGHUP to *client* and say so; leave the process at the second.

    Signals reach a thread through a pipe, so that the second one works even while the first is being handled or the
    main thread is deep in a library. A SIGHUP that was ignored stays ignored: that is what nohup is for.
    """
    receive, send = socket.socketpair()
    send.setblocking(False)
    listener = _Listener(client, session)
    thread = threading.Thread(target=listener.run, args=(receive,), name="signals")
    thread.start()
    try:
        with _handling(_leave_to_the_thread, wakeup=send.fileno()):
            yield Stopping()
    finally:
        send.close()
        thread.join()
        receive.close()


class Stopping:
    """What the work under `stopping_in_order` may change about it."""

    @contextmanager
    def asking(self) -> Iterator[Callable[[], None]]:
        """
        Let a signal be the answer to a question that is asked meanwhile; give what waits for the other answer.

        Raises:
            Interrupted: A signal came.
        """
        receive, send = socket.socketpair()
        send.setblocking(False)
        with receive, send, _handling(_answer, wakeup=send.fileno()):
            yield lambda: _wait_for_input(receive)


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None], *, wakeup: int) -> Iterator[None]:
    ours = [number for number in _MEANS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    previous_wakeup = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    previous = {number: signal.signal(number, handler) for number in ours}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
        signal.set_wakeup_fd(previous_wakeup)


def _wait_for_input(woken: socket.socket) -> None:
    """
    Return when standard input can be read; a signal's handler runs at once and raises.

    A signal that comes just before a read begins would not be handled until a line was typed.
    """
    while sys.stdin not in select.select([sys.stdin, woken], [], [])[0]:
        woken.recv(1)


def _leave_to_the_thread(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up pipe has told the thread already."""


def _answer(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # a handler's signature
    raise Interrupted("interrupted at the question: nothing was created", signal_number=_MEANS[signal.Signals(number)])


class _Listener:
    """Waits for signals until the other end of its socket is closed."""

    def __init__(self, client: Client, session: Session) -> None:
        self._client = client
        self._session = session
        self._transfer_id = ""

    def run(self, receive: socket.socket) -> None:
        """Stop at the first signal; the second never returns."""
        stopper: threading.Thread | None = None
        while received := receive.recv(1):
            number = _MEANS.get(signal.Signals(received[0]))
            if number is None:
                continue
            if stopper is not None:
                self._leave(number)
            # A thread of its own: however long the client takes to hear it, the second signal is heard at once.
            stopper = threading.Thread(target=self._stop, args=(number,), name="interrupt")
            stopper.start()
        if stopper is not None:
            stopper.join()

    def _stop(self, number: signal.Signals) -> None:
        display = self._session.display
        display.on_warning(_STOPPING_FLEET if display.creating else _STOPPING_PLAN)
        self._client.interrupt(number)
        try:
            self._transfer_id = next((one.transfer_id for one in self._client.transfers() if one.alive), "")
        except (SkytfError, OSError):
            self._transfer_id = ""  # it would only have made the last words more exact

    def _leave(self, number: signal.Signals) -> NoReturn:
        code = 128 + number
        error, hint = self._last_words()
        # Past all buffers and locks: whoever holds them may never let go.
        if self._session.json:
            fields = {"type": "Interrupted", "error": error, "hint": hint, "exit_code": code, "diagnostics": []}
            os.write(1, line_of("error", fields).encode())
        else:
            show_cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
            os.write(2, f"{show_cursor}\nError: {error}\nNext: {hint}\n".encode())
        os._exit(code)

    def _last_words(self) -> tuple[str, str]:
        home = self._session.home
        if not self._session.display.creating:
            return (
                "left at once, before anything was created",
                f"{_command('transfers', home=home)} shows what is unfinished",
            )
        resume = _command("resume", *([self._transfer_id] if self._transfer_id else []), home=home)
        return (
            f"left at once: the fleet of {self._transfer_id or 'this transfer'} may still be there, and cost money",
            f"remove it with {_command('reap', home=home)}, or go on with {resume}",
        )


def _command(*words: str, home: Path | None) -> str:
    return shlex.join(["skytf", *words, *(["--home", str(home)] if home else [])])
