"""terraform/azure: its own tests, its life under a stand-in for the provider, and what Python reads beside it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

from skytf.clouds.faults import classify
from skytf.clouds.sheet import sheet
from skytf.render.templates import fill
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.provider.mirror import mirror
from tests.provider.world import World
from tests.skytf.localvm.vm import KeyPair
from tests.terraform.real import Terraform

needs_engine = pytest.mark.skipif(
    library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"
)

_MODULE = terraform_dir() / "azure"
_SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
_ACCOUNT = f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/inn"
_GATEWAYS = ("azure-westeurope-0", "azure-westeurope-1")
_SSH_PORT = 22022
_ROOT = f"""
variable "host_keys" {{ type = map(string) }}
variable "ssh_public_key" {{ type = string }}
variable "sites" {{
  default = {{ "azure-westeurope" = {{ facts = {{
    subscription = "{_SUBSCRIPTION}"
    "storage_account/inn" = "{_ACCOUNT}"
  }} }} }}
}}
module "azure-westeurope" {{
  source         = "./modules/azure"
  providers      = {{ azurerm = azurerm.azure-westeurope }}
  access         = {{ a = {{ scheme = "azure", bucket = "inn/raw", prefix = "p/", read = true, write = true }} }}
  data_ports     = {{ from = 28470, to = 28485 }}
  expires_at     = "2040-01-01T00:00:00Z"
  facts          = var.sites["azure-westeurope"].facts
  gateways       = {{ {_GATEWAYS[0]} = {{ index = 0 }}, {_GATEWAYS[1]} = {{ index = 1 }} }}
  host_keys      = var.host_keys
  ingress        = {{ "aws-us-east-1-0" = "198.51.100.7/32" }}
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "westeurope"
  ssh_port       = {_SSH_PORT}
  ssh_public_key = var.ssh_public_key
  transfer_id    = "t1"
  ttl_minutes    = 30
}}
output "gateways" {{ value = module.azure-westeurope.gateways }}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "world").mkdir()
    return World(tmp_path / "world")


@pytest.fixture
def terraform(tmp_path: Path, world: World) -> Terraform:
    """Terraform with the stand-in for azurerm, and nothing else to install from."""
    return Terraform(tmp_path / "infra", mirror(tmp_path / "tools", "azurerm"), world.environment())


@needs_engine
def test_the_modules_own_tests_pass(terraform: Terraform) -> None:
    module = terraform.module("azure")
    terraform.run("init", at=module)

    said = terraform.run("test", at=module)

    assert re.search(r"Success! \d{2} passed, 0 failed", said), said


@needs_engine
def test_a_site_comes_up_is_reached_and_leaves_nothing(terraform: Terraform, world: World) -> None:
    """A VM of the stand-in prepares itself from the cloud-init that the module rendered."""
    site = SimpleNamespace(module="azure-westeurope", facts='var.sites["azure-westeurope"].facts')
    client, hosts = KeyPair.generate(), {name: KeyPair.generate() for name in _GATEWAYS}
    values = {"host_keys": {name: key.private for name, key in hosts.items()}, "ssh_public_key": client.public}
    terraform.module("azure")
    (terraform.path / "main.tf").write_text(fill("azure/provider.tf.j2", site=site).decode() + _ROOT)
    (terraform.path / "terraform.tfvars.json").write_text(json.dumps(values))

    terraform.run("init")
    try:
        terraform.run("apply", "-auto-approve")
        gateways = json.loads(terraform.run("output", "-json", "gateways"))
        seen = {name: host_key(one["public_ip"], one["ssh_port"], client) for name, one in gateways.items()}
        again = terraform.run("plan", "-detailed-exitcode")
    finally:
        terraform.run("destroy", "-auto-approve")

    assert seen == {name: key.public.split()[1] for name, key in hosts.items()}
    assert {(one["region"], one["ssh_user"]) for one in gateways.values()} == {("westeurope", "skytf")}
    assert "No changes" in again
    assert world.resources() == []


def host_key(address: str, port: int, client: KeyPair) -> str:
    """Log in as the module says; return the host key that was shown."""
    with socket.create_connection((address, port), 10) as connection, paramiko.Transport(connection) as transport:
        transport.start_client(timeout=10)
        transport.auth_publickey("skytf", paramiko.Ed25519Key.from_private_key(StringIO(client.private)))
        return str(transport.get_remote_server_key().get_base64())


