"""
Start the gateway from its trees. This file lies in the transfer's directory on the host, beside ``trees.json``.

It runs as ``python3 -I -S launcher.py start DIR``: nothing that is installed on the host is seen, only the trees.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path[:0] = json.loads(Path(__file__).with_name("trees.json").read_text())
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)
