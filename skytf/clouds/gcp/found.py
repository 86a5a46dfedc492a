"""What a Google Cloud project holds that belongs to a transfer: by label, else by name and description."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

from skytf.clouds.gcp.account import Project
from skytf.clouds.rest import CloudDenied, Json
from skytf.clouds.tags import TRANSFER, Tagged, described

INSTANCE = "instance"
DISK = "disk"
FIREWALL = "firewall rule"
SUBNETWORK = "subnetwork"
NETWORK = "network"
ACCOUNT = "service account"

_LABELLED = f"labels.{TRANSFER}:*"
_NAMED = 'name eq "skytf-.*"'
_AT_ONCE = 6
_PAGE = "500"
_ACCOUNTS_PAGE = "100"


@dataclass(frozen=True, slots=True)
class Found(Tagged):
    """One resource; ``project`` is where it stands (of a shared network another one), ``link`` what to delete."""

    project: str
    scope: str
    link: str


def find(project: Project) -> tuple[Found, ...]:
    """
    Return every resource of some transfer: what labels say it, then what a description does.

    Rules of a shared network stand in its host project: they are looked for where a gateway in it still exists. What
    may not be listed is passed over, except VMs: with the same credentials nothing was made there.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Google Cloud could not be asked.
    """
    name = project.name
    instances = list(_aggregated(project, name, "instances", _LABELLED))
    interfaces = (interface for _, one in instances for interface in one.get("networkInterfaces", ()))
    hosts = {_project_of(interface.get("network", "")) for interface in interfaces} - {name, ""}
    questions: list[Callable[[], Iterable[Found]]] = [
        lambda: (_labelled("disks", DISK, name, *one) for one in _aggregated(project, name, "disks", _LABELLED)),
        lambda: _subnetworks(project, name),
        lambda: _networks(project, name),
        lambda: _accounts(project, name),
        *(partial(_rules, project, host) for host in sorted({name, *hosts})),
    ]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="gcp-find") as pool:
        others = list(pool.map(_unless_denied, questions))
    everything = chain((_labelled("instances", INSTANCE, name, *one) for one in instances), *others)
    return tuple(one for one in everything if TRANSFER in one.tags)


def _labelled(listed: str, kind: str, name: str, place: str, one: Json) -> Found:
    scope = f"{'regions' if 'region' in one else 'zones'}/{place}"
    return Found(kind, one["name"], place, one.get("labels", {}), name, scope, f"{listed}/{one['name']}")


def _rules(project: Project, name: str) -> Iterator[Found]:
    for one in _global(project, name, "firewalls"):
        yield Found(FIREWALL, one["name"], "", _described(one), name, "global", f"firewalls/{one['name']}")


def _networks(project: Project, name: str) -> Iterator[Found]:
    for one in _global(project, name, "networks"):
        yield Found(NETWORK, one["name"], "", _described(one), name, "global", f"networks/{one['name']}")


def _subnetworks(project: Project, name: str) -> Iterator[Found]:
    for place, one in _aggregated(project, name, "subnetworks", _NAMED):
        link = f"subnetworks/{one['name']}"
        yield Found(SUBNETWORK, one["name"], place, _described(one), name, f"regions/{place}", link)


def _accounts(project: Project, name: str) -> Iterator[Found]:
    url = project.url("iam", f"v1/projects/{name}/serviceAccounts")
    for page in project.rest.tokens(url, "pageToken", "nextPageToken", pageSize=_ACCOUNTS_PAGE):
        for one in page.get("accounts", ()):
            if one["email"].startswith("skytf-"):
                yield Found(ACCOUNT, one["email"], "", _described(one), name, "", one["email"])


def _global(project: Project, name: str, listed: str) -> Iterator[Json]:
    url = project.compute(f"global/{listed}", name)
    for page in project.rest.tokens(url, "pageToken", "nextPageToken", filter=_NAMED, maxResults=_PAGE):
        yield from page.get("items", ())


def _aggregated(project: Project, name: str, listed: str, wanted: str) -> Iterator[tuple[str, Json]]:
    """Yield what all zones and regions hold, with the name of the zone or region."""
    url = project.compute(f"aggregated/{listed}", name)
    query = {"filter": wanted, "maxResults": _PAGE, "returnPartialSuccess": "true"}
    for page in project.rest.tokens(url, "pageToken", "nextPageToken", **query):
        for scope, held in page.get("items", {}).items():
            for one in held.get(listed, ()):
                yield scope.rpartition("/")[2], one


def _described(one: Json) -> dict[str, str]:
    return described(one.get("description", ""))


def _project_of(link: str) -> str:
    parts = link.split("/")
    return parts[parts.index("projects") + 1] if "projects" in parts else ""


def _unless_denied(ask: Callable[[], Iterable[Found]]) -> tuple[Found, ...]:
    try:
        return tuple(ask())
    except CloudDenied:
        return ()
