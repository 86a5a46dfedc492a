"""States that are kept elsewhere: in S3 (moto), and with a server that speaks Terraform's http backend."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skytf.errors import Refused, TerraformError
from skytf.runner.backend import OVERRIDE, Backend, read_backend
from skytf.runner.engine import Engine
from skytf.runner.terraform import Terraform
from tests.provider.fixtures import provider_config
from tests.servers import S3Server
from tests.states import States, serving_states

__all__ = ["provider_config"]

DIGEST = "0f" * 32
ROOT = 'terraform {\n  required_version = ">= 1.6"\n}\n\nresource "terraform_data" "one" {\n  input = "t-1"\n}\n'
Make = Callable[[str, str], Terraform]


@pytest.fixture
def states() -> Iterator[States]:
    with serving_states() as kept:
        yield kept


@pytest.fixture
def make(tmp_path: Path, engine: Engine, s3_server: S3Server) -> Make:
    """Return a function that makes a working directory with the backend of a file's content."""

    def call(name: str, content: str) -> Terraform:
        workdir = tmp_path / name
        workdir.mkdir()
        (workdir / "main.tf").write_text(ROOT)
        file = tmp_path / "backend.toml"
        file.write_text(content)
        backend: Backend = read_backend(file, DIGEST, os.environ)
        (workdir / OVERRIDE).write_bytes(backend.override())
        return Terraform(
            engine=engine,
            workdir=workdir,
            log_dir=tmp_path,
            env={**os.environ, **s3_server.environment},
            backend=backend.kind,
        )

    return call


def s3(server: S3Server, bucket: str) -> str:
    return f"""
type = "s3"
bucket = "{bucket}"
region = "us-east-1"
use_path_style = true
skip_credentials_validation = true
skip_metadata_api_check = true
skip_requesting_account_id = true

[endpoints]
s3 = "{server.endpoint_url}"
"""


def apply(terraform: Terraform) -> None:
    plan_file = Path(terraform.working_dir) / "tfplan"
    terraform.plan(out=plan_file)
    terraform.apply(plan_file)


def test_a_state_in_s3_is_encrypted_and_has_a_place_of_the_bundles_own(
    make: Make, s3_server: S3Server, bucket: str
) -> None:
    made = make("one", s3(s3_server, bucket))
    made.init()
    empty = made.pull_state()
    apply(made)

    found = s3_server.client().head_object(Bucket=bucket, Key=f"skytf/{DIGEST[:32]}.tfstate")

    assert not json.loads(empty).get("resources")
    assert found["ServerSideEncryption"] == "AES256"
    assert "t-1" in made.pull_state()
    assert not (Path(made.working_dir) / "terraform.tfstate").exists()
    made.destroy()
    assert json.loads(made.pull_state())["resources"] == []


def test_two_applies_of_one_bundle_meet_at_the_lock_in_s3(make: Make, s3_server: S3Server, bucket: str) -> None:
    lock = {"ID": "4095", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Created": "2026-11-22T20:02:23Z"}
    other = make("one", s3(s3_server, bucket))
    other.init()
    s3_server.client().put_object(
        Bucket=bucket, Key=f"skytf/{DIGEST[:32]}.tfstate.tflock", Body=json.dumps(lock).encode()
    )

    with pytest.raises(TerraformError, match="Error acquiring the state lock") as held:
        other.destroy(lock_timeout="0s")

    assert "ann@laptop" in held.value.hint
    assert "force-unlock 4095" in held.value.hint


def test_a_state_behind_http_is_locked_while_it_changes(make: Make, states: States) -> None:
    made = make("one", f'type = "http"\naddress = "{states.url}"\n')
    made.init()
    apply(made)
    place = f"/states/{DIGEST[:32]}"

    assert b"t-1" in states.states[place]
    assert states.locks == {}
    states.locks[f"{place}/lock"] = b'{"ID": "77", "Who": "ann@laptop"}'
    with pytest.raises(TerraformError) as held:
        made.destroy(lock_timeout="0s")
    assert "ann@laptop" in held.value.hint


def test_a_backend_that_cannot_be_reached_is_said_at_init(make: Make, closed_port: int) -> None:
    made = make("one", f'type = "http"\naddress = "http://127.0.0.1:{closed_port}/x"\nretry_max = 0\n')

    with pytest.raises(TerraformError, match="terraform init failed") as failed:
        made.init()

    assert "connection refused" in failed.value.diagnostics[0]
    assert "see that the http backend answers from this machine" in failed.value.hint


PROVIDER = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'


def test_a_provider_that_no_mirror_has_is_named(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "main.tf").write_text(PROVIDER)
    (tmp_path / "empty").mkdir()
    config = tmp_path / "rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{tmp_path / "empty"}" }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(config)}
    terraform = Terraform(engine=engine, workdir=tmp_path, log_dir=tmp_path, env=env, clouds=("aws",))

    with pytest.raises(TerraformError, match="terraform init failed") as failed:
        terraform.init()

    assert failed.value.hint.startswith("provider hashicorp/aws was sought")


def test_a_provider_that_is_not_the_one_of_the_lock_file_is_refused(
    tmp_path: Path, engine: Engine, provider_config: Path
) -> None:
    (tmp_path / "main.tf").write_text(PROVIDER)
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(provider_config)}
    terraform = Terraform(engine=engine, workdir=tmp_path, log_dir=tmp_path, env=env, clouds=("aws",))
    terraform.init()
    lock = tmp_path / ".terraform.lock.hcl"
    reviewed = lock.read_text()

    terraform.init(locked=True)
    lock.write_text(reviewed.replace('"h1:', '"h1:AAAA'))
    with pytest.raises(Refused, match="providers at hand are not those of the reviewed") as other:
        terraform.init(locked=True)
    lock.write_text("provider {")
    with pytest.raises(Refused, match=r"reviewed \.terraform\.lock\.hcl was edited, Terraform cannot read it"):
        terraform.init(locked=True)
    lock.write_text("")
    with pytest.raises(Refused):
        terraform.init(locked=True)

    assert "plan again" in other.value.hint
    assert lock.read_text() == ""
