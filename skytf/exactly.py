"""Is a bundle what was reviewed? Whatever is not is named, and not what follows from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from skytf.bundle import AGAIN, INFRA, LOCK_FILE, MANIFEST, PLAN_HTML, PLAN_JSON, PLAN_MD, Bundle
from skytf.clouds.sheet import sheet
from skytf.errors import Refused
from skytf.listing import FOLDER as LISTINGS
from skytf.listing import PIN, name_of

_MODULES = "modules/"
# Terraform makes them, and they are compared apart.
_NEEDS_TERRAFORM = frozenset({PLAN_JSON, LOCK_FILE})
_MAX_NAMED = 20
_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def module_digests(infra: Mapping[str, bytes]) -> dict[str, str]:
    """Return folder below ``modules/`` of a root module → SHA-256 over names and contents, hexadecimal; sorted."""
    totals: dict[str, hashlib._Hash] = {}
    for name, content in sorted(infra.items()):
        if name.startswith(_MODULES):
            total = totals.setdefault(name.split("/")[1], hashlib.sha256())
            total.update(hashlib.sha256(name.encode()).digest())
            total.update(hashlib.sha256(content).digest())
    return {folder: total.hexdigest() for folder, total in totals.items()}


def check_planned(bundle: Bundle) -> None:
    """
    Check that Terraform has planned *bundle*, before anybody looks at what it would move.

    Raises:
        Refused: It was planned offline.
    """
    if bundle.plan_json is None:
        if any(one.assumed for one in bundle.manifest.survey):
            raise Refused(f"the bundle was planned offline: it has no {PLAN_JSON}", hint="plan online, and review it")
        raise Refused(f"the bundle is not what was reviewed: {PLAN_JSON} is missing", hint=AGAIN)


def check_decisive(bundle: Bundle) -> None:
    """
    Check that the pages speak of this ``transfer.json`` and this ``plan.json``, from which all else follows.

    Raises:
        Refused: One of the two was edited; their consequences would be blamed in its place.
    """
    told = {page: set(_SHA256.findall(bundle.files.get(page, b""))) for page in (PLAN_MD, PLAN_HTML)}
    edited = []
    for least, name in enumerate((MANIFEST, PLAN_JSON), start=1):
        # A page has the digest of transfer.json, and where Terraform has planned, that of plan.json too.
        pages = [page for page, digests in told.items() if len(digests) >= least]
        digest = hashlib.sha256(bundle.files.get(name, b"")).hexdigest().encode()
        if pages and name in bundle.files and all(digest not in told[page] for page in pages):
            has = "have" if len(pages) > 1 else "has"
            edited.append(f"{name} was edited, {' and '.join(pages)} {has} another digest of it")
    if edited:
        raise Refused(f"the bundle is not what was reviewed: {'; '.join(edited)}", hint=AGAIN)


def verify(bundle: Bundle, expected_files: Mapping[str, bytes]) -> None:
    """
    Check that *bundle* is what this tool makes of its request and plan, byte for byte.

    Raises:
        Refused: A file was edited, is missing or does not belong, or this tool's modules are no longer those that were
            reviewed; the message names it.
    """
    check_decisive(bundle)
    found = {name: content for name, content in bundle.files.items() if _is_derived(name)}
    expected = {name: content for name, content in expected_files.items() if _is_derived(name)}
    differing = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    _check_modules(bundle, differing)
    complaints = [
        *(f"{name} was edited" for name in differing if name in found and name in expected),
        *(f"{name} is missing" for name in differing if name not in found),
        *(f"{name} does not belong there" for name in differing if name not in expected),
        *_listings(bundle),
        *_lock(bundle),
    ]
    if complaints:
        raise Refused(f"the bundle is not what was reviewed: {_named(complaints)}", hint=AGAIN)


def _is_derived(name: str) -> bool:
    return name not in _NEEDS_TERRAFORM and not name.startswith(LISTINGS)


def _check_modules(bundle: Bundle, differing: list[str]) -> None:
    """Tell a module of this tool that has moved from one that somebody edited in the bundle."""
    as_reviewed = bundle.manifest.modules.items() & module_digests(bundle.infra).items()
    folders = tuple(f"{INFRA}{_MODULES}{folder}/" for folder, _ in as_reviewed)
    if moved := [name for name in differing if name.startswith(folders)]:
        raise Refused(
            f"the Terraform modules of this skytf are no longer those that were reviewed: {_named(moved)}",
            hint="plan again with this skytf, or apply with the one that planned",
        )


def _lock(bundle: Bundle) -> Iterator[str]:
    """Nothing on this machine has a provider that could be locked."""
    if LOCK_FILE in bundle.files and all(sheet(one.cloud).provider is None for one in bundle.topology.regions()):
        yield f"{LOCK_FILE} does not belong there"


def _listings(bundle: Bundle) -> Iterator[str]:
    manifest = bundle.manifest
    pins = manifest.request.source_drift == PIN
    digests = {name_of(one.job_id): one.listing_sha256 for one in manifest.survey if pins or one.listing_sha256}
    for name in sorted(digests.keys() | {name for name in bundle.files if name.startswith(LISTINGS)}):
        if name not in bundle.files:
            yield f"{name} is missing"
        elif name not in digests:
            yield f"{name} does not belong there"
        elif hashlib.sha256(bundle.files[name]).hexdigest() != digests[name]:
            yield f"{name} was edited"


def _named(texts: list[str]) -> str:
    more = f" and {len(texts) - _MAX_NAMED} more" if len(texts) > _MAX_NAMED else ""
    return ", ".join(texts[:_MAX_NAMED]) + more
