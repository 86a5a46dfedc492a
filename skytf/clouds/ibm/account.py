"""One IBM Cloud account as an API key or a token opens it: tokens, addresses, pages of the VPC API."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from threading import Lock
from typing import Any

from skytf.clouds.base import NotSignedIn
from skytf.clouds.rest import Json, Rest
from skytf.errors import SkytfError

LOGIN = "ibmcloud iam api-key-create NAME, then export IC_API_KEY=<the key>"
TITLE = "IBM Cloud"

_GRANT = "terraform/ibm/README.md lists the roles; see yours with: ibmcloud iam user-policies USER"
_NETWORK = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"
# What Terraform's provider takes, in its order.
_KEY_VARIABLES = ("IC_API_KEY", "IBMCLOUD_API_KEY")
_TOKEN_VARIABLES = ("IC_IAM_TOKEN", "IBMCLOUD_IAM_TOKEN")
# The service whose credentials a file or variables may hold as IBM's SDKs have them (VPC_APIKEY, VPC_AUTH_TYPE …).
_SDK_SERVICE = "vpc"
# The variables of Terraform's provider, and what stands without them.
_ENDPOINTS = {
    "iam": ("IBMCLOUD_IAM_API_ENDPOINT", "https://iam.cloud.ibm.com"),
    "tags": ("IBMCLOUD_GT_API_ENDPOINT", "https://tags.global-search-tagging.cloud.ibm.com"),
    "groups": ("IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT", "https://resource-controller.cloud.ibm.com"),
    "buckets": ("IBMCLOUD_COS_CONFIG_ENDPOINT", "https://config.cloud-object-storage.cloud.ibm.com/v1"),
}
_VPC_VARIABLE = "IBMCLOUD_IS_NG_API_ENDPOINT"
_VPC = "https://{region}.iaas.cloud.ibm.com/v1"
# The VPC API behaves as on this day, and is asked for its second generation, the only one.
VPC_QUERY = {"version": "2025-04-08", "generation": "2"}
_PAGE = "100"
_TOKEN_TIMEOUT_S = 30.0
_BAD_CREDENTIALS = frozenset({400, 401, 403})  # IAM says 400 of an API key that is not (any more)


class Account:
    """
    What the chain of credentials opens: IC_API_KEY, IC_IAM_TOKEN (or IBMCLOUD_…), then IBM's SDKs' own way, a file
    ``ibm-credentials.env`` or variables. May be used by several threads.

    Args:
        vpc_url: Where the VPC API of a region answers, ``{region}`` in it stands for the region.
    """

    def __init__(self, vpc_url: str = "") -> None:
        self._vpc_url = vpc_url
        self._asking = Lock()

    @property
    def has_credentials(self) -> bool:
        """Whether the chain finds some; it is not asked whether they are good."""
        try:
            return self._chain is not None
        except SkytfError:
            return False

    @property
    def key_of_file(self) -> str:
        """The API key where none of Terraform's variables holds credentials, empty where there is none either."""
        if not self.has_credentials or any(os.environ.get(name) for name in (*_KEY_VARIABLES, *_TOKEN_VARIABLES)):
            return ""
        return str(getattr(getattr(self._chain, "token_manager", None), "apikey", "") or "")

    @cached_property
    def rest(self) -> Rest:
        """Asks every API; raises `NotSignedIn` where there are no credentials."""
        return Rest(TITLE, self.token, login=LOGIN, grant=_GRANT)

    @property
    def id(self) -> str:
        """The id of the account, as the token says it; raises as `token` does."""
        return str(self._claims().get("account", {}).get("bss", ""))

    @property
    def caller(self) -> str:
        """Whose credentials these are, as the token says it; raises as `token` does."""
        claims = self._claims()
        return str(claims.get("email") or claims.get("name") or claims.get("iam_id") or "somebody")

    def url(self, service: str, path: str) -> str:
        """Return the address of *path* at *service* (``iam``, ``tags``, ``groups``, ``buckets``)."""
        variable, usual = _ENDPOINTS[service]
        return f"{(os.environ.get(variable) or usual).rstrip('/')}/{path}"

    def vpc(self, region: str, path: str) -> str:
        """Return the address of *path* of the VPC API in *region*."""
        template = self._vpc_url or os.environ.get(_VPC_VARIABLE) or _VPC
        return f"{template.replace('{region}', region).rstrip('/')}/{path}"

    def listed(self, region: str, collection: str) -> Iterator[Json]:
        """Yield all of *collection* in *region*; raises as `Rest.get` does."""

        def following(page: Json) -> str | None:
            href = page.get("next", {}).get("href")
            # The address of the next page lacks what every request must say.
            return f"{href}&{'&'.join(f'{name}={text}' for name, text in VPC_QUERY.items())}" if href else None

        for page in self.rest.pages(self.vpc(region, collection), following, limit=_PAGE, **VPC_QUERY):
            yield from page.get(collection, ())

    def token(self) -> str:
        """
        Return a token that is good for some minutes.

        Raises:
            NotSignedIn: There are no credentials, or they give no token (any more).
            SkytfError: Who gives tokens cannot be reached.
        """
        import requests
        from ibm_cloud_sdk_core import ApiException

        manager = getattr(self._chain, "token_manager", None)
        with self._asking:
            try:
                if manager:
                    # Else it waits a minute after one that failed, as if somebody else were asking.
                    manager.request_time = 0
                    manager.http_config = {"timeout": _TOKEN_TIMEOUT_S}
                token = manager.get_token() if manager else self._chain.bearer_token
            except ApiException as error:
                said = f"{error.status_code}: {error.message}"
                if error.status_code in _BAD_CREDENTIALS:
                    raise NotSignedIn(
                        f"the credentials of {TITLE} are not good (any more): {said}", hint=LOGIN
                    ) from error
                raise SkytfError(f"{TITLE} gives no token: {said}", hint="run it again in a minute") from error
            except requests.RequestException as error:
                raise SkytfError(f"{TITLE} cannot be reached for a token: {error}", hint=_NETWORK) from error
            return str(token).removeprefix("Bearer ").strip()

    def _claims(self) -> Mapping[str, Any]:
        """Return what the token says of itself; whether it is true is for IBM to know."""
        payload = [*self.token().split("."), ""][1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, ValueError):
            return {}
        return claims if isinstance(claims, dict) else {}

    @cached_property
    def _chain(self) -> Any:
        from ibm_cloud_sdk_core import get_authenticator_from_environment
        from ibm_cloud_sdk_core.authenticators import (
            BearerTokenAuthenticator,
            IAMAuthenticator,
        )

        try:
            if key := _first(_KEY_VARIABLES):
                return IAMAuthenticator(key, url=self.url("iam", "").rstrip("/"))
            if token := _first(_TOKEN_VARIABLES):
                return BearerTokenAuthenticator(token)
            chain = get_authenticator_from_environment(_SDK_SERVICE)
        except (OSError, TypeError, ValueError) as error:  # the file cannot be read, or says what cannot be
            raise NotSignedIn(f"not signed in to {TITLE}: {error}", hint=LOGIN) from error
        if chain is None or not (hasattr(chain, "token_manager") or hasattr(chain, "bearer_token")):
            raise NotSignedIn(f"not signed in to {TITLE}: there is no API key", hint=LOGIN)
        return chain


def _first(variables: tuple[str, ...]) -> str:
    return next((os.environ[name] for name in variables if os.environ.get(name)), "")
