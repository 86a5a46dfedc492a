"""How many processes a gateway has."""

from __future__ import annotations

from gateway.program import Program, Step, steps

# A rule, not measured: threads that seal and send without holding the interpreter leave it free for three others.
# More than eight would only share out few connections.
CPUS_PER_PROCESS = 4
MOST_BY_ITSELF = 8


def processes_of(program: Program, cpus: float) -> tuple[int, str]:
    """
    Return how many processes run the connections of *program* on *cpus*, and why it is one where that was not wished.

    ``processes`` of the settings says it; 0 leaves it to the CPUs: one up to `CPUS_PER_PROCESS`, then one for as many.
    """
    wanted = program.settings.processes or min(max(1, int(cpus // CPUS_PER_PROCESS)), MOST_BY_ITSELF)
    connections = sum(peer.connections for peer in program.peers)
    if wanted == 1:
        return 1, ""
    if program.settings.link_tls:
        return 1, "links inside TLS cannot be passed on to another process"
    if any(_is_memory(step) for group in program.groups for step in steps(group.head)):
        return 1, "a store in memory is not shared with another process"
    if connections < 2:
        return 1, "there are no connections to divide"
    return min(wanted, connections), ""


def _is_memory(step: Step) -> bool:
    store = step.params.get("store")
    return isinstance(store, dict) and store.get("scheme") == "memory"
