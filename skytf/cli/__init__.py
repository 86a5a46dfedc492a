"""
The command line: the only place that knows click and rich.

It asks `skytf.client.Client` for everything, and shows what comes back. A command is one file in `commands` that
holds its arguments and the table it prints, and one line in `skytf.cli.app.COMMANDS`.
"""

from __future__ import annotations

from skytf.cli.app import app

__all__ = ["app"]
