"""
The options, each in one place; every one of them is mirrored by a variable ``SKYTF_<OPTION>``.

Defaults are not repeated here: what is not given stays None, and `skytf.model.copy.Options` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from skytf.cli.session import Session
from skytf.cli.values import Catalogue, Fact, Gibibytes, Minutes, Shape, SiteChoice, Size, Tag
from skytf.model.copy import ECHO_SERVICE
from skytf.sites import OPTIONS, SEVERAL

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return a click option that reads ``SKYTF_<NAME>`` too; several values in a variable are separated by blanks."""
    flag = next(name for name in names if name.startswith("--"))
    variable = "SKYTF_" + flag.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **attributes)


def common(command: F) -> F:
    """Give *command* the options that all commands have; they end up in the `Session`."""
    return _apply(command, _COMMON)


def ends(command: F) -> F:
    """Give *command* the options that say how to reach SRC and DST."""
    return _apply(command, _ENDS)


def shaping(command: F) -> F:
    """Give *command* the options of the ends, and those that shape the fleet and the transfer."""
    return _apply(command, _ENDS + _SHAPING + _CLOUDS)


def offline(command: F) -> F:
    """Give *command* the options of a plan that asks nobody."""
    return _apply(command, _OFFLINE)


def policies(command: F) -> F:
    """Give *command* the policies that a plan must keep; `applying` has them too."""
    return _apply(command, (_POLICY,))


def applying(command: F) -> F:
    """Give *command* the options that say how this machine and the fleet reach each other, and where the state is."""
    return _apply(command, _APPLYING)


def catalogs(command: F) -> F:
    """Give *command* the option that names directories of the user's own prices and measurements."""
    return _apply(command, _CATALOGS)


def rehearsing(command: F) -> F:
    """Give *command* the options of a rehearsal."""
    return _apply(command, _REHEARSING)


