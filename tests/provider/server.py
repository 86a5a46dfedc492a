"""A provider as a process of its own, in the way of HashiCorp's go-plugin; `mirror` writes what starts it."""

from __future__ import annotations

import os
import select
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, grpc_stdio_pb2_grpc, tfplugin_pb2_grpc

from tests.provider.service import Service
from tests.provider.tables import load
from tests.provider.world import VARIABLE, World

_MAGIC = "TF_PLUGIN_MAGIC_COOKIE"
_CORE_PROTOCOL, _PLUGIN_PROTOCOL = "1", "6"
_THREADS = 16  # Terraform has ten operations under way at once
_GRACE_S = 60
_MAX_MESSAGE_BYTES = 64 << 20


def main(name: str, identity: Path) -> int:
    """
    Serve the provider *name* until Terraform has done with it, or is gone.

    Args:
        name: As in `tests.provider.tables`.
        identity: The key and certificate that Terraform is shown; a directory.
    """
    if _MAGIC not in os.environ or VARIABLE not in os.environ:
        sys.stderr.write(f"this is a Terraform provider of skytf's tests; it wants {VARIABLE}\n")
        return 1
    # Ctrl-C goes to the whole process group. A handler, unlike ignoring, is not handed on to the machines.
    signal.signal(signal.SIGINT, lambda *_: None)
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    server = grpc.server(
        futures.ThreadPoolExecutor(_THREADS),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES)],
    )
    tfplugin_pb2_grpc.add_ProviderServicer_to_server(Service(load(name), World(Path(os.environ[VARIABLE]))), server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(_Controller(done), server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(_Silence(), server)
    with tempfile.TemporaryDirectory(prefix="provider-") as directory:
        socket = f"{directory}/socket"
        key, certificate = (identity.joinpath(file).read_bytes() for file in ("key.pem", "certificate.pem"))
        # The socket's directory is this user's alone: so a client need not show who it is.
        server.add_secure_port(f"unix://{socket}", grpc.ssl_server_credentials([(key, certificate)]))
        server.start()
        words = (_CORE_PROTOCOL, _PLUGIN_PROTOCOL, "unix", socket, "grpc", _body(certificate))
        sys.stdout.write("|".join(words) + "\n")
        sys.stdout.flush()
        threading.Thread(target=_watch, args=(os.getppid(), done), daemon=True).start()
        done.wait()
        server.stop(_GRACE_S).wait()  # what has begun is finished
    return 0


def _watch(parent: int, done: threading.Event) -> None:
    """Set *done* when Terraform is gone without a word, so that no provider outlives a test."""
    if hasattr(os, "pidfd_open"):  # Linux
        try:
            descriptor = os.pidfd_open(parent)
        except ProcessLookupError:
            done.set()
            return
        select.select([descriptor], [], [])
        done.set()


class _Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):
    def __init__(self, done: threading.Event) -> None:
        self._done = done

    def Shutdown(self, request: Any, context: Any) -> Any:
        self._done.set()
        return grpc_controller_pb2.Empty()


class _Silence(grpc_stdio_pb2_grpc.GRPCStdioServicer):
    def StreamStdio(self, request: Any, context: Any) -> Iterator[Any]:
        return iter(())


def _body(certificate: bytes) -> str:
    """Return what stands between the lines of a PEM file, in the way of go-plugin: on one line, without padding."""
    return "".join(certificate.decode().split("-----")[2].split()).rstrip("=")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
