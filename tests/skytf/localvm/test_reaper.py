"""A VM's init waits for its children, and for the orphans it adopts."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: becoming a subreaper cannot be undone, and the reaper takes every child of its process.
_INIT = """
import asyncio, subprocess, sys
import psutil
from skytf.localvm.processes import wait_gone
from skytf.localvm.reaper import Reaper

async def main():
    reaper = Reaper(asyncio.get_running_loop())
    codes = [await reaper.watch(subprocess.Popen(["sh", "-c", script])) for script in ("exit 3", "kill -TERM $$")]
    parent = subprocess.Popen(["sh", "-c", "sleep 1000 >/dev/null & echo $!"], stdout=subprocess.PIPE)
    orphan = psutil.Process(int(parent.stdout.readline()))
    codes.append(await reaper.watch(parent))
    adopted = orphan.ppid() == psutil.Process().pid
    orphan.kill()
    wait_gone([orphan], 10)
    await reaper.watch(subprocess.Popen("true"))  # so that the loop has seen the signals
    print(codes, parent.returncode, adopted, orphan.is_running())

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_children_have_their_exit_codes_and_orphans_are_adopted_and_reaped() -> None:
    said = subprocess.run([sys.executable, "-c", _INIT], capture_output=True, text=True, timeout=20, check=False)

    assert said.stdout == "[3, -15, 0] 0 True False\n", said.stderr
