"""
Run a target under atheris: ``python -m tests.gateway.hostile.fuzz TARGET DIRECTORY [libFuzzer options]``.

DIRECTORY gets the seeds, what the fuzzer finds worth keeping, and in ``crash-…`` the input that broke the target.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from tests.gateway.hostile.targets import TARGETS


def main(name: str, directory: Path, *options: str) -> None:
    """Fuzz until the budget is used up, or a bug is found: then the process ends with an error."""
    target = TARGETS[name]
    corpus = directory / "corpus"
    corpus.mkdir(parents=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], f"-artifact_prefix={directory}/", *options, str(corpus)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
