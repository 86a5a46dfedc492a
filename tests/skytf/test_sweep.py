"""What still carries the tag of a transfer, where clouds answer, and where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf import clouds
from skytf.clouds.base import NotSignedIn
from skytf.errors import HostError
from skytf.sweep import Removal, remove_tagged


class Answering:
    """A cloud whose deletion ends with what the test says."""

    ending: Exception | None = None

    def __init__(self, home: Path) -> None:
        self.home = home

    def delete(self, transfer_id: str, owner: str | None = None) -> tuple[str, ...]:
        if self.ending is not None:
            raise self.ending
        return ()


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> type[Answering]:
    """Put `Answering` in the place of the adapter for AWS."""
    monkeypatch.setitem(clouds.CLOUDS, "aws", f"{__name__}:Answering")
    monkeypatch.setattr(Answering, "ending", None)
    return Answering


def test_a_cloud_that_has_nothing_left_is_not_worth_a_word(ending: type[Answering], tmp_path: Path) -> None:
    assert remove_tagged(["aws"], tmp_path, "t-1") == Removal()


def test_what_cannot_be_removed_is_left(ending: type[Answering], tmp_path: Path) -> None:
    ending.ending = HostError("i-1 is still there", hint="aws ec2 terminate-instances")

    assert remove_tagged(["aws"], tmp_path, "t-1") == Removal(
        left=("i-1 is still there (aws ec2 terminate-instances)",)
    )


def test_a_cloud_where_nobody_is_signed_in_could_not_be_searched(ending: type[Answering], tmp_path: Path) -> None:
    ending.ending = NotSignedIn("there are no credentials", hint="aws sso login")

    removal = remove_tagged(["aws"], tmp_path, "t-1")

    assert removal.left == ()
    (text,) = removal.unchecked
    assert "could not be searched for what is left of transfer t-1: there are no credentials" in text
    assert text.endswith("(next: aws sso login, then skytf reap)")


def test_a_cloud_without_an_adapter_is_searched_by_people(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(clouds.CLOUDS, "aws", "")

    (text,) = remove_tagged(["aws"], tmp_path, "t-1").unchecked

    assert text.endswith("look in its console for the tag skytf-transfer-id=t-1")
