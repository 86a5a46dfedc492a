"""What a directory holds that is no object: counted, named, and never silently lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.e2e.commands import skytf
from tests.e2e.trees import contents


def test_what_cannot_be_an_object_is_counted_and_named(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "empty").mkdir(parents=True)
    (source / "file").write_text("content")
    (source / "link").symlink_to("file")
    os.mkfifo(source / "pipe")
    (source / os.fsdecode(b"latin-\xe9")).write_text("lost")
    arguments = ("in", "out", "--recursive", "--yes", "--json")

    planned = skytf(home, "cp", *arguments, "--dry-run", cwd=tmp_path)
    said = skytf(home, "cp", *arguments, cwd=tmp_path)

    (plan,) = (one for one in map(json.loads, planned.stdout.splitlines()) if one["kind"] == "plan")
    (report,) = (one for one in map(json.loads, said.stdout.splitlines()) if one["kind"] == "report")
    counts = {"empty-directory": 1, "not-utf8": 1, "special": 1, "symlink": 1}
    assert plan["transfer"]["survey"][0]["skipped"] == counts
    assert f"`{source}/latin-\\xe9`: not-utf8" in plan["text"]
    assert f"`{source}/link`: symlink" in plan["text"]
    assert (said.returncode, report["outcome"]) == (6, "incomplete")
    assert report["jobs"][0]["not_copied"] == counts
    (failure,) = report["failures"]
    assert failure["source"] == f"{source}/latin-\\xe9"
    assert "not UTF-8" in failure["error"]
    assert contents(tmp_path / "out") == {"file": b"content"}


def test_links_and_empty_directories_alone_are_no_loss(home: Path, tmp_path: Path) -> None:
    (tmp_path / "in/empty").mkdir(parents=True)
    (tmp_path / "in/file").write_text("content")
    (tmp_path / "in/link").symlink_to("file")

    said = skytf(home, "cp", "in", "out", "--recursive", "--yes", cwd=tmp_path)

    assert said.returncode == 0, said.stderr
    assert "not copied: 1 empty-directory, 1 symlink" in said.stdout
