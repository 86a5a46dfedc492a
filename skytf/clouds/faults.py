"""
What went wrong in a cloud, told by its provider's words: what can be tried again, and what only the user can mend.

The words of a cloud stand in its ``cloud.toml``; Terraform's own, for all clouds, stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from skytf.clouds.sheet import sheet

CAPACITY = "capacity"
PROPAGATION = "propagation"
LOCK = "lock"
# The first of these that an error holds decides what is told to the user.
KINDS = (LOCK, "signed-out", "denied", "quota", "conflict", "gone", CAPACITY, PROPAGATION)
# Nothing changes by waiting: somebody has to do something first.
_NEEDS_SOMEBODY = frozenset({"signed-out", "denied", "quota"})

_MODULE = re.compile(r"\bmodule\.([a-z0-9][a-z0-9-]*)")
_LOCKED = "error acquiring the state lock"
_LOCK_INFO = re.compile(r"\b(ID|Who|Created):[ \t]+([^\n]*\S)")


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One fault: ``kind`` is one of `KINDS`, ``hint`` says what mends it.

    ``site`` names the module of the site where it happened, empty where the words do not say.
    """

    kind: str
    hint: str
    site: str = ""


def classify(cloud: str, text: str) -> Fault | None:
    """Return what *text*, a diagnostic of Terraform, means in *cloud*; None where nobody knows its words."""
    if (lock := _lock(text)) is not None:
        return lock
    words = _plain(text)
    for pattern in sheet(cloud).faults:
        if any(one in words for one in pattern.words):
            site = _site(text)
            region = site.removeprefix(f"{cloud}-")
            return Fault(pattern.kind, pattern.hint.replace("REGION", region) if region else pattern.hint, site)
    return None


def faults_of(diagnostics: Iterable[str], clouds: Iterable[str]) -> tuple[Fault | None, ...]:
    """Return what each of *diagnostics* means, None for those that mean nothing to any of *clouds*."""
    known = sorted(clouds)
    return tuple(_classify_in(known, text) for text in diagnostics)


def gravest(faults: Iterable[Fault | None]) -> Fault | None:
    """Return the one of *faults* that a user has to hear of first; None where there is none."""
    known = [one for one in faults if one is not None and one.kind in KINDS]
    return min(known, key=lambda one: KINDS.index(one.kind), default=None)


def retriable(faults: Iterable[Fault | None]) -> str:
    """Return `CAPACITY` or `PROPAGATION` where another attempt can mend all of *faults*, else nothing."""
    kinds = {one.kind if one is not None else "" for one in faults}
    if not kinds or not kinds <= {CAPACITY, PROPAGATION}:
        return ""
    return CAPACITY if CAPACITY in kinds else PROPAGATION


def needs_somebody(faults: Iterable[Fault | None]) -> bool:
    """Return whether one of *faults* stays until the user does something about it."""
    return any(one is not None and one.kind in _NEEDS_SOMEBODY for one in faults)


def _classify_in(clouds: list[str], text: str) -> Fault | None:
    site = _site(text)
    # A site's module is named <cloud>-<region>. What names no module, as a provider block, may be any cloud's.
    own = [cloud for cloud in clouds if site.startswith(f"{cloud}-")]
    return next((fault for cloud in own or clouds if (fault := classify(cloud, text))), _lock(text))


def _site(text: str) -> str:
    return found[1] if (found := _MODULE.search(text)) else ""


def _lock(text: str) -> Fault | None:
    """Return who holds the lock of the state, as Terraform says it, and how it is let go."""
    if _LOCKED not in _plain(text):
        return None
    info = dict(_LOCK_INFO.findall(text))
    if "ID" not in info:
        return Fault(LOCK, "wait until whoever holds it is done")
    holder = f"{info.get('Who', 'somebody')}, who holds it since {info.get('Created', 'some time').partition('.')[0]},"
    hint = f"wait until {holder} is done; if that process is dead: terraform force-unlock {info['ID']}"
    return Fault(LOCK, hint)


def _plain(text: str) -> str:
    """Return *text* without case, and without the line breaks that Terraform puts in where a terminal would."""
    return " ".join(text.lower().split())
