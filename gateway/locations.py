"""
What a user writes as source or destination → a store and a key in it. Pure: no file is looked at, no name resolved.

Keys are taken literally: ``%``, spaces, ``?``, ``#`` and Unicode mean themselves.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import BadUrl
from gateway.mapping import as_folder, destination_key, suffix_of
from gateway.stores.base import StoreSpec

Location = tuple[StoreSpec, str]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# How many components name the bucket: an account and a container in it, or one name.
_BUCKET_COMPONENTS = {"s3": 1, "gs": 1, "cos": 1, "hdfs": 1, "r2": 2, "azure": 2}
# The hosts of the clouds' own HTTPS addresses; what names a bucket or an account is part of the bucket's name here.
_HOSTED = {
    "s3": r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d+))?\.amazonaws\.com",
    "gs": r"(?:(?P<bucket>.+)\.)?storage\.(?:googleapis|cloud\.google)\.com",
    "azure": r"(?P<bucket>[^.]+)\.(?:blob|dfs)\.core\.windows\.net",
    "r2": r"(?P<bucket>.+)\.r2\.cloudflarestorage\.com",
    "cos": (
        r"(?:(?P<bucket>.+)\.)?s3\.(?:(?:private|direct)\.)?(?P<region>[a-z0-9-]+)"
        r"\.cloud-object-storage\.appdomain\.cloud"
    ),
}
# Who has such an address needs no keys: it is a secret, and would stand in files that are reviewed.
_SIGNATURE = re.compile(r"[?&](?:x-amz-signature|x-goog-signature|signature|sig)=", re.IGNORECASE)
_MEANT = {
    "s3a": "s3",
    "s3n": "s3",
    "aws": "s3",
    "gcs": "gs",
    "gcp": "gs",
    "az": "azure",
    "wasb": "azure",
    "wasbs": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "ibm": "cos",
    "webhdfs": "hdfs",
}
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")


def parse_location(text: str, *, endpoint_url: str = "", cwd: Path) -> Location:
    """
    Return the store that *text* names, without credentials, and the key or key prefix in it.

    Args:
        text:
            ``s3://bucket/key``, ``file:///path`` or a plain path, and the other clouds' forms, those of their HTTPS
            addresses too; a store that cannot be moved yet is refused where it is opened, not here.
        endpoint_url: Where an ``s3`` store answers, empty for the cloud's own; paths have no use for it.
        cwd: What a relative path is relative to.

    Returns:
        For paths the bucket is empty and the key is the absolute path without its leading slash; a slash at the end
        is kept. The region is that of an HTTPS address which names one, else empty.

    Raises:
        BadUrl: Nothing we know, or a part is missing; the hint says what was probably meant.
    """
    if not text or "\0" in text:
        raise BadUrl(f"{text!r} is no location", hint="write s3://bucket/key or a path")
    match = _SCHEME.fullmatch(text)
    if match is None:
        return StoreSpec("file"), _path_key(text, cwd)
    scheme, rest = match[1].lower(), match[2]
    if scheme == "file":
        if not rest.startswith("/"):
            raise BadUrl(f"{text} names a host, not an absolute path", hint=f"write file:///{rest} or a plain path")
        return StoreSpec("file"), _path_key(rest, cwd)
    region = ""
    if scheme in ("http", "https"):
        scheme, region, rest = _hosted(text, rest)
    if scheme not in _BUCKET_COMPONENTS:
        raise BadUrl(f"{text}: no store is called {match[1]}://", hint=_did_you_mean(scheme, rest))
    bucket, key = _split(text, scheme, rest)
    endpoint = _checked_endpoint(endpoint_url) if scheme == "s3" else ""
    return StoreSpec(scheme, bucket, endpoint_url=endpoint, region=region), key


def overlaps(
    source: Location, destination: Location, *, recursive: bool, resolve: Callable[[str], str] = os.path.normpath
) -> bool:
    """
    Return whether *destination* is *source* or, when *recursive*, lies inside it.

    *resolve* turns an absolute path into the one that symbolic links lead to (``os.path.realpath``).
    """
    return self_overwriting_suffix(source, destination, recursive=recursive, resolve=resolve) == ""


def self_overwriting_suffix(
    source: Location, destination: Location, *, recursive: bool, resolve: Callable[[str], str] = os.path.normpath
) -> str | None:
    """
    Return the start of the suffixes that would land inside *source*: None for no suffix, empty for all of them.

    A source inside its destination is no harm by itself (``a/b`` copied to ``a``), but whoever lists it must refuse the
    keys whose suffix begins with what is returned here (``b/``): ``a/b/b/x`` would overwrite ``a/b/x``.
    """
    if _store_identity(source[0]) != _store_identity(destination[0]):
        return None
    if not recursive:
        suffix = suffix_of(source[1], source[1], recursive=False) or ""
        landing = destination_key(destination[1], suffix, recursive=False)
        return "" if _resolved(source[0], landing, resolve) == _resolved(source[0], source[1], resolve) else None
    inner = as_folder(_resolved(source[0], source[1], resolve))
    outer = as_folder(_resolved(source[0], destination[1], resolve))
    if outer.startswith(inner):
        return ""
    return inner.removeprefix(outer) if inner.startswith(outer) else None


def _path_key(text: str, cwd: Path) -> str:
    expanded = os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111  # Path would drop the last slash
    absolute = os.path.normpath(os.path.join(cwd, expanded)).lstrip("/")  # noqa: PTH118  # as above
    # "dir/." and "dir/.." name a directory as much as "dir/" does.
    names_folder = expanded.rpartition("/")[2] in ("", ".", "..")
    return absolute + "/" if absolute and names_folder else absolute


def _split(text: str, scheme: str, rest: str) -> tuple[str, str]:
    """Return bucket and key of *rest*, what follows ``scheme://``."""
    count = _BUCKET_COMPONENTS[scheme]
    components = rest.split("/", count)
    names = components[:count]
    hint = f"write {scheme}://{'account/container' if count > 1 else 'bucket'}/key"
    if len(names) < count or not all(names):
        raise BadUrl(f"{text} names no bucket", hint=hint)
    for name in names:
        if scheme != "hdfs" and not _BUCKET_NAME.fullmatch(name):  # of HDFS it is a host and a port
            raise BadUrl(f"{text}: {name!r} cannot be a bucket's name", hint=hint)
    return "/".join(names), components[count] if len(components) > count else ""


