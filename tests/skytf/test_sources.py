from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from skytf import listing
from skytf.errors import InputError, Interrupted
from skytf.hooks import Hooks
from skytf.model.job import Request
from skytf.sources import Watch, check_ends, surveyed
from tests.skytf.requests import A, B, job, path, request


class Counting(Hooks):
    """Keeps how far a survey has come."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []

    def on_survey(self, job_id: str, objects: int, size_bytes: int) -> None:
        self.heard.append((objects, size_bytes))


def asked(root: Path, destination: str = "out", **more: str) -> Request:
    one = job(source=path(f"{root}/in"[1:], A), destinations=(path(f"{root}/{destination}"[1:], B),))
    return replace(request(one), **more)  # type: ignore[arg-type]  # fields whose values are text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source of 3 files of 4 bytes."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / name).write_text("text")
    return tmp_path


def test_a_survey_counts_and_tells_how_far_it_is(root: Path) -> None:
    hooks = Counting()

    (found,), listings = surveyed(asked(root), Watch(hooks, lambda: None))

    assert (found.objects, found.bytes, found.listing_sha256, listings) == (3, 12, "", {})
    assert hooks.heard[-1] == (3, 12)


def test_a_pinned_listing_is_what_was_counted_and_has_its_digest_in_the_survey(root: Path) -> None:
    (found,), listings = surveyed(asked(root, source_drift="pin"), Watch(Hooks(), lambda: None))

    entries = list(listing.pinned(listings["job-0"]))
    assert [(one.suffix, one.size_bytes) for one in entries] == [("a", 4), ("b", 4), ("c", 4)]
    assert all(one.version for one in entries)
    assert found.listing_sha256 == hashlib.sha256(listings["job-0"]).hexdigest()
    assert (found.objects, found.bytes) == (3, 12)


def test_more_than_can_be_pinned_ends_the_survey(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing.Pinning.__init__, "__kwdefaults__", {"most": 2})

    with pytest.raises(InputError, match=f"{root}/in holds more than 2 objects"):
        surveyed(asked(root, source_drift="pin"), Watch(Hooks(), lambda: None))


def test_nothing_to_copy_and_nothing_to_read_are_wrong_input(root: Path) -> None:
    (root / "empty").mkdir()
    (root / "empty" / "link").symlink_to("nowhere")
    empty = request(job(source=path(f"{root}/empty"[1:], A), destinations=(path(f"{root}/out"[1:], B),)))

    with pytest.raises(InputError, match="nothing to copy below") as caught:
        surveyed(empty, Watch(Hooks(), lambda: None))

    assert "1 symlink" in caught.value.hint
    with pytest.raises(InputError, match="gone"):
        check_ends(job(source=path(f"{root}/gone"[1:], A)))


def test_a_copy_into_its_own_source_is_wrong_input(root: Path) -> None:
    (root / "in" / "in").mkdir()
    (root / "in" / "in" / "x").touch()
    inner = request(job(source=path(f"{root}/in"[1:], A), destinations=(path(f"{root}"[1:], B),)))

    with pytest.raises(InputError, match="would be written into the source itself"):
        surveyed(inner, Watch(Hooks(), lambda: None))


def test_whoever_stops_need_not_wait_for_the_survey(root: Path) -> None:
    def stop() -> None:
        raise Interrupted("stopped", signal_number=2)

    with pytest.raises(Interrupted):
        surveyed(asked(root), Watch(Hooks(), stop))
