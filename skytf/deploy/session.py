"""What is done on a host inside one SSH session: commands, files, forwarded connections."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import fabric
import paramiko

from skytf.deploy.channel import ChannelSocket
from skytf.deploy.dial import Line
from skytf.errors import HostError

# `timeout` ends a command on the host; this much later we stop waiting for the host to say so.
_GRACE_S = 10.0
_KILL_AFTER_S = 5
_TIMED_OUT = (124, 137)
_CHANNEL_TIMEOUT_S = 10.0
_READ_BYTES = 64 * 1024
_LOST = -1


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; both outputs as text."""

    exit_status: int
    stdout: str
    stderr: str

    def words(self) -> str:
        """What the command said last, for an error message."""
        said = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return said[-1][:500] if said else f"exit status {self.exit_status}, no output"


class Attended:
    """A command that runs on a host for as long as somebody here attends to it."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def first_line(self) -> str:
        """Return the first line of its output; its last words where it ends without one or stays silent."""
        said = bytearray()
        with contextlib.suppress(OSError):  # silence
            while not said.endswith(b"\n") and (piece := self._channel.recv(1)):
                said += piece
            if not said:
                errors = _read_all(self._channel.recv_stderr).strip().splitlines()
                return errors[-1][:500] if errors else ""
        return said.decode(errors="replace").strip()

    def end(self) -> None:
        """Close its stdin and wait until it has ended; harmless when it has, or when the session is lost."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()
            _read_all(self._channel.recv)
        self._channel.close()


class Session:
    """
    One open SSH connection to *host*.

    One thread at a time runs commands and puts files; channels may be opened from any thread, and
    `close` from any thread ends whatever the others wait for.
    """

    def __init__(self, host: str, connection: fabric.Connection, line: Line) -> None:
        self.host = host
        self._connection = connection
        self._line = line

    def run(
        self, command: Sequence[str] | str, *, stdin: bytes = b"", timeout_s: float = 60.0, check: bool = True
    ) -> Result:
        """
        Run *command* and return how it ended.

        A string goes through ``sh -c``, a sequence does not. *stdin* is sent whole, then closed; it and
        what is written to stderr should stay below 2 MiB, the window of a channel. Fabric's own
        ``run`` is not used: it sends stdin one byte per 10 ms, and its timeout ends nothing on the host.

        Args:
            command: Never holds a secret; everybody on the host can read it.
            stdin: What the command reads; the way of secrets.
            timeout_s: After that the host ends the command.
            check: Raise when the exit status is not 0.

        Raises:
            HostError: The connection is lost, the command took too long, or failed while *check*.
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        shown = argv[-1] if isinstance(command, str) else argv[0]
        line = shlex.join(["timeout", "-k", str(_KILL_AFTER_S), f"{timeout_s:g}", *argv])
        result = self._execute(line, stdin, timeout_s, shown.strip().splitlines()[0][:60])
        if result.exit_status in _TIMED_OUT and check:
            raise HostError(f"{self.host}: {shown!r} did not finish within {timeout_s:g} s")
        if result.exit_status != 0 and check:
            raise HostError(f"{self.host}: {shown!r} failed: {result.words()}")
        return result

    def spawn(self, argv: Sequence[str], *, said: bytes, timeout_s: float) -> Attended:
        """
        Start *argv*, let it read *said*, and return it while it runs. Any thread may do this.

        The command ends when its stdin does: by `Attended.end`, or with this session, however that ends.

        Raises:
            HostError: The connection is lost.
        """
        line = shlex.join(["timeout", "-k", str(_KILL_AFTER_S), f"{timeout_s:g}", *argv])
        try:
            channel = self._connection.transport.open_session(timeout=_CHANNEL_TIMEOUT_S)
            channel.settimeout(_GRACE_S)
            channel.exec_command(line)
            channel.sendall(said)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost(argv[0], error) from error
        return Attended(channel)

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """
        Write *content* (bytes, or a file of ours) to the absolute path *remote*; whole or not at all.

        A file is digested on the host before it gets its name.

        Raises:
            HostError: It did not arrive as it is here.
        """
        part = f"{remote}.part"
        try:
            sftp = self._connection.sftp()
            with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as source:
                sftp.putfo(source, part)
            sftp.chmod(part, mode)
            if isinstance(content, Path):
                self._verify(content, part)
            sftp.posix_rename(part, remote)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(f"{self.host}: could not write {remote}: {str(error) or 'connection lost'}") from error

    def open_channel(self, port: int) -> ChannelSocket:
        """
        Return a connection to *port* on the host's loopback.

        Raises:
            ConnectionError: Nothing listens there, or the session is lost.
        """
        transport = self._connection.transport
        try:
            channel = transport.open_channel(
                "direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=_CHANNEL_TIMEOUT_S
            )
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise ConnectionError(
                f"{self.host}: no connection to its port {port}: {error or 'session lost'}"
            ) from error
        return ChannelSocket(channel)

    def alive(self) -> bool:
        """Tell whether the connection is up, as far as we know."""
        return bool(self._connection.is_connected)

    def close(self) -> None:
        """End the connection and everything that waits on it; harmless when it is closed."""
        # The transport's thread sees the end of the stream at once, instead of at its next look.
        self._line.shut()
        transport = self._connection.transport
        self._connection.client.close()
        transport.join()
        self._line.close()

    def _execute(self, line: str, stdin: bytes, timeout_s: float, shown: str) -> Result:
        try:
            with self._connection.create_session() as channel:
                channel.settimeout(timeout_s + _GRACE_S)
                channel.exec_command(line)
                if stdin:
                    self._send(channel, stdin)
                channel.shutdown_write()
                stdout, stderr = _read_all(channel.recv), _read_all(channel.recv_stderr)
                exit_status = channel.recv_exit_status()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost(shown, error) from error
        if exit_status == _LOST:
            # paramiko says the same of a process that a signal ended, but those run under `timeout`, which reports them
            raise self._lost(shown, None)
        return Result(exit_status, stdout, stderr)

    def _send(self, channel: paramiko.Channel, stdin: bytes) -> None:
        # A command that ends without reading says why in its output, which is worth more than our broken pipe.
        with contextlib.suppress(OSError):
            channel.sendall(stdin)

    def _lost(self, shown: str, error: Exception | None) -> HostError:
        said = self._line.last_words()
        why = f" (the SSH proxy said: {said})" if said else f" ({error})" if error is not None and str(error) else ""
        return HostError(f"{self.host}: the connection was lost while {shown!r} ran{why}")

    def _verify(self, sent: Path, part: str) -> None:
        with sent.open("rb") as source:
            expected = hashlib.file_digest(source, "sha256").hexdigest()
        arrived = self.run(["sha256sum", part]).stdout.split()[:1]
        if arrived != [expected]:
            raise HostError(f"{self.host}: {part} arrived damaged", hint="apply again; its disk may be full or failing")


def _read_all(receive: Callable[[int], bytes]) -> str:
    received = bytearray()
    while piece := receive(_READ_BYTES):
        received += piece
    return received.decode(errors="replace")
