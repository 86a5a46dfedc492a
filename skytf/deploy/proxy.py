"""What ``--ssh-proxy`` may say: a jump host, or a command that connects its stdin and stdout to an SSH server."""

from __future__ import annotations

import re
import shlex
import shutil

from skytf.errors import InputError

_FORMS = "write [user@]host[:port], or a command with %h (address), %p (port), %n (the VM's name) and %i (gateway id)"
_JUMP = re.compile(
    r"(?:(?P<user>[\w.][\w.+-]*)@)?(?P<host>[\w.][\w.-]*|\[[0-9A-Fa-f:.]+(?:%\w+)?\])(?::(?P<port>\d+))?"
)
_SEQUENCE = re.compile(r"%(.?)")
_HIGHEST_PORT = 65535


def check_proxy(text: str) -> str:
    """
    Return *text*, if it is a way through which hosts can be reached from this machine. Empty means none is needed.

    Raises:
        InputError: It is neither a jump host nor a command that says where to connect, or the program is not here.
    """
    if not text:
        return text
    words = _words(text)
    if shutil.which(words[0]) is None:
        raise InputError(f"the SSH proxy needs the program {words[0]!r}, which is not here", hint="install it")
    return text


def proxy_argv(text: str, *, address: str, port: int, gateway_id: str, vm_name: str = "") -> list[str]:
    """
    Return the command line of the proxy *text* to *address*:*port*, as the host of *gateway_id* is reached.

    A jump host is reached by the system's ``ssh`` with the operator's own configuration and agent. Host keys are
    checked twice: that of the jump host by it, that of the gateway by us, so the jump host cannot listen in.

    Raises:
        InputError: See `check_proxy`.
    """
    values = {"h": address, "p": str(port), "i": gateway_id, "n": vm_name, "%": "%"}
    return [_SEQUENCE.sub(lambda match: values[match[1]], word) for word in _words(text)]


def _words(text: str) -> list[str]:
    """Return the command line with its ``%`` sequences, checked."""
    return _command(text) if any(letter.isspace() for letter in text.strip()) else _jump(text.strip())


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"the SSH proxy {text!r} is no command: {error}", hint=_FORMS) from error
    sequences = {match[1] for word in words for match in _SEQUENCE.finditer(word)}
    if not words or not sequences <= {"h", "p", "i", "n", "%"}:
        raise InputError(f"the SSH proxy {text!r} has a % that means nothing", hint=_FORMS)
    if not sequences & {"h", "i", "n"}:
        raise InputError(f"the SSH proxy {text!r} does not say which host it leads to", hint=_FORMS)
    return words


def _jump(text: str) -> list[str]:
    match = _JUMP.fullmatch(text)
    if match is None or not 1 <= int(match["port"] or 22) <= _HIGHEST_PORT:
        raise InputError(f"the SSH proxy {text!r} is neither a jump host nor a command", hint=_FORMS)
    # No question can be answered here, and a jump host that vanished must not hold us for ever.
    argv = ["ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4"]
    argv += ["-W", "[%h]:%p"]
    if match["port"]:
        argv += ["-p", match["port"]]
    host = match["host"].strip("[]").replace("%", "%%")
    return [*argv, "--", f"{match['user']}@{host}" if match["user"] else host]
