"""Remove what was found in an IBM Cloud account, what needs another thing before that thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skytf.clouds.ibm import found
from skytf.clouds.ibm.account import VPC_QUERY, Account
from skytf.clouds.ibm.found import Found
from skytf.clouds.removal import in_order
from skytf.clouds.rest import CloudDenied

_PAUSE_S = 3.0
_BOUND_S = 600.0
_HELD = (": 409:",)  # something that is just going still needs it


def remove(account: Account, resources: Sequence[Found]) -> tuple[str, ...]:
    """
    Remove *resources*; return those that were there, in words, in the order of removal.

    A trusted profile goes last, with its policies: gateways end themselves with it.

    Raises:
        NotSignedIn: There are no credentials, or they are no longer good.
        SkytfError: Something could not be removed; everything else was tried.
    """

    def delete(one: Found) -> bool:
        answer = account.rest.delete(one.link, **VPC_QUERY)
        if answer.found:
            account.rest.until(one.link, lambda left: not left.found, pause_s=_PAUSE_S, bound_s=_BOUND_S, **VPC_QUERY)
        return answer.found

    def delete_profile(one: Found) -> bool:
        for policy in _policies(account, one.iam_id):
            account.rest.delete(account.url("iam", f"v2/policies/{policy}"))
        return account.rest.delete(one.link).found

    order = dict.fromkeys(found.KINDS.values(), delete)
    return in_order(resources, {**order, found.PROFILE: delete_profile}, held=_HELD)


def _policies(account: Account, iam_id: str) -> Iterator[str]:
    """Yield the ids of the policies for *iam_id*; where they may not be listed they go with whom they are for."""
    try:
        answer = account.rest.get(account.url("iam", "v2/policies"), account_id=account.id, iam_id=iam_id)
    except CloudDenied:
        return
    # By the subject too: IBM lists what access groups give as well.
    yield from (one["id"] for one in answer.get("policies", ()) if iam_id and iam_id in str(one.get("subject")))
