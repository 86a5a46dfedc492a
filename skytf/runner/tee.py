"""
Copy standard input to the file named by the first argument and, while somebody reads it, to standard output.

Stands between terraform and the client: it outlives the client, so that a killed client neither
breaks terraform's standard output (a native one stops without cleaning up) nor loses the log. Run as a script, with
nothing imported that is not needed: its start is part of every terraform command's.
"""

import os
import signal
import sys

_READ_BYTES = 1 << 16


def main() -> None:
    """Copy until standard input ends."""
    # Signals that end terraform in order must not take its reader away first.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    outputs = [os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1]
    while block := os.read(0, _READ_BYTES):
        for output in tuple(outputs):
            try:
                _write_all(output, block)
            except OSError:  # the client is gone, or the disk is full: terraform must go on all the same
                outputs.remove(output)


def _write_all(output: int, block: bytes) -> None:
    while block:
        block = block[os.write(output, block) :]


if __name__ == "__main__":
    main()
