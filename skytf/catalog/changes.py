"""What a user's rows say otherwise than others do, and how they get into a directory."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skytf.catalog.reading import Row, built_in, checked
from skytf.catalog.schema import TABLES, Table
from skytf.catalog.tables import check_groups, tables_of
from skytf.errors import InputError

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True, slots=True)
class RowChange:
    """
    One row that is otherwise: ``key`` is column → text of what names it.

    ``before`` and ``after`` hold the other columns that differ; all of them of a row that was added or removed.
    """

    table: str
    action: str
    key: Mapping[str, str]
    before: Mapping[str, str]
    after: Mapping[str, str]


def against_built_in(directory: Path) -> list[RowChange]:
    """
    Return what the rows in *directory* change or add, and which built-in ones they put aside; sorted.

    Raises:
        InputError: It cannot be read, or something in it is wrong.
    """
    return _between({name: list(built_in(TABLES[name], {})) for name in TABLES}, tables_of(directory))


def take_in(files: Sequence[Path], into: Path) -> list[RowChange]:
    """
    Check *files* and merge their rows into the tables in *into*, which is made if need be; return what that changes.

    Rows there that the new ones replace go. Every file is looked at before the first is written, and each is replaced
    as a whole: whoever reads meanwhile sees the old table or the new one.

    Raises:
        InputError: A file, or what is in *into*, is wrong or cannot be read or written. Nothing was written then.
    """
    new: dict[str, list[Row]] = {}
    for path in files:
        rows = checked(path)
        if path.stem in new:
            raise InputError(f"{path}: {path.name} is given twice", hint="import one after the other")
        new[path.stem] = rows
    old = tables_of(into) if into.is_dir() else {}
    merged = {name: _merged(TABLES[name], old.get(name, []), rows) for name, rows in new.items()}
    check_groups(old | merged)
    _write(into, {f"{name}.csv": text_of(TABLES[name], rows) for name, rows in merged.items()})
    return _between(old, merged)


def _merged(table: Table, old: Iterable[Row], new: Sequence[Row]) -> list[Row]:
    replaced = {row.values(table.replaces) for row in new}
    return [*(row for row in old if row.values(table.replaces) not in replaced), *new]


def _between(old: Mapping[str, Sequence[Row]], new: Mapping[str, Sequence[Row]]) -> list[RowChange]:
    """Return how the tables of *new* differ; of *old* only rows count that those of *new* replace."""
    found = []
    for name, rows in sorted(new.items()):
        table = TABLES[name]
        replaced = {row.values(table.replaces) for row in rows}
        before = {row.values(table.key): row for row in old.get(name, ()) if row.values(table.replaces) in replaced}
        after = {row.values(table.key): row for row in rows}
        found += [_change(table, before.get(key), after.get(key)) for key in sorted({*before, *after}, key=_natural)]
    return [change for change in found if change is not None]


def _change(table: Table, before: Row | None, after: Row | None) -> RowChange | None:
    row = before or after
    assert row is not None
    key = {name: row.cells[name] for name in table.key}
    others = [one.name for one in table.columns if one.name not in table.key]
    if before is not None and after is not None:
        others = [name for name in others if not _same(before.cells[name], after.cells[name])]
        if not others:
            return None
    action = CHANGED if before and after else REMOVED if before else ADDED
    return RowChange(table.name, action, key, _picked(before, others), _picked(after, others))


def _picked(row: Row | None, names: Iterable[str]) -> dict[str, str]:
    return {} if row is None else {name: row.cells[name] for name in names}


def _same(one: str, other: str) -> bool:
    """Whether two cells mean the same: 0.10 is 0.1."""
    with contextlib.suppress(ValueError):
        return float(one) == float(other)
    return one == other


def _natural(key: Sequence[str]) -> list[tuple[float, str]]:
    """Return what rows are sorted by: numbers by their value, before words."""
    return [
        (float(text), "") if text[:1].isdigit() and text.replace(".", "", 1).isdigit() else (-1.0, text) for text in key
    ]


def text_of(table: Table, rows: Iterable[Row]) -> str:
    """Return the file of *table* with *rows*: sorted, what is a column's default left empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([one.name for one in table.columns])
    for row in sorted(rows, key=lambda row: _natural(row.values(table.key))):
        writer.writerow(["" if row.cells[one.name] == one.default else row.cells[one.name] for one in table.columns])
    return out.getvalue()


def _write(directory: Path, files: Mapping[str, str]) -> None:
    """Write *files* beside what is there, and put all of them in place only when every one is on the disk."""
    written: list[tuple[Path, Path]] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in sorted(files.items()):
            temporary = directory / f".{name}.{secrets.token_hex(8)}"
            written.append((temporary, directory / name))
            # As readable as any file: a directory of tables is shared, and tempfile makes its files for one user.
            with temporary.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for temporary, path in written:
            temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{directory} cannot be written: {error.strerror}", hint="name another directory with --into"
        ) from error
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