def _apply(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    return reduce(lambda decorated, decorate: decorate(decorated), reversed(options), command)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value:  # a command in a group of commands must not take back what stood before its name
        setattr(ctx.ensure_object(Session), param.name or "", value)


def _common(*names: str, **attributes: Any) -> Callable[[F], F]:
    # Eager: an error in any other option is told the way these ask for.
    return option(*names, expose_value=False, is_eager=True, callback=_remember, panel="General", **attributes)


_COMMON: tuple[Callable[[Any], Any], ...] = (
    _common("--yes", "-y", is_flag=True, help="Go on without asking."),
    _common("--json", is_flag=True, help="Write JSON Lines to standard output, for scripts."),
    _common("--debug", is_flag=True, help="Show the traceback of an error."),
    _common(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where transfers keep their state.  [default: the XDG state directory]",
    ),
    _common("--terraform", "engine", metavar="PATH", help="The terraform or tofu to run."),
)

_ENDS: tuple[Callable[[Any], Any], ...] = (
    option("--recursive", "-r", is_flag=True, help="Copy everything under SRC.", panel="Ends"),
    option("--endpoint-url", metavar="URL", help="Where the object stores of both ends answer.", panel="Ends"),
    option("--src-endpoint-url", metavar="URL", help="The same for SRC alone.", panel="Ends"),
    option("--dst-endpoint-url", metavar="URL", multiple=True, help="For DST; once, or once for each.", panel="Ends"),
    option("--profile", metavar="NAME", help="The credentials profile of both ends.", panel="Ends"),
    option("--src-profile", metavar="NAME", help="The same for SRC alone.", panel="Ends"),
    option("--dst-profile", metavar="NAME", multiple=True, help="For DST; once, or once for each.", panel="Ends"),
)

_SHAPING: tuple[Callable[[Any], Any], ...] = (
    option("--src-region", metavar="REGION", help="Where the gateways of SRC stand: aws:us-east-1.", panel="Fleet"),
    option(
        "--dst-region", metavar="REGION", multiple=True, help="Those of DST; once, or once for each.", panel="Fleet"
    ),
    option("--instances", type=click.IntRange(1, 256), help="Gateways per site.  [default: 1]", panel="Fleet"),
    option("--via", metavar="REGION", help="Relay through gateways in this region.", panel="Fleet"),
    option("--max-duration", type=Minutes(), help="When a lost fleet ends itself: 90m, 2h.", panel="Fleet"),
    option(
        "--shape",
        "shapes",
        type=Shape(),
        multiple=True,
        metavar="A->B=…",
        help=(
            "Slow a link of the local cloud down: 'local:a->local:b=link=200,connection=12.5,delay=75' (Mbit/s, ms)."
        ),
        panel="Fleet",
    ),
    option(
        "--connections", type=click.IntRange(1, 256), help="TCP connections per link.  [default: 4]", panel="Transfer"
    ),
    option("--chunk-size", type=Size(), help="Size of a chunk.  [default: 64MiB]", panel="Transfer"),
    option("--threshold", type=Size(), help="Objects above it travel in chunks.  [default: 128MiB]", panel="Transfer"),
    option(
        "--if-exists",
        type=click.Choice(["overwrite", "skip", "fail"]),
        help=("What to do with an object that stands at the destination.  [default: overwrite]"),
        panel="Transfer",
    ),
    option(
        "--compression",
        type=click.Choice(["lz4", "zstd", "none"]),
        help="What packs slices that shrink: zstd shrinks them further, at half the speed.  [default: lz4]",
        panel="Transfer",
    ),
    option(
        "--cipher",
        type=click.Choice(["auto", "aes256gcm", "xchacha20poly1305"]),
        help="What seals what travels; auto is AES-256-GCM where a gateway's CPU has it.  [default: auto]",
        panel="Transfer",
    ),
    option("--processes", type=click.IntRange(0, 64), help="Of each gateway; 0: as its CPUs allow.", panel="Transfer"),
    option("--fsync", is_flag=True, help="Have each file on the disk before it counts as copied.", panel="Transfer"),
    option(
        "--link-tls", is_flag=True, help="Put TLS 1.3 around every link between gateways; slower.", panel="Transfer"
    ),
    option(
        "--congestion",
        metavar="NAME",
        help="TCP congestion control of the links: cubic, bbr; auto is each machine's own.  [default: auto]",
        panel="Transfer",
    ),
    option(
        "--socket-buffer",
        type=Size(),
        help="Send and receive buffer of each socket; without it the kernel sizes them.",
        panel="Transfer",
    ),
    option(
        "--source-drift",
        type=click.Choice(["report", "refuse", "pin"]),
        help=(
            "What to do when the source is no longer what was planned; pin keeps its listing in the bundle and moves"
            " exactly those versions.  [default: report]"
        ),
        panel="Transfer",
    ),
)

_CLOUDS: tuple[Callable[[Any], Any], ...] = (
    *(
        option(
            OPTIONS[field],
            field,
            type=SiteChoice(field),
            multiple=True,
            metavar="WHERE=VALUE,…" if field in SEVERAL else "WHERE=VALUE",
            help=text,
            panel="Clouds",
        )
        for field, text in (
            ("instance_types", "VMs of this type; of the next ones where it is sold out.  [WHERE: aws, aws:us-east-1]"),
            ("zones", "Only these zones, the first one first."),
            ("image", "This machine image, not the newest Ubuntu 24.04."),
            ("existing_network", "Join this subnet, not a network of their own."),
            ("identity", "Run as this identity, not as one that is made."),
            ("permissions_boundary", "Bound the identity that is made by this policy."),
            ("disk_kms_key", "Encrypt the disks with this key."),
            ("store_kms_keys", "Keys that the objects are encrypted with."),
        )
    ),
    option(
        "--private", "private_addresses", is_flag=True, help="No public addresses; needs --network.", panel="Clouds"
    ),
    option("--spot", is_flag=True, help="VMs that may be taken away, for less money.", panel="Clouds"),
    option("--disk-size", type=Gibibytes(), help="Size of a gateway's disk.  [default: 30GiB]", panel="Clouds"),
    option(
        "--ssh-port", type=click.IntRange(1, 65_535), help="Port of the SSH servers.  [default: 22]", panel="Clouds"
    ),
    option("--tag", "tags", type=Tag(), multiple=True, metavar="KEY=VALUE", help="One tag more.", panel="Clouds"),
    option(
        "--fact",
        "facts",
        type=Fact(),
        multiple=True,
        metavar="CLOUD.NAME=VALUE",
        help="What a look-up in the account would give: gcp.project=my-project.",
        panel="Clouds",
    ),
    option(
        "--gateway-credentials",
        type=click.Choice(["auto", "identity", "keys"]),
        help="How gateways open the stores of their own cloud; auto takes keys where a profile is named.",
        panel="Clouds",
    ),
)

_OFFLINE: tuple[Callable[[Any], Any], ...] = (
    option("--offline", is_flag=True, help="Ask no cloud and no store; needs what follows and regions.", panel="Plan"),
    option("--assume-bytes", type=Size(), help="What SRC holds: 200TB.", panel="Plan"),
    option("--assume-objects", type=click.IntRange(min=1), help="How many objects that is.", panel="Plan"),
)

_POLICY: Callable[[Any], Any] = option(
    "--policy",
    "policies",
    metavar="FILE",
    multiple=True,
    help="YAML file with rules that the plan must keep, else 8; several must all be kept.",
    panel="Policy",
)

_CATALOGS: tuple[Callable[[Any], Any], ...] = (
    option(
        "--catalog",
        "catalogs",
        type=Catalogue(),
        multiple=True,
        metavar="DIR",
        help="Prices and measurements of your own, which stand before the built-in ones; the last one first.",
        panel="Plan",
    ),
)

_REHEARSING: tuple[Callable[[Any], Any], ...] = (
    option("--rehearse", is_flag=True, help="Play it on this machine: no cloud, no store, no cost.", panel="Rehearsal"),
    option(
        "--rehearse-rate",
        "rehearse_rate_mbps",
        type=click.FloatRange(1, 100_000),
        metavar="MBPS",
        help="What all links may carry together, in Mbit/s.  [default: 400]",
        panel="Rehearsal",
    ),
    option(
        "--rehearse-bytes",
        "rehearse_size_bytes",
        type=Size(),
        help="How much is moved at most.  [default: 20 s of it, up to 1GiB]",
        panel="Rehearsal",
    ),
)

# Not part of a bundle: who applies may stand somewhere else than who planned.
_APPLYING: tuple[Callable[[Any], Any], ...] = (
    option("--operator-cidr", metavar="CIDR", help="Who may reach SSH of gateways in clouds.", panel="Apply"),
    option(
        "--echo-service",
        metavar="URL",
        help=f"Where this machine's address is asked for, if --operator-cidr is not given: {ECHO_SERVICE}, or off.",
        panel="Apply",
    ),
    option(
        "--ssh-proxy", metavar="HOST", help="Jump host to the gateways, or a command with %h and %p.", panel="Apply"
    ),
    option(
        "--tree-source",
        type=click.Choice(["auto", "push", "fan-out", "index"]),
        help="How the gateway's packages reach the VMs; auto fans out what is large.",
        panel="Apply",
    ),
    option(
        "--backend",
        type=click.Path(dir_okay=False, path_type=str),
        metavar="FILE",
        help="TOML file that says where Terraform keeps the state; else this machine does.",
        panel="Apply",
    ),
    _POLICY,
)
