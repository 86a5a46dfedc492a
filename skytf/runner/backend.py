"""Where Terraform keeps the state when that is not the transfer's directory: read from the user's file, and checked."""

from __future__ import annotations

import ipaddress
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from skytf.errors import InputError, Refused

OVERRIDE = "backend_override.tf.json"
# 128 bits of the bundle's digest: enough to be unique, and short enough for a schema of PostgreSQL (63 characters).
_DIGEST_CHARS = 32
# What must not stand in a file, which is copied to the working directory, and the variable that is read instead.
_SECRETS = {
    "s3": {
        "access_key": "AWS_ACCESS_KEY_ID",
        "secret_key": "AWS_SECRET_ACCESS_KEY",
        "token": "AWS_SESSION_TOKEN",
        "web_identity_token": "AWS_WEB_IDENTITY_TOKEN_FILE",
        "sse_customer_key": "AWS_SSE_CUSTOMER_KEY",
    },
    "gcs": {"access_token": "GOOGLE_OAUTH_ACCESS_TOKEN", "encryption_key": "GOOGLE_ENCRYPTION_KEY"},
    "azurerm": {
        "access_key": "ARM_ACCESS_KEY",
        "client_certificate_password": "ARM_CLIENT_CERTIFICATE_PASSWORD",
        "client_secret": "ARM_CLIENT_SECRET",
        "oidc_request_token": "ARM_OIDC_REQUEST_TOKEN",
        "oidc_token": "ARM_OIDC_TOKEN",
        "sas_token": "ARM_SAS_TOKEN",
    },
    "pg": {"password": "PGPASSWORD"},
    "http": {"client_private_key_pem": "TF_HTTP_CLIENT_PRIVATE_KEY_PEM", "password": "TF_HTTP_PASSWORD"},
}
_SAFE_SSL_MODES = frozenset({"require", "verify-ca", "verify-full"})
_DOCS = "docs/state.md shows a file for each kind"


@dataclass(frozen=True, slots=True)
class Backend:
    """A remote state; ``kind`` is Terraform's name for it, ``where`` names the place in words, without secrets."""

    kind: str
    arguments: Mapping[str, Any]
    where: str

    def override(self) -> bytes:
        """Return the content of the override file that makes a root module use it."""
        content = {"terraform": {"backend": {self.kind: dict(self.arguments)}}}
        return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"


def read_backend(path: Path, digest: str, env: Mapping[str, str]) -> Backend:
    """
    Return the backend that the TOML file at *path* describes, with a place of its own for the bundle of *digest*.

    Two applies of one bundle so meet at the lock of one state.

    Args:
        path: Its ``type`` is one of `KINDS`, the rest are Terraform's arguments of that backend.
        digest: Of the bundle.
        env: The operator's environment: a connection may be described there.

    Raises:
        InputError: The file cannot be read, holds a secret, or describes a state that would be written or kept in the
            clear, or without a lock.
    """
    try:
        arguments = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the backend file {path} cannot be read: {error}", hint=_DOCS) from error
    kind = arguments.pop("type", "")
    if kind not in _KINDS:
        raise InputError(f"{path}: {kind!r} is no type of backend", hint=f"type is one of {', '.join(sorted(_KINDS))}")
    _check_secrets(path, kind, arguments)
    _check_addresses(path, arguments)
    made, where = _KINDS[kind](_Given(path, arguments, digest[:_DIGEST_CHARS], env))
    return Backend(kind, made, where)


def kind_of(override: Path) -> str:
    """
    Return which backend the override file names, empty where there is none.

    Raises:
        Refused: Somebody has edited it.
    """
    try:
        return str(next(iter(json.loads(override.read_bytes())["terraform"]["backend"])))
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise Refused(f"{override} is broken, so nobody knows where the state is", hint="take it back") from error


@dataclass(frozen=True, slots=True)
class _Given:
    path: Path
    arguments: Mapping[str, Any]
    digest: str
    env: Mapping[str, str]

    def wanted(self, name: str) -> str:
        value = self.arguments.get(name, "")
        if not isinstance(value, str) or not value:
            raise InputError(f"{self.path}: {name} is missing", hint=_DOCS)
        return value

    def placed(self, name: str, default: str, end: str = "") -> str:
        """Return the place *name* with the digest in it: where the user says ``{digest}``, else below it."""
        given = str(self.arguments.get(name) or default)
        placed = given.replace("{digest}", self.digest)
        return placed if placed != given else f"{given.rstrip('/')}/{self.digest}{end}"

    def forced(self, **values: object) -> dict[str, object]:
        """Return *values*, which the file may repeat but not change."""
        for name, value in values.items():
            if self.arguments.get(name, value) != value:
                raise InputError(
                    f"{self.path}: {name} must be {json.dumps(value)}: a state is encrypted and locked", hint=_DOCS
                )
        return values


