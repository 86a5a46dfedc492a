"""`python -m skytf` and the `skytf` command."""

from __future__ import annotations

import sys
import warnings
from typing import NoReturn

from skytf.cli import app
from skytf.cli.streams import open_missing, steady


def main() -> NoReturn:
    """Run the command line and exit with its documented code."""
    if not sys.warnoptions:  # meant for who writes the libraries; `python -W default -m skytf` shows them
        warnings.simplefilter("ignore")
    open_missing()
    sys.stdout, sys.stderr = steady(sys.stdout), steady(sys.stderr)
    app.main(prog_name="skytf")
    raise AssertionError("app.main exits")  # pragma: no cover


if __name__ == "__main__":
    main()
