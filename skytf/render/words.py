"""Figures as people read them; what is unknown is called so."""

from __future__ import annotations

from skytf.model.span import Span

UNKNOWN = "unknown"
TIMES = "\N{MULTIPLICATION SIGN}"
_CENT = 0.01
_FEW, _MINUTE, _HOUR, _DAY = 10, 60, 3_600, 86_400


def count(number: int, noun: str) -> str:
    """Return *number* of *noun*: ``1 object``, ``4,012 objects``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def amount(value: float | None) -> str:
    """Return a number with three digits that matter, and at most three decimals: ``12.3``, ``0.043``, ``48,213``."""
    if value is None:
        return UNKNOWN
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: float | None) -> str:
    """Return US dollars: ``$0.42``, ``$3,210``; whole dollars from a thousand on."""
    if value is None:
        return UNKNOWN
    if 0 < value < _CENT:
        return "< $0.01"
    return f"${value:,.0f}" if value >= 1_000 or value == 0 else f"${value:,.2f}"


def usd_range(span: Span) -> str:
    """Return between what and what: ``$2.10 to $3.40``; one figure where both are the same."""
    if span.high is None:
        return f"at least {usd(span.low)}" if span.low > 0 else UNKNOWN
    return _between(usd(span.low), usd(span.high), span)


def price(value: float | None, digits: int = 4) -> str:
    """Return a price per unit with *digits* that matter, be it a small part of a cent: ``$0.09``, ``$0.00001``."""
    if value is None:
        return UNKNOWN
    text = f"{float(f'{value:.{digits}g}'):.8f}".rstrip("0").rstrip(".")
    return "$0" if text in ("0", "-0") else f"${text}" if "." not in text else f"${_cents(text)}"


def price_range(span: Span) -> str:
    """Return a price's likely figure, or its bounds where there is no likeliest."""
    if span.likely is not None:
        return price(span.likely)
    return UNKNOWN if span.high is None else f"{price(span.low)} to {price(span.high)}"


def gbps(span: Span) -> str:
    """Return the likely throughput: ``12.4 Gbit/s``."""
    return UNKNOWN if span.likely is None else f"{amount(span.likely)} Gbit/s"


def amount_range(span: Span, unit: str) -> str:
    """Return between what and what, with its *unit*; one figure where both are the same."""
    if span.high is None:
        return f"at least {amount(span.low)} {unit}" if span.low > 0 else UNKNOWN
    return f"{_between(amount(span.low), amount(span.high), span)} {unit}"


def duration(seconds: float | None) -> str:
    """Return *seconds* in its two largest units: ``0.2 s``, ``40 s``, ``2 min 5 s``, ``5 h 20 min``, ``3 days 4 h``."""
    if seconds is None:
        return UNKNOWN
    if 0 < seconds < _FEW - 0.05:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _DAY:
        return _two(whole // _HOUR, "h", round(whole % _HOUR / _MINUTE), "min")
    days, hours = divmod(round(whole / _HOUR), 24)
    return _two(days, "day" if days == 1 else "days", hours, "h")


def duration_range(span: Span) -> str:
    """Return between what and what: ``2 h to 5 h 20 min``."""
    if span.high is None:
        return f"at least {duration(span.low)}" if span.low > 0 else UNKNOWN
    return _between(duration(span.low), duration(span.high), span)


def time_limit(minutes: int) -> str:
    """Return *minutes* in words: ``55 days 13 hours 20 minutes``."""
    hours, rest = divmod(minutes, 60)
    parts = [(hours // 24, "day"), (hours % 24, "hour"), (rest, "minute")]
    return " ".join(count(number, unit) for number, unit in parts if number)


def listed(words: list[str] | tuple[str, ...], at_most: int = 5) -> str:
    """Return *words* as in a sentence: ``a, b and c``; after *at_most* how many more there are."""
    if len(words) > at_most:
        return f"{', '.join(words[:at_most])} and {len(words) - at_most} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _between(low: str, high: str, span: Span) -> str:
    if low == high:
        return low
    return f"up to {high}" if span.low == 0 else f"{low} to {high}"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    if second == 60:  # 1 h 59.7 min
        first, second = first + 1, 0
    return f"{first} {unit} {second} {smaller}" if second else f"{first} {unit}"


def _cents(text: str) -> str:
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"
