"""
What became different between two bundles, in the words of whoever has to agree to it. Pure.

Each section turns both bundles into facts, name → what a reviewer would be told of it; what is told otherwise is a
change. Nothing that differs passes in silence: files that no fact explains are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from skytf.bundle import MANIFEST, PLAN_HTML, PLAN_MD, Bundle, Manifest
from skytf.difference.facts import Side
from skytf.difference.infrastructure import infrastructure
from skytf.difference.money import cost, throughput
from skytf.difference.terms import exposure, permissions, transfer
from skytf.model.difference import TRANSFER, Change, Difference
from skytf.permissions import needed
from skytf.render.words import listed
from skytf.review import review

__all__ = ["difference"]

_SECTIONS = (infrastructure, cost, throughput, permissions, exposure, transfer)  # the order of `model.difference`
_HOLD_AGAINST = (MANIFEST, PLAN_HTML, PLAN_MD)


def difference(old: Bundle, new: Bundle) -> Difference:
    """
    Return what became different from *old* to *new*; what each of them was compared with is left out of account.

    Raises:
        Refused: The plan.json of one of them is broken.
        InputError: One of them names a cloud or region that this skytf does not know.
    """
    before, after = _side(old), _side(new)
    found = [change for section in _SECTIONS for change in section(before, after)] or list(_unexplained(old, new))
    return Difference(_bare(old.manifest).digest, tuple(found), tuple(_notes(old, new)))


def _side(bundle: Bundle) -> Side:
    facts = review(bundle.manifest.request, bundle.topology, bundle.plan_json)
    return Side(bundle, facts, needed(facts))


def _bare(manifest: Manifest) -> Manifest:
    """Return *manifest* without its own comparison, so that planning the same twice makes no difference."""
    return replace(manifest, against=None)


def _unexplained(old: Bundle, new: Bundle) -> Iterator[Change]:
    """Tell of files that are not the same though no fact is another."""
    only_against = old.manifest.against != new.manifest.against and _bare(old.manifest) == _bare(new.manifest)
    names = [
        name
        for name in sorted(old.files.keys() | new.files.keys())
        if old.files.get(name) != new.files.get(name) and not (only_against and name in _HOLD_AGAINST)
    ]
    if names:
        yield Change(TRANSFER, "files that are not the same", "", listed(names))


def _notes(old: Bundle, new: Bundle) -> Iterator[str]:
    versions = old.manifest.tool_version, new.manifest.tool_version
    if versions[0] != versions[1]:
        yield f"planned with skytf {versions[0]}, then with skytf {versions[1]}"
    offline = [words for words, one in (("the old", old), ("the new", new)) if one.plan_json is None]
    if offline:
        were = "bundle was" if len(offline) == 1 else "bundles were"
        yield f"{listed(offline)} {were} planned offline: sites are compared, not what Terraform makes there"
