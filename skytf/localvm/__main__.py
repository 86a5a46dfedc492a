"""``python -m skytf.localvm``: what Terraform, and the commands in a VM's PATH, call."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from skytf.errors import InputError, SkytfError
from skytf.localvm.machine import LISTEN_ADDRESS, ROOT_VARIABLE, Machine

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except SkytfError as error:
        sys.stderr.write(f"{error}\n" + (f"{error.hint}\n" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(options: argparse.Namespace) -> int:  # imports are local: four VMs at once start only what they need
    if options.command == "boot":
        from skytf.localvm import boot

        port = boot.boot(boot.Order.from_environment(os.environ, now_s=time.time()))
        sys.stdout.write(f"listening on port {port}\n")
    elif options.command == "halt":
        from skytf.localvm import halt

        halt.halt(Machine.parse(_root(), options.vm_id), port_file=options.port_file)
    elif options.command == "serve":
        from skytf.localvm import serve

        where = serve.Endpoint(options.address, options.ssh_port)
        return serve.serve(os.environ, ready=options.ready_fd, endpoint=where, ttl_minutes=options.ttl_minutes)
    elif options.command == "rotate-host-key":
        from skytf.localvm import rotate

        sys.stdout.write(rotate.request(Machine.parse(options.root, options.vm_id)) + "\n")
    else:
        _shape(options)
    return 0


def _shape(options: argparse.Namespace) -> None:
    from skytf.localvm import relay, shape

    host, _, port = options.to.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"{options.to!r} is no address", hint="write --to HOST:PORT")
    wanted = relay.Shape(options.link_mbps, options.connection_mbps, options.delay_ms)
    if options.command == "relay":
        shape.run(host, int(port), wanted, ready=options.ready_fd)
    else:
        sys.stdout.write(f"PORT {shape.start(host, int(port), wanted)}\n")


def _root() -> str:
    try:
        return os.environ[ROOT_VARIABLE]
    except KeyError:
        raise InputError(f"{ROOT_VARIABLE} does not say where the local VMs are") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m skytf.localvm", description="Virtual machines of the local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("boot", help="start the VM that the environment describes")
    halt = commands.add_parser("halt", help="end a VM and remove its files")
    halt.add_argument("vm_id")
    halt.add_argument("--port-file", type=Path)
    serve = commands.add_parser("serve", help="be a VM")
    serve.add_argument("--ready-fd", type=int, required=True)
    serve.add_argument("--address", default=LISTEN_ADDRESS)
    serve.add_argument("--ssh-port", type=int, default=0)
    serve.add_argument("--ttl-minutes", type=float, required=True)
    rotate = commands.add_parser("rotate-host-key", help="replace the host key of a VM that runs")
    rotate.add_argument("root")
    rotate.add_argument("vm_id")
    for name, text in (("shape", "start a relay that plays a slow link"), ("relay", "be that relay")):
        shape = commands.add_parser(name, help=text)
        shape.add_argument("--to", required=True, metavar="HOST:PORT")
        shape.add_argument("--link-mbps", type=_rate, default=0.0)
        shape.add_argument("--connection-mbps", type=_rate, default=0.0)
        shape.add_argument("--delay-ms", type=_rate, default=0.0)
        if name == "relay":
            shape.add_argument("--ready-fd", type=int, required=True)
    return parser


def _rate(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
