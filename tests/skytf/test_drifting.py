from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.stores.base import Skipped
from skytf.bundle import Bundle, Manifest
from skytf.drifting import check_drift
from skytf.ends import ends_of
from skytf.errors import InputError, Interrupted, Refused
from skytf.hooks import Hooks
from skytf.model.job import Request
from skytf.prepare import derive
from skytf.sources import Watch, surveyed
from tests.skytf.requests import A, B, job, path, request

WATCH = Watch(Hooks(), lambda: None)


def planned(root: Path, source_drift: str, *, key: str = "in") -> Bundle:
    """What a bundle of the files below *root* / ``in`` (or of *key*, one file) would be."""
    ends = path(f"{root}/{key}"[1:], A), path(f"{root}/out"[1:], B)
    one = replace(job(source=ends[0], destinations=(ends[1],)), recursive=key == "in")
    asked: Request = replace(request(one), source_drift=source_drift)
    surveys, listings = surveyed(asked, WATCH)
    return derive(Manifest(asked, surveys), listings=listings)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source of 30 files."""
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / "in" / f"{number:02}").write_text("as reviewed")
    return tmp_path


@pytest.mark.parametrize("source_drift", ["report", "refuse", "pin"])
def test_a_source_that_nobody_touched_is_as_it_was_reviewed(root: Path, source_drift: str) -> None:
    assert check_drift(planned(root, source_drift), WATCH) == []


def test_by_default_a_little_is_reported_with_its_range(root: Path) -> None:
    bundle = planned(root, "report")
    (root / "in/07").write_text("as reviewer")

    (warning,) = check_drift(bundle, WATCH)

    assert warning == f"{root}/in is not what was reviewed: {root}/in/07 has changed"


def test_beyond_a_tenth_of_the_objects_the_default_refuses(root: Path) -> None:
    (root / "in/large").write_bytes(bytes(100_000))  # the objects that change are hardly any bytes
    bundle = planned(root, "report")
    for number in range(4):
        (root / f"in/0{number}").unlink()

    with pytest.raises(Refused, match="13% of it") as caught:
        check_drift(bundle, WATCH)

    assert f"{root}/in/00 is gone" in str(caught.value)
    assert "plan again" in caught.value.hint


def test_beyond_a_tenth_of_the_bytes_the_default_refuses(root: Path) -> None:
    bundle = planned(root, "report")
    (root / "in/07").write_bytes(bytes(10_000))

    with pytest.raises(Refused, match=f"{root}/in/07 has changed; that is up to 3030% of it"):
        check_drift(bundle, WATCH)


def test_whoever_wants_no_change_is_refused_at_the_first(root: Path) -> None:
    bundle = planned(root, "refuse")
    (root / "in/30").write_text("new")

    with pytest.raises(Refused, match=f"{root}/in/30 is new"):
        check_drift(bundle, WATCH)


def test_pinned_objects_that_changed_or_are_gone_are_named(root: Path) -> None:
    bundle = planned(root, "pin")
    (root / "in/07").write_text("of the same size"[:11])
    (root / "in/11").unlink()

    with pytest.raises(Refused) as caught:
        check_drift(bundle, WATCH)

    assert str(caught.value) == (
        f"{root}/in is not what was reviewed: 2 of its pinned objects changed or are gone:"
        f" {root}/in/07 has changed, {root}/in/11 is gone"
    )
    assert caught.value.exit_code == 7


def test_of_many_pinned_objects_that_changed_the_first_are_named(root: Path) -> None:
    bundle = planned(root, "pin")
    for file in (root / "in").iterdir():
        file.unlink()

    with pytest.raises(Refused, match=f"30 of its pinned .*{root}/in/19 is gone and 10 more$") as caught:
        check_drift(bundle, WATCH)

    assert f"{root}/in/20" not in str(caught.value)


def test_new_objects_beside_pinned_ones_are_a_warning_and_are_not_copied(root: Path) -> None:
    bundle = planned(root, "pin")
    for number in range(5):
        (root / f"in/new-{number}").write_text("new")

    (warning,) = check_drift(bundle, WATCH)

    assert warning == (
        f"{root}/in has objects that are not pinned and not copied:"
        f" {root}/in/new-0, {root}/in/new-1, {root}/in/new-2 and 2 more"
    )
    (asked,) = bundle.manifest.request.jobs
    copied = [entry.suffix for entry in ends_of(bundle).entries(asked, lambda _: None)]
    assert copied == [f"{number:02}" for number in range(30)]


def test_what_was_passed_over_when_it_was_pinned_is_told_again(root: Path) -> None:
    os.mkfifo(root / "in/pipe")
    bundle = planned(root, "pin")
    (root / "in/pipe").unlink()
    (asked,) = bundle.manifest.request.jobs
    heard: list[Skipped] = []

    list(ends_of(bundle).entries(asked, heard.append))

    assert heard == [Skipped(f"{root}/in/pipe"[1:], "special")]


def test_one_object_is_pinned_like_many(root: Path) -> None:
    bundle = planned(root, "pin", key="in/07")

    assert check_drift(bundle, WATCH) == []
    (root / "in/07").write_text("changed")
    with pytest.raises(Refused, match=f"{root}/in/07 has changed"):
        check_drift(bundle, WATCH)


@pytest.mark.parametrize("source_drift", ["report", "refuse", "pin"])
def test_one_object_that_is_gone_is_not_what_was_reviewed(root: Path, source_drift: str) -> None:
    bundle = planned(root, source_drift, key="in/07")
    (root / "in/07").unlink()

    with pytest.raises(Refused, match=f"{root}/in/07 is gone"):
        check_drift(bundle, WATCH)


def test_a_source_that_is_gone_as_a_whole_is_wrong_input(root: Path) -> None:
    bundle = planned(root, "pin")
    (root / "in").rename(root / "elsewhere")

    with pytest.raises(InputError, match=f"{root}/in"):
        check_drift(bundle, WATCH)


def test_whoever_stops_need_not_wait_for_a_long_listing(root: Path) -> None:
    def stop() -> None:
        raise Interrupted("stopped", signal_number=2)

    with pytest.raises(Interrupted):
        check_drift(planned(root, "pin"), Watch(Hooks(), stop))


def test_only_a_pinned_bundle_holds_a_listing(root: Path) -> None:
    assert not planned(root, "report").listings
    assert planned(root, "pin").listings.keys() == {"job-0"}
    assert planned(root, "pin").files == planned(root, "pin").files
