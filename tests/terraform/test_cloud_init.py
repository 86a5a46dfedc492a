"""What prepares a gateway's host: rendered by the real Terraform, read as cloud-init reads it, its scripts run here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.skytf.localvm.vm import KeyPair
from tests.terraform.real import Terraform

pytestmark = pytest.mark.skipif(
    library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"
)

_USER_DATA_BYTES = 16 << 10  # what EC2 takes; the others take more
_ROTATE = "/usr/local/bin/skytf-rotate-host-key"
_ROOT = """
variable "values" { type = any }
output "user_data" {
  value = { for name, values in var.values : name => templatefile("cloud-init.yaml.tftpl", values) }
}
"""
_KEYS = KeyPair.generate()
_VALUES = {
    "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 operator: #1 <me@home>",
    "host_key": _KEYS.private,
    "ssh_port": 22,
    "ttl_minutes": 90,
    "expires_at": "2030-01-31T12:00:00Z",
    "end_command": "leave now\nsystemctl poweroff",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The user data on the usual port, and on another one."""
    directory = tmp_path_factory.mktemp("cloud-init")
    shutil.copy(terraform_dir() / "shared" / "cloud-init.yaml.tftpl", directory)
    (directory / "main.tf").write_text(_ROOT)
    values = {"usual": _VALUES, "elsewhere": {**_VALUES, "ssh_port": 2222}}
    (directory / "terraform.tfvars.json").write_text(json.dumps({"values": values}))
    config = directory / "terraform.tfrc"
    config.touch()
    terraform = Terraform(directory, config)
    terraform.run("apply", "-auto-approve")
    user_data: dict[str, str] = json.loads(terraform.run("output", "-json", "user_data"))
    return user_data


@pytest.fixture(scope="module")
def usual(rendered: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(rendered["usual"])
    return config


def written(config: Mapping[str, Any]) -> dict[str, str]:
    """Return path → content of the files that cloud-init writes."""
    return {file["path"]: file["content"] for file in config["write_files"]}


def test_it_is_a_cloud_config_that_every_cloud_takes(rendered: Mapping[str, str]) -> None:
    for text in rendered.values():
        assert text.startswith("#cloud-config\n")
        assert len(text.encode()) < _USER_DATA_BYTES


def test_only_one_user_may_log_in_and_only_with_the_key(usual: Mapping[str, Any]) -> None:
    (user,) = usual["users"]

    assert user["name"] == "skytf"
    assert user["ssh_authorized_keys"] == [_VALUES["ssh_public_key"]]
    assert user["sudo"] == f'ALL=(root) NOPASSWD: {_ROTATE} ""'
    assert (user["lock_passwd"], usual["ssh_pwauth"], usual["disable_root"]) == (True, False, True)


def test_the_bootstrap_host_key_is_the_only_one_and_the_only_secret(
    rendered: Mapping[str, str], usual: Mapping[str, Any]
) -> None:
    assert usual["ssh_keys"] == {"ed25519_private": _KEYS.private.strip() + "\n"}
    assert usual["ssh_deletekeys"] is True
    assert rendered["usual"].count("PRIVATE KEY") == 2


def test_no_agent_of_a_cloud_makes_or_waits_for_other_host_keys(usual: Mapping[str, Any]) -> None:
    google, azure = "/etc/default/instance_configs.cfg", "/etc/waagent.conf"
    files = {file["path"]: file for file in usual["write_files"]}

    assert files[google]["content"] == "[InstanceSetup]\nset_host_keys = false\n"
    assert files[azure]["content"] == "\nProvisioning.SshHostKeyPairType=ed25519\n"
    assert files[azure]["append"] is True


@pytest.mark.parametrize(("name", "port"), [("usual", 22), ("elsewhere", 2222)])
def test_ssh_listens_on_its_port_and_admits_no_password(rendered: Mapping[str, str], name: str, port: int) -> None:
    config = yaml.safe_load(rendered[name])
    lines = written(config)["/etc/ssh/sshd_config.d/10-skytf.conf"].splitlines()

    assert {f"Port {port}", "PermitRootLogin no", "PasswordAuthentication no", "AllowUsers skytf"} <= set(lines)
    assert (["systemctl", "disable", "--now", "ssh.socket"] in config["runcmd"]) is (port != 22)


def test_the_vm_ends_at_its_time_whichever_comes_first(usual: Mapping[str, Any]) -> None:
    files = written(usual)
    timer = files["/etc/systemd/system/skytf-end.timer"].splitlines()

    assert {"OnBootSec=90min", "OnCalendar=2030-01-31 12:00:00 UTC", "Persistent=true"} <= set(timer)
    assert "ExecStart=/usr/local/sbin/skytf-end" in files["/etc/systemd/system/skytf-end.service"].splitlines()
    assert files["/usr/local/sbin/skytf-end"].endswith("\nleave now\nsystemctl poweroff\n")
    assert usual["runcmd"][:2] == [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "skytf-end.timer"]]


