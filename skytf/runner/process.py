"""One terraform process: started, followed, interrupted once, waited for. Never killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from skytf.errors import TerraformError

_TEE = Path(__file__).with_name("tee.py")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended. ``stdout`` is empty where its lines were followed."""

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool


class Process:
    """
    Runs commands one after the other in one directory; `interrupt` may be called from a signal handler.

    Every process has a session of its own: Ctrl-C in the terminal reaches us alone, and we decide. A second SIGINT
    would make terraform drop what it is creating, so it gets at most one. If anything is raised here while one runs
    (KeyboardInterrupt too), it is interrupted and waited for before the exception goes on. ``stop_wanted`` is asked
    when a process has started: an interrupt that came between two commands met none.
    """

    def __init__(self, *, cwd: Path, env: Mapping[str, str]) -> None:
        self._cwd = cwd
        self._env = dict(env)
        self._running: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._spent = threading.Lock()
        self.stop_wanted: Callable[[], bool] = lambda: False

    def interrupt(self) -> None:
        """Send the running process its one SIGINT; without one, or again, do nothing."""
        self._wanted = True
        process = self._running
        # A lock that is taken once and never waited for: a signal handler and the deadline may come at the same time.
        if process is not None and self._spent.acquire(blocking=False):
            process.send_signal(signal.SIGINT)

    def capture(self, argv: Sequence[str], *, timeout_s: float) -> Finished:
        """Run a command that changes nothing, and return what it printed."""
        with (
            self._started(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
            self._deadline(timeout_s) as late,
        ):
            stdout, stderr = process.communicate()
        return Finished(process.returncode, _text(stdout), _text(stderr), late.is_set())

    def follow(self, argv: Sequence[str], *, log: Path, on_line: Callable[[str], None], timeout_s: float) -> Finished:
        """
        Run a command whose standard output goes to *log* (appended) whatever becomes of us, and to *on_line*.

        *on_line* is called in this thread, line by line, in order.
        """
        # -I and -S: nothing of the environment or of site-packages may break or slow it; 10 ms instead of 25.
        tee_argv = [sys.executable, "-I", "-S", str(_TEE), str(log)]
        with tempfile.TemporaryFile() as stderr:
            tee = subprocess.Popen(
                tee_argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd=self._cwd
            )
            assert tee.stdin is not None
            assert tee.stdout is not None
            with tee, self._started(argv, stdout=tee.stdin, stderr=stderr) as process:
                tee.stdin.close()  # else the tee would never see the end
                # Closed before anybody waits for terraform: a tee that cannot write would block it.
                with self._deadline(timeout_s) as late, tee.stdout:
                    for line in tee.stdout:
                        on_line(_text(line))
                    process.wait()
            stderr.seek(0)
            return Finished(process.returncode, "", _text(stderr.read()), late.is_set())

    @contextmanager
    def _started(
        self, argv: Sequence[str], *, stdout: int | IO[bytes], stderr: int | IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        self._wanted, self._spent = False, threading.Lock()
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=self._cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise TerraformError(f"{argv[0]} cannot be run: {error.strerror or error}", hint="skytf doctor") from error
        self._running = process
        try:
            if self._wanted or self.stop_wanted():  # it came while the process was being started, or before
                self.interrupt()
            yield process
        except BaseException:
            self.interrupt()
            raise
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
            process.wait()
            self._running = None

    @contextmanager
    def _deadline(self, timeout_s: float) -> Iterator[threading.Event]:
        late = threading.Event()

        def expire() -> None:
            late.set()
            self.interrupt()

        timer = threading.Timer(timeout_s, expire)
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()
            timer.join()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
