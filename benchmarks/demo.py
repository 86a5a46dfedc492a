"""`make demo`: the whole way on this machine, from a data set to proof that nothing is left."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.dataset import write_dataset
from gateway.units import format_bytes
from tests.e2e.leftovers import left_of

ROOT = Path("build/demo")


def say(text: str) -> None:
    """Print a line of the demo's own."""
    print(f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text, flush=True)


def skytf(*arguments: str, home: Path) -> None:
    """Run the command line as a user would, and end with its exit code if it fails."""
    say(f"\n$ skytf {' '.join(arguments)}")
    command = [sys.executable, "-m", "skytf", *arguments]
    code = subprocess.run(command, env={**os.environ, "SKYTF_HOME": str(home)}, check=False).returncode
    if code:
        raise SystemExit(code)


def same_files(source: Path, destination: Path) -> int:
    """Compare both trees byte for byte; return the number of files, end with a message at the first difference."""
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    extra = {path.relative_to(destination) for path in destination.rglob("*") if path.is_file()} - set(files)
    if extra:
        raise SystemExit(f"{len(extra)} files at the destination do not belong there: {sorted(extra)[:3]}")
    for file in files:
        if not filecmp.cmp(source / file, destination / file, shallow=False):
            raise SystemExit(f"{destination / file} differs from its source")
    return len(files)


def main() -> None:
    """Generate, plan, apply, compare, and look for what is left."""
    began = time.monotonic()
    for stale in ("in", "out", "bundle"):
        shutil.rmtree(ROOT / stale, ignore_errors=True)
    ROOT.mkdir(parents=True, exist_ok=True)
    source, destination, bundle, home = (ROOT / name for name in ("in", "out", "bundle", "home"))
    say("A data set: large files, thousands of small ones, empty ones, names with spaces, Unicode and %.")
    size_bytes = write_dataset(source)
    say(f"{format_bytes(size_bytes)} in {source}")
    home = home.absolute()
    arguments = ("--recursive", "--instances", "2", str(source), str(destination))
    skytf("plan", *arguments, "--out", str(bundle), home=home)
    skytf("apply-transfer", str(bundle), "--yes", home=home)
    files = same_files(source, destination)
    say(f"\nCompared byte for byte: {files} files are the same.")
    left = left_of(home)
    if left:
        raise SystemExit("left behind:\n  " + "\n  ".join(left))
    say("Nothing is left: no process, no VM directory, no Terraform resource, no key.")
    say(f"The demo took {time.monotonic() - began:.0f} s. The plan is in {bundle}, the report in {home}/transfers.")


if __name__ == "__main__":
    main()
