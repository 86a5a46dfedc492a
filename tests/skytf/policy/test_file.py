"""A policy is read with suspicion: each mistake is one error that names the file, the line and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from skytf.errors import InputError
from skytf.policy import load


def written(directory: Path, text: str) -> Path:
    path = directory / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_short_forms_mean_what_the_long_ones_say(tmp_path: Path) -> None:
    text = "skytf_policy:\n  max_usd: 10\n  max_bytes: 1.5TB\n  required_tags: [team]\n"

    policy = load(written(tmp_path, text))

    assert policy.max_usd is not None
    assert (policy.max_usd.low, policy.max_usd.likely, policy.max_usd.high) == (None, None, 10)
    assert policy.max_bytes == 1_500_000_000_000
    assert policy.required_tags == {"team": "*"}


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("", "is empty", "skytf_policy:"),
        ("# nothing\n", "is empty", "skytf_policy:"),
        ("max_usd: 1\n", "below skytf_policy", "begin it with skytf_policy:"),
        ("skytf_policy:\n", "below skytf_policy", "indent the rules"),
        ("skytf_policy: {max_usd: 1}\nmain: {}\n", "below skytf_policy", "begin it"),
        ("- 1\n", "below skytf_policy", "begin it"),
        ("skytf_policy: {}\n", "has no rules", "docs/policy.md"),
        ("skytf_policy:\n  max_instance: 1\n", "line 2: there is no rule max_instance", "did you mean max_instances?"),
        (
            "skytf_policy:\n  max_hours: 1\n  encryption:\n    disk: required\n",
            "line 4: there is no rule encryption.disk",
            "did you mean disks?",
        ),
        ("skytf_policy:\n  max_usd: {hihg: 1}\n", "line 2: there is no rule max_usd.hihg", "did you mean high?"),
        ("skytf_policy: {xyzzy: 1}\n", "there is no rule xyzzy", "known: allow_unknown_cost"),
        ("skytf_policy:\n  max_instances: two\n", "line 2: max_instances: Input should be a valid integer", "docs"),
        ("skytf_policy: {max_instances: true}\n", "max_instances: Input should be a valid integer", "docs"),
        ("skytf_policy: {max_instances: -1}\n", "max_instances: Input should be greater than or equal to 0", "docs"),
        (
            'skytf_policy: {max_usd: "10"}\n',
            "max_usd: '10' is no amount: write a number without quotes, or low",
            "docs",
        ),
        ("skytf_policy: {max_usd_per_gb: 1e-3}\n", "max_usd_per_gb: '1e-3' is no amount", "docs"),
        ("skytf_policy: {max_usd: true}\n", "max_usd: True is no amount", "docs"),
        ("skytf_policy: {max_usd: .nan}\n", "max_usd.high: Input should be a finite number", "docs"),
        ("skytf_policy: {max_hours: .inf}\n", "max_hours: Input should be a finite number", "docs"),
        ("skytf_policy: {max_bytes: 10T}\n", "max_bytes: a size is a number of bytes, or written like 500GB", "docs"),
        ("skytf_policy: {spot: no}\n", "spot: Input should be 'allowed', 'required' or 'forbidden'", "docs"),
        ("skytf_policy: {public_addresses: false}\n", "Input should be 'allowed' or 'forbidden'", "docs"),
        ("skytf_policy: {allowed_regions: []}\n", "allowed_regions: List should have at least 1 item", "docs"),
        ("skytf_policy: {allowed_regions: 'aws:*'}\n", "allowed_regions: Input should be a valid list", "docs"),
        ("skytf_policy: {allowed_regions: ['aws:[ab]*']}\n", "in which * stands for anything", "docs"),
        ("skytf_policy:\n  spot: forbidden\n  max_usd:\n", "line 3: max_usd has no value", "docs"),
        ("skytf_policy:\n  spot: forbidden\n  max_usd: {}\n", "line 3: max_usd has no value", "docs"),
        ("skytf_policy: {encryption: {}}\n", "encryption has no value", "docs"),
        ("skytf_policy: {encryption: {disks: }}\n", "encryption.disks has no value", "docs"),
        ("skytf_policy:\n  max_hours: 1\n  max_hours: 2\n", "line 3: max_hours stands there twice", "leave one"),
        ("skytf_policy:\n  allowed_instance_types: {asw: ['*']}\n", "line 2: there is no cloud 'asw'", "known: aws,"),
        ("skytf_policy: {max_usd: 1\n", "is no YAML", "docs"),
        ("skytf_policy: !!python/object/apply:os.system [exit]\n", "is no YAML: could not determine", "docs"),
        ("skytf_policy: &a {max_usd: 1, b: *a}\n", "line 1: an alias (*a)", "write it out"),
        ("--- {}\n--- {}\n", "is no YAML", "docs"),
        ("skytf_policy: {max_usd: " + "[" * 3000 + "]" * 3000 + "}\n", "is no policy", "docs"),
        ("skytf_policy: {max_bytes: " + "9" * 5000 + "}\n", "is no policy", "docs"),
        ("skytf_policy: {1: 2}\n", "", ""),
        ("skytf_policy: {? [a] : 2}\n", "", ""),
        ("skytf_policy: {allowed_regions: [null, 3]}\n", "allowed_regions", "docs"),
        ("skytf_policy: {x: 2001-99-99}\n", "is no policy", "docs"),
    ],
)
def test_each_mistake_is_one_error_that_names_it(tmp_path: Path, text: str, words: str, hint: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InputError) as raised:
        load(path)

    assert str(path) in str(raised.value)
    assert words in str(raised.value)
    assert hint in raised.value.hint
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml cannot be read: No such file") as raised:
        load(tmp_path / "nowhere.yaml")

    assert raised.value.hint == "give a YAML file to --policy"


def test_a_directory_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_text_is_no_policy(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match="no UTF-8 text"):
        load(tmp_path / "x")


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, "#" * ((1 << 20) + 1))

    with pytest.raises(InputError, match="larger than 1 MiB"):
        load(path)
