from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from skytf import bundle
from skytf.bundle import Bundle, Manifest, compose, read, write
from skytf.errors import InputError, Refused
from skytf.exactly import verify
from skytf.model.survey import JobSurvey, KeyRange
from skytf.planner import plan
from skytf.prepare import derive
from skytf.programs import programs
from skytf.render.plan_md import plan_md
from skytf.render.root import root_module
from tests.skytf.requests import A, B, R, job, page, path, request


def make(*, instances: int = 2, name: str = "in", plan_json: bytes | None = b"{}\n") -> Bundle:
    asked = request(job(source=path(name, A), destinations=(path("out", B),)), instances=instances, via=R)
    topology = plan(asked)
    survey = (JobSurvey("job-0", 1, 9, 9, {"symlink": 1}, (("/in/é", "symlink"),), (KeyRange("a", "é", 1, 9, "00"),)),)
    return compose(
        manifest=Manifest(asked, survey),
        topology=topology,
        programs=programs(topology, asked),
        infra=root_module(topology, asked),
        plan_md=plan_md(page(asked, survey)),
        plan_html=b"page",
        plan_json=plan_json,
    )


def tree(directory: Path) -> dict[str, bytes]:
    return {str(one.relative_to(directory)): one.read_bytes() for one in directory.rglob("*") if one.is_file()}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = make()

    write(tmp_path / "new" / "bundle", made.files)
    found = read(tmp_path / "new" / "bundle")

    assert found == made
    assert found.digest == made.digest
    assert "main.tf" in found.infra
    assert {"transfer.json", "topology.json", "PLAN.md", "plan.json", "programs/local-a-0.json"} <= found.files.keys()
    verify(found, make().files)


def test_another_request_is_another_bundle() -> None:
    assert make().digest == make().digest
    assert make().digest != make(name="other").digest


def test_an_older_bundle_is_replaced_and_its_stale_files_go(tmp_path: Path) -> None:
    write(tmp_path, make(instances=3).files)
    (tmp_path / "README").write_text("mine")
    (tmp_path / "infra" / ".terraform" / "modules").mkdir(parents=True)
    (tmp_path / "infra" / "modules" / "gone").mkdir()
    (tmp_path / "infra" / "modules" / "gone" / "main.tf").touch()

    write(tmp_path, make(plan_json=None).files)

    assert tree(tmp_path) == {**make(plan_json=None).files, "README": b"mine"}
    assert not (tmp_path / "infra" / "modules" / "gone").exists()


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")

    with pytest.raises(InputError, match="not empty and holds no bundle"):
        write(tmp_path, make().files)

    assert tree(tmp_path) == {"thesis.tex": b"mine"}


@pytest.mark.parametrize("name", ["infra", "programs", "infra/modules", "PLAN.md"])
def test_nothing_is_written_or_removed_behind_a_link(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    write(outside, make().files)
    (outside / "mine").write_text("kept")
    before = tree(outside)
    target = tmp_path / "bundle"
    (target / name).parent.mkdir(parents=True)
    (target / "transfer.json").write_text("{}")
    (target / name).symlink_to(outside / name if name == "PLAN.md" else outside)

    with pytest.raises(InputError, match=f"{name} is a symbolic link"):
        write(target, make(instances=3).files)

    assert tree(outside) == before


def test_a_link_where_a_file_is_prepared_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    write(tmp_path / "bundle", make().files)
    (tmp_path / "bundle" / ".PLAN.md.new").symlink_to(tmp_path / "mine")

    write(tmp_path / "bundle", make(instances=3).files)

    assert (tmp_path / "mine").read_text() == "kept"


def test_a_bundle_with_a_link_in_it_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "bundle", make().files)
    (tmp_path / "bundle" / "programs").rename(tmp_path / "programs")
    (tmp_path / "bundle" / "programs").symlink_to(tmp_path / "programs")

    with pytest.raises(Refused, match="programs is a symbolic link"):
        read(tmp_path / "bundle")


def test_links_that_terraform_made_in_its_own_folder_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, make().files)
    (tmp_path / "infra" / ".terraform").mkdir()
    (tmp_path / "infra" / ".terraform" / "provider").symlink_to(tmp_path / "PLAN.md")

    assert read(tmp_path) == make()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="file is a file"):
        write(tmp_path / "file", make().files)
    with pytest.raises(InputError, match=r"cannot be written to .*below"):
        write(tmp_path / "file" / "below", make().files)


