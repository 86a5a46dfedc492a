"""
A gateway as a process that outlives the SSH command that started it.

Its directory holds ``program.json``, ``daemon.json`` (where to listen; optional), ``lock``, ``log`` and
``journal.jsonl``. The lock is held for life: it says whether a gateway runs, also after ``kill -9``, and
contains its pid and ports. Secrets come as one JSON document on stdin and stay in memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from gateway.delivery.runtime import Secrets
from gateway.errors import BadProgram, GatewayError
from gateway.lock import AlreadyRunningError, TimeUp, alarm, locked, say_who
from gateway.program import Program, decode
from gateway.stores.base import Credentials
from gateway.wire.certificates import Certificates

# How long a gateway may take to stop in order: it has to abort its open uploads.
STOP_S = 20.0
_MOST_SECRETS_BYTES = 1 << 20
# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Above a slice and what a codec may add to it; larger things, such as the arena of a writer, are still given back.
_KEPT_BYTES = 16 << 20
_SIGNALS = {signal.SIGTERM, signal.SIGINT}

_log = logging.getLogger("gateway")


class _Document(msgspec.Struct, frozen=True):
    """The secrets as they come on stdin."""

    transfer_id: str
    link_private_key: str
    token: str
    payload_key: str | None = None
    transfer_started_s: float = 0.0
    credentials: dict[str, Credentials] = {}
    link_tls: Certificates | None = None


class _Options(msgspec.Struct, frozen=True):
    """``daemon.json``."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 0


@dataclass(frozen=True, slots=True)
class _Setup:
    """All that a gateway is started from."""

    directory: Path
    program: Program
    secrets: Secrets
    options: _Options


def start(directory: Path, stdin: BinaryIO) -> str:
    """
    Start the gateway of *directory* in the background and return its READY line once it answers.

    Forks before any thread is started. Raises:
        BadProgram: Secrets, program or options are not usable.
        GatewayError: A gateway runs in *directory* already, or this one could not be started.
    """
    setup = _read_setup(directory, stdin)
    with locked(directory) as lock:
        say_who(lock, {})  # what a predecessor wrote of itself holds no more
        reader, writer = os.pipe()
        if os.fork():
            os.close(writer)
            with os.fdopen(reader, "rb") as answer:
                return _parse_answer(answer.read(), directory)
        os.setsid()
        if os.fork():
            os._exit(0)  # the session leader goes, so that the gateway can never get a terminal
        _detach(directory, keep={lock, writer})
        _live(setup, lock, lambda line: _answer(writer, line))
    raise AssertionError("a daemon does not return")


def run(directory: Path, stdin: BinaryIO, announce: Callable[[str], None]) -> None:
    """Run the gateway of *directory* in the foreground until a signal; *announce* gets the READY line."""
    setup = _read_setup(directory, stdin)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=_FORMAT)
    with locked(directory) as lock:
        _serve(setup, lock, announce)


def status(directory: Path) -> dict[str, Any] | None:
    """Return what the running gateway of *directory* has written of itself, None if none runs."""
    try:
        with locked(directory):
            return None
    except AlreadyRunningError as running:
        return running.about


def stop(directory: Path, timeout_s: float = STOP_S) -> bool:
    """
    Stop the gateway of *directory* in order, or with SIGKILL after *timeout_s*; return whether one ran.

    Returns when the process is gone, which is when its lock is free.
    """
    about = status(directory)
    if about is None:
        return False
    if "pid" not in about:
        raise GatewayError(f"a gateway is just starting in {directory}", hint="try again")
    for number, limit_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, timeout_s)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(about["pid"], number)
        with contextlib.suppress(TimeUp), alarm(limit_s), locked(directory, wait=True):
            return True
    raise GatewayError(
        f"process {about['pid']} survives SIGKILL", hint="it hangs in the kernel, on a dead disk perhaps"
    )


def read_secrets(stdin: BinaryIO) -> Secrets:
    """
    Return the secrets that *stdin* holds as one JSON document.

    Raises:
        BadProgram: It holds none; the message quotes nothing of it.
    """
    text = stdin.read(_MOST_SECRETS_BYTES)
    try:
        document = msgspec.json.decode(text, type=_Document)
        return Secrets(
            transfer_id=document.transfer_id,
            link_private_key=bytes.fromhex(document.link_private_key),
            token=document.token,
            payload_key=None if document.payload_key is None else bytes.fromhex(document.payload_key),
            transfer_started_s=document.transfer_started_s,
            credentials=document.credentials,
            link_tls=document.link_tls,
        )
    except ValueError as error:  # msgspec's errors are ValueErrors too; none of them quotes values
        raise BadProgram(f"the secrets on stdin cannot be read: {error}", hint="send one JSON document") from error


