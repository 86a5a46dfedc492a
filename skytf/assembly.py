"""A fleet put together from a bundle and its transfer's directory: Terraform, what it makes, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skytf.bundle import Bundle
from skytf.clouds import environment_of
from skytf.deploy.cancel import Cancel
from skytf.errors import InputError
from skytf.fleet import Fleet, Plan
from skytf.home import TransferDir
from skytf.hooks import Hooks
from skytf.infrastructure import LOCK_FILE, Infrastructure, Owner, Pauses, Wanted
from skytf.model.copy import ApplyOptions
from skytf.runner.backend import OVERRIDE, Backend, kind_of, read_backend
from skytf.runner.engine import Engine
from skytf.runner.terraform import Terraform
from skytf.tally import Inquiries

# The first release of Terraform, and of OpenTofu, that locks a state in S3 by a file beside it.
_OLDEST_FOR_S3 = (1, 10)


@dataclass(frozen=True, slots=True)
class Setting:
    """
    What a transfer runs in; *stop_signal* says by which signal, if any, it is told to stop.

    *inquiries* have what was asked of its stores already, and count on.
    """

    directory: TransferDir
    home: Path
    engine: Engine
    env: Mapping[str, str]
    owner: str
    hooks: Hooks
    cancel: Cancel
    stop_signal: Callable[[], int]
    applying: ApplyOptions = field(default_factory=ApplyOptions)
    pauses: Pauses = field(default_factory=Pauses)
    inquiries: Inquiries = field(default_factory=Inquiries)


def fleet_of(bundle: Bundle, setting: Setting, tell: Callable[[str], None], *, old: bool = False) -> Fleet:
    """
    Return the fleet of *bundle*, not created yet, with its root module laid out in the transfer's directory.

    Args:
        bundle: What was reviewed.
        setting: Where and for whom.
        tell: Told of everything that Terraform must try again, in words for people.
        old: It is what an earlier run left: its state is where that run kept it.

    Raises:
        InputError: The state cannot be kept where it should be.
    """
    directory = setting.directory
    directory.lay_out(bundle.infra)
    if not old:
        _lay_out_backend(bundle, setting)
    clouds = sorted({region.cloud for region in bundle.topology.regions()})
    owner = Owner(directory.transfer_id, setting.owner, directory.started_s)
    terraform = Terraform(
        engine=setting.engine,
        workdir=directory.workdir,
        log_dir=directory.logs,
        env=setting.env,
        extra_env=environment_of(clouds, setting.home),
        on_message=setting.hooks.on_terraform,
        clouds=clouds,
        backend=kind_of(directory.workdir / OVERRIDE),
        on_silence=setting.hooks.on_warning,
    )
    infrastructure = Infrastructure(
        wanted=_wanted(bundle),
        owner=owner,
        terraform=terraform,
        workdir=directory.workdir,
        key_file=directory.keys / "ssh",
        tell=tell,
        cancel=setting.cancel,
        pauses=setting.pauses,
    )
    return Fleet(
        plan=Plan(bundle.manifest.request, bundle.topology, bundle.programs),
        infrastructure=infrastructure,
        owner=owner,
        applying=setting.applying,
        key_file=directory.keys / "ssh",
        hooks=setting.hooks,
        cancel=setting.cancel,
    )


def backend_of(applying: ApplyOptions, digest: str, env: Mapping[str, str], engine: Engine) -> Backend | None:
    """
    Return where *applying* wants the state of the bundle of *digest* to be kept, None for the transfer's directory.

    Raises:
        InputError: It cannot be kept there.
    """
    if not applying.backend:
        return None
    backend = read_backend(Path(applying.backend), digest, env)
    release = tuple(int(part) for part in engine.version.split(".")[:2])
    if backend.kind == "s3" and release < _OLDEST_FOR_S3:
        raise InputError(
            f"{engine.kind} {engine.version} cannot lock a state in S3",
            hint="take Terraform or OpenTofu 1.10 or newer, or another backend",
        )
    return backend


def _lay_out_backend(bundle: Bundle, setting: Setting) -> None:
    backend = backend_of(setting.applying, bundle.digest, setting.env, setting.engine)
    if backend is None:
        (setting.directory.workdir / OVERRIDE).unlink(missing_ok=True)
    else:
        setting.directory.write(f"work/{OVERRIDE}", backend.override())


def _wanted(bundle: Bundle) -> Wanted:
    return Wanted(
        regions=bundle.topology.regions(),
        gateways=tuple(one.gateway_id for one in bundle.topology.gateways),
        ttl_minutes=bundle.manifest.request.ttl_minutes,
        locked=LOCK_FILE in bundle.infra,
    )
