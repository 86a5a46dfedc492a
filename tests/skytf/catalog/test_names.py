"""A name that is nowhere is refused with the nearest one; what a user brings is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.catalog.names import check_names
from skytf.catalog.tables import load
from skytf.errors import InputError
from tests.skytf.catalog.tables import table


@pytest.mark.parametrize(
    ("name", "asked", "words", "hint"),
    [
        ("disks", {"cloud": "awz"}, "no cloud 'awz'", "did you mean aws?"),
        ("disks", {"cloud": "xyzzy"}, "no cloud 'xyzzy'", "clouds: aws, azure, "),
        ("disks", {"region": "us-esat-1"}, "no region 'us-esat-1'", "did you mean us-east-1 or "),
        ("disks", {"cloud": "gcp", "region": "us-east-1"}, "no region of gcp 'us-east-1'", "us-east1"),
        ("disks", {"region": "xyzzy"}, "no region 'xyzzy'", "skytf catalog show regions"),
        ("rtt", {"from": "aws:us-esat-1"}, "'aws:us-esat-1'", "aws:us-east-1"),
        ("rtt", {"from": "aws", "to": "gpc"}, "no cloud or region 'gpc'", "did you mean gcp?"),
        ("rtt", {"from": "us-east-1"}, "no cloud or region 'us-east-1'", "did you mean "),
        ("egress", {"from": "aws:us-esat-1"}, "'aws:us-esat-1'", "aws:us-east-1"),
        ("egress", {"from": "us-esat-1"}, "'us-esat-1'", "us-east-1"),
    ],
)
def test_a_name_that_is_nowhere_is_refused(name: str, asked: dict[str, str], words: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        check_names(load(), name, asked)

    assert words in str(raised.value)
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("addresses", {"cloud": "aws", "region": "any"}),
        ("addresses", {"cloud": "aws", "region": "us-east-1"}),
        ("disks", {"cloud": "local"}),
        ("rtt", {"from": "aws:us-east-1", "to": "gcp"}),
        ("egress", {"from": "inet:us-ca-eu", "to": "any"}),
        ("egress", {"from": "aws:inet:us-ca-eu"}),
        ("egress", {"cloud": "cloudflare", "from": "cloudflare"}),
        ("stores", {"cloud": "cloudflare"}),
    ],
)
def test_what_some_table_names_is_known(name: str, asked: dict[str, str]) -> None:
    check_names(load(), name, asked)


def test_what_a_user_brings_is_known(tmp_path: Path) -> None:
    table(tmp_path, "egress", "cloudflare,moon,any,internet,0,,0.04,2026-10-01,our contract")
    table(tmp_path, "groups", "aws,us-east-1,ours:east,2026-10-01,our contract")
    catalog = load([str(tmp_path)])

    check_names(catalog, "requests", {"cloud": "cloudflare", "region": "moon"})
    check_names(catalog, "rtt", {"from": "cloudflare:moon"})
    check_names(catalog, "egress", {"from": "ours:east"})
    with pytest.raises(InputError, match="no region of cloudflare 'moon'"):
        check_names(load(), "requests", {"cloud": "cloudflare", "region": "moon"})
