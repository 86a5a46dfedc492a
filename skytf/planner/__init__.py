"""The table of strategies, and the choice among them."""

from __future__ import annotations

from gateway.registry import load
from skytf.errors import InputError
from skytf.model.job import Request
from skytf.model.topology import Topology
from skytf.planner.base import Strategy

STRATEGIES: dict[str, str] = {
    "direct": "skytf.planner.direct:topology",
    "relay": "skytf.planner.relay:topology",
}


# Each is linked with each of the next site: 65,536 links.
MAX_INSTANCES = 256


def plan(request: Request) -> Topology:
    """
    Return the topology for *request*: by way of its relay region if it names one, else direct.

    Raises:
        InputError: No instances or too many, or no jobs.
    """
    if request.instances < 1:
        raise InputError(f"{request.instances} gateways per site cannot carry anything", hint="--instances 1 or more")
    if request.instances > MAX_INSTANCES:
        raise InputError(
            f"{request.instances} gateways per site are more than skytf links with each other",
            hint=f"--instances up to {MAX_INSTANCES}",
        )
    strategy: Strategy = load(STRATEGIES["relay" if request.via else "direct"])
    return strategy(request)
