from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key
from nacl.public import PrivateKey

from gateway.stores.base import Credentials
from skytf.deploy.authority import LinkCertificate
from skytf.deploy.keys import Secrets, make_link_key, make_payload_key, make_ssh_key, make_token, write_private_key


def test_an_ssh_key_is_a_pair_that_openssh_reads() -> None:
    key = make_ssh_key()

    private = load_ssh_private_key(key.private.encode(), password=None)
    public = load_ssh_public_key(key.public.encode())

    assert private.public_key() == public


def test_only_we_can_read_a_private_key(tmp_path: Path) -> None:
    write_private_key(tmp_path / "key", make_ssh_key())

    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_private_key_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("somebody else's")

    with pytest.raises(FileExistsError):
        write_private_key(tmp_path / "key", make_ssh_key())

    assert (tmp_path / "key").read_text() == "somebody else's"


def test_a_link_key_is_a_pair_of_raw_keys() -> None:
    key = make_link_key()

    assert bytes(PrivateKey(bytes.fromhex(key.private)).public_key).hex() == key.public


def test_no_secret_shows_in_what_is_printed() -> None:
    ssh, link = make_ssh_key(), make_link_key()
    secrets = Secrets("t1", link.private, make_token(), make_payload_key(), {"a": Credentials("id", "hush", "hush")})

    printed = f"{ssh!r} {link!r} {secrets!r}"

    for hidden in (ssh.private, link.private, secrets.token, secrets.payload_key, "hush"):
        assert hidden not in printed


def test_links_without_tls_have_no_certificate_in_the_document() -> None:
    one = LinkCertificate("authority", "certificate", "hush")

    assert "link_tls" not in json.loads(Secrets("t1", "00", "token").to_json())
    secrets = Secrets("t1", "00", "token", link_tls=one)
    assert json.loads(secrets.to_json())["link_tls"] == {
        "authority": "authority",
        "certificate": "certificate",
        "private_key": "hush",
    }
    assert "hush" not in repr(secrets)


def test_a_relay_is_told_no_payload_key() -> None:
    relay = Secrets("t1", "00", "token")
    sink = Secrets("t1", "00", "token", "ff", {"a": Credentials("id", "secret")}, transfer_started_s=12.5)

    assert "payload_key" not in json.loads(relay.to_json())
    assert json.loads(sink.to_json()) == {
        "transfer_id": "t1",
        "transfer_started_s": 12.5,
        "link_private_key": "00",
        "token": "token",
        "payload_key": "ff",
        "credentials": {"a": {"access_key": "id", "secret_key": "secret", "session_token": ""}},
    }
