"""How much memory a gateway may take: a formula of its program, and of nothing that it meets."""

from __future__ import annotations

from gateway.program import LEAVES, Program, reads, receives, steps
from gateway.units import MIB

# Python, the libraries, the SDK of a store, 20 MiB of events, and the entries of the shards at hand. Measured, 2026-11:
# 48 to 65 MiB while large objects pass, 105 while 40,000 objects of 4 KiB do; boto3 adds some 45.
BASE_BYTES = 192 * MIB
# Of one connection: a sealed slice and its plaintext, what a codec makes of it (twice, while it is copied), the slice
# that is being received, and one that the C library keeps.
SLICES_PER_CONNECTION = 6
# OpenSSL's buffers and ours (`gateway.wire.tls`): measured 0.83 MiB.
TLS_BYTES = MIB
_PAGE_BYTES = 4096


def pools_bytes(program: Program) -> tuple[int, ...]:
    """
    Return the sizes of the pools, in bytes of plaintext: one, or two of half the size.

    Two gateways that send to each other from one pool each could fill both with what they send, and wait for ever for
    memory to receive into. A pool holds at least one frame, however small ``pool_bytes`` is: a chunk larger than that
    passes, alone.
    """
    settings = program.settings
    both = any(reads(group.head) for group in program.groups) and any(receives(group.head) for group in program.groups)
    whole_bytes = -(-largest_bytes(program) // settings.slice_bytes) * settings.slice_bytes
    size_bytes = max(settings.pool_bytes // 2 if both else settings.pool_bytes, whole_bytes)
    return (size_bytes, size_bytes) if both else (size_bytes,)


def largest_bytes(program: Program) -> int:
    """Return how many bytes of objects the largest frame of *program* has."""
    settings = program.settings
    return max(settings.chunk_bytes, settings.threshold_bytes, settings.batch_bytes)


def bound_bytes(program: Program, processes: int = 1) -> int:
    """
    Return what the *processes* of the gateway of *program* keep resident at most, shared memory counted once.

    ::

        processes * base + pools * (1 + page / slice) + connections * 6 * slice + readers * slice
             + processes * writers * largest frame + connections * 1 MiB with TLS

    with ``base`` 192 MiB; ``connections`` is what its peers have together, in both directions where both are used;
    ``writers`` counts per destination that is written here, and only where the store does not take slices as they
    come. What the kernel keeps for sockets (net.ipv4.tcp_wmem, tcp_rmem) is not the process's and comes on top.
    """
    settings = program.settings
    slice_bytes = settings.slice_bytes
    leaves = [step for group in program.groups for step in steps(group.head) if step.op in LEAVES]
    written = sum(step.op != "send" for step in leaves)
    sources = sum(reads(group.head) for group in program.groups)
    connections = 2 * sum(peer.connections for peer in program.peers)
    per_slice = slice_bytes + _PAGE_BYTES
    return (
        processes * BASE_BYTES
        + sum(size // slice_bytes * per_slice for size in pools_bytes(program))
        + connections * (SLICES_PER_CONNECTION * per_slice + (TLS_BYTES if settings.link_tls else 0))
        + sources * settings.readers * per_slice
        + processes * written * settings.writers * largest_bytes(program)
    )