def test_a_directory_that_is_no_bundle_is_wrong_input(tmp_path: Path) -> None:
    for directory, words in (
        (tmp_path / "gone", "does not exist"),
        (tmp_path, "is no bundle"),
        (Path(__file__), "a file"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            read(directory)

        assert caught.value.exit_code == 2
        assert "skytf plan" in caught.value.hint


@pytest.mark.parametrize(("field", "words"), [("bundle_version", "has format"), ("tool_version", "was planned with")])
def test_a_bundle_of_another_version_is_refused(tmp_path: Path, field: str, words: str) -> None:
    write(tmp_path, make().files)
    raw = json.loads((tmp_path / "transfer.json").read_bytes())
    # Another version's request may have another shape: the version must be named, not the field.
    (tmp_path / "transfer.json").write_text(json.dumps({**raw, field: 99, "request": {"new": 1}}))

    with pytest.raises(Refused, match=words) as caught:
        read(tmp_path)

    assert caught.value.exit_code == 7


@pytest.mark.parametrize("name", ["transfer.json", "topology.json", "programs/local-b-1.json"])
@pytest.mark.parametrize("content", [b"", b"{", b'"text"', b"[]", b"\xff"])
def test_a_broken_file_is_refused_and_named(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, make().files)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(Refused, match=f"{name} is broken"):
        read(tmp_path)


def test_edited_missing_and_extra_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, make().files)
    (tmp_path / "infra" / "main.tf").write_text("# nothing\n")
    (tmp_path / "infra" / "more.tf").touch()
    (tmp_path / "PLAN.md").unlink()

    with pytest.raises(Refused) as caught:
        verify(read(tmp_path), make().files)

    assert str(caught.value).endswith(
        "infra/main.tf was edited, PLAN.md is missing, infra/more.tf does not belong there"
    )


def test_what_terraform_leaves_in_a_bundle_is_no_edit(tmp_path: Path) -> None:
    write(tmp_path, make().files)
    (tmp_path / "infra" / ".terraform").mkdir()
    (tmp_path / "infra" / ".terraform" / "modules.json").touch()

    verify(read(tmp_path), make().files)


def test_a_rewritten_bundle_keeps_the_times_of_what_did_not_change(tmp_path: Path) -> None:
    write(tmp_path, make().files)
    before = (tmp_path / "infra" / "main.tf").stat()

    write(tmp_path, make().files)

    assert (tmp_path / "infra" / "main.tf").stat().st_ino == before.st_ino
    assert bundle.MANIFEST in tree(tmp_path)


def test_an_edited_request_is_blamed_and_not_what_follows_from_it(tmp_path: Path) -> None:
    planned = derive(Manifest(request(), (JobSurvey("job-0", 1, 9, 9),)))
    write(tmp_path, planned.files)
    verify(read(tmp_path), planned.files)
    path = tmp_path / "transfer.json"
    path.write_text(path.read_text().replace('"bytes": 9', '"bytes": 8'))
    edited = read(tmp_path)

    with pytest.raises(Refused, match=r"transfer\.json was edited, PLAN\.md .*another digest of it"):
        verify(edited, derive(edited.manifest).files)


@pytest.mark.parametrize("name", ["transfer.json", "topology.json", "programs/local-a-0.json"])
def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, make().files)
    deep = b'{"more": ' + b"[" * 200_000 + b"]" * 200_000 + b", "
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes().replace(b"{", deep, 1))

    with pytest.raises(Refused, match=f"{name} is broken"):
        read(tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_leaves_the_bytes_of_a_bundle_alone_whatever_it_does_with_line_ends(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=dev", "-c", "user.email=dev@localhost", "-c", "core.autocrlf=true"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    write(tmp_path / "transfers" / "bundle", make().files)
    (tmp_path / ".gitattributes").write_text("* text=auto eol=crlf\n")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "-m", "planned")
    shutil.rmtree(tmp_path / "transfers")

    git("checkout", "--", "transfers")

    assert tree(tmp_path / "transfers" / "bundle") == make().files
