"""terraform/ibm: what its own tests say, how its VMs end, and what Python reads beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from skytf.clouds.faults import classify
from skytf.clouds.sheet import sheet
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.provider.world import World
from tests.terraform.real import Terraform

_MODULE = terraform_dir() / "ibm"
needs_engine = pytest.mark.skipif(
    library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"
)


@needs_engine
def test_the_modules_own_tests_pass(tmp_path: Path, provider_config: Path, world: World) -> None:
    terraform = Terraform(tmp_path / "root", provider_config, world.environment())
    module = terraform.module("ibm")
    terraform.run("init", at=module)

    terraform.run("validate", at=module)
    said = terraform.run("test", at=module)

    assert re.search(r"Success! \d{2} passed, 0 failed", said), said


_ROOT = """
output "user_data" {
  value = templatefile("modules/shared/cloud-init.yaml.tftpl", {
    ssh_public_key = "ssh-ed25519 AAAA", host_key = "", ssh_port = 22
    ttl_minutes = 1, expires_at = "2040-01-01T00:00:00Z"
    end_command = templatefile("modules/ibm/end.sh.tftpl", { region = "us-south" })
  })
}
"""


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> str:
    """How a VM ends itself, as its user data has it."""
    directory = tmp_path_factory.mktemp("end")
    (directory / "terraform.tfrc").touch()
    terraform = Terraform(directory, directory / "terraform.tfrc")
    terraform.module("ibm")
    (directory / "main.tf").write_text(_ROOT)
    terraform.run("apply", "-auto-approve")
    user_data = yaml.safe_load(json.loads(terraform.run("output", "-json", "user_data")))
    script: str = {one["path"]: one["content"] for one in user_data["write_files"]}["/usr/local/sbin/skytf-end"]
    return script


class Cloud(ThreadingHTTPServer):
    """The metadata service of an instance and the VPC API, by plain HTTP; it notes what it is asked."""

    def __init__(self, *, may_delete: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.may_delete = may_delete
        self.asked: list[tuple[str, str, str]] = []


class _Answers(BaseHTTPRequestHandler):
    server: Cloud

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        shown = self.headers.get("Authorization") or self.headers.get("Metadata-Flavor") or ""
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, path, shown))
        status, answer = 200, {"access_token": f"token of {path}", "id": "0717-me"}
        if self.command == "DELETE":
            status, answer = (204, {}) if self.server.may_delete else (403, {})
        self.send_response(status)
        self.end_headers()
        if status == 200:
            self.wfile.write(json.dumps(answer).encode())

    do_DELETE = do_GET = do_POST = do_PUT = _answer

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def cloud(*, may_delete: bool) -> Iterator[Cloud]:
    """Serve while the block runs."""
    with Cloud(may_delete=may_delete) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def end_vm(script: str, server: Cloud, tmp_path: Path) -> list[str]:
    """Run *script* against *server*; return what it had the VM do, besides."""
    for name in ("sleep", "systemctl"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{tmp_path}/did"\n')
        (tmp_path / name).chmod(0o700)
    (tmp_path / "did").touch()
    for host in ("api.metadata.cloud.ibm.com", "us-south.iaas.cloud.ibm.com"):
        assert f"https://{host}/" in script or f'"https://{host}"' in script
        script = script.replace(f"https://{host}", f"http://127.0.0.1:{server.server_port}")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "no_proxy": "*"}
    subprocess.run(["sh", "-c", script], env=environment, stderr=subprocess.DEVNULL, timeout=60, check=True)
    return (tmp_path / "did").read_text().splitlines()


@needs_engine
def test_a_vm_deletes_itself_with_its_own_identity(end: str, tmp_path: Path) -> None:
    with cloud(may_delete=True) as server:
        did = end_vm(end, server, tmp_path)

    vm = "token of /instance_identity/v1/token"
    assert server.asked == [
        ("PUT", "/instance_identity/v1/token", "ibm"),
        ("POST", "/instance_identity/v1/iam_token", f"Bearer {vm}"),
        ("GET", "/metadata/v1/instance", f"Bearer {vm}"),
        ("DELETE", "/v1/instances/0717-me", "Bearer token of /instance_identity/v1/iam_token"),
    ]
    assert did == []


@needs_engine
def test_a_vm_that_may_not_delete_itself_is_turned_off(end: str, tmp_path: Path) -> None:
    with cloud(may_delete=False) as server:
        did = end_vm(end, server, tmp_path)

    assert [asked[0] for asked in server.asked].count("DELETE") == 5
    assert did == [*["sleep 60"] * 5, "systemctl poweroff"]


def test_the_module_and_its_tables_agree() -> None:
    known = sheet("ibm")
    placement = (_MODULE / "placement.tf").read_text()

    defaults = re.search(r"instance_types = .* : \[(.*)\]", placement)

    assert defaults is not None
    assert tuple(re.findall(r'"([^"]+)"', defaults[1])) == known.default_instances
    assert set(known.default_instances) <= set(known.instances)
    assert {len(zones) for zones in known.regions.values()} == {3}
    assert known.regions["us-south"] == ("us-south-1", "us-south-2", "us-south-3")
    assert {one.arch for one in known.instances.values()} == {"x86_64"}


def test_every_bucket_wants_the_instance_that_has_it() -> None:
    fact = sheet("ibm").fact("cos_instance/inn")

    assert re.fullmatch(r"[0-9a-f-]{36}", fact.placeholder_of("cos_instance/inn"))


_SAID = {
    "capacity": (
        'The instance was created with "cannot_start_capacity": Insufficient capacity within the selected zone',
        "Apply failed due to code : cannot_start_capacity : message : Can't start instance because resource capacity "
        "is unavailable.",
    ),
    "quota": (
        "CreateFloatingIPWithContext failed: Creating a new floating IP address will put the user over quota. "
        "Allocated: 40, Requested: 1, Quota: 40",
        "over_quota: Creating a new security group will put the user over quota. Allocated: 100, Requested: 1 (400)",
        "Adding a rule would exceed the limit of unique remote rules per security group.",
    ),
    "signed-out": (
        "[ERROR] Error occured while configuring bluemix session: Request failed with status code: 400, "
        "BXNIM0415E: Provided API key could not be found.",
        "BXNIM0407E: Session not valid or expired",
        "The IAM token is expired",
    ),
    "denied": (
        "CreateInstanceWithContext failed The request is not authorized to use the resource: not_authorized",
        "You are not authorized to use this API",
    ),
    "gone": ("GetInstanceWithContext failed: Instance not found", "Status Code: 404, vpc missing"),
    "conflict": (
        "CreateVPCWithContext failed The name skytf-t1-us-south is taken: validation_unique_failed",
        "Key with the same fingerprint already exists",
    ),
}


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, all_ in _SAID.items() for said in all_])
def test_a_fault_is_known_by_ibms_own_words(kind: str, said: str) -> None:
    fault = classify("ibm", f"Error: {said}\n\n  with module.ibm-us-south.ibm_is_instance.gateway")

    assert fault is not None
    assert (fault.kind, fault.site) == (kind, "ibm-us-south")
    assert fault.hint
