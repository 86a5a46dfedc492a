from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.stores.base import Credentials
from skytf import credentials
from skytf.model.job import Job
from tests.skytf.requests import A, B, bucket, job, path

KEYS = Credentials("access", "secret")


@pytest.fixture(autouse=True)
def operators_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(credentials.FINDERS, "s3", lambda _end: KEYS)


def between_buckets(*, access: str) -> Job:
    source = bucket("from", "in", A)
    if access == "identity":
        source = replace(source, access=access, store=replace(source.store, credentials=""))
    target = bucket("to", "out", B)
    target = replace(target, store=replace(target.store, credentials="other"))
    return job(source=source, destinations=(target, path("out", B)))


def test_keys_travel_by_the_names_that_programs_use() -> None:
    assert credentials.of_job(between_buckets(access="keys")) == {"keys": KEYS, "other": KEYS}


def test_what_gateways_open_by_their_identity_needs_no_keys_that_travel() -> None:
    assert credentials.of_job(between_buckets(access="identity")) == {"other": KEYS}


def test_the_client_itself_opens_such_an_end_with_the_operators_keys() -> None:
    assert credentials.find(between_buckets(access="identity").source) == KEYS
