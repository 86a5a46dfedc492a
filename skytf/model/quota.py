"""What an account may start, as it stands in a bundle."""

from __future__ import annotations

from dataclasses import dataclass

from skytf.model.region import Region


@dataclass(frozen=True, slots=True)
class QuotaRead:
    """
    The quota of one site when it was planned.

    ``limit`` is in the cloud's own unit (vCPUs, instances) and ``name`` what the cloud calls it; ``wanted`` is how many
    gateways the plan starts there. What was in use then is not kept: it is another every hour.
    """

    region: Region
    instance_type: str
    wanted: int
    name: str
    limit: float
