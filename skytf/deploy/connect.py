"""Open SSH sessions: wait for the host, trust only the host key we know, use only the key we made."""

from __future__ import annotations

import base64
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import fabric
import paramiko

from skytf.deploy.cancel import Cancel, Cancelled
from skytf.deploy.dial import Line, dial, dial_through
from skytf.deploy.proxy import proxy_argv
from skytf.deploy.session import Session
from skytf.errors import HostError

_KEEPALIVE_S = 10
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 3.0
# paramiko reports each failed attempt with a traceback; connect() says it in one sentence.
_LOG = "skytf.ssh"
logging.getLogger(_LOG).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Host:
    """
    Where a gateway's SSH server listens, and the user who logs in there.

    ``vm_name`` is what its cloud calls the VM, for tunnels that ask for it.
    """

    gateway_id: str
    address: str
    port: int
    user: str
    vm_name: str = ""

    def __str__(self) -> str:
        return f"{self.gateway_id} ({self.user}@{self.address}, port {self.port})"


class _NotYet(Exception):
    """This attempt failed, the next one may not."""


def connect(
    host: Host,
    key_file: Path,
    host_key_public: str,
    *,
    timeout_s: float = 10.0,
    deadline_s: float = 300.0,
    cancel: Cancel | None = None,
    proxy: str = "",
) -> Session:
    """
    Return a session with *host* as soon as it answers.

    A fresh VM needs a minute until SSH listens and our key is in place, so attempts of at most
    *timeout_s* are repeated with growing pauses until *deadline_s* have passed. Nothing of the
    operator's own SSH set-up is used, except by a proxy: no agent, no ``~/.ssh``, no ``~/.fabric``.

    Args:
        host: The host.
        key_file: Our private key in OpenSSH format.
        host_key_public: The one host key that is trusted, as ``ssh-ed25519 AAAA…``.
        timeout_s: Limit of one attempt, in each of its steps.
        deadline_s: When to give up; the host is tried at least once.
        cancel: Ends the attempt or the pause of the moment.
        proxy: The way to the host, see `skytf.deploy.proxy`; empty for a connection of our own.

    Raises:
        InputError: *proxy* is none.
        HostError: It never answered, refused our key, or presented another host key (never tried twice).
        Cancelled: *cancel* was set.
    """
    cancel = cancel or Cancel()
    known = _parse_host_key(host, host_key_public)
    through = _through(proxy, host) if proxy else []
    key = paramiko.Ed25519Key.from_private_key_file(str(key_file))
    give_up_s = time.monotonic() + deadline_s
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            line = _line(host, through, timeout_s, cancel)
            return _attempt(host, _connection(host, key, known, line, timeout_s), line, cancel)
        except _NotYet as error:
            cancel.check(str(host))
            if time.monotonic() + pause_s > give_up_s:
                raise HostError(
                    f"{host}: {error}; gave up after {deadline_s:.0f} s",
                    hint="see that the VM runs and that its firewall admits SSH from "
                    + ("the SSH proxy" if proxy else "this machine"),
                ) from error
        if cancel.wait(pause_s):
            raise Cancelled(f"{host}: cancelled")
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _line(host: Host, through: list[str], timeout_s: float, cancel: Cancel) -> Line:
    try:
        if through:
            return dial_through(through, timeout_s=timeout_s)
        return dial(host.address, host.port, timeout_s=timeout_s, cancel=cancel)
    except OSError as error:
        if through:
            raise HostError(f"{host}: the SSH proxy {through[0]!r} cannot be started: {error.strerror}") from error
        raise _NotYet(f"it never answered SSH ({error.strerror or error})") from error


def _attempt(host: Host, connection: fabric.Connection, line: Line, cancel: Cancel) -> Session:
    try:
        with cancel.closing(line.shut):
            connection.open()
        cancel.check(str(host))
    except BaseException as error:
        line.shut()
        transport = connection.client.get_transport()
        connection.client.close()
        if transport is not None and transport.is_alive():
            transport.join()  # closing does not wait for a thread that is ending by itself
        raise _explained(host, error, line.finish()) from error
    transport = connection.client.get_transport()
    transport.set_keepalive(_KEEPALIVE_S)
    return Session(str(host), connection, line)


def _through(proxy: str, host: Host) -> list[str]:
    return proxy_argv(
        proxy, address=host.address, port=host.port, gateway_id=host.gateway_id, vm_name=host.vm_name or host.gateway_id
    )


def _explained(host: Host, error: BaseException, proxy_said: str) -> BaseException:
    """Return *error* as what it means to `connect`: try again, or give up with a sentence."""
    if isinstance(error, paramiko.BadHostKeyException):
        return HostError(
            f"{host} presented another host key than the one we know, so nothing was sent to it",
            hint="another machine may have this address; destroy the fleet and apply again",
        )
    if isinstance(error, paramiko.AuthenticationException):
        return _NotYet("it refused our key")
    if isinstance(error, paramiko.SSHException | EOFError | OSError):
        why = f"the SSH proxy said: {proxy_said}" if proxy_said else str(error) or "connection closed"
        return _NotYet(f"it never answered SSH ({why})")
    return error


def _connection(
    host: Host, key: paramiko.PKey, known: paramiko.PKey, line: Line, timeout_s: float
) -> fabric.Connection:
    """Return a connection that is not open yet, with every default of Fabric replaced that would trust or read more."""
    connection = fabric.Connection(
        host.address,
        user=host.user,
        port=host.port,
        # lazy and an explicit, empty ssh_config: no file and no variable of the operator's machine is read
        config=fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig()),
        connect_kwargs={
            "sock": line.socket,
            "pkey": key,
            "allow_agent": False,
            "look_for_keys": False,
            "timeout": timeout_s,
            "banner_timeout": timeout_s,
            "auth_timeout": timeout_s,
        },
    )
    client = connection.client
    client.set_log_channel(_LOG)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    name = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
    client.get_host_keys().add(name, known.get_name(), known)
    return connection


def _parse_host_key(host: Host, text: str) -> paramiko.PKey:
    try:
        kind, encoded = text.split()[:2]
        return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
    except (ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        raise HostError(f"{host}: {text[:80]!r} is not a public host key") from error
