"""Facts of a bundle, and how two of them are set side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from skytf.bundle import Bundle, Manifest
from skytf.model.difference import Change
from skytf.model.region import Region
from skytf.model.review import Review


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two bundles, with what follows from it; ``permissions`` as in `Page`."""

    bundle: Bundle
    review: Review
    permissions: Mapping[str, tuple[str, ...]]

    @property
    def manifest(self) -> Manifest:
        """What the bundle follows from."""
        return self.bundle.manifest

    @property
    def regions(self) -> tuple[Region, ...]:
        """The sites, sorted."""
        return self.bundle.topology.regions()


@dataclass(frozen=True, slots=True)
class Fact:
    """
    What is told of one thing.

    Of a figure, ``amount`` is the number by which it is said how much more or less; of a set, only the ``items`` that
    one side alone has are told, and ``text`` stays empty.
    """

    text: str = ""
    amount: float | None = None
    items: tuple[str, ...] | None = None


def changes(section: str, old: Mapping[str, Fact], new: Mapping[str, Fact]) -> Iterator[Change]:
    """Yield what is told otherwise by *new* than by *old*, in the order of the names in them."""
    nothing = Fact()
    for what in dict.fromkeys([*old, *new]):
        before, after = old.get(what, nothing), new.get(what, nothing)
        if before.items is not None or after.items is not None:
            gone, added = Counter(before.items or ()), Counter(after.items or ())
            texts = ", ".join(sorted((gone - added).elements())), ", ".join(sorted((added - gone).elements()))
        else:
            texts = before.text, after.text
        if texts[0] != texts[1]:
            yield Change(section, what, texts[0], texts[1] + _share(before.amount, after.amount))


def in_both(old: Mapping[str, Fact], new: Mapping[str, Fact]) -> tuple[dict[str, Fact], dict[str, Fact]]:
    """Return the facts that both have: what is new or gone with its site or end is told by that."""
    names = [name for name in old if name in new]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def _share(before: float | None, after: float | None) -> str:
    """Return how much more or less it is, empty where nobody knows, or where it rounds to nothing or to all."""
    if before is None or after is None or before <= 0:
        return ""
    percent = round((after / before - 1) * 100)
    if percent == -100:
        return ""
    return f" ({'+' if percent > 0 else '−'}{abs(percent):,} %)" if percent else ""  # noqa: RUF001  # a minus sign
