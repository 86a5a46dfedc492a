"""The control plane: what runs on the operator's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.registry import load

if TYPE_CHECKING:
    from skytf.client import Client as Client
    from skytf.hooks import Hooks as Hooks
    from skytf.hooks import Progress as Progress
    from skytf.model.copy import ApplyOptions as ApplyOptions
    from skytf.model.copy import Copy as Copy
    from skytf.model.copy import Options as Options
    from skytf.model.copy import Target as Target
    from skytf.model.rehearsal import Rehearsing as Rehearsing
    from skytf.report import Report as Report

__version__ = "0.1.0"

# Imported on use: `skytf --help` must not wait for fabric and boto3.
_PUBLIC = {
    "ApplyOptions": "skytf.model.copy:ApplyOptions",
    "Client": "skytf.client:Client",
    "Copy": "skytf.model.copy:Copy",
    "Hooks": "skytf.hooks:Hooks",
    "Options": "skytf.model.copy:Options",
    "Progress": "skytf.hooks:Progress",
    "Rehearsing": "skytf.model.rehearsal:Rehearsing",
    "Report": "skytf.report:Report",
    "Target": "skytf.model.copy:Target",
}
__all__ = [
    "ApplyOptions",
    "Client",
    "Copy",
    "Hooks",
    "Options",
    "Progress",
    "Rehearsing",
    "Report",
    "Target",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return load(_PUBLIC[name])
    raise AttributeError(f"module 'skytf' has no attribute {name!r}")
