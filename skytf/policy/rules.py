"""The rules that a policy file may have; docs/policy.md says what each is held against."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.units import parse_size_bytes

# One spelling of sizes, which OPA's units.parse_bytes reads the same way.
_SIZE = re.compile(r"\d+(\.\d+)?(KB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)")
# fnmatch, and the globs of OPA, give them meanings that differ.
_NO_GLOB = set("[]{}\\!")


def _glob(text: str) -> str:
    if not text or _NO_GLOB & set(text):
        raise ValueError("a pattern is text in which * stands for anything and ? for one character")
    return text


def _size(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not _SIZE.fullmatch(value):
        raise ValueError("a size is a number of bytes, or written like 500GB or 10TiB")
    return parse_size_bytes(value)


def _usd(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"high": value}
    if not isinstance(value, dict | UsdLimit):
        # YAML 1.1 takes 1e3 for a word too.
        raise ValueError(f"{value!r} is no amount: write a number without quotes, or low, likely, high with one each")
    return value


def _tags(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return dict.fromkeys(value, "*")
    return value


class _Rules(BaseModel):
    # Strict: "2000" is no number, and yes is no word, as OPA sees it too.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class UsdLimit(_Rules):
    """The most that an amount in US dollars may be, by how sure it is."""

    low: float | None = Field(None, ge=0)
    likely: float | None = Field(None, ge=0)
    high: float | None = Field(None, ge=0)


class Encryption(_Rules):
    """What must be encrypted, and with whose key; payloads always are."""

    disks: Literal["required"] | None = None
    own_disk_key: Literal["required"] | None = None
    own_store_key: Literal["required"] | None = None


Glob = Annotated[str, AfterValidator(_glob)]
Globs = Annotated[list[Glob], Field(min_length=1)]
Usd = Annotated[UsdLimit, BeforeValidator(_usd)]


class Policy(_Rules):
    """
    The rules of one file; None where it says nothing.

    Amounts in US dollars, ``max_usd_per_gb`` for each 10**9 bytes that are delivered.
    """

    max_usd: Usd | None = None
    max_usd_per_destination: Usd | None = None
    max_usd_per_gb: Usd | None = None
    allow_unknown_cost: bool = False
    max_instances: int | None = Field(None, ge=0)
    max_instances_per_region: int | None = Field(None, ge=0)
    max_hours: float | None = Field(None, gt=0)
    max_bytes: Annotated[int, BeforeValidator(_size), Field(ge=0)] | None = None
    allowed_regions: Globs | None = None
    forbidden_regions: Globs | None = None
    allowed_instance_types: Annotated[dict[str, Globs], Field(min_length=1)] | None = None
    required_tags: Annotated[dict[str, Glob], BeforeValidator(_tags), Field(min_length=1)] | None = None
    public_addresses: Literal["allowed", "forbidden"] | None = None
    open_to_internet: Literal["allowed", "forbidden"] | None = None
    operator_prefix: int | None = Field(None, ge=8, le=32)
    spot: Literal["allowed", "required", "forbidden"] | None = None
    encryption: Encryption | None = None
    resource_types: Globs | None = None
    allowed_sources: Globs | None = None
    allowed_destinations: Globs | None = None
    forbidden_destinations: Globs | None = None
    gateway_credentials: Literal["any", "identity"] | None = None


def known_clouds_only(policy: Policy, clouds: list[str]) -> str:
    """Return the cloud of ``allowed_instance_types`` that is none of *clouds*, empty where all are."""
    return next((one for one in policy.allowed_instance_types or {} if one not in clouds), "")


def matches(text: str, globs: list[str]) -> bool:
    """Return whether one of *globs* matches the whole of *text*; ``*`` crosses dots and slashes, case counts."""
    return any(re.fullmatch(_regex(one), text, re.DOTALL) for one in globs)


def limits(usd: UsdLimit) -> list[tuple[str, float]]:
    """Return the limits that are set, by name: low, likely, high."""
    named = (("low", usd.low), ("likely", usd.likely), ("high", usd.high))
    return [(name, value) for name, value in named if value is not None and math.isfinite(value)]


def _regex(glob: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in glob)