def test_the_module_and_its_tables_agree() -> None:
    placement = (_MODULE / "placement.tf").read_text()
    known = sheet("azure")

    defaults = re.search(r'default_types = var.arch == "x86_64" \? \[(.*?)\]', placement)
    zoneless = re.search(r"zoneless = \[(.*?)\]", placement, re.DOTALL)

    assert defaults is not None
    assert tuple(re.findall(r'"(\w+)"', defaults[1])) == known.default_instances
    assert set(known.default_instances) <= set(known.instances)
    assert zoneless is not None
    assert set(re.findall(r'"(\w+)"', zoneless[1])) == {name for name, zones in known.regions.items() if not zones}
    assert {zones for zones in known.regions.values() if zones} == {("1", "2", "3")}


_SAID = {
    "capacity": (
        "performing CreateOrUpdate: unexpected status 409 (409 Conflict) with error: SkuNotAvailable: The requested VM "
        "size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_D8s_v5' is currently not "
        "available in location 'westeurope'. Please try another size or deploy to a different location or zone.",
        'Code="ZonalAllocationFailed" Message="Allocation failed. We do not have sufficient capacity for the '
        'requested VM size in this zone."',
        "OverconstrainedAllocationRequest: Allocation failed. VM(s) with the following constraints cannot be allocated",
    ),
    "quota": (
        "OperationNotAllowed: Operation could not be completed as it results in exceeding approved Total Regional "
        "Cores quota. Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10",
    ),
    "propagation": (
        "PrincipalNotFound: Principal 0123 does not exist in the directory 4567. Check that you have the correct "
        "principal ID. If you are creating this principal and then immediately assigning a role, this error might be "
        "related to a replication delay.",
    ),
    "signed-out": (
        "unable to build authorizer for Resource Manager API: could not configure AzureCli Authorizer: tenant ID was "
        "not specified and the default tenant ID could not be determined: obtaining tenant ID: obtaining account "
        "details: running Azure CLI: exit status 1: ERROR: Please run 'az login' to setup account.",
        "AADSTS700082: The refresh token has expired due to inactivity.",
        "AADSTS7000222: The provided client secret keys for app '0123' are expired.",
    ),
    "denied": (
        "unexpected status 403 (403 Forbidden) with error: AuthorizationFailed: The client 'a' with object id 'b' does "
        "not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/x'",
        "ScopeLocked: The scope '/subscriptions/x' cannot perform delete operation because following scope(s) are "
        "locked: '/subscriptions/x'.",
        "MissingSubscriptionRegistration: The subscription is not registered to use namespace 'Microsoft.Compute'.",
        "InvalidParameter: The property 'securityProfile.encryptionAtHost' is not valid because the "
        "'Microsoft.Compute/EncryptionAtHost' feature is not enabled for this subscription.",
    ),
    "gone": ("ResourceGroupNotFound: Resource group 'skytf-t1-westeurope' could not be found.",),
    "conflict": ("ResourceGroupBeingDeleted: The resource group is in deprovisioning state and cannot perform this.",),
}


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, all_ in _SAID.items() for said in all_])
def test_a_fault_is_known_by_azures_own_words(kind: str, said: str) -> None:
    fault = classify("azure", f"{said}\n\n  with module.azure-westeurope.azurerm_linux_virtual_machine.gateway[0],")

    assert fault is not None
    assert (fault.kind, fault.site) == (kind, "azure-westeurope")
    assert fault.hint
    assert "REGION" not in fault.hint


@pytest.mark.parametrize(
    ("expires_at", "deleted"),
    [
        ("2040-01-01T00:00:00Z", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"),
        ("2020-01-01T00:00:00Z", "/subscriptions/s/resourceGroups/g"),
    ],
)
def test_a_gateway_has_itself_deleted_and_the_group_when_the_fleets_time_is_over(
    tmp_path: Path, expires_at: str, deleted: str
) -> None:
    values = {"expires_at": expires_at, "group_id": "/subscriptions/s/resourceGroups/g", "name": "vm"}
    script = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], (_MODULE / "end.sh.tftpl").read_text())
    fakes = {
        "curl": f'case "$*" in *DELETE*) cat >>{tmp_path}/said; echo "$*" >>{tmp_path}/said;; '
        '*) echo \'{"access_token": "TOKEN"}\';; esac',
        "systemctl": f'echo "systemctl $*" >>{tmp_path}/said',
    }
    for name, body in fakes.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o700)

    subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, timeout=30)

    header, request, off = (tmp_path / "said").read_text().splitlines()
    assert header == 'header = "Authorization: Bearer TOKEN"'
    assert re.search(r"-X DELETE -K - https://management\.azure\.com(\S+)\?api-version=\S+$", request)[1] == deleted  # type: ignore[index]  # no match fails as well
    assert "TOKEN" not in request
    assert off == "systemctl poweroff"
