from __future__ import annotations

import socket
import time
from pathlib import Path, PurePosixPath

import pytest

from skytf.deploy import service
from skytf.deploy.install import Installed, probe
from skytf.deploy.keys import Secrets
from skytf.deploy.session import Session
from skytf.errors import HostError
from skytf.model.job import LinkShape
from skytf.model.region import Region

SECRETS = Secrets("t1", "00ff", "token-that-nobody-sees", "aabb")


def daemon(session: Session, tmp_path: Path, script: str) -> Installed:
    """A gateway that is nothing but *script*, Python that sees the start command's argv and stdin."""
    (tmp_path / "launcher.py").write_text(script)
    return Installed(PurePosixPath(tmp_path), probe(session).python)


def test_a_daemon_that_is_ready_says_its_ports(session: Session, tmp_path: Path) -> None:
    ready = """print('READY {"pid":7,"control_port":8001,"data_port":8002}')"""

    started = service.start(session, daemon(session, tmp_path, ready), SECRETS)

    assert started == service.Started(7, 8001, 8002)


def test_secrets_arrive_on_stdin_and_nowhere_else(session: Session, tmp_path: Path) -> None:
    script = f"""
import json, os, sys
from pathlib import Path
got = sys.stdin.read()
assert json.loads(got)["token"] == "{SECRETS.token}"
elsewhere = Path("/proc/self/cmdline").read_text() + str(os.environ)
word = "ERROR" if "{SECRETS.token}"[:9] in elsewhere else "READY"
print(word, json.dumps(dict(pid=1, control_port=2, data_port=3, error="seen")))
"""

    assert service.start(session, daemon(session, tmp_path, script), SECRETS).pid == 1


def test_a_daemon_that_refuses_is_quoted(session: Session, tmp_path: Path) -> None:
    script = """print('ERROR {"error":"port 9 is taken","hint":"choose another"}'); raise SystemExit(1)"""

    with pytest.raises(HostError, match=r"local-a-1.*did not start: port 9 is taken") as caught:
        service.start(session, daemon(session, tmp_path, script), SECRETS)

    assert caught.value.hint == "choose another"


def test_a_daemon_that_crashes_is_quoted(session: Session, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"ended before it was ready: ImportError: no lz4"):
        service.start(session, daemon(session, tmp_path, "raise ImportError('no lz4')"), SECRETS)


def test_an_answer_of_another_kind_is_shown(session: Session, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="READY soon"):
        service.start(session, daemon(session, tmp_path, "print('READY soon')"), SECRETS)


def test_the_end_of_the_log_is_fetched(session: Session, tmp_path: Path) -> None:
    installed = daemon(session, tmp_path, "")
    (tmp_path / "log").write_text("first\nlast\n")

    assert service.fetch_log(session, installed, last_bytes=5) == "last\n"


def test_a_log_that_was_never_written_is_empty(session: Session, tmp_path: Path) -> None:
    assert service.fetch_log(session, daemon(session, tmp_path, "")) == ""


def test_a_shaped_link_leads_to_its_target_after_the_delay(session: Session) -> None:
    shape = LinkShape(Region("local", "a"), Region("local", "b"), link_mbps=200, connection_mbps=12.5, delay_ms=40)
    with socket.create_server(("127.0.0.1", 0)) as target:
        port = service.shape_link(session, "127.0.0.1", target.getsockname()[1], shape)
        channel = session.open_channel(port)
        begun_s = time.monotonic()
        channel.sendall(b"through the relay")

        target.settimeout(10)
        arrived, _ = target.accept()
        with arrived:
            arrived.settimeout(10)
            assert arrived.recv(100) == b"through the relay"

    assert time.monotonic() - begun_s >= 0.03
    channel.close()
