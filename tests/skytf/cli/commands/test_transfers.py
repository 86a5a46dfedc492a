from __future__ import annotations

from dataclasses import replace

from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient
from tests.skytf.cli.results import TRANSFER


def test_each_transfer_is_a_line_with_its_state(run: Run, client: FakeClient) -> None:
    client.transfer_list = [
        TRANSFER,
        replace(TRANSFER, transfer_id="t-0002", alive=False, outcome="done"),
        replace(TRANSFER, transfer_id="t-0003", alive=False, source="/a\x1bb"),
    ]

    lines = [" ".join(line.split()) for line in run("transfers").stdout.splitlines()]

    assert lines == [
        "ID STATE SOURCE DESTINATIONS",
        "t-0001 running: transferring /data s3://b/x",
        "t-0002 done /data s3://b/x",
        "t-0003 unfinished: transferring /a\\x1bb s3://b/x",
    ]


def test_no_transfers_are_said(run: Run, client: FakeClient) -> None:
    client.transfer_list = []

    assert run("transfers").stdout == "No transfers yet.\n"


def test_no_transfers_are_no_lines_of_json(run: Run, client: FakeClient) -> None:
    client.transfer_list = []

    assert run("transfers", "--json").stdout == ""
