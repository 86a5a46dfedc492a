"""
Copy a directory through the local fleet, and print what happens.

Run it as ``python examples/copy_with_progress.py SOURCE DESTINATION``.
"""

from __future__ import annotations

import sys

import skytf


class Printer(skytf.Hooks):
    """Say on one line each which phase begins and how many bytes each destination has confirmed."""

    def on_phase(self, phase: str, text: str) -> None:
        """Print the phase."""
        print(f"{phase}: {text}")

    def on_progress(self, progress: skytf.Progress) -> None:
        """Print receipts, which is what done means."""
        for one in progress.destinations:
            print(f"  {one.url}: {one.bytes_done} of {one.bytes_total} bytes")


def main(source: str, *destinations: str) -> int:
    """Copy *source* to every destination and return the exit code that the command line would give."""
    client = skytf.Client(hooks=Printer())
    copy = skytf.Copy(
        skytf.Target(source), tuple(skytf.Target(destination) for destination in destinations), recursive=True
    )
    report = client.copy([copy], skytf.Options(instances=2))
    if report is None:
        return 1
    print(f"{report.outcome}: {report.goodput_bytes_per_s / 1e6:.1f} MB/s")
    return report.exit_code


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    raise SystemExit(main(*sys.argv[1:]))
