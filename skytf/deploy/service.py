"""Start the daemon on a host and read its log; everything else is asked of its control API."""

from __future__ import annotations

import shlex

import msgspec

from skytf.deploy.install import Installed
from skytf.deploy.keys import Secrets
from skytf.deploy.session import Session
from skytf.errors import HostError
from skytf.model.job import LinkShape

_START_TIMEOUT_S = 90.0
_LOG_BYTES = 64 * 1024


class Started(msgspec.Struct, frozen=True):
    """What a daemon says of itself when it is ready."""

    pid: int
    control_port: int
    data_port: int


class _Refusal(msgspec.Struct):
    error: str
    hint: str = ""


def start(session: Session, installed: Installed, secrets: Secrets) -> Started:
    """
    Start the daemon and return once it serves.

    *secrets* go through the SSH connection into its stdin: they are in no file, argument or variable of the host.

    Raises:
        HostError: It did not come up; the message has its own words.
    """
    result = session.run(installed.command("start"), stdin=secrets.to_json(), timeout_s=_START_TIMEOUT_S, check=False)
    for line in result.stdout.splitlines():
        word, _, document = line.partition(" ")
        try:
            if word == "READY":
                return msgspec.json.decode(document, type=Started)
            if word == "ERROR":
                refusal = msgspec.json.decode(document, type=_Refusal)
                raise HostError(f"{session.host}: the gateway did not start: {refusal.error}", hint=refusal.hint)
        except msgspec.MsgspecError as error:
            raise HostError(f"{session.host}: the gateway answered {line[:200]!r}, which we do not know") from error
    raise HostError(f"{session.host}: the gateway ended before it was ready: {result.words()}")


def fetch_log(session: Session, installed: Installed, *, last_bytes: int = _LOG_BYTES) -> str:
    """Return the end of the daemon's log; empty when it never wrote one."""
    log = shlex.quote(str(installed.directory / "log"))
    return session.run(f"tail -c {last_bytes} {log} 2>/dev/null || true").stdout


def shape_link(session: Session, host: str, port: int, shape: LinkShape) -> int:
    """
    Slow the link from this (local) VM to *host*:*port* down to *shape*; return the loopback port to dial instead.

    Raises:
        HostError: The VM has no such command, or it failed.
    """
    argv = ["skytf-shape", "--to", f"{host}:{port}"]
    for option, value in (
        ("--link-mbps", shape.link_mbps),
        ("--connection-mbps", shape.connection_mbps),
        ("--delay-ms", shape.delay_ms),
    ):
        argv += [option, f"{value:g}"]
    said = session.run(argv).stdout.split()
    if not said or not said[-1].isdigit():
        raise HostError(f"{session.host}: skytf-shape printed no port")
    return int(said[-1])
