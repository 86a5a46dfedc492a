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


def plan(request: Request) -> Topology:
    """
    Return the topology for *request*: by way of its relay region if it names one, else direct.

    Raises:
        InputError: No instances, or no jobs.
    """
    if request.instances < 1:
        raise InputError(f"{request.instances} gateways per site cannot carry anything", hint="--instances 1 or more")
    strategy: Strategy = load(STRATEGIES["relay" if request.via else "direct"])
    return strategy(request)
