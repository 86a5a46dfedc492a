# ruff: noqa: RUF001  # a minus sign is what a reader expects before a percentage
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway.stores.base import StoreSpec
from skytf.bundle import Bundle, Manifest
from skytf.difference import difference
from skytf.errors import Refused
from skytf.model.cost import Cost, CostLine, CostShare
from skytf.model.difference import SECTIONS
from skytf.model.figures import EgressFigures, Figures, LinkFigures, Quote, SiteFigures, StoreFigures, Tier
from skytf.model.job import Endpoint, Job, Request
from skytf.model.prediction import LinkPrediction, Prediction
from skytf.model.quota import QuotaRead
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.span import Span
from skytf.model.survey import JobSurvey, KeyRange
from skytf.planner import plan

VIRGINIA, IOWA, DUBLIN = Region("aws", "us-east-1"), Region("gcp", "us-central1"), Region("aws", "eu-west-1")
_SOURCE = "provider's list"


def end(scheme: str, bucket: str, region: Region) -> Endpoint:
    return Endpoint(f"{scheme}://{bucket}/x", StoreSpec(scheme, bucket), "x", region, access="identity")


JOB = Job("job-0", end("s3", "from", VIRGINIA), (end("gs", "to", IOWA),), recursive=True)
REQUEST = Request((JOB,), facts=(("gcp", "project", "mine"),))
SURVEY = JobSurvey("job-0", 1_000, 10**12, 10**9, {"archived": 3}, fingerprint=(KeyRange("a", "b", 9, 9, "00"),))


def quote(value: float, *, date: str = "2026-10-01") -> Quote:
    return Quote(Span.exactly(value), date, _SOURCE)


def site(region: Region, usd_per_hour: float = 0.5) -> SiteFigures:
    return SiteFigures(
        region, "m6i.large", 2, quote(12.5), quote(5), quote(usd_per_hour), quote(0.08), quote(0.005), "somewhere", 1, 2
    )


FIGURES = Figures(
    sites=(site(VIRGINIA), site(IOWA)),
    links=(LinkFigures(VIRGINIA, IOWA, quote(5), quote(30)),),
    egress=(EgressFigures(str(VIRGINIA), str(IOWA), (Tier(0, 10_240, quote(0.09)), Tier(10_240, None, quote(0.085)))),),
    stores=(StoreFigures("job-0-source", "STANDARD", {"get": quote(0.0004)}, quote(0)),),
)
PREDICTION = Prediction(
    Span(8, 10, 12), Span(700, 800, 900), Span(900, 1_000, 1_100),
    (LinkPrediction(VIRGINIA, IOWA, Span(8, 10, 12), Span(8, 10, 12), 10**12),), "aws:us-east-1 -> gcp:us-central1",
)  # fmt: skip


def bill(egress: float, *, shares: int = 1) -> Cost:
    line = CostLine("egress", "aws", "to gcp", Span(), "GB", Span(), Span.exactly(egress), _SOURCE)
    parts = tuple(CostShare("job-0", one, f"gs://to-{one}/x", Span.exactly(egress / shares)) for one in range(shares))
    return Cost((line,), parts, Span(egress * 0.9, egress, egress * 1.1))


def bundle(
    request: Request = REQUEST,
    *,
    made: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    cost: Cost | None = None,
    prediction: Prediction | None = None,
    files: Mapping[str, bytes] | None = None,
    **more: Any,
) -> Bundle:
    """A bundle of *request* in memory; *made* are resources: address → type and arguments."""
    manifest = Manifest(request, **{"survey": (SURVEY,), "figures": FIGURES, **more})
    topology = replace(plan(request), cost=cost or bill(90), prediction=prediction or PREDICTION)
    planned = {} if made is None else {"plan.json": plan_of(made)}
    return Bundle({**(files or {}), **planned}, manifest, topology, {})


def plan_of(made: Mapping[str, tuple[str, Mapping[str, Any]]]) -> bytes:
    changes = [
        {
            "address": address,
            "module_address": ".".join(address.split(".")[:2]),
            "mode": "managed",
            "type": kind,
            "change": {"actions": ["create"], "after": values},
        }
        for address, (kind, values) in made.items()
    ]
    return json.dumps({"resource_changes": changes}).encode()


