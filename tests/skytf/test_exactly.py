from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.shard import Entry
from skytf import resources
from skytf.bundle import Bundle, Manifest, read, write
from skytf.errors import Refused
from skytf.exactly import check_planned, module_digests, verify
from skytf.listing import Pinning, name_of
from skytf.model import codec
from skytf.model.figures import EgressFigures, Figures, LinkFigures, Quote, SiteFigures, Tier
from skytf.model.job import Request
from skytf.model.quota import QuotaRead
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.prepare import derive
from skytf.render import templates
from skytf.render.root import root_module
from tests.skytf.requests import A, B, request

CHECKOUT = Path(__file__).parents[2]
PLAN_JSON = b'{"resource_changes": []}\n'


def figures(price: float = 0.09) -> Figures:
    site = SiteFigures(A, "", 0, Quote(), Quote(), Quote(), Quote(), Quote())
    paid = Tier(0, None, Quote(Span.exactly(price), "2026-11-01", "a price list"))
    egress = EgressFigures("local:a", "internet", (paid,))
    return Figures((site, replace(site, region=B)), (LinkFigures(A, B, Quote(), Quote()),), (egress,))


def listing() -> bytes:
    pinning = Pinning("/in")
    pinning.entry(Entry("in/a", "a", 9, "v1"))
    return pinning.content()


def manifest(asked: Request | None = None) -> Manifest:
    asked = asked or replace(request(), source_drift="pin")
    pinned = hashlib.sha256(listing()).hexdigest()
    return Manifest(
        asked,
        (JobSurvey("job-0", 1, 9, 9, listing_sha256=pinned),),
        figures(),
        (QuotaRead(A, "type", 1, "vCPUs", 64.0),),
        modules=module_digests(root_module(plan(asked), asked)),
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write(tmp_path / "bundle", derive(manifest(), PLAN_JSON, listings={"job-0": listing()}).files)
    return tmp_path / "bundle"


def check(directory: Path) -> None:
    """Do what `Client.apply` does before it looks at anything but the bundle."""
    given = read(directory)
    check_planned(given)
    verify(given, derive(given.manifest, given.plan_json).files)


def test_what_nobody_touched_passes(bundle: Path) -> None:
    """Also where a figure is a whole number (the tier from 0 GB), which is a float when it is read back."""
    check(bundle)


def test_a_pinned_source_without_a_listing_is_refused_whoever_made_the_bundle(tmp_path: Path) -> None:
    one = manifest()
    unpinned = replace(one, survey=(replace(one.survey[0], listing_sha256=""),))
    write(tmp_path / "bundle", derive(unpinned, PLAN_JSON).files)

    with pytest.raises(Refused, match=r"listing/job-0\.jsonl\.bz2 is missing"):
        check(tmp_path / "bundle")


def test_a_plan_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(Refused, match=r"plan\.json is broken"):
        derive(manifest(), b"[" * 200_000 + b"]" * 200_000)


Edit = Callable[[Manifest], Manifest]


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: replace(one, figures=figures(0.01)),
        lambda one: replace(one, quota=()),
        lambda one: replace(one, survey=(replace(one.survey[0], objects=2),)),
        lambda one: replace(one, survey=(replace(one.survey[0], listing_sha256="0" * 64),)),
        lambda one: replace(one, request=replace(one.request, instances=2)),
        lambda one: replace(one, modules={}),
    ],
    ids=["price", "quota", "survey", "digest of the listing", "request", "digest of a module"],
)
def test_whatever_is_edited_in_the_transfer_it_is_blamed_alone(bundle: Path, edit: Edit) -> None:
    (bundle / "transfer.json").write_bytes(codec.encode(edit(manifest())))

    with pytest.raises(Refused) as caught:
        check(bundle)

    assert str(caught.value).startswith("the bundle is not what was reviewed: transfer.json was edited, PLAN.md")
    assert "topology.json" not in str(caught.value)
    assert "listing" not in str(caught.value)


def test_a_transfer_that_was_only_laid_out_anew_is_edited_too(bundle: Path) -> None:
    path = bundle / "transfer.json"
    path.write_bytes(path.read_bytes() + b"\n")

    with pytest.raises(Refused, match=r"transfer\.json was edited"):
        check(bundle)


def test_an_edited_plan_is_blamed_and_not_the_pages(bundle: Path) -> None:
    (bundle / "plan.json").write_bytes(b'{"resource_changes": [], "variables": {}}\n')

    with pytest.raises(Refused, match=r": plan\.json was edited, PLAN\.md.* another digest of it$"):
        check(bundle)


