"""
Where transfers keep what they know: ``$SKYTF_HOME`` or the XDG state directory.

::

    <home>/locks/<bundle digest>       held by the client that applies the bundle
    <home>/transfers/<id>/             0700
        request.json status.json       written before anything else is done
        lock                           held by the client that works on the transfer
        work/                          Terraform's working directory: the root module, state, apply-time values (0600)
        keys/ journal.jsonl logs/
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
import psutil

from skytf.errors import InputError, Refused
from skytf.model import codec

PHASES = ("surveying", "planned", "applying", "deploying", "transferring", "verifying", "destroying", "done")
# The plan that is applied: it holds the apply-time values, secret ones too.
PLAN_FILE = "apply.tfplan"
_LAST_STATE = "terraform.tfstate.backup"
_DIRECTORY_MODE = 0o700
_SECRET_MODE = 0o600
_ELSEWHERE = "set SKYTF_HOME to a directory that you may write"
# The PATH of a local VM has directories of the home in it, and its facts are read line by line as UTF-8.
_UNUSABLE = re.compile(r"[:\x00-\x1f\x7f\ud800-\udfff]")
_UNUSABLE_WHY = "its path has a colon, a control character or bytes that are not UTF-8"
# psutil derives a start time from the boot time, which moves when the clock is set; pids do not come round as fast.
_START_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Status:
    """
    Where a transfer stands.

    ``outcome`` is empty until ``phase`` is ``done``; then it is that of the report. ``pid`` and ``client_started_s``
    (seconds since the epoch) name the client that works on it; ``bundle_digest`` is empty before the bundle is made.
    """

    transfer_id: str
    phase: str
    owner: str
    pid: int
    client_started_s: float
    outcome: str = ""
    bundle_digest: str = ""


@dataclass(frozen=True, slots=True)
class TransferDir:
    """The paths of one transfer, and how its files are written."""

    root: Path

    @property
    def transfer_id(self) -> str:
        """The name of the directory."""
        return self.root.name

    @property
    def started_s(self) -> float:
        """When the transfer was first begun, in seconds since the epoch: its id says so, to the second."""
        return datetime.strptime(self.root.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()

    @property
    def workdir(self) -> Path:
        """Terraform's working directory: a copy of ``infra/``, the local state and the apply-time values."""
        return self.root / "work"

    @property
    def keys(self) -> Path:
        """Keys made for this transfer."""
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        """What Terraform, the gateways and the client said."""
        return self.root / "logs"

    @property
    def journal(self) -> Path:
        """Receipts; what `resume` reads."""
        return self.root / "journal.jsonl"

    @property
    def request(self) -> Path:
        """What was asked for, written before the survey begins."""
        return self.root / "request.json"

    def write(self, name: str, content: bytes) -> Path:
        """Write the file *name* (``work/x.tf`` too) in one step, 0600, and return its path; safe against power loss."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _SECRET_MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        return path

    def lay_out(self, infra: Mapping[str, bytes]) -> None:
        """Write the root module to the working directory; state and apply-time values that are there stay."""
        for name, content in infra.items():
            self.write(f"work/{name}", content)

    def forget_secrets(self) -> None:
        """
        Remove this transfer's keys, apply-time values and plan; harmless when done before.

        Terraform's copy of the last state goes too: the user data in it names the bootstrap host keys.
        """
        values = self.workdir.glob("*.auto.tfvars.json")
        for path in (*self.keys.glob("*"), *values, self.workdir / PLAN_FILE, self.workdir / _LAST_STATE):
            path.unlink(missing_ok=True)

    def enter(self, phase: str, *, owner: str, outcome: str = "", bundle_digest: str = "") -> None:
        """Write that this process works on the transfer, and how far it is."""
        pid, started_s = this_client()
        self.set_status(Status(self.transfer_id, phase, owner, pid, started_s, outcome, bundle_digest))

    def set_status(self, status: Status) -> None:
        """Write where the transfer stands."""
        self.write("status.json", codec.encode(status))

    def status(self) -> Status:
        """
        Return where the transfer stands.

        Raises:
            InputError: It does not say so, or not in a way this version understands.
        """
        try:
            return codec.decode((self.root / "status.json").read_bytes(), Status)
        except (OSError, ValueError) as error:
            raise InputError(
                f"transfer {self.transfer_id} does not say where it stands: {error}",
                hint=f"look into {self.root}; skytf reap removes what a lost transfer left",
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Hold the transfer for one client; a client that dies lets go.

        Raises:
            Refused: Another client works on it.
        """
        with _flock(self.root / "lock", f"another skytf works on transfer {self.transfer_id}"):
            yield


