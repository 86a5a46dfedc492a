"""Planning without credentials, and what is wrong input where gateways stand in clouds."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.commands import assert_plain, skytf

OFFLINE = ("--offline", "--assume-bytes", "200TB", "--assume-objects", "1000000")
REGIONS = ("--src-region", "aws:us-east-1", "--dst-region", "gcp:us-central1")
ENDS = ("--recursive", "s3://from/a", "gs://to/b")


@pytest.fixture
def no_providers(tmp_path: Path) -> dict[str, str]:
    """Terraform's settings of a machine that has no provider and reaches no registry."""
    (tmp_path / "mirror").mkdir()
    config = tmp_path / "terraform.tfrc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tmp_path}/mirror"\n  }}\n}}\n')
    return {"TF_CLI_CONFIG_FILE": str(config)}


@contextmanager
def listening() -> Iterator[tuple[Mapping[str, str], socket.socket]]:
    """Yield an environment in which every cloud answers at one address of this machine, and what listens there."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield (
            {
                "AWS_ENDPOINT_URL": address,
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
                "GCE_METADATA_HOST": address.removeprefix("http://"),
                "STORAGE_EMULATOR_HOST": address,
                "HTTP_PROXY": address,
            },
            server,
        )


def test_an_offline_plan_asks_nobody_and_cannot_be_applied(
    home: Path, tmp_path: Path, no_providers: Mapping[str, str]
) -> None:
    with listening() as (clouds, server):
        said = skytf(
            home, "plan", *OFFLINE, *REGIONS, *ENDS, "--out", tmp_path / "bundle", env={**clouds, **no_providers}
        )

        assert said.returncode == 0, said.stderr
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody called
    assert "was not validated" in said.stderr
    assert "Planned offline" in said.stdout
    assert "`gcp.project` is a placeholder" in said.stdout
    assert said.stdout.endswith("Next: plan again without --offline, to have a bundle that can be applied\n")
    assert not (tmp_path / "bundle" / "plan.json").exists()
    assert_plain(skytf(home, "apply-transfer", tmp_path / "bundle"), 7, "planned offline", "plan online")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dst-region", "gcp:us-central1"), ("s3://from/a", "--src-region aws:REGION")),
        (("--src-region", "aws:us-eest-1", *REGIONS[2:]), ("aws:us-eest-1 is no region", "us-east-1")),
        (("--src-region", "moon:a", *REGIONS[2:]), ("no cloud 'moon'", "aws, azure, gcp, ibm, local")),
        ((*REGIONS, "--instance-type", "aws=m5.9xlarge"), ("'m5.9xlarge' is no instance type", "did you mean")),
        ((*REGIONS, "--zone", "aws=us-west-2a"), ("'us-west-2a' is no zone of aws:us-east-1", "us-east-1a")),
        ((*REGIONS, "--private"), ("need a network", "--network aws:us-east-1=SUBNET")),
        ((*REGIONS, "--network", "aws:us-west-2=subnet-1"), ("no gateway stands there", "aws:us-east-1")),
        ((*REGIONS, "--permissions-boundary", "gcp=x"), ("Google Cloud has no such thing",)),
        ((*REGIONS, "--fact", "gcp.projekt=x"), ("no fact 'projekt'", "project")),
        ((*REGIONS, "--tag", "Team=x"), ("Team=x", "lower-case")),
        ((*REGIONS, "--profile", "x", "--gateway-credentials", "identity", "r2://a/b"), ("r2://a/b",)),
    ],
)
def test_what_cannot_be_in_a_cloud_is_one_clear_error(
    home: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_plain(skytf(home, "plan", *OFFLINE, *ENDS, *arguments), 2, *words)


def test_bytes_of_a_store_without_an_adapter_are_planned_but_not_moved(home: Path) -> None:
    said = skytf(home, "cp", "--yes", *REGIONS, *ENDS)

    assert_plain(said, 2, "gs://to/b: this version moves no bytes from or to gs://", "--offline")
