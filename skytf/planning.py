"""From what a user asked for to a bundle: online one that Terraform has planned, offline one that it has checked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from skytf import locate
from skytf.bundle import Bundle, Manifest
from skytf.catalog.tables import load
from skytf.clouds import environment_of, open_cloud
from skytf.clouds.sheet import sheet
from skytf.deploy.cancel import Cancel
from skytf.errors import EngineMissing, InputError, TerraformError
from skytf.exactly import module_digests
from skytf.figures import figures
from skytf.hooks import Hooks
from skytf.model.copy import Copy, Options
from skytf.model.job import Job, Request
from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.predict import predict
from skytf.prepare import derive, lay_out, with_lock, with_plan
from skytf.quota import read_quota
from skytf.render.root import root_module
from skytf.resolve import resolve
from skytf.runner.complaints import lacks_provider
from skytf.runner.engine import Engine
from skytf.runner.terraform import Terraform
from skytf.sites import missing_facts, regions_of
from skytf.sizing import with_duration, with_pool
from skytf.sources import Watch, surveyed
from skytf.tally import Inquiries

# Who waits for a plan without a network wants to hear of it; what is downloaded may take its time.
_REGISTRY = {"TF_REGISTRY_CLIENT_TIMEOUT": "10", "TF_REGISTRY_DISCOVERY_RETRY": "0"}
_OFFLINE_INIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a plan is made: *engine* finds Terraform, *check* raises where somebody wants to stop.

    *inquiries* count what is asked of the stores.
    """

    home: Path
    engine: Callable[[], Engine]
    env: Mapping[str, str]
    hooks: Hooks
    cancel: Cancel
    check: Callable[[], None]
    inquiries: Inquiries = field(default_factory=Inquiries)


def planned(copies: Sequence[Copy], options: Options, cwd: Path, place: Place, *, lock: bool = False) -> Bundle:
    """
    Survey the sources, plan a fleet and return the bundle. Creates nothing.

    Args:
        copies: What to copy where.
        options: How.
        cwd: What relative paths are relative to.
        place: Where it is planned.
        lock: Write down which providers were taken, for whoever applies the bundle elsewhere; needs their registry.

    Raises:
        InputError: An end cannot be used, there is nothing to copy, or a fact of an account is not known.
        NoTopology: Nothing meets the constraints, or an account may not start as many gateways.
        TerraformError: Terraform does not accept it, or there is none.
    """
    options = replace(options, catalogs=tuple(str(cwd / one) for one in options.catalogs))
    load(options.catalogs)  # a wrong row of the user's is told before a source is listed
    if options.offline:
        return _planned_offline(copies, options, cwd, place, lock=lock)
    _check_not_assumed(options)
    engine = place.engine()
    request = with_facts(resolve(copies, options, cwd=cwd, locate=locate.online), place.home)
    place.hooks.on_phase("surveying", "the sources are listed")
    surveys, listings = surveyed(request, Watch(place.hooks, place.check, place.inquiries))
    manifest = _weighed(with_pool(request, surveys), surveys, options)
    place.hooks.on_phase("planning", "terraform plans the fleet")
    quota = read_quota(manifest.request, plan(manifest.request), place.home, place.check, place.hooks.on_warning)
    bundle = derive(replace(manifest, quota=quota), listings=listings)
    with _laid_out(bundle, engine, place, environment_of(_clouds(bundle), place.home)) as (terraform, workdir):
        bundle = with_plan(bundle, terraform, workdir)
        return _locked(bundle, engine, place, workdir) if lock else bundle


def with_facts(request: Request, home: Path) -> Request:
    """
    Return *request* with the facts that it lacks, as the accounts say them.

    Raises:
        InputError: One of them cannot be looked up; the hint is the command that prints it.
        SkytfError: A cloud could not be asked.
    """
    missing = missing_facts(request, regions_of(request))
    found = list(request.facts)
    for cloud in sorted({one.cloud for one in missing}):
        wanted = [one for one in missing if one.cloud == cloud]
        adapter = open_cloud(cloud, home)
        values = {} if adapter is None else adapter.facts([one.name for one in wanted])
        for one in wanted:
            if one.name not in values:
                raise InputError(
                    f"{sheet(cloud).title}: {one.name} is not known",
                    hint=f"this prints it: {one.find}; name it with --fact {cloud}.{one.name}=VALUE",
                )
            found.append((cloud, one.name, values[one.name]))
    return replace(request, facts=tuple(sorted(found)))