def _serve(setup: _Setup, lock: int, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM, SIGINT or the control API says stop. Must be called in the main thread, before any other."""
    _keep_freed_memory()
    gc.disable()  # what is loaded now stays, and looking through it again and again takes 10 ms of the start
    from gateway.control import Control
    from gateway.cores import usable_cpus
    from gateway.delivery.events import Events
    from gateway.hands.count import processes_of
    from gateway.journal import Journal
    from gateway.pipeline import Pipeline

    # Threads inherit the mask, so that only the `sigwait` below gets these.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    say_who(lock, {"pid": os.getpid()})
    journal = Journal(setup.directory / "journal.jsonl")
    processes, why = processes_of(setup.program, usable_cpus())
    if why:
        _log.info("one process: %s", why)
    pipeline = Pipeline(setup.program, setup.secrets, Events(journal), log=_log.info, processes=processes)
    control = Control(pipeline, setup.secrets.token, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        data_port = pipeline.start(setup.options.listen_host, setup.options.listen_port)
        about = {"pid": os.getpid(), "control_port": control.start(), "data_port": data_port}
        say_who(lock, about)
        gc.freeze()
        gc.enable()
        _log.info("ready: %s", about)
        announce(f"READY {json.dumps(about)}")
        _log.info("stopping: %s", signal.Signals(signal.sigwait(_SIGNALS)).name)
    finally:
        pipeline.stop()
        control.close()
        journal.close()


def _keep_freed_memory() -> None:
    """
    Have glibc keep the memory of a slice that was freed for the next one, instead of giving it back to the kernel.

    Codecs allocate a slice or two per call. With memory that is new each time, lz4 unpacks 1.5 GB/s, else 10
    (2026-11, slices of 1 MiB). Each thread keeps at most what it had in use at once.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library, which has its own ways
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


# A line is cut where a peer made it too long: some of what it says may be quoted.
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message).2000s"


def _live(setup: _Setup, lock: int, announce: Callable[[str], None]) -> None:
    """Be the daemon: serve, and end the process."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        _serve(setup, lock, announce)
    except BaseException as error:  # noqa: BLE001 -- the last frame of the process: whoever waits must hear of it
        _log.exception("the gateway ends")
        hint = getattr(error, "hint", "") or f"see {setup.directory / 'log'}"
        text = str(error) if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):  # nobody waits any more once it was ready
            announce(error_line(text, hint))
        os._exit(1)
    logging.shutdown()
    os._exit(0)  # threads that hang in a store call must not hold the process


def error_line(error: str, hint: str) -> str:
    """Return the line that says why a command failed."""
    return f"ERROR {json.dumps({'error': error, 'hint': hint}, ensure_ascii=False)}"


def _read_setup(directory: Path, stdin: BinaryIO) -> _Setup:
    secrets = read_secrets(stdin)
    try:
        program = decode((directory / "program.json").read_bytes())
        path = directory / "daemon.json"
        options = msgspec.json.decode(path.read_bytes(), type=_Options) if path.exists() else _Options()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadProgram(f"{directory} holds no gateway that can be started: {error}") from error
    return _Setup(directory, program, secrets, options)


def _detach(directory: Path, keep: set[int]) -> None:
    """Leave the terminal, the working directory and every descriptor but *keep* behind."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the keys
    os.chdir("/")
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 -- names are wanted, and the listing's own descriptor is gone
        if int(name) > 2 and int(name) not in keep:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _answer(writer: int, line: str) -> None:
    os.write(writer, line.encode())
    os.close(writer)


def _parse_answer(answer: bytes, directory: Path) -> str:
    text = answer.decode()
    if text.startswith("READY "):
        return text
    if text.startswith("ERROR "):
        said: Mapping[str, str] = json.loads(text.removeprefix("ERROR "))
        raise GatewayError(said["error"], hint=said["hint"])
    raise GatewayError("the gateway died before it was ready", hint=f"see {directory / 'log'}")
