"""What may go wrong with a transfer, and what nobody has looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from skytf.clouds.sheet import sheet
from skytf.model.review import Page
from skytf.render.basis import ROUND_TRIP, THROUGHPUT, basis
from skytf.render.links import ESTIMATED, SiteLink
from skytf.render.said import Name, Sentence, said
from skytf.render.sites import keys_that_travel, placeholders
from skytf.render.words import UNKNOWN, amount, count, duration, listed, time_limit

_WEIGHED = "topology.json"
_NEAR = 0.8  # a quota of which this much is taken leaves little for what else the account runs


@dataclass(frozen=True, slots=True)
class Risk:
    """
    One thing that may go wrong; ``serious`` is what should be looked at before anybody says yes.

    ``where`` is the file that has all *items*.
    """

    serious: bool
    text: Sentence
    items: tuple[Sentence, ...] = ()
    where: str = "transfer.json"


def risks(page: Page, links: Sequence[SiteLink]) -> tuple[Risk, ...]:
    """Return what may go wrong with *page*, the serious first."""
    found = [*_unknown(page), *_of_time(page), *_of_sites(page), *_estimated(page, links), *_of_objects(page)]
    return tuple(sorted(found, key=lambda risk: not risk.serious))


def not_checked(page: Page) -> tuple[Sentence, ...]:
    """Return what nobody has looked at, a sentence each."""
    lines = [said("The content of the objects: names, sizes and versions were read, not the bytes.")]
    if page.offline:
        lines = [
            said("What the sources hold: the numbers above were assumed."),
            said("Whether the buckets exist and where they are, and whether anybody's credentials open them."),
            said("What Terraform would do: at most it has checked the root module against the providers' schemas."),
        ]
    lines += placeholders(page.request, page.topology.regions())
    asked = {one.region for one in page.quota}
    unasked = [
        str(one.region)
        for one in page.review.sites
        if one.region not in asked and sheet(one.region.cloud).provider is not None
    ]
    if unasked:
        lines.append(
            said(f"Whether the account may start that many instances: the quota of {listed(unasked)} was not read.")
        )
    return tuple(lines)


def _unknown(page: Page) -> Iterator[Risk]:
    cost, prediction = page.topology.cost, page.topology.prediction
    if cost is not None and cost.unknown:
        total = cost.total_usd
        known = "it may cost more than stands here" if total.likely is not None else "so only bounds of it are known"
        less = known if total.high is not None else "so what it costs is not known"
        yield Risk(True, said(f"Prices are missing, {less}:"), tuple(said(one) for one in cost.unknown), _WEIGHED)
    elif cost is None or not cost.total_usd.known:
        yield Risk(True, said("What it costs is not known."))
    if prediction is not None and prediction.unknown:
        nothing = prediction.goodput_gbps.likely is None
        text = "No time is predicted:" if nothing else "The time is predicted without what is not known:"
        yield Risk(nothing and _in_clouds(page), said(text), tuple(said(one) for one in prediction.unknown), _WEIGHED)
    elif prediction is None or prediction.goodput_gbps.likely is None:
        yield Risk(_in_clouds(page), said("No throughput is predicted: nothing is known about these links."))


def _in_clouds(page: Page) -> bool:
    """Whether anything but this machine takes part: a time that is not known then costs money."""
    return any(sheet(one.region.cloud).provider is not None for one in page.review.sites)


def _of_time(page: Page) -> Iterator[Risk]:
    limit_s = page.request.ttl_minutes * 60
    limit = time_limit(page.request.ttl_minutes)
    fleet = page.topology.prediction.fleet_s if page.topology.prediction else None
    if fleet is not None and fleet.high is not None and fleet.high > limit_s:
        text = f"It may take {duration(fleet.high)}, and each gateway halts itself after {limit}: what is missing"
        yield Risk(True, said(f"{text} then is moved by ", Name("skytf resume"), ", with a new fleet."))
    else:
        text = f"Each gateway halts itself {limit} after it was booted, done or not; "
        yield Risk(False, said(text, Name("skytf resume"), " then goes on with a new fleet."))


def _of_sites(page: Page) -> Iterator[Risk]:
    spot = [str(one.region) for one in page.review.sites if one.spot]
    if spot:
        text = "Spot instances may be taken away; their work goes to the others, and it takes longer"
        yield Risk(True, said(f"{text}: {listed(spot)}."))
    vcpus = {one.region: one.vcpus for one in page.review.sites}
    for one in page.quota:
        taken = one.wanted * max(vcpus.get(one.region, 0), 1)
        if taken > _NEAR * one.limit:
            much = f"{count(one.wanted, 'gateway')} with {count(taken, 'vCPU')}"
            little = f"A quota of {one.region} leaves little room: "
            yield Risk(True, said(little, Name(one.name), f" is {amount(one.limit)}, for {much}."))
    if travelling := keys_that_travel(page.request):
        yield Risk(False, said("The operator's keys travel over SSH, to what opens these ends:"), travelling)


def _estimated(page: Page, links: Sequence[SiteLink]) -> Iterator[Risk]:
    found = [one for one in links if one.basis == ESTIMATED]
    if found:
        items = tuple(said(f"{one.source} to {one.target}: {one.throughput.rule}") for one in found)
        yield Risk(False, said("Throughput is estimated by a rule, not measured:"), items)
    rules: dict[str, dict[str, dict[str, None]]] = {}
    for one in basis(page.figures, page.request):
        # Links have their own notes, and nothing is made of their round-trip times.
        if one.kind not in {THROUGHPUT, ROUND_TRIP}:
            for rule in filter(None, one.rule.split("; ")):
                rules.setdefault(rule, {}).setdefault(one.of, {})[one.kind] = None
    if rules:
        items = tuple(_by_rule(rule, of) for rule, of in sorted(rules.items()))
        yield Risk(
            False, said("Prices and other figures are estimated by a rule, which makes low and high differ:"), items
        )
    unknown = [f"{one.source} to {one.target}" for one in links if not one.basis]
    if unknown and len(unknown) < len(links):
        yield Risk(True, said(f"Throughput is {UNKNOWN} of {listed(unknown)}."))


def _by_rule(rule: str, of: Mapping[str, Iterable[str]], at_most: int = 3) -> Sentence:
    """Return which figures *rule* made: of what, and in brackets what of it."""
    parts: list[str] = []
    for number, (name, kinds) in enumerate([*of.items()][:at_most], 1):
        if parts:
            parts.append(" and " if number == len(of) else ", ")
        parts += [name, f" ({listed(list(kinds))})"]
    if len(of) > at_most:
        parts.append(f" and {len(of) - at_most} more")
    return said(*parts, f": {rule}")


def _of_objects(page: Page) -> Iterator[Risk]:
    skipped = sum(number for one in page.surveys for number in one.skipped.values())
    if skipped:
        verb = "is" if skipped == 1 else "are"
        yield Risk(False, said(f"{count(skipped, 'name')} {verb} not copied; they are counted below."))
    if page.request.settings.if_exists == "overwrite":
        yield Risk(False, said("An object that stands at a destination already is overwritten."))
    if not page.offline and page.request.source_drift == "report":
        text = "A source that changes before this is applied is moved as it is then, and said;"
        yield Risk(False, said(f"{text} refused beyond 10 % of the objects or bytes."))
