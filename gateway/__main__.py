"""
``python -m gateway start|run|status|stop DIR``: one line on stdout says how it went.

``READY {...}``, ``RUNNING {...}``, ``STOPPED {...}`` with exit code 0, or ``ERROR {"error", "hint"}`` with 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway import daemon
from gateway.errors import GatewayError

COMMANDS = ("start", "run", "status", "stop")


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    if len(arguments) != 2 or arguments[0] not in COMMANDS:
        _say(daemon.error_line("usage: start|run|status|stop DIR", "start and run read secrets from stdin"))
        return 1
    command, directory = arguments[0], Path(arguments[1]).absolute()
    try:
        if command == "start":
            _say(daemon.start(directory, sys.stdin.buffer))
        elif command == "run":
            daemon.run(directory, sys.stdin.buffer, _say)
        elif command == "status":
            about = daemon.status(directory)
            _say("STOPPED {}" if about is None else f"RUNNING {json.dumps(about)}")
        else:
            _say(f"STOPPED {json.dumps({'was_running': daemon.stop(directory)})}")
    except GatewayError as error:
        _say(daemon.error_line(str(error), error.hint))
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
