"""The environment of a terraform process: what it must not inherit, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# The user's own Terraform settings that say where providers come from; everything else named TF_* could change
# what is planned (TF_VAR_*, TF_CLI_ARGS*, TF_WORKSPACE), or write values into a log (TF_LOG*).
_KEPT = frozenset(
    {"TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG", "TF_PLUGIN_CACHE_DIR", "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"}
)
# TF_HTTP_*: the credentials of an http backend; where the state is, its override file says, and that wins.
_KEPT_PREFIXES = ("TF_TOKEN_", "TF_HTTP_")
# A missing one makes Terraform warn (the file) or fail (the cache) on every command.
_PATHS = ("TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG", "TF_PLUGIN_CACHE_DIR")


def build(inherited: Mapping[str, str], *, data_dir: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """
    Return the environment of a terraform process.

    Args:
        inherited: The environment of the operator's process; credentials of providers come from here.
        data_dir: Where Terraform keeps providers and modules (``TF_DATA_DIR``).
        extra: What a cloud's module wants to find, from its adapter.
    """
    kept = {
        name: text
        for name, text in inherited.items()
        if not name.startswith("TF_") or name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    for name in _PATHS:
        if name in kept and not Path(kept[name]).exists():
            del kept[name]
    return {
        **kept,
        **extra,
        "CHECKPOINT_DISABLE": "1",
        "TF_DATA_DIR": str(data_dir),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }
