"""One AWS account as its standard chain of credentials opens it: clients, regions, errors that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from threading import Lock
from typing import Any

from skytf.clouds.base import NotSignedIn
from skytf.errors import SkytfError

HOME_REGION = "us-east-1"  # where nobody named a region; IAM answers everywhere

# A laptop has no metadata service: it is asked twice, once each. On an instance it answers in milliseconds.
_METADATA_TIMEOUT_S = 1  # botocore takes whole seconds
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_ATTEMPTS = 4
_CONNECTIONS = 32

_EXPIRED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "OptInRequired", "UnauthorizedOperation", "UnauthorizedException"}
)
# botocore has no common class for "the chain found something that does not open the account".
_NO_CREDENTIALS = frozenset(
    {
        "CredentialRetrievalError",
        "LoginError",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)


class AwsDenied(SkytfError):
    """The credentials are good, but may not do this."""


class Account:
    """
    The account that the standard chain opens: variables, profiles (SSO too), container and instance roles.

    Clients are made once and may be used by several threads.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = Lock()

    @property
    def region(self) -> str:
        """The region that the user's settings name, for questions that are not about a region."""
        with self.asked("profile"):
            return self._session.region_name or HOME_REGION

    @property
    def login(self) -> str:
        """The command that signs in, as the user's profile does it."""
        from botocore.exceptions import BotoCoreError

        try:
            settings = self._chain.get_scoped_config()
        except BotoCoreError:  # a profile that is not there, a file that cannot be parsed
            settings = {}
        if {"sso_session", "sso_start_url"} & settings.keys():
            return f"aws sso login --profile {self._chain.profile or 'default'}"
        return "aws configure sso (or aws configure), then export AWS_PROFILE=<the profile>"

    def client(self, service: str, region: str = "") -> Any:
        """Return the client of *service* in *region*; raises NotSignedIn where there are no credentials."""
        if self._credentials is None:
            raise NotSignedIn("not signed in to AWS: there are no credentials", hint=self.login)
        key = (service, region or self.region)
        with self.asked(service), self._making:  # a session may not be used by two threads at once
            if key not in self._clients:
                self._clients[key] = self._session.client(service, region_name=key[1], config=_config())
            return self._clients[key]

    def regions(self) -> tuple[str, ...]:
        """Return the regions that are enabled for the account, sorted."""
        with self.asked("the list of regions"):
            answer = self.client("ec2").describe_regions()
        return tuple(sorted(region["RegionName"] for region in answer["Regions"]))

    @contextlib.contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """
        Translate what boto3 raises while AWS is asked for *what*.

        Raises:
            NotSignedIn: There are no credentials, or they are no longer good.
            AwsDenied: They may not do this.
            SkytfError: AWS refused or could not be reached.
        """
        from botocore.exceptions import BotoCoreError, ClientError, WaiterError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            code = error_code(error)
            said = f"AWS ({what}): {code}: {error.response.get('Error', {}).get('Message', '')}"
            if code in _EXPIRED:
                raise NotSignedIn(f"the AWS credentials are not good (any more): {code}", hint=self.login) from error
            if code in _DENIED:
                hint = (
                    f"allow {error.operation_name} to these credentials; terraform/aws/README.md lists what skytf needs"
                )
                raise AwsDenied(said, hint=hint) from error
            raise SkytfError(said) from error
        except WaiterError as error:
            raise SkytfError(f"AWS ({what}) has not come to an end: {error}") from error
        except ResponseParserError as error:
            hint = "does a proxy stand between, which wants a log-in of its own?"
            raise SkytfError(f"what answered for AWS ({what}) is not AWS: {error}", hint=hint) from error
        except BotoCoreError as error:
            if type(error).__name__ in _NO_CREDENTIALS:
                raise NotSignedIn(f"not signed in to AWS: {error}", hint=self.login) from error
            hint = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"
            raise SkytfError(f"AWS ({what}) cannot be reached: {error}", hint=hint) from error

    @cached_property
    def _credentials(self) -> Any:
        """What the chain found, None if nothing; it is followed once, because its last link may not answer."""
        with self.asked("credentials"):
            return self._session.get_credentials()

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.Session(botocore_session=self._chain)

    @cached_property
    def _chain(self) -> Any:
        import botocore.session

        chain = botocore.session.Session()
        chain.set_config_variable("metadata_service_timeout", _METADATA_TIMEOUT_S)
        chain.set_config_variable("metadata_service_num_attempts", 1)
        return chain


def error_code(error: Any) -> str:
    """Return AWS's word for what a botocore ``ClientError`` says."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _config() -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
