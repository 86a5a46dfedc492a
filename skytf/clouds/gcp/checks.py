"""What `skytf doctor` asks Google Cloud: whose credentials these are, what they may do, how much quota is left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from skytf.clouds import checks
from skytf.clouds.base import CREDENTIALS, Check, Quota
from skytf.clouds.gcp.account import Project
from skytf.clouds.rest import CloudDenied

# One or two of each step of a transfer; terraform/gcp/permissions.toml has them all. What is done to buckets is not
# here: the bucket's own policy may allow it.
PERMISSIONS = (
    "compute.disks.create",
    "compute.firewalls.create",
    "compute.instances.create",
    "compute.instances.delete",
    "compute.instances.list",
    "compute.instances.setLabels",
    "compute.networks.create",
    "compute.subnetworks.create",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.create",
    "iam.serviceAccounts.delete",
)
_ROLES = "give the role that skytf permissions gcp prints: gcloud projects add-iam-policy-binding PROJECT --role ROLE"
_NO_NETWORK = "turn the API on: gcloud services enable compute.googleapis.com"


def find(project: Project, regions: Sequence[str], quota: Callable[[str, str], Quota | None]) -> Iterator[Check]:
    """Yield what was found; where the credentials are not good, only that."""
    credentials = checks.asked(CREDENTIALS, lambda: _caller(project))
    yield credentials
    if not credentials.ok:
        return
    yield checks.asked("network", lambda: _network(project), _NO_NETWORK)
    yield from _permissions(project)
    for region in regions:
        yield checks.quota("gcp", region, quota)


def _caller(project: Project) -> str:
    """Return whose credentials these are; raises where they do not open the API."""
    with contextlib.suppress(CloudDenied):  # who may not look at the project is known all the same
        project.rest.get(project.compute(), fields="name")
    return f"{project.caller}, in project {project.name}"


def _network(project: Project) -> str:
    regions = project.rest.get(project.compute("regions"), fields="items/name").get("items", ())
    return f"Compute Engine answers; it has {len(regions)} regions"


def _permissions(project: Project) -> Iterator[Check]:
    missing: list[str] = []

    def ask() -> str:
        answer = project.rest.post(_test_url(project), {"permissions": list(PERMISSIONS)})
        missing.extend(one for one in PERMISSIONS if one not in answer.get("permissions", ()))
        return ""

    said = checks.asked("permissions", ask, _ROLES)
    yield checks.permissions(missing, len(PERMISSIONS), _ROLES) if said.ok else said


def _test_url(project: Project) -> str:
    return project.url("projects", f"v1/projects/{project.name}:testIamPermissions")