def test_where_both_were_edited_both_are_named(bundle: Path) -> None:
    (bundle / "plan.json").write_bytes(b'{"resource_changes": [], "variables": {}}\n')
    (bundle / "transfer.json").write_bytes(codec.encode(replace(manifest(), quota=())))

    with pytest.raises(Refused, match=r"transfer\.json was edited, .*; plan\.json was edited"):
        check(bundle)


@pytest.mark.parametrize("name", ["PLAN.md", "plan.html"])
def test_a_page_whose_digest_was_edited_is_not_believed_against_the_other(bundle: Path, name: str) -> None:
    path = bundle / name
    digest = read(bundle).manifest.digest.encode()
    assert digest in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(digest, b"0" * 64))

    with pytest.raises(Refused) as caught:
        check(bundle)

    assert str(caught.value) == f"the bundle is not what was reviewed: {name} was edited"


@pytest.mark.parametrize(
    "name", ["topology.json", "plan.html", "PLAN.md", "infra/placeholders.tfvars.json", "infra/modules/local/main.tf"]
)
def test_every_other_file_is_named_alone(bundle: Path, name: str) -> None:
    path = bundle / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(Refused) as caught:
        check(bundle)

    assert str(caught.value) == f"the bundle is not what was reviewed: {name} was edited"


def test_an_edited_listing_is_named(bundle: Path) -> None:
    (bundle / name_of("job-0")).write_bytes(Pinning("/in").content())

    with pytest.raises(Refused, match=r"reviewed: listing/job-0\.jsonl\.bz2 was edited$"):
        check(bundle)


def test_a_listing_too_many_and_one_too_few_are_named(bundle: Path) -> None:
    (bundle / name_of("job-0")).rename(bundle / name_of("job-1"))

    with pytest.raises(Refused, match=r"job-0\.jsonl\.bz2 is missing, listing/job-1\.jsonl\.bz2 does not belong there"):
        check(bundle)


def test_a_plan_that_is_missing_is_told_from_one_that_never_was(bundle: Path) -> None:
    (bundle / "plan.json").unlink()
    offline = manifest()
    offline = replace(offline, survey=(replace(offline.survey[0], assumed=True),))

    with pytest.raises(Refused, match=r"plan\.json is missing"):
        check(bundle)
    with pytest.raises(Refused, match="planned offline"):
        check_planned(derive(offline))


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The modules of this tool, in a copy that may be changed."""
    root = tmp_path / "checkout"
    for name in ("terraform", "templates"):
        shutil.copytree(CHECKOUT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns(".terraform"))
    monkeypatch.setattr(resources, "_PACKAGE", root / "skytf")
    templates._environment.cache_clear()
    yield root / "terraform"
    templates._environment.cache_clear()


def append(path: Path, text: str = "# another line\n") -> None:
    path.write_text(path.read_text() + text)


def test_a_module_of_the_tool_that_moved_is_named_as_such(bundle: Path, modules: Path) -> None:
    append(modules / "local" / "main.tf")

    with pytest.raises(Refused) as caught:
        check(bundle)

    assert str(caught.value) == (
        "the Terraform modules of this skytf are no longer those that were reviewed: infra/modules/local/main.tf"
    )
    assert caught.value.hint == "plan again with this skytf, or apply with the one that planned"


def test_a_file_that_the_tools_module_gained_or_lost_is_named(bundle: Path, modules: Path) -> None:
    (modules / "local" / "more.tf").write_text("locals {}\n")
    (modules / "local" / "outputs.tf").unlink()

    with pytest.raises(Refused, match=r"infra/modules/local/more\.tf, infra/modules/local/outputs\.tf$"):
        check(bundle)


def test_a_module_that_was_edited_in_the_bundle_is_not_blamed_on_the_tool(bundle: Path, modules: Path) -> None:
    append(modules / "local" / "main.tf")
    append(bundle / "infra" / "modules" / "local" / "outputs.tf")

    with pytest.raises(Refused, match=r"infra/modules/local/main\.tf was edited, infra/modules/local/outputs\.tf was"):
        check(bundle)


def test_the_module_of_another_cloud_may_move(bundle: Path, modules: Path) -> None:
    append(modules / "aws" / "main.tf")

    check(bundle)


def test_one_bundle_in_two_directories_is_one_bundle(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "elsewhere")

    assert read(bundle).digest == read(tmp_path / "elsewhere").digest


def test_every_file_of_a_bundle_counts_for_its_digest(bundle: Path) -> None:
    given = read(bundle)

    digests = {_without(given, name).digest for name in given.files}

    assert len(digests | {given.digest}) == len(given.files) + 1


def _without(given: Bundle, name: str) -> Bundle:
    files: Mapping[str, bytes] = {one: content for one, content in given.files.items() if one != name}
    return replace(given, files=files)
