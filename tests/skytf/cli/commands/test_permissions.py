from __future__ import annotations

import json

from tests.skytf.cli.conftest import Run
from tests.skytf.cli.fake import FakeClient


def test_the_document_alone_goes_to_standard_output(run: Run, client: FakeClient) -> None:
    result = run("permissions", "aws", "--phase", "plan")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"cloud": "aws"}
    assert result.stderr == "This is a policy\n"
    assert client.named("permissions") == [("aws", ("plan",), None)]


def test_scripts_get_the_actions_too(run: Run, client: FakeClient) -> None:
    line = json.loads(run("permissions", "aws", "--json").stdout)

    assert line == {
        "kind": "permissions",
        "cloud": "aws",
        "phases": ["plan"],
        "actions": ["ec2:RunInstances"],
        "document": '{"cloud": "aws"}',
        "use": "a policy",
    }