def _s3(given: _Given) -> tuple[dict[str, Any], str]:
    key = given.placed("key", "skytf", ".tfstate")
    bucket = given.wanted("bucket")
    given.forced(insecure=False)  # of the certificate, for any endpoint
    return {**given.arguments, "key": key, **given.forced(encrypt=True, use_lockfile=True)}, f"s3://{bucket}/{key}"


def _gcs(given: _Given) -> tuple[dict[str, Any], str]:
    prefix = given.placed("prefix", "skytf")
    credentials = str(given.arguments.get("credentials", ""))
    if "{" in credentials:
        raise _secret(given.path, "credentials", "GOOGLE_APPLICATION_CREDENTIALS")
    return {**given.arguments, "prefix": prefix}, f"gs://{given.wanted('bucket')}/{prefix}"


def _azurerm(given: _Given) -> tuple[dict[str, Any], str]:
    key = given.placed("key", "skytf", ".tfstate")
    account, container = given.wanted("storage_account_name"), given.wanted("container_name")
    return {**given.arguments, "key": key}, f"azure://{account}/{container}/{key}"


def _pg(given: _Given) -> tuple[dict[str, Any], str]:
    schema = str(given.arguments.get("schema_name") or "skytf")
    schema = schema.replace("{digest}", given.digest) if "{digest}" in schema else f"{schema}_{given.digest}"
    text = str(given.arguments.get("conn_str") or given.env.get("PG_CONN_STR", ""))
    if "://" in text:
        url = urlsplit(text)
        settings = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.password is not None:
            settings["password"] = url.password
    else:
        settings = dict(pair.partition("=")[::2] for pair in text.split())
    if "conn_str" in given.arguments and "password" in settings:
        raise _secret(given.path, "conn_str with a password", "PGPASSWORD")
    mode = settings.get("sslmode") or given.env.get("PGSSLMODE", "")
    if mode not in _SAFE_SSL_MODES:
        raise InputError(
            f"{given.path}: the connection to PostgreSQL would not be encrypted for sure (sslmode {mode or 'not set'})",
            hint=f"put sslmode={' or '.join(sorted(_SAFE_SSL_MODES))} into conn_str",
        )
    return {**given.arguments, "schema_name": schema}, f"PostgreSQL, schema {schema}"


def _http(given: _Given) -> tuple[dict[str, Any], str]:
    given.wanted("address")
    address = given.placed("address", "")
    # Without an address for the lock Terraform takes none.
    lock = given.placed("lock_address", "") if "lock_address" in given.arguments else f"{address}/lock"
    unlock = given.placed("unlock_address", "") if "unlock_address" in given.arguments else lock
    checked = given.forced(skip_cert_verification=False)
    return {**given.arguments, **checked, "address": address, "lock_address": lock, "unlock_address": unlock}, address


_KINDS: dict[str, Callable[[_Given], tuple[dict[str, Any], str]]] = {
    "azurerm": _azurerm,
    "gcs": _gcs,
    "http": _http,
    "pg": _pg,
    "s3": _s3,
}
KINDS = tuple(sorted(_KINDS))


def _check_secrets(path: Path, kind: str, arguments: Mapping[str, Any]) -> None:
    known = {name: variable for names in _SECRETS.values() for name, variable in names.items()} | _SECRETS[kind]
    for name, _ in _leaves(arguments):
        if name in known:
            raise _secret(path, name, known[name])


def _check_addresses(path: Path, arguments: Mapping[str, Any]) -> None:
    """Let no state and no credentials travel in the clear, but on this machine."""
    for name, value in _leaves(arguments):
        if not isinstance(value, str) or not value.lower().startswith(("http://", "https://")):
            continue
        url = urlsplit(value)
        if url.password is not None or url.username is not None:
            raise _secret(path, f"{name} with a user", "TF_HTTP_USERNAME and TF_HTTP_PASSWORD")
        if url.scheme == "http" and not _is_loopback(url.hostname or ""):
            raise InputError(f"{path}: {name} is not encrypted: {value}", hint="use https")


def _leaves(arguments: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield name, value


def _secret(path: Path, name: str, variable: str) -> InputError:
    return InputError(f"{path} holds a secret: {name}", hint=f"take it out, and set {variable} instead")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
