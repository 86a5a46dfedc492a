"""What any bytes must not do, whoever sent them: the fuzzer's targets, under hypothesis and from their seeds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.hostile.targets import TARGETS


@st.composite
def spoilt(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Return a seed with a few bytes changed, cut out or put in: what is nearly right goes further than noise."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 3))
        data[place : place + gone] = draw(st.binary(max_size=4))
    return bytes(data[: draw(st.integers(0, 2 * len(data)))])


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_any_bytes_are_refused_in_order(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]

    target.run(data.draw(st.one_of(st.binary(max_size=300), spoilt(target.seeds))))


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_is_fit_for_its_target(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)
