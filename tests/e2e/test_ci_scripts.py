"""The scripts of CI where a repository or a runner is not as one hopes."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import pytest
import yaml

from tests.e2e.ci import SCRIPTS, Runner, Said, git

# Says what it is asked to apply, and ends as the file says that stands beside it.
SKYTF = """#!/bin/sh
for bundle; do :; done
echo "asked for $bundle"
exit "$(cat "$(dirname "$0")/code")"
"""
MANIFEST = json.dumps({f"field-{number}": number for number in range(100)}, indent=2)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a machine with a repository of one commit, and a skytf that only says what it is asked for."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "code").write_text("0")
    (tmp_path / "bin" / "skytf").write_text(SKYTF)
    (tmp_path / "bin" / "skytf").chmod(0o755)
    runner = Runner(tmp_path, {"SKYTF_BACKEND": "backend.toml"})
    git("init", "--quiet", str(runner.checkout), cwd=tmp_path)
    commit(runner, "transfers/old/bundle/transfer.json", MANIFEST)
    return runner


def commit(runner: Runner, name: str, text: str, *, removing: str = "") -> None:
    if removing:
        git("rm", "-r", "--quiet", removing, cwd=runner.checkout)
    path = runner.checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git("add", "--all", cwd=runner.checkout)
    git("commit", "--quiet", "-m", f"change {name}", cwd=runner.checkout)


def apply(runner: Runner, base: str = "") -> Said:
    path = os.pathsep.join([str(runner.root / "bin"), os.environ["PATH"]])
    return runner.run(f"'{SCRIPTS / 'apply.sh'}' '{base}'", {"PATH": path})


def asked(said: Said) -> list[str]:
    return [line.removeprefix("asked for ") for line in said.text.splitlines() if line.startswith("asked for ")]


def test_the_whole_bundle_is_pushed_whatever_git_ignores_there(runner: Runner) -> None:
    origin = runner.root / "origin.git"
    git("init", "--quiet", "--bare", str(origin), cwd=runner.root)
    git("remote", "add", "origin", str(origin), cwd=runner.checkout)
    commit(runner, ".gitignore", "*.tfvars\n*.tfvars.json\n.terraform/*\n*_override.tf.json\n")
    bundle = runner.checkout / "a" / "bundle"
    for name in ("transfer.json", "PLAN.md", "infra/terraform.tfvars.json", "infra/.terraform/providers"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text("x")

    said = runner.run(f"'{SCRIPTS / 'push.sh'}' a review", {})

    assert said.code == 0, said.text
    pushed = git("ls-tree", "-r", "--name-only", "review", "a", cwd=origin).split()
    assert pushed == ["a/bundle/PLAN.md", "a/bundle/infra/terraform.tfvars.json", "a/bundle/transfer.json"]


def test_a_plan_that_no_comment_can_hold_is_named_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "PLAN.md").write_text("# Plan of much\n" + "x" * 65_535)

    text = runpy.run_path(str(SCRIPTS / "comment.py"))["body"](str(tmp_path))

    assert "# Plan of much\n" in text
    assert "too long for a comment" in text
    assert len(text) < 1_000


@pytest.mark.parametrize("base", ["0" * 40, "1234567890" * 4], ids=["a first push", "a forced push"])
def test_where_nobody_knows_what_is_new_nothing_is_applied_again(runner: Runner, base: str) -> None:
    said = apply(runner, base)

    assert (said.code, asked(said)) == (2, [])
    assert f"{base} is no commit of this checkout" in said.text
    assert "Next: " in said.text


def test_a_bundle_that_looks_like_one_that_was_removed_is_applied(runner: Runner) -> None:
    other = MANIFEST.replace('"field-7": 7', '"field-7": 8')
    commit(runner, "transfers/new/bundle/transfer.json", other, removing="transfers/old")

    said = apply(runner)

    assert (said.code, asked(said)) == (0, ["transfers/new/bundle"])


def test_a_bundle_that_was_only_moved_is_not_applied_again(runner: Runner) -> None:
    commit(runner, "transfers/new/bundle/transfer.json", MANIFEST, removing="transfers/old")

    said = apply(runner)

    assert (said.code, asked(said)) == (0, [])


def test_one_bundle_that_fails_does_not_keep_the_next_from_being_applied(runner: Runner) -> None:
    (runner.root / "bin" / "code").write_text("7")
    commit(runner, "transfers/a b'$(id)/bundle/transfer.json", "{}")
    commit(runner, "-x/bundle/transfer.json", "{1}")

    said = apply(runner, "HEAD~2")

    assert (said.code, asked(said)) == (7, ["-x/bundle", "transfers/a b'$(id)/bundle"])


@pytest.mark.parametrize("code", [130, 143])
def test_who_stops_one_bundle_stops_them_all(runner: Runner, code: int) -> None:
    (runner.root / "bin" / "code").write_text(str(code))
    commit(runner, "a/bundle/transfer.json", "{}")
    commit(runner, "b/bundle/transfer.json", "{1}")

    said = apply(runner, "HEAD~2")

    assert (said.code, asked(said)) == (code, ["a/bundle"])


def test_on_gitlab_git_is_told_the_token_and_keeps_it_nowhere(runner: Runner) -> None:
    template = yaml.safe_load((SCRIPTS / "gitlab" / ".gitlab-ci.yml").read_text())
    told = [line for line in template["plan"]["script"] if line.startswith(("export GIT_CONFIG", "git remote"))]
    git("remote", "add", "origin", "https://git.example.com/org/repo.git", cwd=runner.checkout)
    ask = "printf 'protocol=https\\nhost=git.example.com\\n\\n' | git credential fill"

    said = runner.run(
        "\n".join([*told, ask]),
        {"SKYTF_GITLAB_TOKEN": "of-somebody", "CI_PROJECT_URL": "https://git.example.com/org/repo"},
    )

    assert said.code == 0, said.text
    assert "username=skytf\npassword=of-somebody\n" in said.text
    assert "of-somebody" not in (runner.checkout / ".git" / "config").read_text()
