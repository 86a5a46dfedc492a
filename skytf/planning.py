"""From what a user asked for to a bundle that Terraform has planned."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skytf.bundle import Bundle, Manifest
from skytf.deploy.cancel import Cancel
from skytf.hooks import Hooks
from skytf.locate import locate
from skytf.model.copy import Copy, Options
from skytf.prepare import Watch, derive, surveyed, with_duration, with_plan, with_pool
from skytf.resolve import resolve
from skytf.runner.engine import Engine
from skytf.runner.terraform import Terraform


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan is made: *engine* finds Terraform, *check* raises where somebody wants to stop."""

    home: Path
    engine: Callable[[], Engine]
    env: Mapping[str, str]
    hooks: Hooks
    cancel: Cancel
    check: Callable[[], None]


def planned(copies: Sequence[Copy], options: Options, cwd: Path, place: Place) -> Bundle:
    """
    Survey the sources, plan a fleet and return the bundle. Creates nothing.

    Raises:
        InputError: An end cannot be used, or there is nothing to copy.
        NoTopology: Nothing meets the constraints.
        TerraformError: Terraform does not accept it, or there is none.
    """
    engine = place.engine()
    request = resolve(copies, options, cwd=cwd, locate=locate)
    place.hooks.on_phase("surveying", "the sources are listed")
    surveys = surveyed(request, Watch(place.hooks, place.check))
    request = with_pool(request, surveys)
    if options.max_duration_minutes is None:
        request = with_duration(request, surveys)
    place.hooks.on_phase("planning", "terraform plans the fleet")
    return _with_plan(derive(Manifest(request, surveys)), engine, place)


def _with_plan(bundle: Bundle, engine: Engine, place: Place) -> Bundle:
    with tempfile.TemporaryDirectory(prefix="skytf-plan-") as scratch:
        workdir = Path(scratch) / "work"
        workdir.mkdir()
        terraform = Terraform(
            engine=engine,
            workdir=workdir,
            log_dir=Path(scratch),
            env=place.env,
            on_message=place.hooks.on_terraform,
            clouds=sorted({region.cloud for region in bundle.topology.regions()}),
            on_silence=place.hooks.on_warning,
        )
        with place.cancel.closing(terraform.interrupt):
            try:
                return with_plan(bundle, terraform, workdir)
            finally:
                place.check()