def vms(number: int, *, module: str = "aws-us-east-1", **values: Any) -> dict[str, tuple[str, Mapping[str, Any]]]:
    return {f"module.{module}.aws_instance.vm[{one}]": ("aws_instance", values) for one in range(number)}


def asked(**changed: Any) -> Request:
    return replace(REQUEST, **changed)


def job(**changed: Any) -> Request:
    return asked(jobs=(replace(JOB, **changed),))


def survey(**changed: Any) -> tuple[JobSurvey, ...]:
    return (replace(SURVEY, **changed),)


def lines(old: Bundle, new: Bundle) -> list[str]:
    return [f"{one.section}: {one.what}: {one.before} > {one.after}" for one in difference(old, new).changes]


LOCK = 'provider "registry.terraform.io/hashicorp/aws" {{\n  version     = "{}"\n}}\n'
CASES: dict[str, tuple[Bundle, Bundle, list[str]]] = {
    "more gateways": (
        bundle(made=vms(1)),
        bundle(asked(instances=2), made=vms(2)),
        [
            "infrastructure: gateways in aws:us-east-1: 1 > 2",
            "infrastructure: gateways in gcp:us-central1: 1 > 2",
            "infrastructure: resources of aws-us-east-1: 1 aws_instance > 2 aws_instance",
            "exposure: public addresses: 1 in aws:us-east-1, 1 in gcp:us-central1"
            " > 2 in aws:us-east-1, 2 in gcp:us-central1",
        ],
    ),
    "another type of one site": (
        bundle(made=vms(1, ami="ami-1", instance_type="a")),
        bundle(
            asked(site_options=(SiteOption("aws", "instance_types", ("m6i.large",)),)),
            made=vms(1, ami="ami-1", instance_type="b"),
        ),
        [
            "infrastructure: instance types in aws:us-east-1: m5.8xlarge, m6i.8xlarge > m6i.large",
            "infrastructure: arguments of aws_instance that changed:  > instance_type",
        ],
    ),
    "what holds for all sites is one line": (
        bundle(),
        bundle(asked(spot=True, disk_gib=50)),
        [
            "infrastructure: spot in aws:us-east-1 and gcp:us-central1: no > yes",
            "infrastructure: disk in GiB in aws:us-east-1 and gcp:us-central1: 30 > 50",
            "permissions: the operator in aws:  > ec2:CancelSpotInstanceRequests, ec2:DescribeSpotInstanceRequests,"
            " iam:CreateServiceLinkedRole",
        ],
    ),
    "tags": (
        bundle(asked(tags=(("team", "a"), ("x", "y")))),
        bundle(asked(tags=(("team", "b"), ("x", "y")))),
        ["infrastructure: tags: team=a > team=b"],
    ),
    "a site more": (
        bundle(made=vms(1)),
        bundle(asked(via=DUBLIN), made={**vms(1), **vms(3, module="aws-eu-west-1")}),
        [
            "infrastructure: gateways in aws:eu-west-1:  > 1",
            "infrastructure: resources of aws-eu-west-1:  > 3 resources of 1 type",
            "exposure: ports 28470-28485 of gcp:us-central1, open to: aws:us-east-1 > aws:eu-west-1",
            "exposure: port 22 of aws:eu-west-1, open to:  > operator",
            "exposure: ports 28470-28485 of aws:eu-west-1, open to:  > aws:eu-west-1, aws:us-east-1",
            "exposure: public addresses:  > 1 in aws:eu-west-1",
            "transfer: strategy: direct > relay through aws:eu-west-1",
        ],
    ),
    "a provider's version": (
        bundle(files={"infra/.terraform.lock.hcl": LOCK.format("6.1.0").encode()}),
        bundle(files={"infra/.terraform.lock.hcl": LOCK.format("6.2.0").encode()}),
        ["infrastructure: version of provider hashicorp/aws: 6.1.0 > 6.2.0"],
    ),
    "an edited module and root module": (
        bundle(files={"infra/main.tf": b"a", "infra/modules/aws/main.tf": b"a", "infra/modules/gcp/main.tf": b"a"}),
        bundle(files={"infra/main.tf": b"b", "infra/modules/aws/main.tf": b"b", "infra/modules/gcp/main.tf": b"a"}),
        [
            "infrastructure: files of the root module that changed:  > main.tf",
            "infrastructure: files of the module aws that changed:  > main.tf",
        ],
    ),
    "a cheaper bill": (
        bundle(cost=bill(1_812)),
        bundle(cost=bill(1_640)),
        [
            "cost: total: $1,812 (between $1,631 and $1,993) > $1,640 (between $1,476 and $1,804) (−9 %)",
            "cost: egress: $1,812 > $1,640 (−9 %)",
        ],
    ),
    "a bill of several destinations": (
        bundle(cost=bill(100, shares=2)),
        bundle(cost=replace(bill(100, shares=2), unknown=("requests at gs",))),
        ["cost: unknown prices:  > requests at gs"],
    ),
    "a price that moved": (
        bundle(),
        bundle(figures=replace(FIGURES, sites=(site(VIRGINIA, 0.55), site(IOWA)))),
        ["cost: price of an hour of m6i.large in aws:us-east-1: $0.50 > $0.55 (+10 %)"],
    ),
    "a newer catalog": (
        bundle(),
        bundle(figures=replace(FIGURES, boot_s=quote(60, date="2026-11-01"))),
        ["transfer: dates of the catalog: 2026-10-01 > 2026-10-01 to 2026-11-01"],
    ),
    "a faster link": (
        bundle(),
        bundle(
            prediction=replace(
                PREDICTION, goodput_gbps=Span(15, 20, 25), transfer_s=Span(300, 400, 500), bottleneck="egress of gcp",
                links=(replace(PREDICTION.links[0], capacity_gbps=Span(15, 20, 25)),),
            )
        ),
        [
            "throughput: goodput: 10 Gbit/s > 20 Gbit/s (+100 %)",
            "throughput: time to move: 13 min 20 s > 6 min 40 s (−50 %)",
            "throughput: bottleneck: aws:us-east-1 -> gcp:us-central1 > egress of gcp",
            "throughput: capacity of aws:us-east-1 → gcp:us-central1: 10 Gbit/s > 20 Gbit/s (+100 %)",
        ],
    ),
    "a measurement that moved": (
        bundle(),
        bundle(figures=replace(FIGURES, links=(LinkFigures(VIRGINIA, IOWA, quote(4), quote(30)),))),
        [
            "throughput: one gateway's throughput aws:us-east-1 → gcp:us-central1: 5 Gbit/s > 4 Gbit/s (−20 %)",
        ],
    ),
    "another bucket": (
        bundle(),
        bundle(job(destinations=(end("gs", "else", IOWA),))),
        [
            "permissions: gateways in gcp:us-central1: read and write gs://to/x/ by their identity"
            " > read and write gs://else/x/ by their identity",
            "transfer: job-0 to: gs://to/x at gcp:us-central1 > gs://else/x at gcp:us-central1",
        ],
    ),
    "another SSH port": (
        bundle(),
        bundle(asked(ssh_port=2222)),
        [
            "exposure: port 22 of aws:us-east-1, open to: operator > ",
            "exposure: port 22 of gcp:us-central1, open to: operator > ",
            "exposure: port 2222 of aws:us-east-1, open to:  > operator",
            "exposure: port 2222 of gcp:us-central1, open to:  > operator",
        ],
    ),
    "a larger source": (
        bundle(),
        bundle(survey=survey(objects=1_500, bytes=2 * 10**12, skipped={"archived": 4})),
        [
            "transfer: objects of job-0: 1,000 > 1,500 (+50 %)",
            "transfer: size of job-0: 931.3 GiB (1,000,000,000,000 bytes) > 1.8 TiB (2,000,000,000,000 bytes) (+100 %)",
            "transfer: names that are passed over of job-0: 3 archived > 4 archived",
        ],
    ),
    "other objects of the same size": (
        bundle(),
        bundle(survey=survey(fingerprint=(KeyRange("a", "b", 9, 9, "01"),))),
        ["transfer: content of job-0 that changed:  > 1 key range"],
    ),
    "options": (
        bundle(),
        bundle(
            asked(
                connections=8, source_drift="refuse", ttl_minutes=90,
                settings=replace(REQUEST.settings, chunk_bytes=8 << 20, if_exists="skip"),
            )
        ),
        [
            "transfer: connections per link: 4 > 8",
            "transfer: time limit: 1 hour > 1 hour 30 minutes (+50 %)",
            "transfer: when the source has changed: report > refuse",
            "transfer: chunk bytes: 64.0 MiB > 8.0 MiB",
            "transfer: if exists: overwrite > skip",
        ],
    ),
    "a quota": (
        bundle(quota=(QuotaRead(VIRGINIA, "m6i.large", 1, "vCPUs", 64),)),
        bundle(quota=(QuotaRead(VIRGINIA, "m6i.large", 1, "vCPUs", 1_920),)),
        ["transfer: vCPUs of aws:us-east-1: 64 > 1,920"],
    ),
    "a file that nothing explains": (
        bundle(files={"programs/a.json": b"a", "PLAN.md": b"a"}),
        bundle(files={"programs/a.json": b"b", "PLAN.md": b"a", "infra/more.sh": b""}),
        ["transfer: files that are not the same:  > infra/more.sh and programs/a.json"],
    ),
    "what it was compared with": (
        bundle(files={"PLAN.md": b"a", "transfer.json": b"a"}),
        bundle(files={"PLAN.md": b"b", "transfer.json": b"b"}, against=difference(bundle(), bundle(asked(spot=True)))),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_told_in_these_lines(case: str) -> None:
    old, new, expected = CASES[case]

    assert lines(old, new) == expected


@pytest.mark.parametrize("case", CASES)
def test_what_is_the_same_is_not_told(case: str) -> None:
    old, new, _ = CASES[case]

    assert (lines(old, old), lines(new, new)) == ([], [])


@pytest.mark.parametrize("case", CASES)
def test_the_way_back_is_as_long_and_everything_is_in_the_order_of_the_sections(case: str) -> None:
    old, new, expected = CASES[case]

    there, back = difference(old, new), difference(new, old)

    assert len(back.changes) == len(expected)
    assert [one.section for one in there.changes] == sorted((one.section for one in there.changes), key=SECTIONS.index)


def test_offline_the_sites_are_compared_and_a_note_says_so() -> None:
    found = difference(bundle(), bundle(asked(instances=2), made=vms(2)))

    assert [one.what for one in found.changes if one.section == "infrastructure"] == [
        "gateways in aws:us-east-1",
        "gateways in gcp:us-central1",
    ]
    assert [(one.before, one.after) for one in found.changes if one.what == "planned"] == [("offline", "online")]
    assert found.notes == ("the old bundle was planned offline: sites are compared, not what Terraform makes there",)


def test_another_version_of_skytf_is_a_note() -> None:
    found = difference(bundle(tool_version="0.0.9", made={}), bundle(tool_version="0.1.0", made={}))

    assert found.notes == ("planned with skytf 0.0.9, then with skytf 0.1.0",)
    assert found.changes == ()


def test_planning_the_same_again_and_again_settles() -> None:
    first = bundle()
    second = bundle(asked(spot=True), against=difference(first, bundle(asked(spot=True))))
    third = bundle(asked(spot=True), against=difference(second, bundle(asked(spot=True))))

    fourth = difference(third, bundle(asked(spot=True)))

    assert second.manifest.against is not None
    assert len(second.manifest.against.changes) == 2
    assert fourth.changes == ()
    assert fourth == third.manifest.against


@pytest.mark.parametrize(
    "broken", [lambda _: b"{", lambda _: b"[]", lambda text: text.replace(b'"actions"', b'"deeds"')]
)
def test_a_broken_plan_is_refused(broken: Callable[[bytes], bytes]) -> None:
    old = bundle(files={"plan.json": broken(plan_of(vms(1)))})

    with pytest.raises(Refused, match=r"plan\.json is broken"):
        difference(old, bundle())


def test_the_largest_of_assumed_objects_is_not_known() -> None:
    new = bundle(survey=survey(largest_bytes=0, assumed=True))

    assert "transfer: largest object of job-0: 953.7 MiB (1,000,000,000 bytes) > not known" in lines(bundle(), new)
