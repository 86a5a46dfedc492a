"""What a cell of the catalog may hold: each kind of column as one check that says why a text is wrong."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Mapping

from skytf.catalog.schema import ANY, STORES_ONLY, TARGETS, UNKNOWN, Column
from skytf.clouds import CLOUDS
from skytf.clouds.sheet import sheet
from skytf.errors import InputError
from skytf.model.region import Region

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_GROUP = re.compile(r"[a-z0-9]+:[a-z0-9-]+")
_WRITE_A_DATE = "write 2026-11-22, 2026-11, 2026, or unknown"


class Wrong(Exception):  # never leaves the catalog: the reader adds the place and makes an InputError of it
    """Why a cell cannot be, and what to do about it."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def check(column: Column, text: str, row: Mapping[str, str]) -> None:
    """
    Look whether *text* may stand in *column* of *row* (name → text).

    Raises:
        Wrong: It may not.
    """
    if not text:
        if column.required:
            hint = _WRITE_A_DATE if column.name == "date" else f"every row has its {column.name}"
            raise Wrong(f"there is no {column.name}", hint)
        return
    _CHECKS[column.kind](column, text, row)


def _check_text(_column: Column, text: str, _row: Mapping[str, str]) -> None:
    if not text.isprintable():
        raise Wrong(f"{text!r} holds characters that cannot be printed", "write plain text")


def _check_choice(column: Column, text: str, _row: Mapping[str, str]) -> None:
    if text not in column.choices:
        raise Wrong(f"{text!r} is none of the words that this column knows", f"known: {', '.join(column.choices)}")


def _check_number(column: Column, text: str, _row: Mapping[str, str]) -> None:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise Wrong(f"{text!r} is no number", "write digits, with a point for decimals, or leave the cell empty")
    value = float(text)
    if value < column.least:
        why = f"{text} is negative" if column.least == 0 else f"{text} is less than {column.least:g}"
        raise Wrong(why, f"write {column.least:g} or more")
    if value > column.most:
        raise Wrong(f"{text} is more than {column.most:g}", f"write {column.most:g} or less")


def _check_count(_column: Column, text: str, _row: Mapping[str, str]) -> None:
    if not _COUNT.fullmatch(text) or int(text) == 0:
        raise Wrong(f"{text!r} is no whole number from 1 on", "write digits alone")


def _check_date(_column: Column, text: str, _row: Mapping[str, str]) -> None:
    match = _DATE.fullmatch(text)
    if match is None:
        if text != UNKNOWN:
            raise Wrong(f"{text!r} is no date", _WRITE_A_DATE)
        return
    year, month, day = (int(part) if part else 1 for part in match.groups())
    if year == 0 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise Wrong(f"there is no day {text}", _WRITE_A_DATE)


def _check_cloud(_column: Column, text: str, _row: Mapping[str, str]) -> None:
    known = sorted((*(cloud for cloud in CLOUDS if sheet(cloud).provider is not None), *STORES_ONLY))
    if text not in known:
        raise Wrong(f"there is no cloud {text!r}", f"known: {', '.join(known)}")


def _check_region(_column: Column, text: str, row: Mapping[str, str]) -> None:
    if text != ANY:
        _check_region_of(row["cloud"], text)


def _check_instance(_column: Column, text: str, row: Mapping[str, str]) -> None:
    if row["cloud"] in STORES_ONLY:
        raise Wrong(f"{row['cloud']} has no instances", "leave the row out")
    try:
        sheet(row["cloud"]).instance(text)
    except InputError as error:
        raise Wrong(str(error), error.hint) from None


def _check_site(_column: Column, text: str, _row: Mapping[str, str]) -> None:
    try:
        region = Region.parse(text)
    except InputError as error:
        raise Wrong(str(error), "write cloud:region, for example aws:us-east-1") from None
    _check_cloud(_column, region.cloud, {})
    _check_region_of(region.cloud, region.name)


def _check_target(_column: Column, text: str, row: Mapping[str, str]) -> None:
    if text not in TARGETS and not _GROUP.fullmatch(text):
        _check_region_of(row["cloud"], text)


def _check_region_of(cloud: str, name: str) -> None:
    if cloud in STORES_ONLY:
        return
    try:
        sheet(cloud).check_region(name)
    except InputError as error:
        raise Wrong(str(error), error.hint) from None


_CHECKS: dict[str, Callable[[Column, str, Mapping[str, str]], None]] = {
    "choice": _check_choice,
    "cloud": _check_cloud,
    "count": _check_count,
    "date": _check_date,
    "instance": _check_instance,
    "number": _check_number,
    "region": _check_region,
    "site": _check_site,
    "target": _check_target,
    "text": _check_text,
}
