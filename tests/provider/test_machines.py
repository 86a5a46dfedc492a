"""An instance boots a machine, which prepares itself from its user data and answers on an address of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from skytf.localvm.machine import recorded
from skytf.resources import terraform_dir
from tests.provider.machines import FORMS
from tests.provider.service import INSTANCES
from tests.provider.workdir import Workdir
from tests.provider.world import World
from tests.skytf.localvm.vm import KeyPair, ssh

PORT = 20022
TAGS = {
    "skytf-transfer-id": "t1",
    "skytf-owner": "tester",
    "skytf-gateway": "gw-0",
    "skytf-expires-at": "2040-01-31t12-00-00z",
}
NAME = "skytf-t1-gw-0"
ROOT = """
variable "host_key" {
  type      = string
  sensitive = true
}
variable "public_key" { type = string }
locals {
  tags      = TAGS
  user_data = templatefile("TEMPLATE", {
    ssh_public_key = var.public_key
    host_key       = var.host_key
    ssh_port       = PORT
    ttl_minutes    = 60
    expires_at     = "2040-01-31T12:00:00Z"
    end_command    = "systemctl poweroff"
  })
}
"""
CLOUDS = {
    "aws": """
provider "aws" { region = "us-east-1" }
resource "aws_instance" "this" {
  ami              = "ami-1"
  instance_type    = "m6i.large"
  user_data_base64 = base64gzip(local.user_data)
  tags             = merge({ Name = "NAME" }, local.tags)
}
resource "aws_eip" "this" {
  instance = aws_instance.this.id
  tags     = { Name = "NAME" }
}
output "addresses" { value = [aws_instance.this.public_ip, aws_instance.this.private_ip, aws_eip.this.public_ip] }
""",
    "google": """
resource "google_compute_instance" "this" {
  name         = "NAME"
  machine_type = "n2-standard-2"
  zone         = "us-central1-a"
  labels       = local.tags
  metadata     = { user-data = local.user_data }
  boot_disk {}
  network_interface {
    network = "default"
    access_config {}
  }
}
output "addresses" {
  value = [
    google_compute_instance.this.network_interface[0].access_config[0].nat_ip,
    google_compute_instance.this.network_interface[0].network_ip,
  ]
}
""",
    "azurerm": """
provider "azurerm" {
  features {}
}
resource "azurerm_public_ip" "this" {
  name                = "NAME"
  resource_group_name = "group"
  location            = "eastus"
  allocation_method   = "Static"
}
resource "azurerm_linux_virtual_machine" "this" {
  name                  = "NAME"
  resource_group_name   = "group"
  location              = "eastus"
  size                  = "Standard_D2s_v5"
  admin_username        = "skytf"
  network_interface_ids = ["nic"]
  custom_data           = base64encode(local.user_data)
  tags                  = local.tags
  os_disk {
    caching              = "None"
    storage_account_type = "Premium_LRS"
  }
}
output "addresses" {
  value = [azurerm_public_ip.this.ip_address, azurerm_linux_virtual_machine.this.private_ip_address]
}
""",
    "ibm": """
resource "ibm_is_instance" "this" {
  name      = "NAME"
  image     = "image"
  profile   = "bx2-2x8"
  zone      = "us-south-1"
  vpc       = "vpc"
  keys      = []
  user_data = local.user_data
  tags      = [for name, text in local.tags : "${name}:${text}"]
  primary_network_interface {
    subnet = "subnet"
  }
}
resource "ibm_is_floating_ip" "this" {
  name   = "NAME"
  target = ibm_is_instance.this.primary_network_interface[0].id
}
output "addresses" {
  value = [ibm_is_floating_ip.this.address, ibm_is_instance.this.primary_network_interface[0].primary_ip[0].address]
}
""",
}


@pytest.fixture
def keys() -> dict[str, KeyPair]:
    return {"host": KeyPair.generate(), "client": KeyPair.generate()}


def lay_out(workdir: Workdir, cloud: str, keys: dict[str, KeyPair], **changes: str) -> None:
    workdir.variables = {"host_key": keys["host"].private, "public_key": keys["client"].public}
    text = ROOT + CLOUDS[cloud]
    template = str(terraform_dir() / "shared" / "cloud-init.yaml.tftpl")
    for word, value in {"TAGS": json.dumps(TAGS), "TEMPLATE": template, "PORT": str(PORT), "NAME": NAME}.items():
        text = re.sub(rf"\b{word}\b", changes.get(word, value), text)
    workdir.write(text, cloud)


def test_the_machine_of_every_cloud_is_covered() -> None:
    assert FORMS.keys() == INSTANCES
    assert {kind.partition("_")[0] for kind in INSTANCES} == set(CLOUDS)


@pytest.mark.parametrize(
    "cloud", [cloud if cloud == "aws" else pytest.param(cloud, marks=pytest.mark.slow) for cloud in CLOUDS]
)
def test_an_instance_is_reached_at_its_address_until_it_is_destroyed(
    cloud: str, workdir: Workdir, world: World, keys: dict[str, KeyPair]
) -> None:
    lay_out(workdir, cloud, keys)

    workdir.apply()

    (address,) = set(workdir.output("addresses"))
    assert re.fullmatch(r"127\.0\.\d+\.\d+", address)
    with ssh(PORT, keys["host"].public, keys["client"].private, host=address) as connection:
        assert connection.get_transport() is not None
    assert workdir.changes() == 0
    workdir.destroy()
    assert recorded(world.machines) == ()
    assert world.resources() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NAME": "gateway"}, "not called 'skytf-t1-gw-0'"),
        ({"TAGS": "{}"}, "not tagged with skytf-expires-at, skytf-gateway, skytf-owner, skytf-transfer-id"),
        ({"TAGS": json.dumps(TAGS | {"skytf-expires-at": "soon"})}, "the tag skytf-expires-at"),
    ],
)
def test_an_instance_that_would_be_no_gateway_is_refused(
    workdir: Workdir, world: World, keys: dict[str, KeyPair], changes: dict[str, str], words: str
) -> None:
    lay_out(workdir, "aws", keys, **changes)

    said = workdir.run("apply", "-auto-approve", ok=False)

    assert words in " ".join(said.stderr.replace("│", "").split())
    assert world.resources() == []


def test_a_user_data_that_makes_no_gateway_is_refused(
    workdir: Workdir, world: World, keys: dict[str, KeyPair], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("#cloud-config\nusers: []\n")
    lay_out(workdir, "google", keys, TEMPLATE=str(bad))

    said = workdir.run("apply", "-auto-approve", ok=False)

    assert "cloud-init cannot make a gateway of the user data" in " ".join(said.stderr.replace("│", "").split())
    assert recorded(world.machines) == ()