def _hosted(text: str, rest: str) -> tuple[str, str, str]:
    """Return scheme, region and remainder of an HTTP address that stands for a bucket."""
    host, _, path = rest.partition("/")
    if _SIGNATURE.search(path):
        raise BadUrl(f"the address at {host} holds a signature", hint="leave out what follows ?, and use your own keys")
    for scheme, pattern in _HOSTED.items():
        match = re.fullmatch(pattern, host.lower())
        if match is not None:
            parts = match.groupdict()
            # As it was typed: only hosts of addresses are alike in either case.
            bucket = host[: len(parts["bucket"])] + "/" if parts["bucket"] else ""
            return scheme, parts.get("region") or "", bucket + path
    raise BadUrl(
        f"{text} is no bucket's address",
        hint="for a store with its own address write s3://bucket/key and give the address with --endpoint-url",
    )


def _did_you_mean(scheme: str, rest: str) -> str:
    known = sorted({*_BUCKET_COMPONENTS, "file"})
    close = [_MEANT[scheme]] if scheme in _MEANT else difflib.get_close_matches(scheme, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}://{rest}"
    return f"known are {', '.join(f'{name}://' for name in known)}; a path whose name looks like this begins with ./"


def _checked_endpoint(endpoint_url: str) -> str:
    if not endpoint_url:
        return ""
    try:
        parts = urlsplit(endpoint_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise BadUrl(f"{endpoint_url!r} is no endpoint address", hint="write for example http://127.0.0.1:9000")
    if "@" in parts.netloc:
        # the specification of a store stands in files that are reviewed
        raise BadUrl(f"the endpoint address of {parts.hostname} holds a password", hint="use a credentials profile")
    if parts.query or parts.fragment:  # a signature, say; and no store's address has one
        raise BadUrl(
            f"the endpoint address of {parts.hostname} goes on after its path", hint="leave out what follows ? or #"
        )
    return endpoint_url.rstrip("/")


def _store_identity(spec: StoreSpec) -> tuple[str, str, str]:
    address = urlsplit(spec.endpoint_url).netloc.lower().replace("localhost", "127.0.0.1")
    return spec.scheme, spec.bucket, address


def _resolved(spec: StoreSpec, key: str, resolve: Callable[[str], str]) -> str:
    return resolve("/" + key).lstrip("/") if spec.scheme == "file" else key
