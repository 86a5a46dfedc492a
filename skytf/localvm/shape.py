"""``skytf-shape``: start a relay as a daemon of the VM, and say on which port it listens."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from skytf.errors import HostError
from skytf.localvm.machine import LISTEN_ADDRESS
from skytf.localvm.relay import Relay, Shape


def start(host: str, port: int, shape: Shape) -> int:
    """
    Return the port of a relay to *host*:*port* that outlives this process and ends with its VM.

    Raises:
        HostError: It could not be started.
    """
    receive, send = os.pipe()
    command = [sys.executable, "-P", "-m", "skytf.localvm", "relay", "--ready-fd", str(send), "--to", f"{host}:{port}"]
    command += ["--link-mbps", str(shape.link_mbps), "--connection-mbps", str(shape.connection_mbps)]
    command += ["--delay-ms", str(shape.delay_ms)]
    with os.fdopen(receive) as answer:
        # Away from the session and its pipes: the command that started it must return.
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(send,),
        )
        os.close(send)
        text = answer.read().strip()
    if not text:
        raise HostError(f"the relay to {host}:{port} could not be started")
    return int(text)


def run(host: str, port: int, shape: Shape, *, ready: int) -> None:
    """Relay to *host*:*port* until a signal ends this process; writes the port it listens on to *ready*."""
    asyncio.run(_run(Relay(host, port, shape), ready))


async def _run(relay: Relay, ready: int) -> None:
    server = await relay.start(LISTEN_ADDRESS)
    with os.fdopen(ready, "w") as file:
        file.write(f"{server.sockets[0].getsockname()[1]}\n")
    await server.serve_forever()
