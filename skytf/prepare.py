"""From request to bundle: survey, topology, programs, Terraform, PLAN.md; and the same again, to check one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.errors import BucketMissing, ObjectMissing, StoreError
from gateway.locations import self_overwriting_suffix
from gateway.mapping import as_folder
from gateway.shard import Entry
from gateway.units import format_bytes
from skytf.bundle import INFRA, LOCK_FILE, PLAN_JSON, Bundle, Manifest, compose
from skytf.cost import estimate
from skytf.credentials import open_endpoint
from skytf.errors import InputError, Refused
from skytf.hooks import Hooks
from skytf.model.job import Endpoint, Job, Request
from skytf.model.review import Page
from skytf.model.survey import JobSurvey, KeyRange
from skytf.model.topology import Topology
from skytf.permissions import needed
from skytf.planner import plan
from skytf.predict import predict
from skytf.programs import programs
from skytf.render.plan_html import plan_html
from skytf.render.plan_md import plan_md
from skytf.render.root import PLACEHOLDERS, root_module
from skytf.review import review
from skytf.runner.reviewed import normalise_plan
from skytf.runner.terraform import Terraform
from skytf.survey import Drift, drift, entries, survey

# `--source-drift report` still refuses when more than this share of the reviewed bytes or objects may have changed.
_MOST_DRIFT = 0.10
_NAMED_RANGES = 5
# Where bundles are reviewed and applied; whoever works on another system runs `terraform providers lock` himself.
_PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
# Whoever mistyped an address wants to hear of it at once.
_FIRST_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of a long listing (*hooks*), and what ends it (*check* raises)."""

    hooks: Hooks
    check: Callable[[], None]


def surveyed(request: Request, watch: Watch) -> tuple[JobSurvey, ...]:
    """
    List the source of every job, after looking whether both ends can be used at all.

    Raises:
        InputError: An end is missing or cannot be used, or there is nothing to copy.
    """
    return tuple(_surveyed(job, watch) for job in request.jobs)


def check_ends(job: Job) -> None:
    """
    Look whether both ends of *job* can be read; a destination to which nothing was written yet can.

    Raises:
        InputError: One of them cannot.
    """
    with _naming(job.source):
        open_endpoint(job.source, max_attempts=_FIRST_ATTEMPTS).check_readable(job.source.prefix)
    for destination in job.destinations:
        store = open_endpoint(destination, max_attempts=_FIRST_ATTEMPTS)
        with _naming(destination):
            try:
                store.check_readable(destination.prefix)
            except BucketMissing:
                store.check_readable("")  # of files that is the root directory, of a bucket the bucket


def weighed(manifest: Manifest) -> Topology:
    """Return the topology of *manifest*, with how fast it should be and what it should cost. Pure."""
    request, figures = manifest.request, manifest.figures
    topology = plan(request)
    prediction = predict(request, manifest.survey, topology, figures)
    cost = estimate(request, manifest.survey, topology, figures, prediction)
    return replace(topology, prediction=prediction, cost=cost)


def derive(manifest: Manifest, plan_json: bytes | None = None) -> Bundle:
    """
    Return the bundle that follows from *manifest* and *plan_json*. Pure but for reading templates and modules.

    Raises:
        Refused: *plan_json* is broken.
    """
    request = manifest.request
    topology = weighed(manifest)
    page = page_of(manifest, topology, plan_json)
    return compose(
        manifest=manifest,
        topology=topology,
        programs=programs(topology, request),
        infra=root_module(topology, request),
        plan_md=plan_md(page),
        plan_html=plan_html(page),
        plan_json=plan_json,
    )


def page_of(manifest: Manifest, topology: Topology, plan_json: bytes | None) -> Page:
    """
    Return what a reviewer is shown.

    Raises:
        Refused: *plan_json* is broken.
    """
    try:
        facts = review(manifest.request, topology, plan_json)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused(f"{PLAN_JSON} is broken: {error}", hint="plan again") from error
    return Page(
        request=manifest.request,
        surveys=manifest.survey,
        topology=topology,
        figures=manifest.figures,
        review=facts,
        quota=manifest.quota,
        against=manifest.against,
        permissions=needed(facts),
        manifest_digest=manifest.digest,
        plan_digest="" if plan_json is None else hashlib.sha256(plan_json).hexdigest(),
    )


def lay_out(bundle: Bundle, workdir: Path) -> None:
    """Write the root module of *bundle* to *workdir*."""
    for name, content in bundle.infra.items():
        path = workdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def with_plan(bundle: Bundle, terraform: Terraform, workdir: Path) -> Bundle:
    """
    Return *bundle* with the plan.json that Terraform makes of it, in *workdir*.

    Raises:
        TerraformError: Terraform does not accept the root module.
    """
    lay_out(bundle, workdir)
    terraform.init()
    plan_file = workdir / "review.tfplan"
    terraform.plan(out=plan_file, var_files=[workdir / PLACEHOLDERS])
    return derive(bundle.manifest, normalise_plan(terraform.show_json(plan_file), workdir=workdir))


def with_lock(bundle: Bundle, terraform: Terraform, workdir: Path) -> Bundle:
    """
    Return *bundle* with a lock file of its providers for Linux and macOS, made in *workdir* where it is laid out.

    Raises:
        TerraformError: Their registry cannot be reached.
    """
    terraform.providers_lock(_PLATFORMS)
    return bundle.with_file(LOCK_FILE, (workdir / LOCK_FILE.removeprefix(INFRA)).read_bytes())


