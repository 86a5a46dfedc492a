from __future__ import annotations

import re

import pytest

from gateway.program import CIPHERS, COMPRESSIONS
from skytf.cli.app import COMMANDS, load_command
from skytf.model.copy import Options
from skytf.model.site import SiteOption
from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_mirrored_by_a_variable_of_its_name(name: str) -> None:
    mirrored = {param.opts[0]: param.envvar for param in load_command(name).params if param.param_type_name == "option"}

    for flag, variable in mirrored.items():
        assert variable == "SKYTF_" + flag.removeprefix("--").replace("-", "_").upper()


def test_variables_are_read_and_the_command_line_wins(run: Run, client: FakeClient) -> None:
    env = {"SKYTF_INSTANCES": "3", "SKYTF_VIA": "local:r", "SKYTF_DST_PROFILE": "one two", "SKYTF_RECURSIVE": "1"}

    run("plan", "a", "s3://b", "s3://c", "--via", "local:s", env=env)

    ((copies, options, _),) = client.named("plan")
    assert (options.instances, options.via) == (3, "local:s")
    assert [one.profile for one in copies[0].destinations] == ["one", "two"]
    assert copies[0].recursive


def test_the_variable_for_yes_answers(run: Run, client: FakeClient) -> None:
    result = run("cp", "a", "b", env={"SKYTF_YES": "1"})

    assert result.exit_code == 0
    assert client.named("apply")


def test_the_variable_for_json_holds_for_wrong_usage_too(run: Run) -> None:
    result = run("cp", "--bogus", env={"SKYTF_JSON": "true"})

    assert result.stdout.startswith('{"kind": "error"')


def test_the_defaults_in_the_help_are_those_of_the_model() -> None:
    shown = {
        param.name: match[1]
        for param in load_command("cp").params
        if (match := re.search(r"\[default: (\w+)\]", getattr(param, "help", "") or ""))
    }
    options = Options()

    assert shown == {
        "instances": "1",
        "connections": str(options.connections),
        "chunk_size": f"{options.chunk_bytes >> 20}MiB",
        "threshold": f"{options.threshold_bytes >> 20}MiB",
        "if_exists": options.if_exists,
        "compression": options.compression,
        "cipher": options.cipher,
        "congestion": options.congestion,
        "source_drift": options.source_drift,
        "disk_size": f"{options.disk_gib}GiB",
        "ssh_port": str(options.ssh_port),
    }


def test_codecs_are_those_that_gateways_know(run: Run, client: FakeClient) -> None:
    choices = {param.name: getattr(param.type, "choices", ()) for param in load_command("cp").params}

    run("plan", "a", "b", "--compression", "zstd", "--cipher", "xchacha20poly1305")

    ((_, options, _),) = client.named("plan")
    assert (options.compression, options.cipher) == ("zstd", "xchacha20poly1305")
    assert tuple(choices["compression"]) == COMPRESSIONS
    assert tuple(choices["cipher"]) == CIPHERS


def test_what_links_are_like_reaches_the_client(run: Run, client: FakeClient) -> None:
    result = run("plan", "a", "b", "--link-tls", "--congestion", "bbr", "--socket-buffer", "4MiB")

    assert result.exit_code == 0, result.stderr
    ((_, options, _),) = client.named("plan")
    assert (options.link_tls, options.congestion, options.socket_buffer_bytes) == (True, "bbr", 4 << 20)


def test_files_are_synced_only_if_that_is_asked_for(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b")
    run("plan", "a", "b", "--fsync")

    assert [options.fsync for _, options, _ in client.named("plan")] == [False, True]


def test_how_many_processes_a_gateway_has_is_its_own_choice_unless_it_is_said(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b")
    run("plan", "a", "b", "--processes", "3")

    assert [options.processes for _, options, _ in client.named("plan")] == [0, 3]


def test_links_do_without_tls_unless_asked_for(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b")
    run("plan", "a", "b", env={"SKYTF_LINK_TLS": "1"})

    assert [options.link_tls for _, options, _ in client.named("plan")] == [False, True]


def test_what_is_chosen_for_sites_reaches_the_client(run: Run, client: FakeClient) -> None:
    result = run(
        *("plan", "a", "b", "--instance-type", "aws=m5.8xlarge,m5.4xlarge", "--instance-type", "gcp:us-east1=n2"),
        *("--image", "aws:us-east-1=ami-1", "--store-kms-key", "aws=arn:aws:kms:us-east-1:1:key/a=b"),
        *("--private", "--spot", "--disk-size", "31GB", "--ssh-port", "2222", "--tag", "team=a", "--tag", "cost="),
        *("--fact", "azure.storage_account/acc=/subscriptions/x=y", "--gateway-credentials", "keys"),
    )

    assert result.exit_code == 0, result.stderr
    ((_, options, _),) = client.named("plan")
    assert set(options.sites) == {
        SiteOption("aws", "instance_types", ("m5.8xlarge", "m5.4xlarge")),
        SiteOption("gcp:us-east1", "instance_types", ("n2",)),
        SiteOption("aws:us-east-1", "image", ("ami-1",)),
        SiteOption("aws", "store_kms_keys", ("arn:aws:kms:us-east-1:1:key/a=b",)),
    }
    assert (options.private_addresses, options.spot, options.disk_gib, options.ssh_port) == (True, True, 29, 2222)
    assert options.tags == (("team", "a"), ("cost", ""))
    assert options.facts == (("azure", "storage_account/acc", "/subscriptions/x=y"),)
    assert options.gateway_credentials == "keys"


def test_an_offline_plan_is_told_what_the_source_holds(run: Run, client: FakeClient) -> None:
    run("plan", "a", "b", "--offline", "--assume-bytes", "200TB", "--assume-objects", "1000000")

    ((_, options, _),) = client.named("plan")
    assert (options.offline, options.assume_bytes, options.assume_objects) == (True, 2 * 10**14, 10**6)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--zone", "us-east-1a"),
        ("--zone", "aws="),
        ("--zone", "aws=a,,b"),
        ("--image", "AWS=x"),
        ("--fact", "project=x"),
        ("--tag", "team"),
        ("--ssh-port", "0"),
        ("--disk-size", "big"),
    ],
)
def test_a_value_that_cannot_be_is_wrong_usage(run: Run, flag: str, value: str) -> None:
    assert run("plan", "a", "b", flag, value).exit_code == 2
