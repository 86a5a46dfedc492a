"""The real providers take what the product renders for every pair of clouds, without the clouds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from skytf.clouds.sheet import sheet
from skytf.render.root import PLACEHOLDERS
from skytf.runner.shim import library_path
from tests.providers.standins import STAND_INS
from tests.terraform.pairs import clouds, lay_out
from tests.terraform.real import MIRROR, Terraform, mirror_with

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'"),
]


def source(cloud: str) -> str:
    """Return the provider of *cloud*, as in ``hashicorp/aws``."""
    provider = sheet(cloud).provider
    assert provider is not None
    return provider.source


def pairs() -> list[object]:
    """Return every pair of clouds, one with itself too; skipped where a provider of it is not on this machine."""
    found: list[object] = []
    for pair in combinations_with_replacement(clouds(), 2):
        missing = [source(cloud) for cloud in dict.fromkeys(pair) if mirror_with(source(cloud)) is None]
        why = f"no real provider {' and '.join(missing)} on this machine: {MIRROR} names a mirror that has it"
        found.append(pytest.param(pair, id="-".join(pair), marks=pytest.mark.skipif(bool(missing), reason=why)))
    return found


def install_from(mirrors: Sequence[Path], directory: Path) -> Path:
    """Write a CLI configuration that installs from *mirrors* and from nowhere else; return it."""
    blocks = "".join(f'  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n' for mirror in mirrors)
    config = directory / "terraform.tfrc"
    config.write_text(f"provider_installation {{\n{blocks}}}\n")
    return config


@pytest.mark.parametrize("pair", pairs())
def test_what_is_rendered_for_a_pair_is_valid_and_can_be_planned(pair: tuple[str, str], tmp_path: Path) -> None:
    mirrors = [found for cloud in pair if (found := mirror_with(source(cloud)))]
    config = install_from(list(dict.fromkeys(mirrors)), tmp_path)
    infra = lay_out(tmp_path / "infra", pair)

    with ExitStack() as stack:
        environment: dict[str, str] = {}
        for cloud in dict.fromkeys(pair):
            environment |= stack.enter_context(STAND_INS[cloud]())
        terraform = Terraform(infra, config, environment)
        terraform.run("init", "-input=false", "-backend=false")
        valid = terraform.run("validate")
        plan = terraform.run("plan", "-input=false", "-refresh=false", f"-var-file={PLACEHOLDERS}")

    assert "Success! The configuration is valid" in valid
    for cloud in pair:
        assert f"module.{cloud}-" in plan
    assert "0 to change, 0 to destroy" in plan
