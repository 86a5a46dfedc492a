"""Prepare all hosts of a fleet at once: from addresses to daemons that answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.program import Program, encode, steps
from skytf.deploy import service
from skytf.deploy.cancel import Cancel
from skytf.deploy.connect import Host, connect
from skytf.deploy.install import Installed, SharedDisks, install, probe
from skytf.deploy.keys import Secrets
from skytf.deploy.session import Session
from skytf.deploy.tree import trees_for
from skytf.errors import HostError

_ROTATE = "skytf-rotate-host-key"


def _unheard(_gateway_id: str, _what: str) -> None:
    """Be told and do nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    A VM as Terraform made it, and what it shall run.

    ``host_key_public`` is the bootstrap key that cloud-init injected; when ``rotated``, the one that the
    VM made itself at an earlier deploy. ``listen_host`` and ``listen_port`` (0: any) are for the data connections.
    """

    host: Host
    key_file: Path
    host_key_public: str
    program: Program
    secrets: Secrets
    listen_host: str
    listen_port: int = 0
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """A gateway that runs. ``host_key_public`` is what a later session must trust; the session is the caller's."""

    gateway_id: str
    session: Session
    host_key_public: str
    installed: Installed
    control_port: int
    data_port: int


def deploy_fleet(
    targets: Sequence[Target],
    *,
    max_workers: int = 8,
    deadline_s: float = 300.0,
    cancel: Cancel | None = None,
    on_step: Callable[[str, str], None] = _unheard,
    on_host_key: Callable[[str, str], None] = _unheard,
) -> list[Deployed]:
    """
    Prepare every host and start its gateway; return them in the order of *targets*.

    At most *max_workers* hosts at a time. The first error stops the others, closes every session and is
    raised; a daemon that runs by then is left to the destruction of the fleet.

    Args:
        targets: The hosts.
        max_workers: Threads, one host each.
        deadline_s: How long a host may take until SSH answers.
        cancel: Ends everything from another thread.
        on_step: Called from the threads with gateway id and what is done now.
        on_host_key: Called from the threads with gateway id and the host key that its VM made, before anything secret
            is sent: who keeps it can come back after a crash.

    Raises:
        HostError: A host could not be prepared; the message names it.
        Cancelled: *cancel* was set.
    """
    inner = Cancel()
    deployment = _Deployment(inner, deadline_s, on_step, on_host_key)
    with (
        (cancel or Cancel()).closing(inner.set),
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


class _Deployment:
    """What the threads of one `deploy_fleet` share."""

    def __init__(
        self,
        cancel: Cancel,
        deadline_s: float,
        on_step: Callable[[str, str], None],
        on_host_key: Callable[[str, str], None],
    ) -> None:
        self._cancel = cancel
        self._deadline_s = deadline_s
        self._on_step = on_step
        self._on_host_key = on_host_key
        self._shared = SharedDisks()
        self._guard = threading.Lock()
        self._sessions: list[Session] = []

    def deploy(self, target: Target) -> Deployed:
        gateway_id = target.host.gateway_id
        self._cancel.check(gateway_id)
        self._on_step(gateway_id, "connecting")
        session, host_key = prepare_host(
            target.host,
            target.key_file,
            target.host_key_public,
            rotated=target.rotated,
            deadline_s=self._deadline_s,
            cancel=self._cancel,
            on_host_key=self._on_host_key,
        )
        with self._guard:
            self._sessions.append(session)
        with self._cancel.closing(session.close):
            try:
                return self._run_gateway(target, session, host_key)
            except HostError:
                # a session that we closed ourselves is not the host's failure
                self._cancel.check(gateway_id)
                raise

    def _run_gateway(self, target: Target, session: Session, host_key: str) -> Deployed:
        gateway_id = target.host.gateway_id
        self._on_step(gateway_id, "looking")
        facts = probe(session)
        listen = {"listen_host": target.listen_host, "listen_port": target.listen_port}
        installed = install(
            session,
            facts,
            target.secrets.transfer_id,
            trees=trees_for(_schemes(target.program), facts.platform),
            files={"program.json": encode(target.program), "daemon.json": msgspec.json.encode(listen)},
            shared=self._shared,
            cancel=self._cancel,
            on_step=lambda step: self._on_step(gateway_id, step),
        )
        self._on_step(gateway_id, "starting")
        started = service.start(session, installed, target.secrets)
        self._on_step(gateway_id, "ready")
        return Deployed(gateway_id, session, host_key, installed, started.control_port, started.data_port)

    def close(self) -> None:
        with self._guard:
            for session in self._sessions:
                session.close()


def _schemes(program: Program) -> set[str]:
    """Return the kinds of stores that the steps of *program* work with."""
    stores = (step.params.get("store") for group in program.groups for step in steps(group.head))
    return {str(store["scheme"]) for store in stores if store}


def prepare_host(
    host: Host,
    key_file: Path,
    host_key_public: str,
    *,
    rotated: bool = False,
    deadline_s: float = 300.0,
    cancel: Cancel | None = None,
    on_host_key: Callable[[str, str], None] = _unheard,
) -> tuple[Session, str]:
    """
    Return a session that secrets may travel through, and the host key it rests on.

    The bootstrap host key passed through user data and state, where others may read it. So the first session does one
    thing: it lets the VM make a host key that never leaves it. Everything else uses a second session that trusts only
    that key.

    Raises:
        HostError: See `connect`; or the VM could not change its key.
    """
    bootstrap = connect(host, key_file, host_key_public, deadline_s=deadline_s, cancel=cancel)
    if rotated:
        return bootstrap, host_key_public
    try:
        said = bootstrap.run([_ROTATE]).stdout.strip().splitlines()
    finally:
        bootstrap.close()
    if not said or not said[-1].startswith("ssh-") or said[-1].split()[:2] == host_key_public.split()[:2]:
        raise HostError(f"{host} did not make a host key of its own", hint=f"{_ROTATE} printed {said[-1:]}")
    on_host_key(host.gateway_id, said[-1])
    return connect(host, key_file, said[-1], deadline_s=deadline_s, cancel=cancel), said[-1]
