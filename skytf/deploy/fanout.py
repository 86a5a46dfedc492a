"""
Send a tree to one host of each site; the others there fetch it from that one.

A laptop uploads 30 MB in 12 s at 20 Mbit/s, and sixteen times that in more than three minutes; within a site it takes
less than a second. What is fetched is public code over the site's private addresses, so nothing about it is secret; its
SHA-256, which comes over each host's own SSH session, makes sure that it is ours.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skytf.deploy.cancel import Cancel
from skytf.deploy.session import Attended, Session
from skytf.deploy.shipping import Errand, push, push_instead, script_argv
from skytf.errors import HostError

# A smaller archive is there sooner than another host could offer it.
WORTH_FETCHING_BYTES = 1 << 20
_FETCH_TIMEOUT_S = 120.0
# Nothing of ours should need it: serving ends with the deployment, or with its session.
_SERVE_TIMEOUT_S = 3600.0
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class _Kept:
    """An archive that stayed on the host which unpacked it, for others to fetch."""

    session: Session
    python: str
    path: PurePosixPath
    address: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Offer:
    """Where an archive can be fetched; *order* is what the fetching script reads."""

    host: str
    order: bytes


class FanOut:
    """
    Who has what in each site; shared by the threads of a deployment, closed at its end.

    The first host of a site that needs a tree gets it over SSH and keeps the archive. It begins to serve when a second
    one asks, on the last free port of *data_ports*: these the firewall admits within a site, and daemons take the
    first. A host that cannot fetch gets the tree over SSH too.

    Args:
        hosts: How many hosts each site has; without a neighbour there is nobody to fetch for.
        data_ports: First and last port of the range.
        smallest_bytes: Smaller archives are sent to every host.
        cancel: Ends the waiting for the first host.
    """

    def __init__(
        self, hosts: Mapping[str, int], data_ports: tuple[int, int], *, smallest_bytes: int, cancel: Cancel
    ) -> None:
        self._hosts = hosts
        self._ports = data_ports
        self._smallest_bytes = smallest_bytes
        self._cancel = cancel
        self._guard = threading.Lock()
        self._seeds: dict[tuple[str, str], _Seed] = {}

    def at(self, site: str, address: str) -> Callable[[Errand], None]:
        """Return the way to a host of *site* with the private *address*."""
        return lambda errand: self._bring(errand, site, address)

    def close(self) -> None:
        """Stop serving, and leave no archive on hosts that still answer."""
        with self._guard:
            for seed in self._seeds.values():
                seed.close()

    def _bring(self, errand: Errand, site: str, address: str) -> None:
        if not site or self._hosts.get(site, 0) < 2:
            push(errand)
            return
        key = (site, errand.tree.name)
        with self._guard:
            first = key not in self._seeds
            seed = self._seeds.setdefault(key, _Seed(self._ports))
        if first:
            self._plant(errand, seed, address)
        else:
            self._fetch(errand, seed)

    def _plant(self, errand: Errand, seed: _Seed, address: str) -> None:
        try:
            if errand.archive().stat().st_size < self._smallest_bytes:
                seed.is_for_all = False
                seed.settled.set()  # before it is sent: nobody waits for that
            push(errand)
            if seed.is_for_all:
                seed.keep(errand, address)
        finally:
            seed.settled.set()

    def _fetch(self, errand: Errand, seed: _Seed) -> None:
        errand.on_step(f"waiting for {errand.tree.name}")
        with self._cancel.closing(seed.settled.set):
            seed.settled.wait()
        self._cancel.check(errand.session.host)
        if not seed.is_for_all:
            push(errand)
            return
        try:
            offer = seed.offer()
            errand.on_step(f"fetching {errand.tree.name} from {offer.host}")
            errand.run_script("fetch_archive.py", str(errand.incoming), stdin=offer.order, timeout_s=_FETCH_TIMEOUT_S)
        except HostError as error:
            push_instead(errand, error)


class _Seed:
    """
    The host of a site that gets a tree first. `settled` is set when it has it, or never will.

    ``is_for_all`` is known then: whether the others may fetch, or are sent the tree as well.
    """

    def __init__(self, ports: tuple[int, int]) -> None:
        self.settled = threading.Event()
        self.is_for_all = True
        self._ports = ports
        self._guard = threading.Lock()
        self._kept: _Kept | None = None
        self._serving: Attended | None = None
        self._offer: _Offer | None = None

    def keep(self, errand: Errand, address: str) -> None:
        """Give the archive a second name, which unpacking leaves alone; a host that cannot does not serve."""
        path = errand.incoming.with_name(f"{errand.incoming.name}.kept")
        with suppress(HostError):
            errand.session.run(["ln", str(errand.incoming), str(path)])
            sha256 = _sha256(errand.tree.archive(errand.cancel))
            self._kept = _Kept(errand.session, errand.python, path, address, sha256)

    def offer(self) -> _Offer:
        """
        Return where the archive can be fetched; serving begins with the first call.

        Raises:
            HostError: The host does not serve it.
        """
        with self._guard:
            if self._serving is None and self._kept is not None:
                self._offer = self._serve(self._kept)
            if self._offer is None:
                raise HostError("the first host of its site does not serve it")
            return self._offer

    def _serve(self, kept: _Kept) -> _Offer | None:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        first, last = self._ports
        argv = script_argv(
            kept.python, "serve_archive.py", str(kept.path), kept.address, str(min(first + 1, last)), str(last)
        )
        self._serving = kept.session.spawn(argv, said=f"{token}\n".encode(), timeout_s=_SERVE_TIMEOUT_S)
        word, _, port = self._serving.first_line().partition(" ")
        if word != "SERVING":
            return None
        order = {"address": kept.address, "port": int(port), "token": token, "sha256": kept.sha256}
        return _Offer(kept.session.host, json.dumps(order).encode())

    def close(self) -> None:
        """End what serves, or remove what was kept in vain."""
        with self._guard:
            if self._serving is not None:
                self._serving.end()
            elif self._kept is not None and self._kept.session.alive():
                with suppress(HostError):
                    self._kept.session.run(["rm", "-f", str(self._kept.path)])


def _sha256(archive: Path) -> str:
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
