"""Read the catalog's tables: ours, and over them those of the user's directories."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from skytf.catalog.reading import Row, built_in, checked
from skytf.catalog.schema import TABLES, Table, is_group
from skytf.errors import InputError

_TABLES = "name a directory with tables such as egress.csv, see docs/catalog.md"


@dataclass(frozen=True, slots=True)
class Catalog:
    """
    All tables; a user's rows stand before the built-in ones, those of the last directory before those of the others.

    ``directories`` are in that order: the last one first. ``layers`` are their rows by table, in the same order.
    """

    directories: tuple[Path, ...] = ()
    layers: tuple[dict[str, list[Row]], ...] = field(default=(), repr=False)

    def rows(self, name: str, **wanted: str) -> list[Row]:
        """
        Return the rows of a table in which each column of *wanted* (``from_`` for ``from``) has that text.

        The user's rows come first. What they replace is not there.
        """
        table = TABLES[name]
        cells = {column.rstrip("_"): text for column, text in wanted.items()}
        found: list[Row] = []
        replaced: set[tuple[str, ...]] = set()
        for layer in self.layers:
            rows = layer.get(name, [])
            found += [row for row in rows if _fits(row, cells) and row.values(table.replaces) not in replaced]
            replaced |= {row.values(table.replaces) for row in rows}
        found += [row for row in built_in(table, cells) if row.values(table.replaces) not in replaced]
        return found

    def row(self, name: str, **wanted: str) -> Row | None:
        """Return the first of `rows`, None where there is none."""
        return next(iter(self.rows(name, **wanted)), None)


def load(directories: Sequence[str] = ()) -> Catalog:
    """
    Return the catalog with the user's rows from *directories*, and behind them those of `user_directory`.

    The built-in tables are read when they are asked for.

    Raises:
        InputError: A directory or a table in it cannot be read, one of *directories* has none, or a row is wrong; the
            message names file and line.
    """
    own = user_directory()
    paths = [Path(one) for one in reversed(directories)] + ([own] if own.is_dir() else [])
    layers = tuple(tables_of(path, layer=len(paths) - index) for index, path in enumerate(paths))
    for path, tables in zip(paths[: len(directories)], layers, strict=False):
        if not tables:
            raise InputError(f"the catalog {path} has no table", hint=_TABLES)
    return Catalog(tuple(paths), layers)


def user_directory() -> Path:
    """Return where the user's own rows are kept unless they say otherwise; it need not be there."""
    return platformdirs.user_config_path("skytf") / "catalog"


def tables_of(directory: Path, *, layer: int = 1) -> dict[str, list[Row]]:
    """
    Return the checked rows of a user's directory by table; files that are no CSV are passed over.

    Raises:
        InputError: It cannot be read, or something in it is wrong.
    """
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".csv")
    except OSError as error:
        raise InputError(
            f"the catalog {directory} cannot be read: {error.strerror}",
            hint=_TABLES,
        ) from error
    found = {path.stem: checked(path, layer=layer) for path in paths}
    check_groups(found)
    return found


def check_groups(tables: Mapping[str, list[Row]]) -> None:
    """
    Look whether the egress prices of a user name only groups that there are, theirs or ours.

    Raises:
        InputError: One of them is none.
    """
    groups = [*tables.get("groups", ()), *built_in(TABLES["groups"], {})]
    known = {row.values(("cloud", "group")) for row in groups}
    for row in tables.get("egress", ()):
        for column in ("from", "to"):
            name = row.cells[column]
            if is_group(name) and (row.cells["cloud"], name) not in known:
                names = sorted(group for cloud, group in known if cloud == row.cells["cloud"])
                near = difflib.get_close_matches(name, names, n=1)
                raise InputError(
                    f"{row.origin}, line {row.line}, column {column}: no region is in a group {name!r}",
                    hint=f"did you mean {near[0]}?" if near else "say in groups.csv which regions are",
                )


def table_named(name: str) -> Table:
    """
    Return the table called *name*.

    Raises:
        InputError: There is none.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise InputError(f"the catalog has no table {name!r}", hint=f"tables: {', '.join(TABLES)}") from None


def _fits(row: Row, cells: dict[str, str]) -> bool:
    return all(row.cells[name] == text for name, text in cells.items())
