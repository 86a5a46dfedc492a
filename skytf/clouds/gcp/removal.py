"""Remove what was found in a Google Cloud project, and take back what its service accounts were given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from skytf.clouds.gcp import found
from skytf.clouds.gcp.account import Project
from skytf.clouds.gcp.found import Found
from skytf.clouds.removal import in_order
from skytf.clouds.rest import CloudDenied, Json, NotThere

_BUCKETS_AT_ONCE = 8
_POLICY_VERSION = "3"  # the first that knows conditions; an older one would be written back without them
_HELD = (
    "resourceInUseByAnotherResource",
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
    "resourceNotReady",
    "RESOURCE_NOT_READY",
    "conditionNotMet",  # somebody else changed the bucket's policy meanwhile
)


def remove(project: Project, resources: Sequence[Found]) -> tuple[str, ...]:
    """
    Remove *resources*; return those that were there, in words, in the order of removal.

    Grants of a service account go before it, from every bucket of the project that can be seen. A grant on a bucket of
    another project cannot be known: of an account that is gone it gives nobody anything, and the bucket's policy shows
    it as ``deleted:serviceAccount:…``.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Something could not be removed; everything else was tried.
    """

    def delete(one: Found) -> bool:
        return project.delete(one.scope, one.link, one.project)

    def delete_account(one: Found) -> bool:
        _revoke(project, one.project, f"serviceAccount:{one.name}")
        return project.rest.delete(project.url("iam", f"v1/projects/{one.project}/serviceAccounts/{one.link}")).found

    removals = {
        found.INSTANCE: delete,
        found.DISK: delete,
        found.FIREWALL: delete,
        found.SUBNETWORK: delete,
        found.NETWORK: delete,
        found.ACCOUNT: delete_account,
    }
    return in_order(resources, removals, held=_HELD)


def _revoke(project: Project, name: str, member: str) -> None:
    """Take *member* out of the policies of the project's buckets; of what may not be seen nothing is taken."""
    with ThreadPoolExecutor(_BUCKETS_AT_ONCE, thread_name_prefix="gcp-revoke") as pool:
        list(pool.map(lambda bucket: _revoke_in(project, bucket, member), _buckets(project, name)))


def _buckets(project: Project, name: str) -> Iterator[str]:
    try:
        pages = project.rest.tokens(
            project.url("storage", "b"), "pageToken", "nextPageToken", project=name, fields="items/name,nextPageToken"
        )
        for page in pages:
            yield from (one["name"] for one in page.get("items", ()))
    except CloudDenied:
        return


def _revoke_in(project: Project, bucket: str, member: str) -> None:
    url = project.url("storage", f"b/{bucket}/iam")
    try:
        policy = project.rest.get(url, optionsRequestedPolicyVersion=_POLICY_VERSION)
        if any(member in one.get("members", ()) for one in policy.get("bindings", ())):
            # With the etag that was read: what somebody else wrote meanwhile is not undone.
            project.rest.ask("PUT", url, body={**policy, "bindings": list(_without(policy, member))})
    except (CloudDenied, NotThere):
        return


def _without(policy: Json, member: str) -> Iterator[Json]:
    for binding in policy["bindings"]:
        members = [one for one in binding.get("members", ()) if one != member]
        if members:
            yield {**binding, "members": members}
