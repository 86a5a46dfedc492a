"""Read the catalog's tables: ours, and over them those of the user's directories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Catalog:
    """All tables; those of *directories* (the last one first) stand before the built-in ones."""

    directories: tuple[Path, ...] = ()


def load(directories: Sequence[str] = ()) -> Catalog:
    """
    Return the catalog with the user's rows from *directories*; tables are read when they are asked for.

    Raises:
        InputError: A directory or a table in it cannot be read, or a row is wrong; the message names file and line.
    """
    return Catalog(tuple(Path(one) for one in directories))
