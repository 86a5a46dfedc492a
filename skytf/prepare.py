"""From request to bundle: topology, programs, Terraform, PLAN.md; and the same again, to check one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from skytf.bundle import INFRA, LOCK_FILE, Bundle, Manifest, compose
from skytf.cost import estimate
from skytf.difference import difference
from skytf.model import codec
from skytf.model.review import Page
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

# Where bundles are reviewed and applied; whoever works on another system runs `terraform providers lock` himself.
_PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")


def weighed(manifest: Manifest) -> Topology:
    """Return the topology of *manifest*, with how fast it should be and what it should cost. Pure."""
    request, figures = manifest.request, manifest.figures
    topology = plan(request)
    prediction = predict(request, manifest.survey, topology, figures)
    cost = estimate(request, manifest.survey, topology, figures, prediction)
    return replace(topology, prediction=prediction, cost=cost)


def derive(
    manifest: Manifest, plan_json: bytes | None = None, *, listings: Mapping[str, bytes] | None = None
) -> Bundle:
    """
    Return the bundle that follows from *manifest* and *plan_json*. Pure but for reading templates and modules.

    *listings* (job id → content) are those that the manifest pins, and go into the bundle as they are.

    Raises:
        Refused: *plan_json* is broken.
    """
    # What is read back from transfer.json must give the same: there a 10 that stands for a float is 10.0.
    manifest = codec.decode(codec.encode(manifest), Manifest)
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
        listings=listings,
    )


def page_of(manifest: Manifest, topology: Topology, plan_json: bytes | None) -> Page:
    """
    Return what a reviewer is shown.

    Raises:
        Refused: *plan_json* is broken.
    """
    facts = review(manifest.request, topology, plan_json)
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
    planned = normalise_plan(terraform.show_json(plan_file), workdir=workdir)
    return derive(bundle.manifest, planned, listings=bundle.listings)


def with_difference(bundle: Bundle, old: Bundle) -> Bundle:
    """
    Return *bundle* saying what became different since *old*.

    Raises:
        Refused: The plan.json of *old* is broken.
    """
    manifest = replace(bundle.manifest, against=difference(old, bundle))
    again = derive(manifest, bundle.plan_json, listings=bundle.listings)
    lock = bundle.files.get(LOCK_FILE)
    return again if lock is None else again.with_file(LOCK_FILE, lock)


def with_lock(bundle: Bundle, terraform: Terraform, workdir: Path) -> Bundle:
    """
    Return *bundle* with a lock file of its providers for Linux and macOS, made in *workdir* where it is laid out.

    Raises:
        TerraformError: Their registry cannot be reached.
    """
    terraform.providers_lock(_PLATFORMS)
    return bundle.with_file(LOCK_FILE, (workdir / LOCK_FILE.removeprefix(INFRA)).read_bytes())