@dataclass(frozen=True, slots=True)
class Home:
    """All transfers of one user on this machine."""

    root: Path

    @classmethod
    def find(cls, env: Mapping[str, str]) -> Home:
        """Return the home that *env* names (``SKYTF_HOME``), else the one in the XDG state directory."""
        named = env.get("SKYTF_HOME", "")
        return cls(Path(named).expanduser().absolute() if named else platformdirs.user_state_path("skytf"))

    def create(self, transfer_id: str) -> TransferDir:
        """
        Make the directory of a new transfer.

        Raises:
            InputError: The home cannot be written, or there is such a transfer.
        """
        transfer = TransferDir(self._private_directory("transfers") / transfer_id)
        try:
            for path in (transfer.root, transfer.workdir, transfer.keys, transfer.logs):
                path.mkdir(mode=_DIRECTORY_MODE)
        except OSError as error:
            raise InputError(
                f"the transfer cannot be kept in {transfer.root}: {error.strerror or error}", hint=_ELSEWHERE
            ) from error
        return transfer

    def transfer(self, transfer_id: str) -> TransferDir:
        """
        Return the directory of a transfer.

        Raises:
            InputError: There is none with this id.
        """
        found = TransferDir(self.root / "transfers" / transfer_id)
        # Ids come from command lines: none of them may lead out of the home.
        if found.root.parent != self.root / "transfers" or transfer_id in ("", ".", "..") or not found.root.is_dir():
            raise InputError(f"there is no transfer {transfer_id!r} in {self.root}", hint="skytf transfers lists them")
        return found

    def transfers(self) -> list[TransferDir]:
        """Return the transfers, newest first."""
        parent = self.root / "transfers"
        names = (
            sorted((path.name for path in parent.iterdir() if path.is_dir()), reverse=True) if parent.is_dir() else []
        )
        return [TransferDir(parent / name) for name in names]

    @contextmanager
    def bundle_locked(self, digest: str) -> Iterator[None]:
        """
        Hold a bundle, so that it is applied once at a time; a client that dies lets go.

        Raises:
            InputError: The home cannot be written.
            Refused: Another client applies it.
        """
        with _flock(self._private_directory("locks") / digest, "this bundle is being applied already"):
            yield

    def _private_directory(self, name: str) -> Path:
        """Return the directory *name* of the home, made if it is not there; the home itself is for its owner alone."""
        if _UNUSABLE.search(str(self.root)):
            raise InputError(f"{str(self.root)!r} cannot be a home: {_UNUSABLE_WHY}", hint=_ELSEWHERE)
        directory = self.root / name
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            directory.mkdir(exist_ok=True, mode=_DIRECTORY_MODE)
        except OSError as error:
            raise InputError(
                f"nothing can be kept in {self.root}: {error.strerror or error}", hint=_ELSEWHERE
            ) from error
        return directory


def new_transfer_id(now: datetime | None = None, token: Callable[[int], str] = secrets.token_hex) -> str:
    """Return an id that sorts by time and is unique: ``20261122-164001-ab12cd`` (UTC)."""
    moment = datetime.now(UTC) if now is None else now.astimezone(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{token(3)}"


def this_client() -> tuple[int, float]:
    """Return pid and start time of this process, as `Status` keeps them."""
    return os.getpid(), psutil.Process().create_time()


def client_alive(status: Status) -> bool:
    """Return whether the client that *status* names still runs; another process with its pid does not count."""
    try:
        process = psutil.Process(status.pid)
        # A killed child that nobody waited for keeps its pid.
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and abs(process.create_time() - status.client_started_s) < _START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _flock(path: Path, busy: str) -> Iterator[None]:
    # Never unlinked: a client that waits on a removed file would hold a lock that nobody else sees.
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, _SECRET_MODE), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(busy, hint="wait for it, or look at skytf transfers") from error
        yield
