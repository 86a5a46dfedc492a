"""The Python API: plan, apply, copy, resume, rehearse, reap. The command line uses nothing else."""

from __future__ import annotations

from skytf.client.transferring import Client

__all__ = ["Client"]
