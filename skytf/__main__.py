"""`python -m skytf` and the `skytf` command."""

from __future__ import annotations

from typing import NoReturn

from skytf.cli import app


def main() -> NoReturn:
    """Run the command line and exit with its documented code."""
    app.main(prog_name="skytf")
    raise AssertionError("app.main exits")  # pragma: no cover


if __name__ == "__main__":
    main()
