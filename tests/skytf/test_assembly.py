from __future__ import annotations

from pathlib import Path

import pytest

from skytf.assembly import backend_of
from skytf.errors import InputError
from skytf.model.copy import ApplyOptions
from skytf.runner.engine import Engine


def engine(version: str) -> Engine:
    return Engine(Path("/bin/terraform"), "terraform", version, "BUSL-1.1")


@pytest.fixture
def applying(tmp_path: Path) -> ApplyOptions:
    file = tmp_path / "backend.toml"
    file.write_text('type = "s3"\nbucket = "states"\nregion = "eu-west-1"\n')
    return ApplyOptions(backend=str(file))


def test_without_a_file_the_state_stays_in_the_transfers_directory() -> None:
    assert backend_of(ApplyOptions(), "0f", {}, engine("1.6.0")) is None


def test_every_bundle_has_a_place_of_its_own(applying: ApplyOptions) -> None:
    first, second = (backend_of(applying, digest * 64, {}, engine("1.15.5")) for digest in "ab")

    assert first is not None
    assert second is not None
    assert first.where == f"s3://states/skytf/{'a' * 32}.tfstate"
    assert first.where != second.where


@pytest.mark.parametrize("version", ["1.9.8", "1.6.2"])
def test_an_engine_that_cannot_lock_in_s3_is_refused(applying: ApplyOptions, version: str) -> None:
    with pytest.raises(InputError, match=f"terraform {version} cannot lock a state in S3") as refused:
        backend_of(applying, "0f", {}, engine(version))

    assert "1.10" in refused.value.hint


def test_a_prerelease_counts_as_its_release(applying: ApplyOptions) -> None:
    assert backend_of(applying, "0f", {}, engine("1.10.0-rc1")) is not None
