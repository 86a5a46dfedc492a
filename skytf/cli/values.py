"""Values of options that are more than a word: sizes, durations, shapes of links."""

from __future__ import annotations

import math
import re
from pathlib import Path

import rich_click as click

from gateway.errors import UsageError
from gateway.units import GIB, parse_size_bytes
from skytf.errors import InputError
from skytf.model.job import LinkShape
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.sites import OPTIONS, SEVERAL

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")
_LONGEST_MINUTES = 366 * 1440  # far beyond it the date of the expiry cannot be written
_WHERE = re.compile(r"[a-z][a-z0-9]*(?::[a-z0-9][a-z0-9-]*)?")
_FACT = re.compile(r"([a-z][a-z0-9]*)\.([^=]+)=(.+)")
_SHAPE = re.compile(r"(?P<source>[^>=]+)->(?P<target>[^>=]+)=(?P<values>.+)")
_SHAPE_FIELDS = {"link": "link_mbps", "connection": "connection_mbps", "delay": "delay_ms"}
_SHAPE_HINT = "write for example 'local:a->local:b=link=200,connection=12.5,delay=75' (Mbit/s, ms)"


class Size(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """A number of bytes: ``64MiB``, ``500GB``."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes; click reports what is no size."""
        if isinstance(value, int):
            return value
        try:
            return parse_size_bytes(str(value))
        except UsageError as error:
            self.fail(f"{error}; {error.hint}", param, ctx)


class Gibibytes(Size):
    """A size in whole GiB, rounded up: ``50GiB``, ``1TB``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the GiB; click reports what is no size."""
        return -(-super().convert(value, param, ctx) // GIB)


class Catalogue(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """A directory with tables of the catalog, made absolute: whoever reads it may stand elsewhere by then."""

    name = "directory"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the absolute path; click reports what is no directory."""
        path = Path(str(value)).expanduser().absolute()
        if not path.is_dir():
            self.fail(f"{value!s} is no directory", param, ctx)
        return str(path)


class SiteChoice(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """What a user chooses for the sites of a cloud or for one site: ``aws=…``, ``aws:us-east-1=…``."""

    name = "where=value"

    def __init__(self, field: str) -> None:
        self._field = field

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> SiteOption:
        """Return the choice; click reports what is none."""
        where, _, text = str(value).partition("=")
        values = tuple(part.strip() for part in text.split(",")) if self._field in SEVERAL else (text.strip(),)
        if not _WHERE.fullmatch(where) or not all(values):
            flag = OPTIONS[self._field]
            self.fail(f"{value!r} is no choice; write {flag} aws=VALUE or {flag} aws:us-east-1=VALUE", param, ctx)
        return SiteOption(where, self._field, values)


class Fact(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """What a look-up in an account would give: ``gcp.project=my-project``."""

    name = "cloud.name=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str, str]:
        """Return cloud, name and value; click reports what is no fact."""
        match = _FACT.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no fact; write for example gcp.project=my-project", param, ctx)
        return match[1], match[2], match[3]


class Tag(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """A tag for everything that is created: ``team=storage``."""

    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return key and value; click reports what is no tag."""
        key, sign, text = str(value).partition("=")
        if not key or not sign:
            self.fail(f"{value!r} is no tag; write for example team=storage", param, ctx)
        return key, text


class Minutes(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """A duration in whole minutes, rounded up: ``90m``, ``1h30m``, ``2d``; a bare number means minutes."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the minutes; click reports what is no duration."""
        text = str(value).replace(" ", "").lower()
        match = _DURATION.fullmatch(f"{text}m" if text.isdecimal() else text)
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
        total = days * 1440 + hours * 60 + minutes + math.ceil(seconds / 60)
        if total == 0:
            self.fail(f"{value!r} is not a duration; write for example 90m, 2h or 1h30m", param, ctx)
        if total > _LONGEST_MINUTES:
            self.fail(f"{value!r} is longer than a year", param, ctx)
        return total


class Shape(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """How a link of the local cloud is slowed down."""

    name = "from->to=link=…,connection=…,delay=…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> LinkShape:
        """Return the shape; click reports what is none."""
        try:
            return parse_shape(str(value))
        except InputError as error:
            self.fail(f"{error}; {error.hint}", param, ctx)


def parse_shape(text: str) -> LinkShape:
    """
    Return the link shape that *text* means: ``local:a->local:b=link=200,connection=12.5,delay=75``.

    Raises:
        InputError: *text* is no shape.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text!r} is not the shape of a link", hint=_SHAPE_HINT)
    values: dict[str, float] = {}
    for part in match["values"].split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in _SHAPE_FIELDS or _SHAPE_FIELDS[name] in values or not re.fullmatch(r"\d+(\.\d+)?", number):
            raise InputError(f"{part.strip()!r} in {text!r} is no limit of a link", hint=_SHAPE_HINT)
        values[_SHAPE_FIELDS[name]] = float(number)
    return LinkShape(Region.parse(match["source"].strip()), Region.parse(match["target"].strip()), **values)
