"""One Google Cloud project as Application Default Credentials open it: tokens, addresses, operations."""

from __future__ import annotations

import os
from functools import cached_property
from threading import Lock
from typing import Any

from skytf.clouds.base import NotSignedIn
from skytf.clouds.rest import Json, Rest
from skytf.errors import SkytfError

LOGIN = "gcloud auth application-default login"

_TITLE = "Google Cloud"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "terraform/gcp/README.md lists the roles; APIs are turned on with: gcloud services enable NAME.googleapis.com"
_NETWORK = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"
_NO_PROJECT = "export GOOGLE_CLOUD_PROJECT=<the id of the project>, or: gcloud config set project <its id>"
# The variables of gcloud's own settings api_endpoint_overrides/*, and what stands without them.
_ENDPOINTS = {
    "compute": ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "https://compute.googleapis.com/compute/v1/"),
    "iam": ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", "https://iam.googleapis.com/"),
    "projects": (
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER",
        "https://cloudresourcemanager.googleapis.com/",
    ),
    "storage": ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "https://storage.googleapis.com/storage/v1/"),
}
# A laptop has no metadata service: it is asked once, this long. On a VM it answers in milliseconds.
_METADATA_TIMEOUT_S = 0.5
_TOKEN_TIMEOUT_S = 30.0
# The call that waits for an operation returns after two minutes at the latest, done or not.
_WAIT_TIMEOUT_S = 150.0
_WAITS = 10


class Project:
    """
    The project that the chain of credentials names.

    In this order: a file that GOOGLE_APPLICATION_CREDENTIALS names, what ``gcloud auth application-default login``
    left, the service account of the VM. May be used by several threads.
    """

    def __init__(self) -> None:
        self._refreshing = Lock()

    @property
    def caller(self) -> str:
        """Whose credentials these are, as far as they say it themselves."""
        return str(getattr(self._chain[0], "service_account_email", "") or "the signed-in user")

    @property
    def name(self) -> str:
        """The id of the project; raises SkytfError where nobody named one."""
        project = self._chain[1] or os.environ.get("CLOUDSDK_CORE_PROJECT", "")
        if not project:
            raise SkytfError(f"{_TITLE}: no project is named", hint=_NO_PROJECT)
        return project

    @cached_property
    def rest(self) -> Rest:
        """Asks everything but `end`; raises `NotSignedIn` where there are no credentials."""
        return Rest(_TITLE, self.token, login=LOGIN, grant=_GRANT, headers=self._billed)

    def url(self, service: str, path: str) -> str:
        """Return the address of *path* at *service* (``compute``, ``iam``, ``projects``, ``storage``)."""
        variable, usual = _ENDPOINTS[service]
        return f"{(os.environ.get(variable) or usual).rstrip('/')}/{path}"

    def compute(self, path: str = "", project: str = "") -> str:
        """Return the address of *path* (empty: of all) in a project of Compute Engine, by default this one."""
        return self.url("compute", f"projects/{project or self.name}/{path}".rstrip("/"))

    def delete(self, scope: str, path: str, project: str = "") -> bool:
        """
        Delete what stands at *path* of *scope* (``global``, ``zones/Z``, ``regions/R``); return whether it was there.

        Returns when it is gone.

        Raises:
            SkytfError: It is still there; or as `Rest.get` does.
        """
        answer = self.rest.delete(self.compute(f"{scope}/{path}", project))
        operation = answer.body
        for _ in range(_WAITS):
            if not answer.found or operation.get("status") == "DONE":
                break
            wait = self.compute(f"{scope}/operations/{operation['name']}/wait", project)
            operation = self._waiting.post(wait, {})
        else:
            raise SkytfError(f"{_TITLE} has not removed {path} of {scope} after {_WAITS} waits")
        _check(operation, path)
        return answer.found

    def token(self) -> str:
        """
        Return a token that is good for some minutes.

        Raises:
            NotSignedIn: There are no credentials, or they give no token (any more).
            SkytfError: Who gives tokens cannot be reached.
        """
        from google.auth import exceptions

        credentials = self._chain[0]
        with self._refreshing:
            try:
                if not credentials.valid:
                    credentials.refresh(_hasty(_TOKEN_TIMEOUT_S))
            except exceptions.TransportError as error:
                raise SkytfError(f"{_TITLE} cannot be reached for a token: {error}", hint=_NETWORK) from error
            except exceptions.GoogleAuthError as error:
                raise NotSignedIn(
                    f"the credentials of {_TITLE} are not good (any more): {error}", hint=LOGIN
                ) from error
            return str(credentials.token)

    @cached_property
    def _waiting(self) -> Rest:
        return Rest(_TITLE, self.token, login=LOGIN, grant=_GRANT, headers=self._billed, read_timeout_s=_WAIT_TIMEOUT_S)

    @property
    def _billed(self) -> dict[str, str]:
        """The header that names the project whose quota of requests counts, which users' credentials need."""
        project = getattr(self._chain[0], "quota_project_id", None)
        return {"X-Goog-User-Project": str(project)} if project else {}

    @cached_property
    def _chain(self) -> tuple[Any, str | None]:
        import google.auth
        from google.auth import exceptions

        try:
            return google.auth.default(scopes=[_SCOPE], request=_hasty(_METADATA_TIMEOUT_S, calmly=True))
        except (exceptions.GoogleAuthError, OSError) as error:  # OSError: a file of credentials that cannot be read
            raise NotSignedIn(f"not signed in to {_TITLE}: {error}", hint=LOGIN) from error


def _check(operation: Json, path: str) -> None:
    if errors := operation.get("error", {}).get("errors", ()):
        said = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors)
        raise SkytfError(f"{_TITLE} does not remove {path}: {said}")


def _hasty(longest_s: float, *, calmly: bool = False) -> Any:
    """
    Return what google-auth asks with, which waits *longest_s* at most.

    Args:
        longest_s: As long as an answer may take.
        calmly: Where nobody can be reached the answer is 503: google-auth would otherwise look for a metadata service
            three times, with pauses.
    """
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    ask = Request()

    def request(
        url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: float | None = None, **more: Any
    ) -> Any:
        try:
            return ask(url, method, body, headers, min(timeout or longest_s, longest_s), **more)
        except exceptions.TransportError:
            if calmly:
                return _Nobody()
            raise

    return request


class _Nobody:
    """The answer of nobody, as google-auth reads one."""

    status = 503
    headers: dict[str, str] = {}  # noqa: RUF012  # google-auth only reads it
    data = b""
