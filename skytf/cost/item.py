"""One line of a bill on its way: what is missing from it, and for whom it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skytf.model.cost import CostLine
from skytf.model.figures import Quote
from skytf.model.span import Span
from skytf.model.usage import End


@dataclass(frozen=True, slots=True)
class Item:
    """
    A *line*, not rounded; ``missing`` says in words which price it lacks, empty where none.

    ``parts`` is how its cost falls to destinations: each span to those beside it, evenly. Empty: to all, by bytes.
    """

    line: CostLine
    missing: str = ""
    parts: tuple[tuple[Span, tuple[End, ...]], ...] = ()


def share_out(item: Item, by_bytes: Mapping[End, float]) -> dict[End, Span]:
    """Return what of *item* falls to each destination."""
    shares: dict[End, Span] = {}
    for usd, ends in item.parts or ((item.line.usd, ()),):
        weights = {end: 1 / len(ends) for end in ends} if ends else by_bytes
        for end, weight in weights.items():
            shares[end] = shares.get(end, Span.exactly(0.0)) + usd.scaled(weight)
    return shares


def sources_of(quotes: Iterable[Quote]) -> str:
    """Return where prices are from: each source once with its date, and the rule where one was estimated."""
    texts = []
    for quote in quotes:
        text = ", ".join(part for part in (quote.source, quote.date) if part)
        text = f"{text} ({quote.rule})" if quote.rule and text else text or quote.rule
        if text and text not in texts:
            texts.append(text)
    return "; ".join(texts)


def lacking(what: str, usd: Span, quote: Quote, otherwise: str) -> str:
    """Return in words what *usd* of *what* lacks: a price, or *otherwise*; empty where it is known."""
    if usd.known:
        return ""
    if not quote.known:
        return f"{what}: no price known"
    return f"{what}: {otherwise if quote.value.known else quote.rule or 'no price known'}"
