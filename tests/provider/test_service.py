"""Terraform finds the stand-ins as good as the real providers: what is wrong is refused, what is there is kept."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.provider.workdir import Workdir
from tests.provider.world import ALWAYS, World

NETWORK = """
provider "aws" {
  region = "us-east-1"
}
resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "network" }
}
resource "aws_security_group" "this" {
  name   = "group"
  vpc_id = aws_vpc.this.id
  ingress {
    from_port = 22
    to_port   = 22
    protocol  = "tcp"
    self      = true
  }
}
resource "aws_launch_template" "this" {
  name = "template"
  block_device_mappings {
    device_name = "/dev/sda1"
    ebs {
      encrypted = true
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { group = aws_security_group.this.id }
  }
}
output "tags" { value = aws_vpc.this.tags_all }
output "template" { value = aws_launch_template.this.id }
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('resource "aws_vpc" "this" { cidr_blok = "10.0.0.0/16" }', 'Did you mean "cidr_block"?'),
        ('resource "google_compute_network" "this" {}', 'argument "name" is required'),
        ('resource "aws_vpc" "this" { cidr_block = ["10.0.0.0/16"] }', "string required"),
        (
            'resource "azurerm_network_interface" "this" {\n'
            '  name = "x"\n  location = "x"\n  resource_group_name = "x"\n}',
            'At least 1 "ip_configuration" blocks are required',
        ),
        ('resource "ibm_is_vpc" "this" {\n  name = "x"\n  speed {}\n}', 'Blocks of type "speed" are not expected'),
        ('data "aws_ami" "this" {}\noutput "x" { value = data.aws_ami.this.idd }', "no argument, nested block"),
    ],
)
def test_what_the_schema_does_not_have_is_refused(workdir: Workdir, text: str, words: str) -> None:
    workdir.write(text, text.split('"')[1].partition("_")[0])

    said = workdir.run("validate", ok=False)

    assert words in " ".join(said.stderr.replace("│", "").split())


def test_what_was_applied_stands_and_needs_no_change(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)

    workdir.apply()

    assert workdir.changes() == 0
    assert workdir.output("tags") == {"Name": "network"}
    assert [one["type"] for one in world.resources()] == ["aws_launch_template", "aws_security_group", "aws_vpc"]


def test_a_change_is_made_in_place(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    workdir.apply()
    before = workdir.output("template")
    workdir.write(NETWORK.replace('"/dev/sda1"', '"/dev/sdb"'))

    workdir.apply()

    assert workdir.changes() == 0
    assert workdir.output("template") == before
    (template,) = world.resources("aws_launch_template")
    assert template["block_device_mappings"][0]["device_name"] == "/dev/sdb"


def test_what_cannot_be_changed_in_place_is_made_anew(workdir: Workdir, world: World) -> None:
    text = (
        NETWORK
        + """
resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.0.0.0/24"
  availability_zone = "us-east-1a"
}
"""
    )
    workdir.write(text)
    workdir.apply()
    (before,) = world.resources("aws_subnet")
    workdir.write(text.replace("us-east-1a", "us-east-1b"))

    said = workdir.run("apply", "-auto-approve").stdout

    (after,) = world.resources("aws_subnet")
    assert "1 added, 0 changed, 1 destroyed" in said
    assert before["id"] != after["id"]


def test_nothing_is_left_after_destroy(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    workdir.apply()

    workdir.destroy()

    assert world.resources() == []


def test_what_was_deleted_by_hand_is_created_again(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    workdir.apply()
    (network,) = world.resources("aws_vpc")
    world.remove("aws_vpc", network["id"])

    assert workdir.changes() == 2
    workdir.apply()

    assert len(world.resources("aws_vpc")) == 1


def test_a_fault_happens_as_often_as_it_should(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    world.fail("aws_vpc", "create", "VpcLimitExceeded: no more", where={"tags.Name": "net*"}, times=2)
    world.fail("aws_security_group", "create", "never", where={"name": "other"}, times=ALWAYS)

    said = [workdir.run("apply", "-auto-approve", ok=False) for _ in range(2)]
    workdir.apply()

    assert all("VpcLimitExceeded: no more" in one.stderr for one in said)
    assert world.pending_faults() == []


@pytest.mark.parametrize(
    "operation", ["delete", *(pytest.param(one, marks=pytest.mark.slow) for one in ("plan", "read", "configure"))]
)
def test_any_operation_can_fail(workdir: Workdir, world: World, operation: str) -> None:
    workdir.write(NETWORK)
    workdir.apply()
    kind = "provider" if operation == "configure" else "aws_vpc"
    world.fail(kind, operation, "ExpiredToken: sign in again")

    said = workdir.run("destroy", "-auto-approve", ok=False)

    assert "ExpiredToken: sign in again" in said.stderr
    assert len(world.resources("aws_vpc")) == 1


def test_what_fails_after_it_was_created_is_tainted(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    world.fail("aws_vpc", "created", "timeout while waiting for state")

    workdir.run("apply", "-auto-approve", ok=False)

    assert workdir.state() == {"aws_vpc.this": True}
    assert len(world.resources("aws_vpc")) == 1


def test_a_data_source_answers_what_it_was_told_to(workdir: Workdir, world: World) -> None:
    workdir.write(
        'provider "aws" { region = "eu-west-1" }\n'
        'data "aws_subnet" "a" { id = "subnet-a" }\n'
        'data "aws_subnet" "b" { id = "subnet-b" }\n'
        'output "zones" { value = [data.aws_subnet.a.availability_zone, data.aws_subnet.b.availability_zone] }\n'
    )
    world.answer("aws_subnet", {"availability_zone": "ap-south-1b"}, where={"id": "subnet-b"})

    workdir.apply()

    assert workdir.output("zones") == ["eu-west-1a", "ap-south-1b"]


def test_a_create_that_was_interrupted_once_is_finished_and_known(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    gate = world.hold("aws_vpc", "create")
    with workdir.start("apply", "-auto-approve") as terraform, gate:
        os.killpg(terraform.pid, signal.SIGINT)  # as a terminal does: to the provider too
        assert terraform.stdout is not None
        for line in terraform.stdout:
            if "Gracefully shutting down" in line:
                break
    # Leaving the block let it go on, then waited for Terraform.

    assert terraform.returncode == 1
    assert workdir.state() == {"aws_vpc.this": False}
    assert [one["type"] for one in world.resources()] == ["aws_vpc"]


def test_no_provider_outlives_a_terraform_that_was_killed(workdir: Workdir, world: World) -> None:
    workdir.write(NETWORK)
    gate = world.hold("aws_vpc", "create")
    with workdir.start("apply", "-auto-approve") as terraform:
        with gate:
            providers = psutil.Process(terraform.pid).children(recursive=True)
            terraform.kill()
        gone, alive = psutil.wait_procs(providers, timeout=20)

    assert gone
    assert not alive
    assert len(world.resources("aws_vpc")) == 1  # as in a cloud: it stands, and no state knows


def test_a_provider_is_for_terraform_alone(workdir: Workdir, tmp_path: Path) -> None:
    program = next(workdir.config.parent.rglob("terraform-provider-aws_*"))

    said = subprocess.run([program], capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})

    assert said.returncode == 1
    assert "a Terraform provider of skytf's tests" in said.stderr
