"""The clouds: for each, what Terraform cannot do, as one adapter; empty where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from gateway.registry import load
from skytf.clouds.base import Cloud
from skytf.errors import InputError

CLOUDS = {
    "aws": "skytf.clouds.aws:AwsCloud",
    "azure": "skytf.clouds.azure:AzureCloud",
    "gcp": "skytf.clouds.gcp:GcpCloud",
    "ibm": "skytf.clouds.ibm:IbmCloud",
    "local": "skytf.clouds.local:LocalCloud",
}


def open_cloud(name: str, home: Path) -> Cloud | None:
    """
    Return the adapter of cloud *name*, None where it has none: then reap and doctor cannot look there.

    Args:
        name: As in ``terraform/<name>``.
        home: Where skytf keeps its state (``$SKYTF_HOME``).

    Raises:
        InputError: There is no such cloud.
    """
    try:
        reference = CLOUDS[name]
    except KeyError:
        raise InputError(f"there is no cloud {name!r}", hint=f"known clouds: {', '.join(sorted(CLOUDS))}") from None
    return cast("Cloud", load(reference)(home)) if reference else None


def environment_of(clouds: Iterable[str], home: Path) -> dict[str, str]:
    """Return the variables that the modules of *clouds* want in the environment of terraform."""
    environment: dict[str, str] = {}
    for name in clouds:
        if (cloud := open_cloud(name, home)) is not None:
            environment |= cloud.environment()
    return environment
