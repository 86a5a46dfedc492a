"""The subscriptions that Azure's chain of credentials opens: tokens, addresses, operations that take their time."""

from __future__ import annotations

import json
import logging
import os
import time
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from skytf.clouds.base import NotSignedIn
from skytf.clouds.rest import Answer, Rest
from skytf.errors import SkytfError

LOGIN = "az login"
TITLE = "Azure"

_GRANT = "terraform/azure/README.md lists the roles; see yours with: az role assignment list --assignee USER --all"
_NETWORK = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"
_WHICH = "choose one: az account set --subscription NAME, or export ARM_SUBSCRIPTION_ID"
# The names of ARM_ENVIRONMENT, which Terraform's provider reads too.
_PUBLIC = "https://management.azure.com"
_CLOUDS = {
    "public": _PUBLIC,
    "usgovernment": "https://management.usgovcloudapi.net",
    "china": "https://management.chinacloudapi.cn",
}
_SUBSCRIPTION_VARIABLES = ("ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID")
_PRINCIPAL_VARIABLES = ("ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET")
_VARIABLES = f"look at the variables ARM_* and AZURE_*, or unset them and: {LOGIN}"
_SUBSCRIPTIONS_VERSION = "2022-12-01"
_CLI_TIMEOUT_S = 10
_SPARE_S = 300
# azure-identity says in words only, when it got no token because nobody could be reached.
_UNREACHABLE = ("Failed to establish a new connection", "Failed to resolve", "Name or service not known")
# And so, what there is not.
_ABSENT = ("unavailable", "not found on path", "not installed", "could not be found", "requires the")

_ENDED = frozenset({"Canceled", "Failed", "Succeeded"})
_STILL_AT_IT = 202
_PAUSE_S = 10.0
_BOUND_S = 1800.0


