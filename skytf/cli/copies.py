"""From words on the command line to `Copy` and `Options`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from skytf.errors import InputError
from skytf.model.copy import ApplyOptions, Copy, Options, Target
from skytf.sites import OPTIONS

# Where the option's name is not the field's.
_RENAMED = {
    "chunk_size": "chunk_bytes",
    "disk_size": "disk_gib",
    "max_duration": "max_duration_minutes",
    "socket_buffer": "socket_buffer_bytes",
    "threshold": "threshold_bytes",
}
_PATH_SCHEMES = ("file://", "local://")


@dataclass(frozen=True, slots=True)
class Ends:
    """The options of the two ends, as given: those of a destination once for all or once for each."""

    endpoint_url: str | None = None
    src_endpoint_url: str | None = None
    dst_endpoint_url: tuple[str, ...] = ()
    profile: str | None = None
    src_profile: str | None = None
    dst_profile: tuple[str, ...] = ()
    src_region: str | None = None
    dst_region: tuple[str, ...] = ()


def copy_of(source: str, destinations: Sequence[str], given: Mapping[str, Any]) -> Copy:
    """
    Return what to copy where; *given* are the parameters of the command.

    ``endpoint_url`` and ``profile``, given for both ends or for all destinations at once, leave paths alone.

    Raises:
        InputError: A destination's option was given some other number of times than once or once for each.
    """
    ends = Ends(**{field.name: given[field.name] for field in fields(Ends) if field.name in given})
    endpoints = _each("--dst-endpoint-url", ends.dst_endpoint_url, destinations, ends.endpoint_url)
    profiles = _each("--dst-profile", ends.dst_profile, destinations, ends.profile)
    regions = _spread("--dst-region", ends.dst_region, len(destinations))
    return Copy(
        Target(
            source,
            ends.src_endpoint_url or _unless_path(source, ends.endpoint_url),
            ends.src_profile or _unless_path(source, ends.profile),
            ends.src_region or "",
        ),
        tuple(Target(*target) for target in zip(destinations, endpoints, profiles, regions, strict=True)),
        bool(given.get("recursive")),
    )


def options_of(given: Mapping[str, Any]) -> Options:
    """Return the options among the parameters *given*; those not given keep the default of `Options`."""
    known = {field.name for field in fields(Options)}
    named = {_RENAMED.get(name, name): value for name, value in given.items() if value is not None}
    sites = tuple(choice for field in OPTIONS for choice in given.get(field, ()))
    return Options(**{name: value for name, value in named.items() if name in known}, sites=sites)


def applying_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `ApplyOptions` that the parameters *given* set; an echo service ``off`` is none."""
    names = {field.name for field in fields(ApplyOptions)}
    named = {name: value for name, value in given.items() if name in names and value not in (None, ())}
    if named.get("echo_service") == "off":
        named["echo_service"] = ""
    return named


def _each(flag: str, values: tuple[str, ...], destinations: Sequence[str], general: str | None) -> list[str]:
    if not values:
        return [_unless_path(url, general) for url in destinations]
    spread = _spread(flag, values, len(destinations))
    if len(values) == len(destinations):
        return spread
    return [_unless_path(url, value) for url, value in zip(destinations, spread, strict=True)]


def _spread(flag: str, values: tuple[str, ...], number: int) -> list[str]:
    if len(values) == number:
        return list(values)
    if len(values) <= 1:
        return [values[0] if values else ""] * number
    raise InputError(
        f"{flag} was given {len(values)} times for {number} destination{'' if number == 1 else 's'}",
        hint=f"give {flag} once for all destinations, or once for each in their order",
    )


def _unless_path(url: str, value: str | None) -> str:
    is_path = "://" not in url or url.startswith(_PATH_SCHEMES)
    return "" if is_path else value or ""
