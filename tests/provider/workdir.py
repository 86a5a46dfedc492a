"""A directory with a root module, and the real Terraform in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.provider.tables import NAMES, load
from tests.provider.world import World

_TIMEOUT_S = 120


@dataclass
class Workdir:
    """Terraform's working directory; ``config`` is the CLI configuration that names the mirror."""

    directory: Path
    world: World
    config: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def write(self, text: str, *providers: str) -> None:
        """Write *text* as the root module, with *providers* required, and initialise it."""
        required = "".join(
            f'    {name} = {{ source = "{load(name).address}", version = "{load(name).version}" }}\n'
            for name in providers or NAMES[:1]
        )
        head = f"terraform {{\n  required_providers {{\n{required}  }}\n}}\n"
        (self.directory / "main.tf").write_text(head + text)
        self.run("init")

    def run(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``terraform ARGUMENTS``; that it fails is wrong unless *ok* is False, then that it does not."""
        done = subprocess.run(**self._call(arguments), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        assert (done.returncode in (0, 2)) is ok, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``terraform ARGUMENTS`` in a session of its own; the caller ends it."""
        call = self._call(arguments)
        return subprocess.Popen(**call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def apply(self) -> None:
        """Create everything."""
        self.run("apply", "-auto-approve")

    def destroy(self) -> None:
        """Remove everything."""
        self.run("destroy", "-auto-approve")

    def changes(self) -> int:
        """Return what a plan says: 0 nothing to do, 2 something."""
        return self.run("plan", "-detailed-exitcode").returncode

    def output(self, name: str) -> Any:
        """Return an output."""
        return json.loads(self.run("output", "-json", name).stdout)

    def state(self) -> dict[str, bool]:
        """Return the addresses of the state, and whether each is tainted."""
        path = self.directory / "terraform.tfstate"
        resources = json.loads(path.read_text())["resources"] if path.exists() else []
        return {
            f"{one['type']}.{one['name']}": instance.get("status") == "tainted"
            for one in resources
            if one["mode"] == "managed"
            for instance in one["instances"]
        }

    def _call(self, arguments: tuple[str, ...]) -> dict[str, Any]:
        command, *rest = arguments
        quiet = ["-no-color"] if command not in ("fmt",) else []
        return {
            "args": [sys.executable, "-m", "skytf.runner.shim", command, *quiet, *rest],
            "cwd": self.directory,
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "env": {
                **{name: text for name, text in os.environ.items() if not name.startswith(("TF_", "SKYTF_"))},
                **self.world.environment(),
                **{f"TF_VAR_{name}": text for name, text in self.variables.items()},
                "CHECKPOINT_DISABLE": "1",
                "TF_CLI_CONFIG_FILE": str(self.config),
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
            },
        }