class Account:
    """
    What the chain of credentials opens: a service principal in ARM_* (as Terraform's provider takes it) or AZURE_*
    variables, a workload's or a VM's identity, then who is signed in to ``az``. May be used by several threads.

    Args:
        arm_url: Where Azure Resource Manager answers; by default that of the cloud which ARM_ENVIRONMENT names.
    """

    def __init__(self, arm_url: str = "") -> None:
        self._arm_url = arm_url
        self._asking = Lock()
        self._token: Any = None

    @cached_property
    def rest(self) -> Rest:
        """Asks Azure Resource Manager; raises `NotSignedIn` where there are no credentials."""
        return Rest(TITLE, self.token, login=LOGIN, grant=_GRANT)

    @property
    def arm_url(self) -> str:
        """Where Azure Resource Manager answers, without a slash at the end."""
        named = _CLOUDS.get(os.environ.get("ARM_ENVIRONMENT", "public").lower(), _PUBLIC)
        return (self._arm_url or named).rstrip("/")

    def url(self, path: str, subscription: str = "") -> str:
        """Return the address of the resource id *path*, or of *path* in *subscription*."""
        return f"{self.arm_url}/subscriptions/{subscription}/{path}" if subscription else f"{self.arm_url}{path}"

    def listed(self, path: str, subscription: str, **query: str) -> list[Any]:
        """Return all of a list of *subscription*; raises as `Rest.get` does."""
        pages = self.rest.pages(self.url(path, subscription), lambda page: page.get("nextLink"), **query)
        return [one for page in pages for one in page.get("value", ())]

    def subscriptions(self) -> tuple[str, ...]:
        """Return the ids of the subscriptions that may be used, sorted; raises as `Rest.get` does."""
        pages = self.rest.pages(
            f"{self.arm_url}/subscriptions",
            lambda page: page.get("nextLink"),
            **{"api-version": _SUBSCRIPTIONS_VERSION},
        )
        everything = (one for page in pages for one in page.get("value", ()))
        return tuple(sorted(one["subscriptionId"] for one in everything if one.get("state", "Enabled") == "Enabled"))

    def subscription(self) -> str:
        """
        Return the id of the one that is used: a variable names it, or ``az account set`` did, or there is but one.

        Raises:
            SkytfError: There are several, or none; or as `Rest.get` does.
        """
        named = next((os.environ[name] for name in _SUBSCRIPTION_VARIABLES if os.environ.get(name)), "")
        if chosen := named or _chosen_by_cli():
            return chosen
        found = self.subscriptions()
        if len(found) != 1:
            raise SkytfError(f"{TITLE}: {len(found)} subscriptions can be seen, and none is chosen", hint=_WHICH)
        return found[0]

    def settle(self, answer: Answer) -> None:
        """
        Return when what Azure accepted with *answer* is done; it asks for the pauses between the questions.

        Raises:
            SkytfError: It failed, or is not done after half an hour; or as `Rest.get` does.
        """
        if url := answer.headers.get("Azure-AsyncOperation", ""):
            ended = self.rest.until(
                url, lambda one: one.body.get("status") in _ENDED or not one.found, pause_s=_PAUSE_S, bound_s=_BOUND_S
            )
            if ended.body.get("status") in _ENDED - {"Succeeded"}:
                error = ended.body.get("error", {})
                raise SkytfError(f"{TITLE}: {ended.body['status']}: {error.get('code')}: {error.get('message')}")
        elif url := answer.headers.get("Location", ""):
            self.rest.until(url, lambda one: one.status != _STILL_AT_IT, pause_s=_PAUSE_S, bound_s=_BOUND_S)

    def token(self) -> str:
        """
        Return a token that is good for some minutes.

        Raises:
            NotSignedIn: There are no credentials, or they give no token (any more).
            SkytfError: Who gives tokens cannot be reached.
        """
        from azure.core import exceptions

        with self._asking:
            if self._token is None or self._token.expires_on < time.time() + _SPARE_S:
                try:
                    self._token = self._chain.get_token(f"{self._scope}/.default")
                except exceptions.ClientAuthenticationError as error:
                    said = _attempts(str(error.message))
                    if any(words in said for words in _UNREACHABLE):
                        raise SkytfError(f"{TITLE} cannot be reached for a token: {said}", hint=_NETWORK) from error
                    raise NotSignedIn(f"not signed in to {TITLE}: {said}", hint=LOGIN) from error
                except exceptions.AzureError as error:
                    raise SkytfError(f"{TITLE} cannot be reached for a token: {error}", hint=_NETWORK) from error
            return str(self._token.token)

    @property
    def _scope(self) -> str:
        return _PUBLIC if self._arm_url else self.arm_url

    @cached_property
    def _chain(self) -> Any:
        from azure import identity

        # Its errors say what it logs; where nobody listens to logs, Python would print them.
        logging.getLogger("azure.identity").addHandler(logging.NullHandler())
        given = [os.environ.get(name, "") for name in _PRINCIPAL_VARIABLES]
        try:
            if all(given):
                return identity.ClientSecretCredential(*given)
            return identity.DefaultAzureCredential(process_timeout=_CLI_TIMEOUT_S)
        except ValueError as error:  # a variable says what cannot be: no id of a tenant, no https address
            raise NotSignedIn(f"not signed in to {TITLE}: {error}", hint=_VARIABLES) from error


def _attempts(said: str) -> str:
    """Return of what azure-identity tried, a line each, what there was but gave no token."""
    tried = [line.strip() for line in said.splitlines() if line.startswith("\t")] or [" ".join(said.split())]
    failed = [line for line in tried if not any(words in line for words in _ABSENT)]
    return "; ".join(failed) or "no service principal in variables, no identity of this machine, nobody in az"


def _chosen_by_cli() -> str:
    """Return what ``az account set`` chose, empty where nobody is signed in to ``az``."""
    directory = os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure"
    try:
        profile = json.loads((Path(directory) / "azureProfile.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return ""
    return next((str(one["id"]) for one in profile.get("subscriptions", ()) if one.get("isDefault")), "")
