"""From what a user typed to a request: locations parsed, regions and defaults settled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gateway.chunk import MIN_PART_BYTES
from gateway.locations import overlaps, parse_location
from gateway.mapping import as_folder
from gateway.program import Settings
from gateway.stores import STORES
from gateway.units import MIB, format_bytes
from skytf.clouds import CLOUDS
from skytf.errors import InputError
from skytf.model.copy import Copy, Options, Target
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region

SOURCE_REGION = "local:a"
DESTINATION_REGION = "local:b"
# A frame holds a whole object up to the threshold, and a gateway's pool must hold a few frames.
MAX_FRAME_BYTES = 256 * MIB
# A gateway that reads and receives has two pools of half the size, and each must hold two chunks to keep moving.
CHUNKS_IN_POOL = 4
MIN_DURATION_MINUTES = 60
MAX_DURATION_MINUTES = 10 * 365 * 24 * 60
MAX_CONNECTIONS = 256
IF_EXISTS = ("overwrite", "skip", "fail")
COMPRESSION = ("lz4", "none")
_MOVED = tuple(sorted(STORES.keys() - {"memory"}))


def resolve(copies: Sequence[Copy], options: Options, *, cwd: Path) -> Request:
    """
    Return the request that *copies* and *options* mean, with nothing left open.

    Raises:
        BadUrl: A location that no store understands.
        InputError: A region, size or option that cannot be; a destination that is the source or inside it.
    """
    if not copies:
        raise InputError("nothing to copy", hint="name a source and a destination")
    _check(options)
    jobs = tuple(_job(f"job-{index}", copy, cwd) for index, copy in enumerate(copies))
    return Request(
        jobs=jobs,
        instances=1 if options.instances is None else options.instances,
        via=_region(options.via) if options.via else None,
        connections=options.connections,
        settings=_settings(options),
        shapes=options.shapes,
        ttl_minutes=options.max_duration_minutes or MIN_DURATION_MINUTES,
        source_drift=options.source_drift,
    )


def _settings(options: Options) -> Settings:
    largest = max(options.chunk_bytes, options.threshold_bytes)
    return replace(
        Settings(),
        chunk_bytes=options.chunk_bytes,
        threshold_bytes=options.threshold_bytes,
        pool_bytes=max(Settings().pool_bytes, CHUNKS_IN_POOL * largest),
        compression=options.compression,
        if_exists=options.if_exists,
    )


def _check(options: Options) -> None:
    if not MIN_PART_BYTES <= options.chunk_bytes <= MAX_FRAME_BYTES:
        raise InputError(
            f"chunks of {format_bytes(options.chunk_bytes)} cannot be moved",
            hint=f"--chunk-size between {format_bytes(MIN_PART_BYTES)} and {format_bytes(MAX_FRAME_BYTES)}",
        )
    if not 0 <= options.threshold_bytes <= MAX_FRAME_BYTES:
        raise InputError(
            f"objects up to {format_bytes(options.threshold_bytes)} cannot travel in one piece",
            hint=f"--threshold up to {format_bytes(MAX_FRAME_BYTES)}",
        )
    if not 1 <= options.connections <= MAX_CONNECTIONS:
        raise InputError(
            f"{options.connections} connections between two gateways cannot be",
            hint=f"--connections 1 to {MAX_CONNECTIONS}",
        )
    if options.max_duration_minutes is not None and not 1 <= options.max_duration_minutes <= MAX_DURATION_MINUTES:
        raise InputError(
            f"a fleet cannot end itself after {options.max_duration_minutes} minutes",
            hint=f"--max-duration 1m to {MAX_DURATION_MINUTES // 60 // 24}d",
        )
    if options.if_exists not in IF_EXISTS:
        raise InputError(f"if-exists {options.if_exists!r} is unknown", hint=f"one of {', '.join(IF_EXISTS)}")
    if options.compression not in COMPRESSION:
        raise InputError(f"compression {options.compression!r} is unknown", hint=f"one of {', '.join(COMPRESSION)}")


def _region(text: str) -> Region:
    region = Region.parse(text)
    if region.cloud not in CLOUDS:
        raise InputError(
            f"no Terraform module for the cloud of {text!r}", hint=f"clouds of this version: {', '.join(CLOUDS)}"
        )
    return region


def _job(job_id: str, copy: Copy, cwd: Path) -> Job:
    if not copy.destinations:
        raise InputError(f"{copy.source.url} has no destination", hint="name at least one")
    source = _endpoint(copy.source, f"{job_id}-source", SOURCE_REGION, cwd)
    destinations = tuple(
        _into_directory(_endpoint(target, f"{job_id}-destination-{index}", DESTINATION_REGION, cwd), copy.recursive)
        for index, target in enumerate(copy.destinations)
    )
    _check_ends(source, destinations, copy.recursive)
    return Job(job_id, source, destinations, copy.recursive)


def _check_ends(source: Endpoint, destinations: Sequence[Endpoint], recursive: bool) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for destination in destinations:
        if overlaps(
            (source.store, source.prefix),
            (destination.store, destination.prefix),
            recursive=recursive,
            resolve=os.path.realpath,
        ):
            text = f"the destination {destination.url} is the source {source.url} or inside it"
            if not recursive:
                text = f"{source.url} would be copied onto itself: the destination is {destination.url}"
            raise InputError(text, hint="choose a destination outside the source")
        place = (destination.store.endpoint_url, destination.store.bucket, as_folder(destination.prefix))
        if place in seen:
            raise InputError(f"{destination.url} is named twice as a destination", hint="leave one out")
        seen[place] = destination.url


def _endpoint(target: Target, name: str, default_region: str, cwd: Path) -> Endpoint:
    spec, prefix = parse_location(target.url, endpoint_url=target.endpoint_url, cwd=cwd)
    if spec.scheme not in _MOVED:
        raise InputError(
            f"{target.url}: this version moves no bytes from or to {spec.scheme}://",
            hint=f"known: {', '.join(f'{scheme}://' for scheme in _MOVED)}",
        )
    url = target.url
    if spec.scheme == "file":
        url = "/" + prefix
    else:
        spec = replace(spec, credentials=name)
    return Endpoint(url, spec, prefix, _region(target.region or default_region), target.profile)


def _into_directory(destination: Endpoint, recursive: bool) -> Endpoint:
    """A single object copied to an existing directory goes into it, as with cp."""
    # os.path.isdir, because Path.is_dir raises where a directory on the way may not be searched.
    is_directory = destination.store.scheme == "file" and os.path.isdir("/" + destination.prefix)  # noqa: PTH112
    if recursive or not is_directory or destination.prefix.endswith("/"):
        return destination
    return replace(destination, prefix=destination.prefix + "/", url=destination.url + "/")
