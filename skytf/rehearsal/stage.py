"""From a reviewed bundle to the one that is played: local sites, no stores, shaped links, less to move. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.chunk import DEFAULT_CHUNK_BYTES
from gateway.program import Program, Step
from gateway.stores.base import StoreSpec
from gateway.units import format_bytes
from skytf.bundle import Bundle, Manifest, compose
from skytf.errors import InputError
from skytf.generated import DISCARDED, GENERATED
from skytf.model.job import Endpoint, Job, Request
from skytf.model.prediction import Prediction
from skytf.model.region import Region
from skytf.model.rehearsal import Rehearsing
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology
from skytf.planner import plan
from skytf.planner.base import LOCAL_CLOUD
from skytf.predict import predict
from skytf.programs import programs
from skytf.rehearsal.pace import pace, scale_for, scaled, settings_for
from skytf.rehearsal.volume import MOST_OBJECTS, capped
from skytf.render.root import root_module

# Each gateway is a process, and each link of two gateways another: 4 a site are 16 links between two sites.
MOST_PER_SITE = 4
MOST_BYTES = 1 << 30
# A gateway takes 22 objects ahead (16 open, 6 in shards): with fewer the first ones would have all, and the others
# nothing to read. Many more would be so small that those that are open do not fill the links: those have buffers.
OBJECTS_PER_GATEWAY = 24
_USUAL_S = 20.0
_LARGE_PIECE = DEFAULT_CHUNK_BYTES
_AS_GOOD = 0.99
_LEAST_MINUTES, _MOST_MINUTES = 60, 24 * 60
_LATE = 3
_READS = frozenset({"read_object_store", "read_local", "gen_data"})
_WRITES = frozenset({"write_object_store", "write_local", "discard"})
_OF_A_SINK = ("destination", "prefix", "recursive")
_NO_PREDICTION = "nobody knows how fast this plan should be: what is measured says how it was played, and no more"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """
    What is played of a plan.

    Attributes:
        bundle: What this machine runs; no ``plan.json`` yet.
        whole: What was predicted of the plan itself.
        whole_bytes: What the plan moves: the bytes of all objects, once for each destination.
        part: What the same rules predict of this rehearsal, by the names of the plan's own sites.
        scale: The share of the predicted rates at which it is played.
        is_part: Whether less is moved than the plan moves.
        plays_limit: Whether that which limits the plan is played: links and sites are, stores are not.
        notes: What is not as in the plan, in words.
    """

    bundle: Bundle
    whole: Prediction
    whole_bytes: int
    part: Prediction
    scale: float
    is_part: bool
    plays_limit: bool
    notes: tuple[str, ...]


def staged(given: Bundle, options: Rehearsing) -> Rehearsal:
    """
    Return the rehearsal of *given*, which is intact.

    Raises:
        InputError: *options* leave nothing to play.
    """
    if options.rate_mbps <= 0 or (options.size_bytes is not None and options.size_bytes < 1):
        raise InputError("a rehearsal of nothing shows nothing", hint="give --rehearse-rate and --rehearse-bytes room")
    manifest = given.manifest
    request, notes = _few(manifest.request, given.topology)
    topology = plan(request)
    whole = given.topology.prediction or predict(manifest.request, manifest.survey, given.topology, manifest.figures)
    network = _on_network(manifest, manifest.survey, given.topology)
    scale = scale_for(network, options.rate_mbps)
    played = pace(scale, topology, given.topology, network, manifest)
    volume = capped(manifest.survey, _share(manifest, network, scale, options), _enough(request, topology))
    part = _on_network(scaled(manifest, scale), volume.surveys, given.topology)
    settings = settings_for(request.settings, topology, volume.bytes)
    if settings != request.settings:
        notes.append(
            f"objects are cut into pieces of {format_bytes(settings.chunk_bytes)}, so that every connection has some"
        )
    plays_limit = (whole.goodput_gbps.likely or 0.0) > _AS_GOOD * (network.goodput_gbps.likely or 0.0)
    if whole.goodput_gbps.likely is None:
        notes.append(_NO_PREDICTION)
    elif not plays_limit:
        notes.append(f"the plan is limited by {whole.bottleneck}, which is not played: a rehearsal asks no store")
    request = replace(request, settings=settings, shapes=played.shapes, ttl_minutes=_ttl_minutes(part))
    return Rehearsal(
        bundle=_composed(Manifest(_here(request), volume.surveys), _moved(topology), _programs(topology, request)),
        whole=whole,
        whole_bytes=_delivered(manifest),
        part=part,
        scale=scale,
        plays_limit=plays_limit,
        is_part=volume.bytes < sum(one.bytes for one in manifest.survey),
        notes=(*notes, *volume.notes, *played.notes),
    )


def _on_network(manifest: Manifest, surveys: tuple[JobSurvey, ...], topology: Topology) -> Prediction:
    """Return what links and sites alone would let pass: in a few large pieces, which cost the stores few requests."""
    bulk = tuple(replace(one, objects=1, largest_bytes=one.bytes, sizes=()) for one in surveys)
    request = replace(manifest.request, settings=replace(manifest.request.settings, chunk_bytes=_LARGE_PIECE))
    return predict(request, bulk, topology, manifest.figures)


def here(region: Region) -> Region:
    """Return the local site that plays *region*; no two regions have the same one."""
    return Region(LOCAL_CLOUD, region.slug)


def _few(request: Request, topology: Topology) -> tuple[Request, list[str]]:
    most = max(len(topology.at(region)) for region in topology.regions())
    if most <= MOST_PER_SITE:
        return request, []
    text = f"{MOST_PER_SITE} of {most} gateways a site are played, which share the rates of all"
    return replace(request, instances=MOST_PER_SITE), [text]


def _share(manifest: Manifest, whole: Prediction, scale: float, options: Rehearsing) -> float:
    """Return which share of the volume is played, more than 0 and at most 1."""
    size_bytes = sum(one.bytes for one in manifest.survey)
    objects = sum(one.objects for one in manifest.survey)
    limits = [1.0, MOST_OBJECTS / max(objects, 1), (options.size_bytes or MOST_BYTES) / max(size_bytes, 1)]
    if options.size_bytes is None and whole.transfer_s.likely:
        limits.append(_USUAL_S * scale / whole.transfer_s.likely)
    return min(limits)


def _enough(request: Request, topology: Topology) -> dict[str, int]:
    """Return job id → how many objects of equal size keep all of its source gateways busy until near the end."""
    return {job.job_id: OBJECTS_PER_GATEWAY * len(topology.at(job.source.region)) for job in request.jobs}


def _delivered(manifest: Manifest) -> int:
    surveys = {one.job_id: one for one in manifest.survey}
    return sum(surveys[job.job_id].bytes * len(job.destinations) for job in manifest.request.jobs)


def _ttl_minutes(part: Prediction) -> int:
    """Return the time limit of the local VMs."""
    late_s = _LATE * (part.transfer_s.likely or 0.0)
    return min(_LEAST_MINUTES + math.ceil(late_s / 60), _MOST_MINUTES)


def _here(request: Request) -> Request:
    """Return *request* with every site on this machine and no store; nothing of an account is left in it."""
    return replace(
        request,
        jobs=tuple(_job(job) for job in request.jobs),
        via=here(request.via) if request.via else None,
        shapes=tuple(replace(one, source=here(one.source), target=here(one.target)) for one in request.shapes),
        source_drift="report",
        site_options=(),
        facts=(),
        spot=False,
        private_addresses=False,
        tags=(),
    )


def _job(job: Job) -> Job:
    return replace(
        job,
        source=_end(job.source, GENERATED),
        destinations=tuple(_end(one, DISCARDED) for one in job.destinations),
    )


def _end(end: Endpoint, scheme: str) -> Endpoint:
    """Return an end that no adapter opens, in the place of *end*."""
    return Endpoint(
        url=f"{scheme}://{end.store.bucket}/{end.prefix}",
        store=StoreSpec(scheme, end.store.bucket),
        prefix=end.prefix,
        region=here(end.region),
    )


def _moved(topology: Topology) -> Topology:
    return replace(
        topology,
        gateways=tuple(replace(one, region=here(one.region)) for one in topology.gateways),
        routes=tuple(replace(one, regions=tuple(here(region) for region in one.regions)) for one in topology.routes),
        prediction=None,
        cost=None,
    )


def _programs(topology: Topology, request: Request) -> dict[str, Program]:
    """Return the programs of the plan, in which nothing but the operators of stores is another."""
    return {name: _storeless(program) for name, program in programs(topology, request).items()}


def _storeless(program: Program) -> Program:
    return replace(program, groups=tuple(replace(group, head=_without_store(group.head)) for group in program.groups))


def _without_store(step: Step) -> Step:
    children = tuple(_without_store(child) for child in step.children)
    if step.op in _READS:
        return Step("gen_data", {}, step.destinations, children)
    if step.op in _WRITES:
        return Step("discard", {name: step.params[name] for name in _OF_A_SINK}, step.destinations)
    return replace(step, children=children)


def _composed(manifest: Manifest, topology: Topology, made: Mapping[str, Program]) -> Bundle:
    page = b"A rehearsal: played on this machine alone, with made-up objects that nobody keeps.\n"
    return compose(
        manifest=manifest,
        topology=topology,
        programs=made,
        infra=root_module(topology, manifest.request),
        plan_md=page,
        plan_html=page,
    )
