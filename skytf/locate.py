"""Ask a store where a bucket is."""

from __future__ import annotations

from collections.abc import Callable

from skytf.errors import InputError
from skytf.model.region import Region
from skytf.regions import End

_TIMEOUT_S = 10  # a look-up, not a transfer: whoever is offline wants to hear of it soon
_MAX_ATTEMPTS = 2


def online(end: End) -> Region:
    """
    Return the region of the bucket of *end*, as its cloud says it.

    Raises:
        InputError: It does not say, or there is no such bucket.
    """
    finder = FINDERS.get(end.store.scheme)
    if finder is None or end.cloud is None:
        raise InputError(f"skytf cannot look up where {end.url} is", hint=_name_it(end))
    return Region(end.cloud, finder(end))


def offline(end: End) -> Region:
    """
    Refuse to look: a plan without any call must be told.

    Raises:
        InputError: Always.
    """
    raise InputError(f"offline nothing says where {end.url} is", hint=_name_it(end))


def _s3(end: End) -> str:
    # boto3 takes a third of a second to import: only who has an S3 endpoint pays for it.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    config = Config(connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"total_max_attempts": _MAX_ATTEMPTS})
    try:
        client = boto3.Session(profile_name=end.profile or None).client("s3", region_name="us-east-1", config=config)
        answer = client.head_bucket(Bucket=end.store.bucket)
    except ClientError as error:
        answer = error.response  # who may not look into a bucket is told where it is all the same
        if answer["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise InputError(f"there is no bucket {end.url}", hint="look at how it is spelled") from error
    except NoCredentialsError as error:
        raise InputError(
            f"no credentials for {end.url}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile (--src-profile, --dst-profile)",
        ) from error
    except BotoCoreError as error:
        text = f"cannot look up where {end.url} is: {error}"
        raise InputError(text, hint=f"look at the profile's name, or {_name_it(end)}") from error
    region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "")
    if not region:
        raise InputError(f"S3 does not say where {end.url} is", hint=_name_it(end))
    return str(region)


def _name_it(end: End) -> str:
    return f"name its region: {end.option} {end.cloud or 'CLOUD'}:REGION"


# Scheme → name of the region of an end's bucket.
FINDERS: dict[str, Callable[[End], str]] = {"s3": _s3}