def check_drift(manifest: Manifest, watch: Watch) -> list[str]:
    """
    Compare the sources with what was reviewed; return a warning for each that has moved a little.

    Raises:
        Refused: A source has moved more than its request allows; the message names the key ranges.
        InputError: A source cannot be listed any more.
    """
    warnings = []
    surveys = {one.job_id: one for one in manifest.survey}
    for job in manifest.request.jobs:
        reviewed = surveys[job.job_id]
        with _naming(job.source, recursive=job.recursive):
            found = drift(reviewed.fingerprint, _watched(job, watch))
        if not found.ranges:
            continue
        text = f"{job.source.url} is not what was reviewed: {_ranges(found, job.source)}"
        share = max(found.objects / max(reviewed.objects, 1), found.bytes / max(reviewed.bytes, 1))
        if manifest.request.source_drift == "refuse" or share > _MOST_DRIFT:
            much = f"; that is up to {share:.0%} of it" if share > _MOST_DRIFT else ""
            raise Refused(text + much, hint="plan again, so that what moves is what was reviewed")
        warnings.append(text)
    return warnings


def _watched(job: Job, watch: Watch) -> Iterator[Entry]:
    for count, entry in enumerate(entries(job, open_endpoint(job.source))):
        if count % 1_000 == 0:
            watch.check()
        yield entry


def _ranges(found: Drift, source: Endpoint) -> str:
    texts = [_range(before, after, source) for before, after in found.ranges[:_NAMED_RANGES]]
    more = len(found.ranges) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def _range(before: KeyRange | None, after: KeyRange | None, source: Endpoint) -> str:
    one = after or before
    assert one is not None
    first, last = source.url_of(one.first_key), source.url_of(one.last_key)
    if first == last:
        return f"{first} {'is new' if before is None else 'is gone' if after is None else 'has changed'}"
    return f"{first} to {last} (objects: {before.objects if before else 0}, now {after.objects if after else 0})"


def _surveyed(job: Job, watch: Watch) -> JobSurvey:
    with _naming(job.source):
        open_endpoint(job.source, max_attempts=_FIRST_ATTEMPTS).check_readable(job.source.prefix)
    for destination in job.destinations:
        with _naming(destination):
            open_endpoint(destination, max_attempts=_FIRST_ATTEMPTS).check_writable(destination.prefix)

    def count(objects: int, size_bytes: int) -> None:
        watch.check()
        watch.hooks.on_survey(job.job_id, objects, size_bytes)

    with _naming(job.source, recursive=job.recursive):
        found = survey(job, open_endpoint(job.source), on_count=count, on_entry=_guard(job), report_every=1_000)
    if not found.objects:
        raise _nothing(job, found)
    _check_room(job.destinations, found)
    return found


def _guard(job: Job) -> Callable[[Entry], None]:
    """Return what refuses an entry that would land on the source itself (``a/b`` copied to ``a`` meets ``a/b/b``)."""
    inside = []
    for destination in job.destinations:
        begins = self_overwriting_suffix(
            (job.source.store, job.source.prefix),
            (destination.store, destination.prefix),
            recursive=job.recursive,
            resolve=os.path.realpath,
        )
        if begins:
            inside.append((begins, destination.url))

    def check(entry: Entry) -> None:
        for begins, url in inside:
            if entry.suffix.startswith(begins):
                raise InputError(
                    f"{entry.key!r} of {job.source.url} would be written into the source itself by copying to {url}",
                    hint="choose a destination that does not contain the source",
                )

    return check


def _check_room(destinations: Sequence[Endpoint], found: JobSurvey) -> None:
    """Refuse to fill a disk: what is there already may be overwritten, so only a disk that can never hold it counts."""
    for destination in destinations:
        if destination.store.scheme != "file":
            continue
        parent = Path("/" + destination.prefix)
        while not parent.exists():
            parent = parent.parent
        usage = shutil.disk_usage(parent)
        if found.bytes > usage.total:
            raise InputError(
                f"{destination.url} is on a disk of {format_bytes(usage.total)},"
                f" which cannot hold {format_bytes(found.bytes)}",
                hint="choose a larger disk, or copy less",
            )


def _nothing(job: Job, found: JobSurvey) -> InputError:
    skipped = ", ".join(f"{number:,} {reason}" for reason, number in found.skipped.items())
    hint = _one_object(job.source) or "look at how the source is spelled"
    if skipped:
        hint = f"what is there cannot be copied ({skipped}): {found.skipped_examples[0][0]}"
    return InputError(f"there is nothing to copy below {job.source.url}", hint=hint)


@contextmanager
def _naming(endpoint: Endpoint, *, recursive: bool | None = None) -> Iterator[None]:
    """
    Turn what a store says of *endpoint* before anything was created into a word about the user's input.

    *recursive* says how a source is to be read; None of a destination.
    """
    try:
        yield
    except StoreError as error:
        text, hint = str(error), error.hint
        if isinstance(error, ObjectMissing) and not hint:
            text = f"there is no object {endpoint.url}"
            hint = (not recursive and _many_objects(endpoint)) or "look at how it is spelled"
        elif endpoint.url.rstrip("/") not in text:
            text = f"{endpoint.url} cannot be used: {text}"
        if recursive:
            hint = _one_object(endpoint) or hint
        raise InputError(text, hint=hint) from error


def _one_object(endpoint: Endpoint) -> str:
    """Return what to do where a source that is to be copied recursively is one object."""
    try:
        open_endpoint(endpoint).head(endpoint.prefix)
    except StoreError:
        return ""
    return "it is one object: leave out --recursive to copy it"


def _many_objects(endpoint: Endpoint) -> str:
    """Return what to do where a source that should be one object is only the beginning of the names of others."""
    try:
        one = next(open_endpoint(endpoint).list(as_folder(endpoint.prefix)), None)
    except StoreError:
        return ""
    return "there are objects below it: add --recursive to copy them" if one is not None else ""
