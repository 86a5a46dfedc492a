"""Read the files of the catalog: a user's row by row with every cell looked at, ours only where a row is asked for."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skytf.catalog.cells import Wrong, check
from skytf.catalog.schema import TABLES, Table
from skytf.errors import InputError

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row: column → text, empty where the cell is. ``line`` counts from 1 in the file ``origin``.

    ``layer`` is 0 of a built-in row, and the larger the earlier a user's row is taken; ``origin`` is empty there.
    """

    cells: Mapping[str, str]
    origin: str = ""
    line: int = 0
    layer: int = 0

    def number(self, name: str) -> float | None:
        """Return the number in the column *name*, None where the cell is empty."""
        text = self.cells[name]
        return float(text) if text else None

    def values(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the texts of several columns."""
        return tuple(self.cells[name] for name in names)


def built_in(table: Table, wanted: Mapping[str, str]) -> Iterator[Row]:
    """
    Yield our own rows of *table* in which every column of *wanted* has that text.

    Only lines that begin as asked for are parsed: the prices of all instances are 15,000.
    """
    if not wanted:
        yield from _everything(table)
        return
    names, lines = _lines(table.name)
    leading = []
    for name in names:
        if name not in wanted:
            break
        leading.append(wanted[name])
    prefix = ",".join([*leading, ""]) if leading else ""
    for row in _parsed(table, names, [line for line in lines if line.startswith(prefix)]):
        if all(row.cells[name] == text for name, text in wanted.items()):
            yield row


@cache
def _everything(table: Table) -> tuple[Row, ...]:
    names, lines = _lines(table.name)
    return tuple(_parsed(table, names, lines))


def _parsed(table: Table, names: Sequence[str], lines: Sequence[str]) -> Iterator[Row]:
    defaults = {one.name: one.default for one in table.columns}
    for cells in csv.reader(lines):
        yield Row({name: text or defaults[name] for name, text in zip(names, cells, strict=True)})


@cache
def _lines(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns and the other lines of one of our own files."""
    first, *rest = (DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return tuple(first.split(",")), tuple(rest)


def checked(path: Path, *, layer: int = 1) -> list[Row]:
    """
    Return the rows of a user's file; its name says which table it belongs to.

    A line that begins with ``#`` is passed over. Columns that need not be filled may be left out.

    Raises:
        InputError: There is no such table, or the file or a row of it is wrong: the message names line and column.
    """
    table = TABLES.get(path.stem)
    if table is None or path.suffix != ".csv":
        near = difflib.get_close_matches(path.stem, TABLES, n=1)
        hint = f"did you mean {near[0]}.csv?" if near else f"tables: {', '.join(TABLES)}"
        raise InputError(f"{path}: the catalog has no such table", hint=hint)
    rows = list(_rows(path, table, layer))
    _check_unique(path, table, rows)
    if "tier_from_gb" in table.key:
        _check_tiers(path, table, rows)
    return rows


def _rows(path: Path, table: Table, layer: int) -> Iterator[Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error.reason}", hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="look at its name and mode") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            if not cells or cells[0].startswith("#"):
                continue
            if names is None:
                names = _header(path, reader.line_num, table, cells)
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells under {len(names)} columns",
                    hint="a cell with a comma in it stands in double quotes",
                )
            given = dict(zip(names, cells, strict=True))
            yield Row(_filled(f"{path}, line {reader.line_num}", table, given), str(path), reader.line_num, layer)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}", hint="write it as CSV (RFC 4180)") from error
    if names is None:
        raise InputError(f"{path} is empty", hint=f"its first line is {','.join(one.name for one in table.columns)}")


def _header(path: Path, line: int, table: Table, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    known = [one.name for one in table.columns]
    for name in names:
        if name not in known or names.count(name) > 1:
            why = "is there twice" if name in known else "is not one of this table"
            hint = f"columns: {', '.join(known)}"
            raise InputError(f"{path}, line {line}: the column {name!r} {why}", hint=hint)
    for one in table.columns:
        if one.required and one.name not in names:
            raise InputError(
                f"{path}, line {line}: the column {one.name!r} is missing", hint=f"columns: {', '.join(known)}"
            )
    return names


def _filled(where: str, table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of one row, each looked at, the empty ones with their column's default."""
    cells = {one.name: given.get(one.name, "").strip() for one in table.columns}
    for column in table.columns:
        try:
            check(column, cells[column.name], cells)
        except Wrong as error:
            raise InputError(f"{where}, column {column.name}: {error}", hint=error.hint) from None
    return {one.name: cells[one.name] or one.default for one in table.columns}


def _check_unique(path: Path, table: Table, rows: Sequence[Row]) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = seen.setdefault(row.values(table.key), row.line)
        if first != row.line:
            raise InputError(
                f"{path}, line {row.line}: {' '.join(row.values(table.key))} stands in line {first} already",
                hint="leave one of them out",
            )


def _check_tiers(path: Path, table: Table, rows: Sequence[Row]) -> None:
    """Look whether the steps of each price begin at 0 and follow each other."""
    ladders: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        ladders.setdefault(row.values(table.replaces), []).append(row)
    for ladder in ladders.values():
        reached: float | None = 0.0
        for row in sorted(ladder, key=lambda one: one.number("tier_from_gb") or 0.0):
            begin, end = row.number("tier_from_gb") or 0.0, row.number("tier_to_gb")
            if reached is None or begin < reached or (end is not None and end <= begin):
                problem = "overlaps the step before it" if reached is None or begin < reached else "is empty"
            elif begin > reached:
                problem = f"leaves a gap: nothing is said from {reached:g} GB on"
            else:
                reached = end
                continue
            raise InputError(
                f"{path}, line {row.line}, column tier_from_gb: the step from {begin:g} GB {problem}",
                hint="the first step begins at 0, each one where the last one ends; the last one may end nowhere",
            )
