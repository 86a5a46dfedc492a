"""The format of the catalog: its tables, their columns, and what a cell of each may hold. docs/catalog.md says more."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "any"
UNKNOWN = "unknown"
# Clouds of which only stores are known: no gateway stands there.
STORES_ONLY = ("cloudflare",)
# What egress rows may say of their target besides a region, a group and `ANY`.
SAME_REGION, SAME_CONTINENT, OTHER_CONTINENT = "same-region", "same-continent", "other-continent"
TO_AMERICAS, TO_AUSTRALIA, TO_CHINA = "to-americas", "to-australia", "to-china"
TARGETS = (ANY, SAME_REGION, SAME_CONTINENT, OTHER_CONTINENT, TO_AMERICAS, TO_AUSTRALIA, TO_CHINA)
EXTERNAL, INTERNAL = "external", "internal"
INTER_REGION, INTERNET = "inter-region", "internet"
_SCOPES = ("inter-zone", INTER_REGION, INTERNET, "internet-isp", "internet-standard")
_CONTINENTS = ("africa", "asia", "europe", "middle-east", "north-america", "oceania", "south-america")


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column. ``kind`` is ``text``, ``choice``, ``cloud``, ``region``, ``instance``, ``site`` (``aws:us-east-1``),
    ``target`` (see `TARGETS`), ``date``, ``count`` or ``number``.

    ``choices`` belong to a choice, ``least`` and ``most`` to a number. Where ``required`` is False a cell may be empty:
    it then means that nothing is known, or ``default``.
    """

    name: str
    kind: str = "text"
    required: bool = True
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 1e12  # what is computed of it must stay a number
    default: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table, the file ``<name>.csv``.

    A row is the only one in its file with its ``key``. The rows of a user stand before all built-in ones that have the
    same values in ``replaces``: the steps of a price go together.
    """

    name: str
    what: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    replaces: tuple[str, ...]

    def column(self, name: str) -> Column:
        """Return the column called *name*."""
        return next(one for one in self.columns if one.name == name)


def _table(name: str, what: str, key: str, *columns: Column, replaces: str = "") -> Table:
    """Return a table; *key* and *replaces* (default: the same) are names of columns, with blanks between."""
    every = (*columns, Column("date", "date"), Column("source"))
    return Table(name, what, every, tuple(key.split()), tuple((replaces or key).split()))


_CLOUD = Column("cloud", "cloud")
_REGION = Column("region", "region")
_TIERS = tuple(
    Column(name, "choice", required=False, choices=("premium", "standard"), default="premium")
    for name in ("from_tier", "to_tier")
)


def _number(name: str, *, required: bool = True) -> Column:
    return Column(name, "number", required=required)


_ALL = (
    _table(
        "regions",
        "where regions are",
        "cloud region",
        _CLOUD,
        _REGION,
        Column("place"),
        Column("latitude", "number", required=False, least=-90.0, most=90.0),
        Column("longitude", "number", required=False, least=-180.0, most=180.0),
        Column("continent", "choice", choices=_CONTINENTS),
    ),
    _table(
        "groups", "regions that egress prices have in common", "cloud region group", _CLOUD, _REGION, Column("group")
    ),
    _table(
        "throughput",
        "what one VM of each region reaches with 64 connections",
        "from to addresses from_tier to_tier date",
        Column("from", "site"),
        Column("to", "site"),
        Column("addresses", "choice", choices=(EXTERNAL, INTERNAL, ANY)),
        *_TIERS,
        _number("gbps"),
        _number("received_gbps", required=False),
        replaces="from to addresses from_tier to_tier",
    ),
    _table(
        "rtt",
        "round-trip times",
        "from to from_tier to_tier",
        Column("from", "site"),
        Column("to", "site"),
        *_TIERS,
        _number("rtt_ms"),
    ),
    _table(
        "egress",
        "prices of bytes that leave a region",
        "cloud from to scope tier_from_gb",
        _CLOUD,
        Column("from", "target"),
        Column("to", "target"),
        Column("scope", "choice", choices=_SCOPES),
        _number("tier_from_gb"),
        _number("tier_to_gb", required=False),
        _number("usd_per_gb"),
        Column("gb_bytes", "choice", required=False, choices=(str(10**9), str(2**30))),
        replaces="cloud from to scope",
    ),
    _table(
        "instances",
        "instance types",
        "cloud instance_type",
        _CLOUD,
        Column("instance_type", "instance"),
        Column("arch", "choice", choices=("x86_64", "arm64")),
        Column("vcpus", "count"),
        _number("memory_gib", required=False),
        _number("network_gbps", required=False),
        _number("burst_gbps", required=False),
        _number("egress_cap_gbps", required=False),
        Column("egress_cap_on", "choice", required=False, choices=(ANY, EXTERNAL), default=ANY),
    ),
    _table(
        "instance_prices",
        "prices of instances",
        "cloud region instance_type",
        _CLOUD,
        _REGION,
        Column("instance_type", "instance"),
        _number("usd_per_hour"),
        _number("usd_per_hour_spot", required=False),
    ),
    _table(
        "disks",
        "prices of disks",
        "cloud region disk_type",
        _CLOUD,
        _REGION,
        Column("disk_type"),
        _number("usd_per_gb_month"),
    ),
    _table("addresses", "prices of public IPv4 addresses", "cloud region", _CLOUD, _REGION, _number("usd_per_hour")),
    _table(
        "requests",
        "prices of requests to stores",
        "cloud region storage_class operation",
        _CLOUD,
        _REGION,
        Column("storage_class"),
        Column("operation", "choice", choices=("get", "put", "multipart-part", "list", "delete", "other", "retrieval")),
        _number("usd_per_1000", required=False),
        _number("retrieval_usd_per_gb", required=False),
    ),
    _table(
        "stores",
        "whose stores a URL's scheme means, and of which class",
        "scheme",
        Column("scheme"),
        _CLOUD,
        Column("storage_class"),
        Column("priced_as"),
    ),
    _table(
        "timings",
        "how long phases take",
        "phase",
        Column("phase", "choice", choices=("boot", "teardown")),
        _number("low_s"),
        _number("high_s"),
    ),
)
TABLES = {one.name: one for one in _ALL}


def is_group(name: str) -> bool:
    """Whether an egress row means by *name* a group: it has a colon in it, as no region has."""
    return ":" in name