def _planned_offline(copies: Sequence[Copy], options: Options, cwd: Path, place: Place, *, lock: bool) -> Bundle:
    """Plan without a call to any cloud or store; Terraform checks the root module where its providers can be had."""
    request = resolve(copies, options, cwd=cwd, locate=locate.offline)
    if (options.assume_objects or 1) > 1 and not any(job.recursive for job in request.jobs):
        raise InputError("without --recursive one object is copied, not several", hint="add --recursive")
    surveys = tuple(_assumed(job, options) for job in request.jobs)
    bundle = derive(_weighed(request, surveys, options))
    try:
        engine = place.engine()
    except EngineMissing as error:
        place.hooks.on_warning(f"the root module was not validated: {error}")
        return bundle
    place.hooks.on_phase("planning", "terraform checks the root module")
    with _laid_out(bundle, engine, place, _REGISTRY) as (terraform, workdir):
        try:
            terraform.init(timeout_s=_OFFLINE_INIT_S)
        except TerraformError as error:
            if error.diagnostics and not lacks_provider(error.diagnostics):
                raise
            lockless = ", and the bundle has no .terraform.lock.hcl" if lock else ""
            place.hooks.on_warning(f"the root module was not validated{lockless}: {error.hint or error}")
            return bundle
        terraform.validate()
        return _locked(bundle, engine, place, workdir) if lock else bundle


def _weighed(request: Request, surveys: tuple[JobSurvey, ...], options: Options) -> Manifest:
    """Return the manifest with the figures of the catalog, and the time limit that follows from them."""
    topology = plan(request)
    found = figures(request, topology, load(options.catalogs))
    if options.max_duration_minutes is None:
        request = with_duration(request, surveys, predict(request, surveys, topology, found))
    return Manifest(request, surveys, found, modules=module_digests(root_module(topology, request)))


def _assumed(job: Job, options: Options) -> JobSurvey:
    """Return what the user says is at the source; how large the largest object is, nobody knows."""
    if options.assume_bytes is None or (job.recursive and options.assume_objects is None):
        raise InputError(
            f"offline nothing says how much {job.source.url} holds",
            hint="say it: --assume-bytes 200TB --assume-objects 1000000",
        )
    objects = options.assume_objects if job.recursive and options.assume_objects is not None else 1
    if options.assume_bytes < 0 or objects < 1:
        raise InputError("nothing to copy is assumed", hint="--assume-bytes 0 or more, --assume-objects 1 or more")
    largest = 0 if job.recursive else options.assume_bytes
    return JobSurvey(job.job_id, objects, options.assume_bytes, largest, assumed=True)


def _check_not_assumed(options: Options) -> None:
    if options.assume_bytes is not None or options.assume_objects is not None:
        raise InputError("online the source is listed, and nothing is assumed", hint="add --offline, or leave it out")


@contextmanager
def _laid_out(
    bundle: Bundle, engine: Engine, place: Place, extra_env: Mapping[str, str]
) -> Iterator[tuple[Terraform, Path]]:
    """Put the root module of *bundle* into a directory that goes with the context; yield its Terraform and where."""
    with tempfile.TemporaryDirectory(prefix="skytf-plan-") as scratch:
        workdir = Path(scratch) / "work"
        lay_out(bundle, workdir)
        terraform = _terraform(bundle, engine, place, workdir, extra_env)
        with place.cancel.closing(terraform.interrupt), terraform.stopping_when(place.cancel.is_set):
            try:
                yield terraform, workdir
            finally:
                place.check()


def _terraform(bundle: Bundle, engine: Engine, place: Place, workdir: Path, extra_env: Mapping[str, str]) -> Terraform:
    return Terraform(
        engine=engine,
        workdir=workdir,
        log_dir=workdir.parent,
        env=place.env,
        extra_env=extra_env,
        on_message=place.hooks.on_terraform,
        clouds=_clouds(bundle),
        on_silence=place.hooks.on_warning,
    )


def _locked(bundle: Bundle, engine: Engine, place: Place, workdir: Path) -> Bundle:
    """Return *bundle* with a lock file; without where its root module has no providers, or the registry is far."""
    if all(sheet(cloud).provider is None for cloud in _clouds(bundle)):
        return bundle
    terraform = _terraform(bundle, engine, place, workdir, _REGISTRY)
    with place.cancel.closing(terraform.interrupt), terraform.stopping_when(place.cancel.is_set):
        try:
            return with_lock(bundle, terraform, workdir)
        except TerraformError as error:
            place.check()
            place.hooks.on_warning(
                f"the bundle has no .terraform.lock.hcl, because the providers' registry cannot be reached: {error};"
                " whoever applies it takes the newest providers that its versions.tf allows"
            )
            return bundle


def _clouds(bundle: Bundle) -> list[str]:
    return sorted({region.cloud for region in bundle.topology.regions()})
