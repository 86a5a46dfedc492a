"""Play the parts of CI systems: their files are read, and the very steps in them run in fresh checkouts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "ci"
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


@dataclass
class Comments:
    """What GitHub or GitLab keeps of a change: id → body."""

    url: str
    bodies: dict[int, str] = field(default_factory=dict)


@contextmanager
def serving_comments() -> Iterator[Comments]:
    """Serve the comments of one pull or merge request, as both of their APIs name them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
            found = [{"id": one, "body": body} for one, body in kept.bodies.items()]
            self._answer(200, found[first : first + int(query["per_page"][0])])

        def do_POST(self) -> None:
            kept.bodies[len(kept.bodies) + 1] = self._body()
            self._answer(201, {})

        def do_PATCH(self) -> None:
            kept.bodies[int(self.path.rpartition("/")[2])] = self._body()
            self._answer(200, {})

        do_PUT = do_PATCH

        def _body(self) -> str:
            return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

        def _answer(self, status: int, content: object) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Comments(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@dataclass
class Runner:
    """A machine of a CI that was made for one job: a home of its own, and skytf on its PATH."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Its home directory."""
        return self.root / "home"

    @property
    def checkout(self) -> Path:
        """Where it has checked out the repository."""
        return self.root / "checkout"

    def clone(self, origin: Path, ref: str) -> None:
        """Check out *ref* of *origin*."""
        git("clone", "--quiet", "--branch", ref, str(origin), str(self.checkout), cwd=self.root)

    def run(self, script: str, environment: Mapping[str, str], *, cwd: Path | None = None) -> Said:
        """Run *script* as a CI does: in bash, stopping at the first error, with nobody at the terminal."""
        self.home.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
        said = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=cwd or self.checkout,
            env={"CI": "true", "HOME": str(self.home), "PATH": path, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Said(said.returncode, said.stdout + said.stderr)


@dataclass(frozen=True)
class Said:
    """How a job ended."""

    code: int
    text: str


def git(*arguments: str, cwd: Path) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=dev", "-c", "user.email=dev@localhost", "-c", "init.defaultBranch=main"]
    said = subprocess.run(["git", *who, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def github(runner: Runner, job: str, origin: Path, event: Mapping[str, str]) -> Said:
    """
    Play one job of the workflow and the action in it.

    *event* are the values of GitHub's expressions, such as ``github.head_ref``. What signs in to clouds and what
    installs Python and skytf is passed over: the runner has them.
    """
    workflow = yaml.safe_load((SCRIPTS / "github" / "transfer.yml").read_text())
    text = ""
    for step in workflow["jobs"][job]["steps"]:
        given = {name: _filled(str(value), event) for name, value in step.get("with", {}).items()}
        if step["uses"].startswith("actions/checkout@"):
            runner.clone(origin, given.get("ref", "main"))
        elif step["uses"].startswith("skytf/skytf@"):
            said = _action(runner, given, event)
            text += said.text
            if said.code:
                return Said(said.code, text)
    return Said(0, text)


def _action(runner: Runner, given: Mapping[str, str], event: Mapping[str, str]) -> Said:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    values = {**event, "github.action_path": str(ROOT)}
    inputs = {
        name: given.get(name, _filled(str(one.get("default", "")), values)) for name, one in action["inputs"].items()
    }
    values |= {f"inputs.{name}": value for name, value in inputs.items()}
    code, text = 0, ""
    for step in action["runs"]["steps"]:
        if "uses" in step or step["name"] == "Install skytf":
            continue
        wanted = step.get("if", "true").removeprefix("${{").removesuffix("}}")
        if (code and "!cancelled()" not in wanted) or not _holds(wanted, values):
            continue
        environment = {name: _filled(str(value), values) for name, value in step.get("env", {}).items()}
        said = runner.run(step["run"], environment)
        text += said.text
        code = code or said.code
        if "id" in step:
            values[f"steps.{step['id']}.outcome"] = "failure" if said.code else "success"
    return Said(code, text)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: values.get(match[1], ""), text)


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Return whether an ``if`` of the form ``a == 'b' && c != 'd'`` holds."""
    for part in condition.split("&&"):
        if part.strip() in {"true", "!cancelled()"}:
            continue
        name, sign, text = part.split()
        if (values.get(name, "skipped") == text.strip("'")) != (sign == "=="):
            return False
    return True


def gitlab(runner: Runner, job: str, origin: Path, ref: str, variables: Mapping[str, str]) -> Said:
    """Play one job of the GitLab template at *ref*; *variables* are those that GitLab would set."""
    template = yaml.safe_load((SCRIPTS / "gitlab" / ".gitlab-ci.yml").read_text())
    runner.clone(origin, ref)
    written: dict[str, Any] = {**template["variables"], **template[job].get("variables", {})}
    lines = [*template[job].get("before_script", ()), *template[job]["script"]]
    return runner.run("\n".join(lines), {**{k: str(v) for k, v in written.items()}, "GITLAB_CI": "true", **variables})


def atlantis(runner: Runner, step: str, etc: Path, environment: Mapping[str, str]) -> Said:
    """Play ``atlantis plan`` or ``apply`` in the checkout; *etc* is where the server keeps what is /etc/skytf."""
    workflow = yaml.safe_load((SCRIPTS / "atlantis" / "repos.yaml").read_text())["workflows"]["skytf"]
    project = yaml.safe_load((SCRIPTS / "atlantis" / "atlantis.yaml").read_text())["projects"][0]
    variables, text = dict(environment), ""
    for one in workflow[step]["steps"]:
        if "env" in one:
            variables[one["env"]["name"]] = one["env"]["value"].replace("/etc/skytf", str(etc))
            continue
        said = runner.run(one["run"].replace("/etc/skytf", str(etc)), variables, cwd=runner.checkout / project["dir"])
        text += said.text
        if said.code:
            return Said(said.code, text)
    return Said(0, text)