def test_scripts_are_scripts_and_may_be_run(usual: Mapping[str, Any]) -> None:
    scripts = [file for file in usual["write_files"] if file["content"].startswith("#!")]

    assert {file["path"] for file in scripts} == {
        *(_ROTATE, "/usr/local/sbin/skytf-end", "/usr/local/sbin/skytf-tune-network")
    }
    for file in scripts:
        assert int(file["permissions"], 8) & stat.S_IXUSR
        checked = subprocess.run(["sh", "-n"], input=file["content"], text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_reads_the_units(usual: Mapping[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "skytf-end"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    units = []
    for path, content in written(usual).items():
        if path.startswith("/etc/systemd/system/"):
            units.append(tmp_path / Path(path).name)
            units[-1].write_text(content.replace("/usr/local/sbin/skytf-end", str(script)))

    checked = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *units],
        env={"PATH": os.environ["PATH"], "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(units) == 2
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("cloud-init") is None, reason="cloud-init is not on this machine")
def test_cloud_init_accepts_it(rendered: Mapping[str, str], tmp_path: Path) -> None:
    for name, text in rendered.items():
        (tmp_path / name).write_text(text)

        checked = subprocess.run(
            ["cloud-init", "schema", "--config-file", tmp_path / name], capture_output=True, text=True, check=False
        )

        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on this machine")
def test_the_host_key_is_replaced_and_its_copies_are_gone(usual: Mapping[str, Any], tmp_path: Path) -> None:
    """The script itself runs, with the VM's directories and the system's commands below *tmp_path*."""
    ssh, cloud, tools = (tmp_path / name for name in ("ssh", "cloud", "tools"))
    for directory in (ssh, cloud / "instances" / "i-1", tools):
        directory.mkdir(parents=True)
    key, copy, kept = ssh / "ssh_host_ed25519_key", cloud / "instances/i-1/user-data.txt", cloud / "instances/i-1/boot"
    key.write_text(_KEYS.private)
    key.with_suffix(".pub").write_text(_KEYS.public)
    copy.write_text(_KEYS.private)
    kept.write_text("finished")
    calls = tmp_path / "calls"
    answers = {"systemctl": f"cat {key}.pub >{tmp_path}/in-use", "cloud-init": "exit 2", "id": "echo 0"}
    for name, answer in answers.items():
        (tools / name).write_text(f"#!/bin/sh\necho {name} $* >>{calls}\n{answer}\n")
        (tools / name).chmod(0o700)
    script = written(usual)[_ROTATE].replace("/etc/ssh", shlex.quote(str(ssh)))
    script = script.replace("/var/lib/cloud /run/cloud-init", shlex.quote(str(cloud)))

    said = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.startswith("ssh-ed25519 ")
    assert said.split()[1] != _KEYS.public.split()[1]
    assert said == key.with_suffix(".pub").read_text() == (tmp_path / "in-use").read_text()
    assert calls.read_text().splitlines() == ["id -u", "cloud-init status --wait", "systemctl restart ssh.service"]
    assert _derived(key).split()[:2] == said.split()[:2]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(path.name for path in ssh.iterdir()) == [key.name, key.name + ".pub"]
    assert (copy.exists(), kept.exists()) == (False, True)


def _derived(key: Path) -> str:
    """Return the public half of *key*."""
    return subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
