"""One SSH session: run its command as sshd would, on pipes or on a terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import asyncssh

from skytf.localvm.reaper import Reaper

_BLOCK_BYTES = 1 << 18
_NAMES = {one.value: one.name.removeprefix("SIG") for one in signal.Signals}  # SSH has no names for real-time ones
_CANNOT_RUN = 126  # what a shell answers for a command that it found and cannot run


@dataclass(frozen=True, slots=True)
class Shell:
    """What every session of a VM starts with."""

    environment: Mapping[str, str]
    home: Path
    reaper: Reaper

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the command of *process*, or a shell; returns when it has ended and its output is delivered."""
        shell = self.environment["SHELL"]
        arguments = [shell, "-c", process.command] if process.command is not None else [shell]
        environment = {**self.environment, **_accepted(process.env)}
        try:
            if process.term_type is None:
                code = await self._run_on_pipes(process, arguments, environment)
            else:
                code = await self._run_on_terminal(process, arguments, {**environment, "TERM": process.term_type})
        except OSError as error:  # too long an argument list, no process left
            code = _CANNOT_RUN
            with suppress(OSError):  # the client has gone
                process.stderr.write(f"{shell}: {error}\n".encode())
        with suppress(OSError):
            if code >= 0:
                process.exit(code)
            else:
                process.exit_with_signal(_NAMES.get(-code, "KILL"))

    async def _run_on_pipes(
        self, process: asyncssh.SSHServerProcess[bytes], arguments: list[str], environment: Mapping[str, str]
    ) -> int:
        # Pipes of our own: closing those of an asyncio subprocess would kill it, and sshd does not.
        ends = [os.pipe() for _ in range(3)]
        (stdin, our_stdin), (our_stdout, stdout), (our_stderr, stderr) = ends
        try:
            child = subprocess.Popen(
                arguments,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=self.home,
                env=environment,
                start_new_session=True,
            )
            exited = self.reaper.watch(child)
        except OSError:
            for descriptor in (our_stdin, our_stdout, our_stderr):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
        feeding = asyncio.create_task(_feed(process, our_stdin, child.pid))
        # As with sshd, the session lasts as long as anyone holds its output.
        await asyncio.gather(_deliver(our_stdout, process.stdout), _deliver(our_stderr, process.stderr))
        code = await exited
        await _cancel(feeding)
        return code

    async def _run_on_terminal(
        self, process: asyncssh.SSHServerProcess[bytes], arguments: list[str], environment: Mapping[str, str]
    ) -> int:
        ours, theirs = pty.openpty()
        _resize(ours, process.term_size)
        try:
            child = subprocess.Popen(
                arguments,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                cwd=self.home,
                env=environment,
                start_new_session=True,
                # Only the child itself can make the terminal its controlling one.
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # a terminal is taken in the child
            )
            exited = self.reaper.watch(child)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        feeding = asyncio.create_task(_feed(process, os.dup(ours), child.pid))
        delivering = asyncio.create_task(_deliver(ours, process.stdout))
        closed = asyncio.create_task(process.wait_closed())
        # A client that goes takes the terminal along: whatever runs on it is told by a SIGHUP.
        await asyncio.wait((delivering, closed), return_when=asyncio.FIRST_COMPLETED)
        if closed.done():
            await _cancel(feeding, delivering)
        code = await exited
        await _cancel(feeding, delivering, closed)
        return code


def _accepted(sent: Mapping[str, str]) -> dict[str, str]:
    # The AcceptEnv that Linux distributions configure; everything else the client sends is dropped.
    return {name: text for name, text in sent.items() if name == "LANG" or name.startswith("LC_")}


async def _deliver(descriptor: int, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Pass on what is written to *descriptor* until nobody can write to it any more, at the pace of *sink*."""
    loop = asyncio.get_running_loop()
    source = asyncio.StreamReader(limit=_BLOCK_BYTES)
    file = cast("BinaryIO", os.fdopen(descriptor, "rb", 0))
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), file)
    try:
        while block := await source.read(_BLOCK_BYTES):
            sink.write(block)
            await sink.drain()
    except (OSError, asyncssh.Error):
        # The client has gone, so whoever writes meets a closed pipe; or a terminal's last user has (EIO).
        return
    finally:
        transport.close()


async def _feed(process: asyncssh.SSHServerProcess[bytes], descriptor: int, pid: int) -> None:
    """Pass on what the client sends, window changes and signals included, until it ends its input."""
    loop = asyncio.get_running_loop()
    file = cast("BinaryIO", os.fdopen(descriptor, "wb", 0))
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
    sink = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        while True:
            try:
                block = await process.stdin.read(_BLOCK_BYTES)
            except asyncssh.TerminalSizeChanged as change:
                _resize(descriptor, change.term_size)
                continue
            except asyncssh.SignalReceived as received:
                _signal(pid, received.signal)
                continue
            except asyncssh.BreakReceived:
                continue
            if not block:
                break
            sink.write(block)
            await sink.drain()
    except (OSError, asyncssh.Error):
        return  # the command reads no more, or the client has gone
    finally:
        transport.close()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _resize(descriptor: int, size: tuple[int, int, int, int]) -> None:
    columns, rows, width, height = size
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows or 24, columns or 80, width, height))


def _signal(pid: int, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if isinstance(number, signal.Signals):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
