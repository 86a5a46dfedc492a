"""
Write a bundle for review, then apply exactly that bundle.

Run it as ``python examples/review_then_apply.py SOURCE DESTINATION BUNDLE_DIR``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import skytf


def main(source: str, destination: str, bundle_dir: str) -> int:
    """Plan, show the first line of PLAN.md, apply."""
    client = skytf.Client()
    copy = skytf.Copy(skytf.Target(source), (skytf.Target(destination),), recursive=True)
    bundle = client.plan([copy], out=Path(bundle_dir))
    print(bundle.files["PLAN.md"].decode().splitlines()[0])
    # In between, somebody reads PLAN.md and infra/ in a pull request.
    report = client.apply(Path(bundle_dir))
    print(f"{report.outcome}: {report.jobs[0].destinations[0].verified} objects verified")
    return report.exit_code


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    raise SystemExit(main(*sys.argv[1:]))
