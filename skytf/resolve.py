"""From what a user typed to a request: locations parsed, regions and defaults settled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gateway.chunk import MIN_PART_BYTES
from gateway.locations import overlaps, parse_location
from gateway.mapping import as_folder
from gateway.program import CIPHERS, COMPRESSIONS, CONGESTION, Settings
from gateway.stores import STORES
from gateway.units import MIB, format_bytes
from skytf.errors import InputError
from skytf.listing import PIN
from skytf.model.copy import Copy, Options, Target
from skytf.model.job import Endpoint, Job, Request
from skytf.model.region import Region
from skytf.model.site import DATA_PORTS
from skytf.regions import GATEWAY_CREDENTIALS, SOURCE_REGION, End, Locate, access_of, parse_region, settle
from skytf.sites import check_options, regions_of, settings

# A frame holds a whole object up to the threshold, and a gateway's pool must hold a few frames.
MAX_FRAME_BYTES = 256 * MIB
# A gateway that reads and receives has two pools of half the size, and each must hold two chunks to keep moving.
CHUNKS_IN_POOL = 4
MIN_DURATION_MINUTES = 60
MAX_DURATION_MINUTES = 10 * 365 * 24 * 60
MAX_CONNECTIONS = 256
# Linux takes no more than half of an int.
MAX_SOCKET_BUFFER_BYTES = 1024 * MIB
MOST_PROCESSES = 64
MIN_DISK_GIB = 10
MAX_PORT = 65_535
SOURCE_DRIFT = ("report", "refuse", PIN)
IF_EXISTS = ("overwrite", "skip", "fail")
_MOVED = tuple(sorted(STORES.keys() - {"memory"}))


def resolve(copies: Sequence[Copy], options: Options, *, cwd: Path, locate: Locate) -> Request:
    """
    Return the request that *copies* and *options* mean, with nothing left open but facts that nobody looked up.

    Args:
        copies: What to copy where.
        options: How.
        cwd: What a relative path is relative to.
        locate: Asked for the region of a bucket of a cloud, where the address does not name it.

    Raises:
        BadUrl: A location that no store understands.
        InputError: A region, size or option that cannot be; a destination that is the source or inside it.
    """
    if not copies:
        raise InputError("nothing to copy", hint="name a source and a destination")
    _check(options)
    request = Request(
        jobs=tuple(_job(f"job-{index}", copy, options, cwd, locate) for index, copy in enumerate(copies)),
        instances=1 if options.instances is None else options.instances,
        via=parse_region(options.via) if options.via else None,
        connections=options.connections,
        settings=_settings(options),
        shapes=options.shapes,
        ttl_minutes=options.max_duration_minutes or MIN_DURATION_MINUTES,
        source_drift=options.source_drift,
        site_options=tuple(sorted(options.sites, key=lambda one: (one.where, one.name))),
        facts=tuple(sorted(options.facts)),
        spot=options.spot,
        private_addresses=options.private_addresses,
        disk_gib=options.disk_gib,
        ssh_port=options.ssh_port,
        tags=tuple(sorted(options.tags)),
    )
    sites = regions_of(request)
    check_options(request, sites)
    for region in sites:
        settings(request, region)
    return request


def ends(copies: Sequence[Copy], *, cwd: Path) -> tuple[Job, ...]:
    """
    Return the jobs that *copies* mean for who only reads their ends: wherever a bucket is, nobody is asked.

    Raises:
        BadUrl, InputError: As `resolve`.
    """
    return tuple(
        _job(f"job-{index}", copy, Options(), cwd, lambda _: SOURCE_REGION) for index, copy in enumerate(copies)
    )


def _settings(options: Options) -> Settings:
    largest = max(options.chunk_bytes, options.threshold_bytes)
    return replace(
        Settings(),
        chunk_bytes=options.chunk_bytes,
        threshold_bytes=options.threshold_bytes,
        pool_bytes=max(Settings().pool_bytes, CHUNKS_IN_POOL * largest),
        compression=options.compression,
        cipher=options.cipher,
        processes=options.processes,
        fsync=options.fsync,
        link_tls=options.link_tls,
        congestion=options.congestion,
        socket_buffer_bytes=options.socket_buffer_bytes,
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
    if not (options.disk_gib >= MIN_DISK_GIB and 1 <= options.ssh_port <= MAX_PORT):
        raise InputError(
            f"VMs with a disk of {options.disk_gib} GiB and SSH on port {options.ssh_port} cannot be",
            hint=f"--disk-size {MIN_DISK_GIB}GiB or more, --ssh-port 1 to {MAX_PORT}",
        )
    if DATA_PORTS[0] <= options.ssh_port <= DATA_PORTS[1]:
        raise InputError(
            f"SSH on port {options.ssh_port} would be in the way of the data",
            hint=f"any --ssh-port but {DATA_PORTS[0]} to {DATA_PORTS[1]}",
        )
    if not 0 <= options.processes <= MOST_PROCESSES:
        raise InputError(f"{options.processes} processes cannot be", hint=f"--processes 0 to {MOST_PROCESSES}")
    _check_links(options)
    _check_words(options)


def _check_links(options: Options) -> None:
    if not CONGESTION.fullmatch(options.congestion):
        raise InputError(
            f"{options.congestion!r} is the name of no congestion control",
            hint="--congestion auto, cubic, bbr, or another that the gateways' kernel has",
        )
    if not 0 <= options.socket_buffer_bytes <= MAX_SOCKET_BUFFER_BYTES:
        raise InputError(
            f"buffers of {format_bytes(options.socket_buffer_bytes)} for each socket cannot be",
            hint=f"--socket-buffer up to {format_bytes(MAX_SOCKET_BUFFER_BYTES)}, or none for what the kernel finds",
        )


def _check_words(options: Options) -> None:
    for what, word, known in (
        ("if-exists", options.if_exists, IF_EXISTS),
        ("source-drift", options.source_drift, SOURCE_DRIFT),
        ("compression", options.compression, COMPRESSIONS),
        ("cipher", options.cipher, CIPHERS),
    ):
        if word not in known:
            raise InputError(f"{what} {word!r} is unknown", hint=f"one of {', '.join(known)}")
    if options.gateway_credentials not in GATEWAY_CREDENTIALS:
        raise InputError(
            f"gateway credentials {options.gateway_credentials!r} are unknown",
            hint=f"one of {', '.join(GATEWAY_CREDENTIALS)}",
        )
    if options.source_drift == PIN and options.offline:
        raise InputError("offline nothing is listed, so no listing can be pinned", hint="--source-drift refuse")


def _job(job_id: str, copy: Copy, options: Options, cwd: Path, locate: Locate) -> Job:
    if not copy.destinations:
        raise InputError(f"{copy.source.url} has no destination", hint="name at least one")
    source = _end(copy.source, cwd, is_source=True)
    destinations = [_into_directory(_end(one, cwd, is_source=False), copy.recursive) for one in copy.destinations]
    open_ends = (source, *destinations)
    if not options.offline:
        _check_moved(open_ends)
    if not (copy.recursive or source.prefix or source.store.scheme == "file"):
        raise InputError(f"{source.url} is a bucket, not an object", hint="add --recursive to copy what is in it")
    _check_ends(source, destinations, copy.recursive)
    names = (f"{job_id}-source", *(f"{job_id}-destination-{index}" for index in range(len(destinations))))
    first, *others = (
        _endpoint(_located(end, locate), region, name, options.gateway_credentials)
        for end, region, name in zip(open_ends, settle(open_ends, locate), names, strict=True)
    )
    return Job(job_id, first, tuple(others), copy.recursive)


def _check_ends(source: End, destinations: Sequence[End], recursive: bool) -> None:
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


def _end(target: Target, cwd: Path, *, is_source: bool) -> End:
    spec, prefix = parse_location(target.url, endpoint_url=target.endpoint_url, cwd=cwd)
    url = "/" + prefix if spec.scheme == "file" else target.url
    return End(url, spec, prefix, target.profile, target.region, is_source)


def _check_moved(open_ends: Sequence[End]) -> None:
    for end in open_ends:
        if end.store.scheme not in _MOVED:
            raise InputError(
                f"{end.url}: this version moves no bytes from or to {end.store.scheme}://",
                hint=f"plan it with --offline; what moves: {', '.join(f'{scheme}://' for scheme in _MOVED)}",
            )


def _located(end: End, locate: Locate) -> End:
    """
    Return *end* with the region of its bucket, where the user has only said where its gateways stand.

    A bucket that is elsewhere costs egress. Where nobody can be asked it is taken to be where its gateways are.
    """
    if end.cloud is None or not end.region or end.store.region:
        return end
    try:
        return replace(end, store=replace(end.store, region=locate(end).name))
    except InputError:
        return end


def _endpoint(end: End, region: Region, name: str, wish: str) -> Endpoint:
    access = access_of(end, region, wish)
    spec = end.store
    if end.cloud == region.cloud:
        # The gateways' region is the best guess; a store that is elsewhere says so, and its adapter goes there.
        spec = replace(spec, region=spec.region or region.name)
    if access == "keys" and spec.scheme != "file":
        spec = replace(spec, credentials=name)
    return Endpoint(end.url, spec, end.prefix, region, end.profile, access)


def _into_directory(destination: End, recursive: bool) -> End:
    """A single object copied to an existing directory goes into it, as with cp."""
    # os.path.isdir, because Path.is_dir raises where a directory on the way may not be searched.
    is_directory = destination.store.scheme == "file" and os.path.isdir("/" + destination.prefix)  # noqa: PTH112
    if recursive or not is_directory or destination.prefix.endswith("/"):
        return destination
    return replace(destination, prefix=destination.prefix + "/", url=destination.url + "/")
