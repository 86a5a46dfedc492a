"""What a cloud does with an instance: boots a machine that prepares itself from its user data."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from skytf.errors import SkytfError
from skytf.localvm import boot, halt
from skytf.localvm.machine import SSH_USER, Machine, Tags
from tests.provider.values import Values
from tests.provider.world import World, look_up

_PORT = re.compile(r"^\s*Port\s+(\d+)\s*$", re.MULTILINE)
_TTL = re.compile(r"^\s*OnBootSec\s*=\s*(\d+)\s*min\s*$", re.MULTILINE)
_SSH_PORT = 22
_EXPIRY = "%Y-%m-%dt%H-%M-%Sz"


class BadInstance(Exception):
    """An instance that would not become a gateway; the text says why."""


@dataclass(frozen=True, slots=True)
class _Form:
    """Where an instance type of resource keeps its name, its tags and its user data."""

    name: str
    tags: str
    user_data: tuple[str, ...]


FORMS = {
    "aws_instance": _Form("tags.Name", "tags", ("user_data_base64", "user_data")),
    "google_compute_instance": _Form("name", "labels", ("metadata.user-data",)),
    "azurerm_linux_virtual_machine": _Form("name", "tags", ("custom_data", "user_data")),
    "ibm_is_instance": _Form("name", "tags", ("user_data",)),
}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What cloud-init would make of a user data."""

    authorized_key: str
    host_key: str = field(repr=False)
    ssh_port: int
    ttl_minutes: float


def start(world: World, kind: str, values: Values) -> None:
    """
    Boot the machine of the instance that *values* describe, of resource type *kind*.

    Raises:
        BadInstance: It is not named and tagged as gateways are, its user data cannot be read, or it does not boot.
    """
    form = FORMS[kind]
    machine, tags = _identify(world, form, values)
    prepared = _prepare(_user_data(form, values))
    order = boot.Order(
        machine=machine,
        tags=Tags(tags["skytf-owner"], _expires_s(tags["skytf-expires-at"]), tags),
        authorized_key=prepared.authorized_key,
        host_key=prepared.host_key,
        port_file=_port_file(world, machine),
        ssh_port=prepared.ssh_port,
        ttl_minutes=prepared.ttl_minutes,
        listen_address=world.address(str(look_up(values, form.name))),
    )
    order.port_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        boot.boot(order)
    except SkytfError as error:
        raise BadInstance(str(error)) from error


def stop(world: World, kind: str, values: Values) -> None:
    """End the machine of an instance; idempotent, and nothing to do where it never was a gateway's."""
    with suppress(BadInstance):
        machine, _ = _identify(world, FORMS[kind], values)
        halt.halt(machine, port_file=_port_file(world, machine))


def _port_file(world: World, machine: Machine) -> Path:
    return world.machines / "ports" / f"{machine.transfer_id}.{machine.gateway_id}"


def _identify(world: World, form: _Form, values: Values) -> tuple[Machine, dict[str, str]]:
    name = look_up(values, form.name)
    tags = _tags(look_up(values, form.tags))
    missing = {"skytf-transfer-id", "skytf-owner", "skytf-expires-at", "skytf-gateway"} - tags.keys()
    if missing:
        raise BadInstance(f"instance {name!r} is not tagged with {', '.join(sorted(missing))}")
    transfer_id, gateway_id = tags["skytf-transfer-id"], tags["skytf-gateway"]
    if name != (wanted := f"skytf-{transfer_id}-{gateway_id}"):
        raise BadInstance(f"instance {name!r} is not called {wanted!r}")
    try:
        return Machine.parse(world.machines, f"{transfer_id}/{gateway_id}"), tags
    except SkytfError as error:
        raise BadInstance(str(error)) from error


def _tags(raw: object) -> dict[str, str]:
    """Return tags as a map; IBM Cloud's are words with a colon."""
    if isinstance(raw, dict):
        return {str(name): str(text) for name, text in raw.items()}
    words: Iterable[object] = raw if isinstance(raw, list) else ()
    return {name: text for name, _, text in (str(word).partition(":") for word in words)}


def _expires_s(text: str) -> float:
    try:
        return datetime.strptime(text, _EXPIRY).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise BadInstance(f"the tag skytf-expires-at: {error}") from error


def _user_data(form: _Form, values: Values) -> str:
    for path in form.user_data:
        if text := look_up(values, path):
            return _plain(str(text))
    raise BadInstance(f"there is no user data in {' or '.join(form.user_data)}")


def _plain(text: str) -> str:
    """Undo what clouds let one do to a user data."""
    if text.startswith("#"):
        return text
    try:
        raw = base64.b64decode(text, validate=True)
        return (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode()
    except (binascii.Error, OSError, UnicodeDecodeError) as error:
        raise BadInstance(f"the user data is neither text nor base64: {error}") from error


def _prepare(user_data: str) -> _Prepared:
    if not user_data.startswith("#cloud-config\n"):
        raise BadInstance(f"the user data begins with {user_data[:20]!r}, not with #cloud-config")
    try:
        config = yaml.safe_load(user_data)
        keys = [key for user in config["users"] if user["name"] == SSH_USER for key in user["ssh_authorized_keys"]]
        host_keys = config["ssh_keys"]
        if set(host_keys) != {"ed25519_private"}:
            raise BadInstance(f"cloud-init would set the host keys {sorted(host_keys)}, not only an ed25519 one")
        return _Prepared(
            authorized_key="\n".join(keys),
            host_key=host_keys["ed25519_private"],
            ssh_port=int(_written(config, _PORT, _SSH_PORT)),
            ttl_minutes=float(_written(config, _TTL, None)),
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadInstance(f"cloud-init cannot make a gateway of the user data: {error!r}") from error


def _written(config: Values, pattern: re.Pattern[str], default: int | None) -> str | int:
    """Return what *pattern* finds in the files that cloud-init writes."""
    for file in config["write_files"]:
        if match := pattern.search(file["content"]):
            return match[1]
    if default is None:
        raise BadInstance(f"no file of the user data has {pattern.pattern}")
    return default
