"""What Terraform makes for one transfer: planned as reviewed, applied, tried again where that helps, and removed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from skytf.attempts import Attempts, bounds_of
from skytf.clouds.faults import CAPACITY, PROPAGATION, faults_of, needs_somebody, retriable
from skytf.deploy.cancel import Cancel
from skytf.deploy.keys import make_ssh_key, write_private_key
from skytf.errors import Refused, TerraformError
from skytf.home import PLAN_FILE
from skytf.model.region import Region
from skytf.model.span import Span
from skytf.render.root import APPLY_TIME, PLACEHOLDERS, REVIEWED, apply_values
from skytf.runner.reviewed import check_rest_of_plan, check_same_actions, check_same_plan, normalise_plan
from skytf.runner.terraform import Terraform

LOCK_FILE = ".terraform.lock.hcl"
_REVIEW_PLAN_FILE = "review.tfplan"


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds to wait before each further attempt; as many attempts as there are numbers."""

    propagation_s: tuple[float, ...] = (10.0, 20.0, 40.0)
    destroy_s: tuple[float, ...] = (3.0, 12.0)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose fleet it is, as the tags say; ``started_s`` (Unix time) is when the transfer's first run began."""

    transfer_id: str
    name: str
    started_s: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What was reviewed of a fleet: its sites, gateways, time limit in minutes and root module.

    ``locked`` says that the root module has a lock file, so that its providers were reviewed too.
    """

    regions: tuple[Region, ...]
    gateways: tuple[str, ...]
    ttl_minutes: int
    locked: bool


class Infrastructure:
    """
    The VMs of one transfer and all that belongs to them.

    Args:
        wanted: What was reviewed.
        owner: For tags.
        terraform: In the transfer's working directory, where the root module lies.
        workdir: That directory.
        key_file: Where the private key goes that opens the VMs.
        tell: Told of everything that is tried again, in words for people.
        cancel: Ends `create` from another thread; `destroy` goes on regardless.
        pauses: Before what is tried again.

    Attributes:
        bootstrap: Gateway id → public host key that its VM was given.
        begun: Whether `create` has come to applying anything.
    """

    def __init__(
        self,
        *,
        wanted: Wanted,
        owner: Owner,
        terraform: Terraform,
        workdir: Path,
        key_file: Path,
        tell: Callable[[str], None],
        cancel: Cancel,
        pauses: Pauses | None = None,
    ) -> None:
        self._wanted = wanted
        self._owner = owner
        self._terraform = terraform
        self._workdir = workdir
        self._key_file = key_file
        self._tell = tell
        self._cancel = cancel
        self._pauses = pauses or Pauses()
        self._clouds = sorted({region.cloud for region in wanted.regions})
        self.begun = False
        # Wall clock: VMs are billed while this machine sleeps, too.
        self._began_s: float | None = None
        self._gone_s: float | None = None
        self.bootstrap: dict[str, str] = {}

    def create(self, reviewed_plan: bytes, operator_cidr: str) -> None:
        """
        Create the VMs, if Terraform plans what was reviewed.

        What is sold out is sought in the next zone or with the next type, within the reviewed bounds; what needs a
        role that is not known everywhere yet is applied again.

        Raises:
            Refused: With the bundle's own placeholders Terraform no longer plans *reviewed_plan*, or with the real
                values it would do something else; or the state holds the fleet of another transfer.
            TerraformError: Terraform failed.
        """
        stopping = self._terraform.stopping_when(self._cancel.is_set)
        with self._cancel.closing(self._terraform.interrupt), stopping:
            self._cancel.check("the fleet")
            self._terraform.init(locked=self._wanted.locked)
            attempts = Attempts(bounds_of(self._wanted.regions, (self._workdir / REVIEWED).read_bytes()))
            self._write_values(operator_cidr, attempts.made)
            self._clear_state()
            self._review(reviewed_plan)
            self._create(reviewed_plan, operator_cidr, attempts)

    def _create(self, reviewed_plan: bytes, operator_cidr: str, attempts: Attempts) -> None:
        pauses_s = list(self._pauses.propagation_s)
        check = check_same_actions
        while True:
            try:
                self._apply(reviewed_plan, check)
                return
            except TerraformError as error:
                self._cancel.check("the fleet")
                faults = faults_of(error.diagnostics, self._clouds)
                kind = retriable(faults)
                if kind == CAPACITY:
                    sold_out = [one.site for one in faults if one is not None and one.kind == CAPACITY]
                    self._tell(attempts.next(sold_out, error))
                    self._destroy(self._cancel)
                    self._write_values(operator_cidr, attempts.made)
                    check = check_same_actions
                elif kind == PROPAGATION and pauses_s:
                    pause_s = pauses_s.pop(0)
                    self._tell(f"the cloud does not know everywhere yet what was made: tried again in {pause_s:.0f} s")
                    self._cancel.wait(pause_s)
                    check = check_rest_of_plan
                else:
                    raise

    def _apply(self, reviewed_plan: bytes, check: Callable[[bytes, Mapping[str, Any]], None]) -> None:
        self._cancel.check("the fleet")
        plan_file = self._workdir / PLAN_FILE
        try:
            self._terraform.plan(out=plan_file)
            check(reviewed_plan, self._terraform.show_json(plan_file))
            self._cancel.check("the fleet")
            self.begun = True
            self._began_s = self._began_s or time.time()
            self._terraform.apply(plan_file)
        finally:
            plan_file.unlink(missing_ok=True)  # a plan holds its variables, bootstrap host keys among them

    def _review(self, reviewed_plan: bytes) -> None:
        """Plan as the reviewer's bundle was planned, and compare."""
        plan_file = self._workdir / _REVIEW_PLAN_FILE
        self._terraform.plan(out=plan_file, var_files=[self._workdir / PLACEHOLDERS])
        again = normalise_plan(self._terraform.show_json(plan_file), workdir=self._workdir)
        check_same_plan(reviewed_plan, again)

    def _write_values(self, operator_cidr: str, attempts: Mapping[str, int]) -> None:
        """Make this transfer's keys, and write the apply-time variables."""
        client = make_ssh_key()
        self._key_file.unlink(missing_ok=True)
        write_private_key(self._key_file, client)
        host_keys = {gateway: make_ssh_key() for gateway in self._wanted.gateways}
        self.bootstrap = {name: key.public for name, key in host_keys.items()}
        expires = datetime.now(UTC) + timedelta(minutes=self._wanted.ttl_minutes)
        content = apply_values(
            transfer_id=self._owner.transfer_id,
            owner=self._owner.name,
            expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            ssh_public_key=client.public,
            host_keys={name: key.private for name, key in host_keys.items()},
            operator_cidr=operator_cidr,
            attempts=attempts,
        )
        write_secret(self._workdir / APPLY_TIME, content)

    def gateways(self) -> dict[str, dict[str, Any]]:
        """Return gateway id → how to reach it, as the modules' outputs say."""
        made: dict[str, dict[str, Any]] = self._terraform.output()["gateways"]
        return made

    def destroy(self) -> None:
        """
        Remove everything that stands in the state, trying again where that may help; nothing where nothing was begun.

        Raises:
            TerraformError: Something is left; the diagnostics say what.
        """
        if self.begun and self._is_ours():
            self._destroy()
        self._gone_s = time.time()

    def stood_s(self) -> Span:
        """
        Return how long the fleet stood: from the start of the first ``terraform apply`` to the end of ``destroy``.

        Every VM is counted for all of it. Open-ended where Terraform could not remove all.
        """
        if self._began_s is None:
            return Span.exactly(0.0)
        if self._gone_s is None:
            return Span(round(max(time.time() - self._began_s, 0.0), 3))
        return Span.exactly(round(max(self._gone_s - self._began_s, 0.0), 3))

    def destroy_old(self) -> None:
        """Remove what an interrupted run left in the state; placeholders stand in for values that are gone."""
        self._terraform.init()
        values = self._workdir / APPLY_TIME
        if not values.exists():
            write_secret(values, (self._workdir / PLACEHOLDERS).read_bytes())
        if self._is_ours():
            self._destroy()

    def _destroy(self, stop: threading.Event | None = None) -> None:
        """Destroy, and again where that may help; *stop* ends the waiting. Not the transfer's Cancel at its end."""
        stop = stop or threading.Event()
        for pause_s in self._pauses.destroy_s:
            try:
                self._terraform.destroy()
                return
            except TerraformError as error:
                if stop.is_set() or needs_somebody(faults_of(error.diagnostics, self._clouds)):
                    raise
                self._tell(f"{error}; tried again in {pause_s:.0f} s")
                if stop.wait(pause_s):
                    raise
        self._terraform.destroy()

    def _clear_state(self) -> None:
        """Make sure that a state which others may write holds nothing: of this transfer it is removed first."""
        number, ours = self._held()
        if number and not ours:
            raise Refused(
                f"the state of this bundle in {self._terraform.backend} holds {number} resources of another transfer",
                hint="wait for that transfer or resume it where it was begun; if its fleet is gone (skytf reap), remove"
                " that state",
            )
        if number:
            self.begun = True  # what a stop or a failure leaves of it is for `destroy`
            self._destroy(self._cancel)

    def _is_ours(self) -> bool:
        """Return whether this transfer made what is in the state: a remote one may be another's, of the same bundle."""
        number, ours = self._held()
        return ours or not number

    def _held(self) -> tuple[int, bool]:
        """Return how many resources a remote state holds, and whether they are of this transfer, as their names say."""
        if not self._terraform.backend:
            return 0, True
        text = self._terraform.pull_state()
        resources = (json.loads(text).get("resources") if text else None) or ()
        return len([one for one in resources if one.get("mode") == "managed"]), self._owner.transfer_id in text


def write_secret(path: Path, content: bytes) -> None:
    """Write *content* to *path*, readable by us alone from the first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
