"""`skytf catalog`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.cells import cell_len, set_cell_size
from rich.console import RenderableType
from rich.text import Text

from skytf.catalog.changes import ADDED, CHANGED, RowChange, against_built_in, take_in
from skytf.catalog.names import check_names
from skytf.catalog.schema import ANY, TABLES
from skytf.catalog.tables import Catalog, load, table_named, user_directory
from skytf.cli.options import catalogs, common, option
from skytf.cli.session import Session
from skytf.cli.tables import BAD, FAIR, GOOD, plain_table, styled
from skytf.cli.text import safe
from skytf.errors import InputError

if TYPE_CHECKING:
    from skytf.catalog.reading import Row

DIFFERS = 2
_SIGNS = {ADDED: ("+", GOOD), CHANGED: ("~", FAIR)}
_GONE = ("-", BAD)
_FILTERS = {"cloud": "cloud", "region": "region", "source": "from", "target": "to"}


@dataclass(frozen=True, slots=True)
class TableLine:
    """One table, as ``skytf catalog show`` lists it; ``yours`` counts the rows of the user's own."""

    table: str
    what: str
    rows: int
    yours: int


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row; ``origin`` is the user's file that it is from, empty where it is built in."""

    table: str
    cells: Mapping[str, str]
    origin: str


@click.group("catalog")
@common
def command() -> None:
    """
    Show, compare and add to the prices and measurements that plans rest on.

    Each row has a date and a source; docs/catalog.md says what the tables mean. Rows of your own stand before the
    built-in ones: those of --catalog DIR, and those in the directory that import writes to.
    """


@command.command("show")
@click.argument("table", metavar="[TABLE]", required=False)
@option("--cloud", metavar="CLOUD", help="Rows of this cloud.", panel="Rows")
@option("--region", metavar="REGION", help="Rows of this region: us-east-1.", panel="Rows")
@option("--from", "source", metavar="FROM", help="Rows from here: aws:us-east-1, or aws.", panel="Rows")
@option("--to", "target", metavar="TO", help="Rows to there.", panel="Rows")
@catalogs
@common
@click.pass_obj
def show(session: Session, /, table: str | None, catalogs: tuple[str, ...], **wanted: str | None) -> None:
    """Show the rows of TABLE, or without one which tables there are."""
    catalog = load(catalogs)
    if table is None:
        if any(wanted.values()):
            raise InputError("rows of which table?", hint=f"name it: {', '.join(TABLES)}")
        session.show("catalog_table", _tables(catalog), _list_tables)
        return
    names = [one.name for one in table_named(table).columns]
    asked = {_FILTERS[name]: text for name, text in wanted.items() if text is not None}
    for name in asked:
        if name not in names:
            raise InputError(f"{table} has no column {name!r}", hint=f"its columns: {', '.join(names)}")
    check_names(catalog, table, asked)
    begins = _as_egress_calls(catalog, asked.pop("from")) if table == "egress" and "from" in asked else None
    rows = [
        row
        for row in catalog.rows(table)
        if all(_fits(row.cells[name], text) for name, text in asked.items())
        and (begins is None or row.values(("cloud", "from")) in begins or (row.cells["cloud"], "") in begins)
    ]
    session.show("catalog_row", [_line(table, row) for row in rows], _list_rows)


@command.command("diff")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@common
@click.pass_context
def diff(ctx: click.Context, /, directory: Path) -> None:
    """
    Say what the rows in DIR change or add to the built-in ones.

    Exits with 0 where that is nothing, 1 after an error, 2 where it is something.
    """
    found = against_built_in(directory)
    _show_changes(ctx.ensure_object(Session), found, "Nothing differs from the built-in rows.")
    ctx.exit(DIFFERS if found else 0)


@command.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to merge them into.  [default: that of your settings, which every plan reads]",
    panel="Rows",
)
@common
@click.pass_obj
def import_(session: Session, /, files: tuple[Path, ...], into: Path | None) -> None:
    """
    Check tables of yours and merge their rows into your catalog.

    A FILE is called as the table that it belongs to: egress.csv. Nothing is written where a row is wrong.
    """
    directory = (into or user_directory()).absolute()
    found = take_in(files, directory)
    _show_changes(session, found, f"Nothing changed in {directory}.")


def _tables(catalog: Catalog) -> list[TableLine]:
    lines = []
    for table in TABLES.values():
        rows = catalog.rows(table.name)
        lines.append(TableLine(table.name, table.what, len(rows), sum(1 for row in rows if row.origin)))
    return lines


def _list_tables(lines: Sequence[TableLine]) -> RenderableType:
    return plain_table(
        ("TABLE", "ROWS", "YOURS", "WHAT"), ((one.table, str(one.rows), str(one.yours), one.what) for one in lines)
    )


def _as_egress_calls(catalog: Catalog, place: str) -> set[tuple[str, str]]:
    """
    Return cloud and ``from`` of the rows of egress that hold for *place*.

    A region is meant by the names of its groups too, and a cloud alone (``from`` is then empty) by all of its rows.
    """
    cloud, _, region = place.partition(":")
    rows = catalog.rows("egress")
    if not any(row.cells["cloud"] == cloud for row in rows):
        return {(row.cells["cloud"], place) for row in rows}
    groups = [row.cells["group"] for row in catalog.rows("groups", cloud=cloud, region=region)]
    return {(cloud, name) for name in ((region, *groups, ANY) if region else ("",))}


def _fits(cell: str, wanted: str) -> bool:
    return cell == wanted or cell.startswith(f"{wanted}:")


def _line(table: str, row: Row) -> RowLine:
    return RowLine(table, dict(row.cells), row.origin)


def _list_rows(lines: Sequence[RowLine]) -> RenderableType:
    if not lines:
        return "No such row: what it would say is unknown."
    # Thousands of rows: a table of rich takes seconds for them.
    names = [*lines[0].cells, "yours"]
    texts = [
        [name.upper() for name in names],
        *([safe(text) for text in (*one.cells.values(), one.origin)] for one in lines),
    ]
    widths = [max(cell_len(row[index]) for row in texts) for index in range(len(names))]
    padded = ("  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)) for row in texts)
    return Text("\n".join(line.rstrip() for line in padded), no_wrap=True, overflow="ignore")


def _show_changes(session: Session, changes: Sequence[RowChange], nothing: str) -> None:
    if changes or session.json:
        session.show("catalog_change", changes, _list_changes)
    else:
        session.note(nothing)


def _list_changes(changes: Sequence[RowChange]) -> RenderableType:
    return Text("\n").join(_change(one) for one in changes)


def _change(one: RowChange) -> Text:
    sign, style = _SIGNS.get(one.action, _GONE)
    if one.action == CHANGED:
        said = ", ".join(
            f"{name} {one.before[name] or 'unknown'} → {text or 'unknown'}" for name, text in one.after.items()
        )
    else:
        said = ", ".join(f"{name} {text}" for name, text in (one.after or one.before).items() if text)
    return styled(f"{sign} {one.table} {' '.join(text for text in one.key.values() if text)}: {said}", style)
