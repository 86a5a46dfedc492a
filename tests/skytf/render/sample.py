"""Pages as a reviewer gets them, with made-up figures: two clouds and a relay, hostile names, nothing known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.stores.base import StoreSpec
from skytf.model.cost import ADDRESSES, DISKS, EGRESS, INSTANCES, REQUESTS, Cost, CostLine, CostShare
from skytf.model.difference import Change, Difference
from skytf.model.figures import (
    EgressFigures,
    Figures,
    LinkFigures,
    Quote,
    SiteFigures,
    StoreFigures,
    Tier,
)
from skytf.model.job import Endpoint, Job, Request
from skytf.model.prediction import LinkPrediction, Prediction
from skytf.model.quota import QuotaRead
from skytf.model.region import Region
from skytf.model.review import Made, Page
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.review import review
from tests.skytf.requests import A, B, job, page, path, request

EAST, IRELAND, IOWA = Region("aws", "us-east-1"), Region("aws", "eu-west-1"), Region("gcp", "us-central1")
NETHERLANDS, TOKYO = Region("gcp", "europe-west4"), Region("azure", "japaneast")
HOSTILE = (
    'a|b`c``d<script>alert(1)</script>![x](http://127.0.0.1:9/i.png)[y](javascript:1)"]; click s0 "x"\n# heading\r\n'
    "| cell |\u202etxt.exe\x1b[31m\x00@team #1 --> %% {{ 7 * 7 }} </code></table><img src=x onerror=alert(1)>"
)
LIST = "made-up price list, 2026-10-01"


def quote(low: float, likely: float | None = None, high: float | None = None, *, rule: str = "") -> Quote:
    source = "made-up measurements" if not rule else "great-circle distance"
    most = likely if likely is not None else low
    return Quote(Span(low, most, most if high is None else high), "2026-10-01", source, rule)


def site_figures(region: Region, instance_type: str, place: str, usd_per_hour: float) -> SiteFigures:
    return SiteFigures(
        region,
        instance_type,
        16,
        quote(12.5),
        quote(6.25),
        quote(usd_per_hour),
        quote(0.08),
        quote(0.005),
        place,
        0.0,
        0.0,
    )


def link_figures(source: Region, target: Region, gbps: float, *, rule: str = "") -> LinkFigures:
    return LinkFigures(source, target, quote(gbps * 0.7, gbps, gbps * 1.2, rule=rule), quote(98.0))


def egress(source: Region, target: Region, *usd_per_gb: float) -> EgressFigures:
    bounds = [0.0, 10_240.0, 51_200.0][: len(usd_per_gb)]
    ends: list[float | None] = [*bounds[1:], None]
    tiers = [Tier(low, high, quote(price)) for low, high, price in zip(bounds, ends, usd_per_gb, strict=True)]
    return EgressFigures(str(source), str(target), tuple(tiers), 1 << 30)


def store(url: str, region: Region, *, by: str = "identity") -> Endpoint:
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    spec = StoreSpec(scheme, bucket, credentials="" if by == "identity" else "keys")
    return Endpoint(url, spec, prefix, region, access=by)


def clouds_request() -> Request:
    source = store("s3://research-archive/2024/", EAST)
    ends = (store("gs://analysis-eu/in/", NETHERLANDS), store("azure://acc/archive/2024/", TOKYO))
    return Request(
        jobs=(Job("job-0", source, ends, recursive=True),),
        instances=4,
        via=IRELAND,
        ttl_minutes=1_500,
        facts=(("gcp", "project", "my-project"),),
        tags=(("team", "storage"),),
    )


def clouds_page() -> Page:
    """An archive of 180 TiB, by way of a relay to two destinations in two clouds; most figures are known."""
    asked = clouds_request()
    topology = plan(asked)
    surveys = (
        JobSurvey(
            "job-0",
            1_204_331,
            198_000_000_000_000,
            4 << 40,
            {"symlink": 12, "name with a NUL": 1},
            (("s3://research-archive/2024/odd\x00name", "name with a NUL"), ("s3://research-archive/l", "symlink")),
            sample=(("2024/a.nc", "in/a.nc"), ("2024/b c.nc", "in/b c.nc")),
        ),
    )
    made = tuple(
        Made(one.slug, f"{'aws' if one.cloud == 'aws' else 'google'}_{kind}", "create", number)
        for one in topology.regions()
        for kind, number in (("instance", 4), ("security_group", 1), ("security_group_rule", 9), ("iam_role", 1))
    )
    facts = replace(review(asked, topology, None), made=made)
    return Page(
        asked,
        surveys,
        replace(topology, prediction=clouds_prediction(), cost=clouds_cost()),
        clouds_figures(),
        facts,
        quota=(
            QuotaRead(EAST, "m5.8xlarge", 4, "Running On-Demand Standard instances (L-1216C47A)", 256.0),
            QuotaRead(NETHERLANDS, "n2-standard-16", 4, "N2_CPUS", 72.0),
        ),
        permissions={
            "aws": tuple(f"ec2:{verb}{noun}" for verb in ("Create", "Delete") for noun in ("Instance", "Volume")),
            "gcp": ("compute.instances.create", "compute.instances.delete"),
        },
        manifest_digest="0f" * 32,
        plan_digest="a7" * 32,
    )


def clouds_prediction() -> Prediction:
    pairs = (
        (EAST, IRELAND, Span(26.0, 31.4, 37.0), Span(11.2, 15.9, 18.8)),
        (IRELAND, NETHERLANDS, Span(20.0, 28.8, 34.0), Span(11.2, 15.9, 18.8)),
        (IRELAND, TOKYO, Span(11.2, 15.9, 18.8), Span(11.2, 15.9, 18.8)),
    )
    return Prediction(
        goodput_gbps=Span(22.4, 31.8, 37.6),
        transfer_s=Span(84_000, 99_600, 141_000),
        fleet_s=Span(84_200, 99_900, 141_600),
        links=tuple(LinkPrediction(*pair, 198_000_000_000_000) for pair in pairs),
        bottleneck=f"{IRELAND} -> {TOKYO}",
        unknown=("how many requests a second azure://acc/archive takes",),
    )


def clouds_cost() -> Cost:
    def line(kind: str, where: object, what: str, amount: tuple[Span, str], each: float | None) -> CostLine:
        quantity, unit = amount
        per = Span() if each is None else Span.exactly(each)
        return CostLine(kind, str(where), what, quantity, unit, per, (quantity * per).rounded(2), LIST if each else "")

    gb, hours = Span(180_000, 184_400, 184_401), Span(23.4, 27.8, 39.3)
    lines = (
        line(EGRESS, EAST, f"to {IRELAND}", (gb, "GB"), 0.02),
        line(EGRESS, IRELAND, f"to {NETHERLANDS}", (gb, "GB"), 0.062),
        line(EGRESS, IRELAND, f"to {TOKYO}", (gb, "GB"), 0.0525),
        *(
            line(INSTANCES, one, "4 gateways", (hours.scaled(4), "hours"), 0.768)
            for one in (EAST, IRELAND, NETHERLANDS)
        ),
        line(INSTANCES, TOKYO, "4 gateways", (hours.scaled(4), "hours"), None),
        line(DISKS, EAST, "4 disks of 30 GiB", (Span(3.8, 4.5, 6.4), "GB-months"), 0.08),
        line(ADDRESSES, EAST, "4 public addresses", (hours.scaled(4), "hours"), 0.005),
        line(REQUESTS, "s3://research-archive", "get", (Span(1_500, 4_100, 4_300), "thousand requests"), 0.0004),
    )
    share = Span(11_000.5, 12_404.2, 13_120.9)
    return Cost(
        lines,
        (
            CostShare("job-0", 0, "gs://analysis-eu/in/", share),
            CostShare("job-0", 1, "azure://acc/archive/2024/", Span(share.low)),
        ),
        Span.total(one.usd for one in lines),
        unknown=(f"an hour of Standard_D16s_v5 in {TOKYO}",),
    )


def clouds_figures() -> Figures:
    return Figures(
        sites=(
            site_figures(IRELAND, "m5.8xlarge", "Ireland", 0.856),
            site_figures(EAST, "m5.8xlarge", "N. Virginia", 0.768),
            replace(site_figures(TOKYO, "Standard_D16s_v5", "Tokyo", 0.0), usd_per_hour=Quote()),
            site_figures(NETHERLANDS, "n2-standard-16", "Eemshaven", 0.777),
        ),
        links=(
            link_figures(EAST, IRELAND, 7.9),
            link_figures(IRELAND, NETHERLANDS, 7.2),
            link_figures(IRELAND, TOKYO, 4.0, rule="by distance: 9,600 km, from links of this length"),
        ),
        egress=(
            egress(EAST, IRELAND, 0.02),
            egress(IRELAND, NETHERLANDS, 0.09, 0.085, 0.07),
            egress(IRELAND, TOKYO, 0.09, 0.085, 0.07),
        ),
        stores=(StoreFigures("job-0-source", "STANDARD", {"get": quote(0.0004)}, quote(0.0)),),
        boot_s=quote(40.0, 75.0, 180.0),
        teardown_s=quote(30.0, 60.0, 240.0),
    )


def unknown_page() -> Page:
    """The same of which the catalog knows nothing at all."""
    known = clouds_page()
    blank = Cost((), (), Span(), ("every price: the catalog has no row for these regions",))
    topology = replace(known.topology, prediction=Prediction(Span(), Span(), Span()), cost=blank)
    sites = tuple(
        SiteFigures(one, "", 0, Quote(), Quote(), Quote(), Quote(), Quote()) for one in known.topology.regions()
    )
    links = tuple(LinkFigures(one.source, one.target, Quote(), Quote()) for one in clouds_prediction().links)
    return replace(known, topology=topology, figures=Figures(sites=sites, links=links), quota=())


def offline_page() -> Page:
    """The same, planned without asking anybody."""
    known = clouds_page()
    surveys = (JobSurvey("job-0", 1_000_000, 200_000_000_000_000, 0, assumed=True),)
    facts = replace(known.review, made=None)
    return replace(known, surveys=surveys, review=facts, quota=(), plan_digest="")


def changed_page() -> Page:
    """The same, compared with an older bundle of two gateways a site."""
    changes = (
        Change("infrastructure", f"gateways in {EAST}", "2", "4"),
        Change("infrastructure", f"aws_eip in {EAST}", "", "4"),
        Change("cost", "in all, likely", "$21,300", "$25,104"),
        Change("throughput", "time, likely", "2 days 7 h", "1 day 4 h"),
        Change("permissions", "ec2:AllocateAddress", "", "needed"),
        Change("exposure", f"port 22 of {EAST}", "open to the operator's address", ""),
        Change("transfer", "s3://research-archive/2024/", "1,204,000 objects", "1,204,331 objects"),
    )
    notes = ("the older bundle was planned with another catalog",)
    return replace(clouds_page(), against=Difference("c4" * 32, changes, notes))


def local_page() -> Page:
    """The smallest there is: a folder of this machine to another."""
    return page(request(job()), [JobSurvey("job-0", 3, 5 << 20, 4 << 20)], manifest_digest="1" * 64)


def big_page(sources: int = 12, destinations: int = 8) -> Page:
    """Many sites of one cloud: each job goes from one of the *sources* to one of the *destinations*."""
    froms = [Region("local", f"source-{n:02}") for n in range(sources)]
    tos = [Region("local", f"sink-{n:02}-with-a-name-that-is-longer-than-a-box") for n in range(destinations)]
    return _between([(froms[n % sources], tos[n % destinations]) for n in range(max(sources, destinations) * 2)])


def crossing_page(sites: int) -> Page:
    """Every one of *sites* sends to every one of as many others."""
    return _between(
        [(Region("local", f"from-{n:02}"), Region("local", f"to-{m:02}")) for n in range(sites) for m in range(sites)]
    )


def _between(ways: Sequence[tuple[Region, Region]]) -> Page:
    jobs = [
        job(n, source=path(f"in-{n}", source), destinations=(path(f"out-{n}", target),))
        for n, (source, target) in enumerate(ways)
    ]
    asked = request(*jobs, instances=4)
    topology = plan(asked)
    pairs = sorted({(one.regions[0], one.regions[1]) for one in topology.routes})
    links = tuple(
        LinkPrediction(*pair, Span.exactly(5.0 + n), Span.exactly(1.0 + n), 10**12 * (n + 1))
        for n, pair in enumerate(pairs)
    )
    prediction = Prediction(Span.exactly(40.0), Span.exactly(3_600.0), Span.exactly(3_700.0), links)
    figures = Figures(
        links=tuple(LinkFigures(*pair, quote(5.0), quote(10.0)) for pair in pairs),
        egress=tuple(EgressFigures(str(a), str(b), (Tier(0.0, None, quote(0.0478, 0.05, 0.0871)),)) for a, b in pairs),
    )
    surveys = [JobSurvey(one.job_id, 10, 10**12, 10**11) for one in jobs]
    made = replace(page(asked, surveys), topology=replace(topology, prediction=prediction), figures=figures)
    return replace(made, manifest_digest="2" * 64)


def crowded_page(names: str = "k" * 900, jobs: int = 300, instances: int = 256) -> Page:
    """More of everything than fits: 300 jobs, 65,536 links, names of 900 characters."""
    asked = request(
        *(job(n, source=path(f"{names}{n}", A), destinations=(path(f"{names}-{n}", B),)) for n in range(jobs)),
        instances=instances,
    )
    surveys: Sequence[JobSurvey] = [
        JobSurvey(one.job_id, 1, 1, 1, {names: 1}, ((names, names),) * 20, sample=((names, names),))
        for one in asked.jobs
    ]
    changes = tuple(Change("infrastructure", f"{names}{n}", names, names) for n in range(jobs))
    # All jobs share their gateways: planning one of them makes the links of all, in a three-hundredth of the time.
    topology = replace(plan(replace(asked, jobs=asked.jobs[:1])), routes=plan(replace(asked, instances=1)).routes)
    against = Difference("3" * 64, changes, (names,) * 300)
    crowd = Page(asked, tuple(surveys), topology, Figures(), review(asked, topology, None), (), against)
    lines = tuple(
        CostLine(EGRESS, names, names, Span(1, 1, 1), names, Span(1, 1, 1), Span(1, 1, 1), f"{names} {n}")
        for n in range(jobs)
    )
    shares = tuple(CostShare(one.job_id, 0, one.destinations[0].url, Span.exactly(1.0)) for one in asked.jobs)
    cost = Cost(lines, shares, Span.exactly(300.0), (names,) * 300)
    prediction = Prediction(Span(), Span(), Span(), (), "", (names,) * 300)
    figures = replace(
        clouds_figures(), links=(LinkFigures(A, B, Quote(Span.exactly(1.0), names, names, names), Quote()),)
    )
    topology = replace(topology, prediction=prediction, cost=cost)
    return replace(crowd, topology=topology, figures=figures, manifest_digest="4" * 64)
