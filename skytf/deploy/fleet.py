"""Prepare all hosts of a fleet at once: from addresses to daemons that answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from gateway.program import Program, encode, steps
from skytf.deploy import service
from skytf.deploy.cancel import Cancel
from skytf.deploy.connect import Host
from skytf.deploy.fanout import WORTH_FETCHING_BYTES, FanOut
from skytf.deploy.index import Index
from skytf.deploy.install import Installed, SharedDisks, install, probe
from skytf.deploy.keys import Secrets
from skytf.deploy.prepare import prepare_host, unheard
from skytf.deploy.session import Session
from skytf.deploy.shipping import Errand, TreeSource, push
from skytf.deploy.timing import Stopwatch
from skytf.deploy.tree import trees_for
from skytf.errors import HostError
from skytf.model.site import DATA_PORTS


@dataclass(frozen=True, slots=True)
class Target:
    """
    A VM as Terraform made it, and what it shall run.

    ``host_key_public`` is the bootstrap key that cloud-init injected; when ``rotated``, the one that the
    VM made itself at an earlier deploy. ``listen_host`` and ``listen_port`` (0: any) are for the data connections.
    Hosts of one ``site`` reach each other at their ``listen_host``; without one a host has no neighbours. A ``direct``
    one is reached without the fleet's proxy.
    """

    host: Host
    key_file: Path
    host_key_public: str
    program: Program
    secrets: Secrets
    listen_host: str
    listen_port: int = 0
    rotated: bool = False
    site: str = ""
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """
    A gateway that runs. ``host_key_public`` is what a later session must trust; the session is the caller's.

    ``steps_s`` are the seconds of each step (`skytf.deploy.timing.STEPS`).
    """

    gateway_id: str
    session: Session
    host_key_public: str
    installed: Installed
    control_port: int
    data_port: int
    steps_s: Mapping[str, float] = field(default_factory=dict)


def deploy_fleet(
    targets: Sequence[Target],
    *,
    max_workers: int = 16,
    deadline_s: float = 300.0,
    tree_source: TreeSource = "auto",
    data_ports: tuple[int, int] = DATA_PORTS,
    proxy: str = "",
    cancel: Cancel | None = None,
    on_step: Callable[[str, str], None] = unheard,
    on_host_key: Callable[[str, str], None] = unheard,
) -> list[Deployed]:
    """
    Prepare every host and start its gateway; return them in the order of *targets*.

    At most *max_workers* hosts at a time. The first error stops the others, closes every session and is
    raised; a daemon that runs by then is left to the destruction of the fleet.

    Args:
        targets: The hosts.
        max_workers: Threads, one host each.
        deadline_s: How long a host may take until SSH answers, and until it has booted.
        tree_source: How trees come onto hosts. ``push``: over SSH, to each. ``fan-out``: to one host of each site, from
            which the others fetch them. ``index``: packages from the package index, our own code over SSH. ``auto``:
            fan out what is large. A host that cannot fetch a tree gets it over SSH. Hosts with one disk share it.
        data_ports: First and last port on which hosts of a site may serve each other.
        proxy: The way to the hosts, see `skytf.deploy.proxy`.
        cancel: Ends everything from another thread.
        on_step: Called from the threads with gateway id and what is done now.
        on_host_key: Called from the threads with gateway id and the host key that its VM made, before anything secret
            is sent: who keeps it can come back after a crash.

    Raises:
        HostError: A host could not be prepared; the message names it.
        Cancelled: *cancel* was set.
    """
    inner = Cancel()
    smallest_bytes = 0 if tree_source == "fan-out" else WORTH_FETCHING_BYTES
    fan_out = FanOut(
        Counter(target.site for target in targets), data_ports, smallest_bytes=smallest_bytes, cancel=inner
    )
    enter = partial(
        prepare_host, deadline_s=deadline_s, proxy=proxy, cancel=inner, on_step=on_step, on_host_key=on_host_key
    )
    deployment = _Deployment(inner, enter, _ways(tree_source, fan_out), on_step)
    with (
        (cancel or Cancel()).closing(inner.set),
        closing(fan_out),
        ThreadPoolExecutor(max_workers, thread_name_prefix="deploy") as pool,
    ):
        try:
            futures = [pool.submit(deployment.deploy, target) for target in targets]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            inner.set()
            deployment.close()
            raise
    return [future.result() for future in futures]


def _ways(tree_source: TreeSource, fan_out: FanOut) -> Callable[[Target], Callable[[Errand], None]]:
    """Return how a target gets its trees."""
    if tree_source == "push":
        return lambda _target: push
    if tree_source == "index":
        index = Index()
        return lambda _target: index.bring
    return lambda target: fan_out.at(target.site, target.listen_host)


class _Deployment:
    """What the threads of one `deploy_fleet` share."""

    def __init__(
        self,
        cancel: Cancel,
        enter: Callable[..., tuple[Session, str]],
        way: Callable[[Target], Callable[[Errand], None]],
        on_step: Callable[[str, str], None],
    ) -> None:
        self._cancel = cancel
        self._enter = enter
        self._way = way
        self._on_step = on_step
        self._shared = SharedDisks()
        self._guard = threading.Lock()
        self._sessions: list[Session] = []

    def deploy(self, target: Target) -> Deployed:
        gateway_id = target.host.gateway_id
        self._cancel.check(gateway_id)
        watch = Stopwatch()
        way = {"proxy": ""} if target.direct else {}
        session, host_key = self._enter(
            target.host, target.key_file, target.host_key_public, rotated=target.rotated, watch=watch, **way
        )
        with self._guard:
            self._sessions.append(session)
        with self._cancel.closing(session.close):
            try:
                return self._run_gateway(target, session, host_key, watch)
            except HostError:
                # a session that we closed ourselves is not the host's failure
                self._cancel.check(gateway_id)
                raise

    def _run_gateway(self, target: Target, session: Session, host_key: str, watch: Stopwatch) -> Deployed:
        gateway_id = target.host.gateway_id
        with watch.step("trees"):
            installed = self._install(target, session)
        self._on_step(gateway_id, "starting")
        with watch.step("starting"):
            started = service.start(session, installed, target.secrets)
        self._on_step(gateway_id, "ready")
        return Deployed(
            gateway_id, session, host_key, installed, started.control_port, started.data_port, watch.seconds()
        )

    def _install(self, target: Target, session: Session) -> Installed:
        gateway_id = target.host.gateway_id
        self._on_step(gateway_id, "looking")
        facts = probe(session)
        listen = {"listen_host": target.listen_host, "listen_port": target.listen_port}
        return install(
            session,
            facts,
            target.secrets.transfer_id,
            trees=trees_for(_extras(target), facts.platform),
            files={"program.json": encode(target.program), "daemon.json": msgspec.json.encode(listen)},
            shared=self._shared,
            cancel=self._cancel,
            on_step=lambda step: self._on_step(gateway_id, step),
            bring=self._way(target),
        )

    def close(self) -> None:
        with self._guard:
            for session in self._sessions:
                session.close()


def _extras(target: Target) -> set[str]:
    """Return what the gateway works with beside the core: kinds of stores, and a codec unless it only forwards."""
    stores = (step.params.get("store") for group in target.program.groups for step in steps(group.head))
    codecs = {target.program.settings.compression} if target.secrets.payload_key else set()
    return codecs | {str(store["scheme"]) for store in stores if store}
