from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from skytf.errors import InputError, Refused
from skytf.runner.backend import OVERRIDE, Backend, kind_of, read_backend

DIGEST = "0123456789abcdef" * 4
SHORT = DIGEST[:32]
S3 = 'type = "s3"\nbucket = "states"\nregion = "eu-west-1"\n'
AZURE = 'type = "azurerm"\nstorage_account_name = "acc"\ncontainer_name = "states"\n'
PG = 'type = "pg"\nconn_str = "postgres://me@db.example/states?sslmode=verify-full"\n'
HTTP = 'type = "http"\naddress = "https://state.example/api"\n'

Read = Callable[..., Backend]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a backend file of the given content."""

    def call(content: str, **env: str) -> Backend:
        path = tmp_path / "backend.toml"
        path.write_text(content)
        return read_backend(path, DIGEST, env)

    return call


@pytest.mark.parametrize(
    ("content", "arguments", "where"),
    [
        (
            S3,
            {"bucket": "states", "region": "eu-west-1", "key": f"skytf/{SHORT}.tfstate", "encrypt": True}
            | {"use_lockfile": True},
            f"s3://states/skytf/{SHORT}.tfstate",
        ),
        (
            'type = "gcs"\nbucket = "states"\nprefix = "team"\nkms_encryption_key = "projects/p/k"\n',
            {"bucket": "states", "prefix": f"team/{SHORT}", "kms_encryption_key": "projects/p/k"},
            f"gs://states/team/{SHORT}",
        ),
        (
            AZURE + 'key = "{digest}/state"\n',
            {"storage_account_name": "acc", "container_name": "states", "key": f"{SHORT}/state"},
            f"azure://acc/states/{SHORT}/state",
        ),
        (
            PG,
            {"conn_str": "postgres://me@db.example/states?sslmode=verify-full", "schema_name": f"skytf_{SHORT}"},
            f"PostgreSQL, schema skytf_{SHORT}",
        ),
        (
            HTTP,
            {
                "address": f"https://state.example/api/{SHORT}",
                "lock_address": f"https://state.example/api/{SHORT}/lock",
                "unlock_address": f"https://state.example/api/{SHORT}/lock",
                "skip_cert_verification": False,
            },
            f"https://state.example/api/{SHORT}",
        ),
    ],
    ids=["s3", "gcs", "azurerm", "pg", "http"],
)
def test_a_backend_gets_a_place_of_the_bundles_own(
    read: Read, content: str, arguments: dict[str, object], where: str
) -> None:
    backend = read(content)

    assert json.loads(backend.override()) == {"terraform": {"backend": {backend.kind: arguments}}}
    assert backend.where == where


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (S3 + "encrypt = false\n", "encrypt must be true"),
        (S3 + "use_lockfile = false\n", "use_lockfile must be true"),
        (S3 + '[endpoints]\ns3 = "http://minio.example"\n', "s3 is not encrypted"),
        (HTTP.replace("https", "http"), "address is not encrypted"),
        (S3 + "insecure = true\n", "insecure must be false"),
        (HTTP.replace("https", "HTTP"), "address is not encrypted"),
        (HTTP + "skip_cert_verification = true\n", "skip_cert_verification must be false"),
        (PG.replace("verify-full", "prefer"), "would not be encrypted"),
        (PG.replace("?sslmode=verify-full", ""), "sslmode not set"),
        ('type = "gcs"\n', "bucket is missing"),
        ('type = "local"\n', "'local' is no type of backend"),
        ("type =", "cannot be read"),
    ],
)
def test_a_state_in_the_clear_or_without_a_lock_is_refused(read: Read, content: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        read(content)

    assert refused.value.hint


@pytest.mark.parametrize(
    ("content", "variable"),
    [
        (S3 + 'access_key = "AKIA"\n', "AWS_ACCESS_KEY_ID"),
        (S3 + '[assume_role_with_web_identity]\nweb_identity_token = "ey"\n', "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ('type = "gcs"\nbucket = "b"\naccess_token = "ya29"\n', "GOOGLE_OAUTH_ACCESS_TOKEN"),
        ('type = "gcs"\nbucket = "b"\ncredentials = \'{"type": "service_account"}\'\n', "GOOGLE_APPLICATION_CRED"),
        (AZURE + 'sas_token = "sv="\n', "ARM_SAS_TOKEN"),
        (AZURE + 'access_key = "k"\n', "ARM_ACCESS_KEY"),
        (PG.replace("me@", "me:hush@"), "PGPASSWORD"),
        ('type = "pg"\nconn_str = "host=db password=hush sslmode=require"\n', "PGPASSWORD"),
        (HTTP + 'password = "hush"\n', "TF_HTTP_PASSWORD"),
        (HTTP.replace("https://", "https://me:hush@"), "TF_HTTP_PASSWORD"),
    ],
)
def test_a_secret_in_the_file_is_refused_with_the_variable_to_use(read: Read, content: str, variable: str) -> None:
    with pytest.raises(InputError, match="holds a secret") as refused:
        read(content)

    assert variable in refused.value.hint
    assert "hush" not in str(refused.value) + refused.value.hint


def test_a_connection_may_be_described_in_the_environment(read: Read) -> None:
    backend = read('type = "pg"\n', PG_CONN_STR="host=db user=me password=hush", PGSSLMODE="require")

    assert backend.arguments == {"schema_name": f"skytf_{SHORT}"}


def test_this_machine_may_be_reached_in_the_clear(read: Read) -> None:
    backend = read('type = "http"\naddress = "http://127.0.0.1:8080/x"\n')

    assert backend.where == f"http://127.0.0.1:8080/x/{SHORT}"


def test_the_override_in_a_directory_says_which_kind_it_is(tmp_path: Path, read: Read) -> None:
    path = tmp_path / OVERRIDE
    absent = kind_of(path)
    path.write_bytes(read(S3).override())

    assert (absent, kind_of(path)) == ("", "s3")
    path.write_text("{}")
    with pytest.raises(Refused, match="is broken"):
        kind_of(path)
