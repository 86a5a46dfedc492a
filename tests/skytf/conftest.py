"""A toy cloud: what a folder below terraform/ may say, without a real cloud's size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from skytf import clouds, resources
from skytf.clouds.sheet import sheet
from skytf.render import templates

CHECKOUT = Path(__file__).parents[2]
FILES = {
    "main.tf": 'locals {\n  boot = templatefile("${path.module}/../shared/toy.yaml.tftpl", {})\n}\n',
    "provider.tf.j2": (
        'provider "toy" {\n  alias   = "{{ site.module }}"\n  project = {{ site.facts }}["project"]\n'
        '  region  = "{{ site.region }}"\n}\n'
    ),
    "regions.csv": "# made up\nregion,zones\neast,a b\nnorth,\nwest,a\n",
    "instances.csv": "# made up\ninstance_type,arch,vcpus\narm.small,arm64,2\nbig,x86_64,16\nsmall,x86_64,2\n",
    "cloud.toml": """
title = "Toy Cloud"
stores = ["cos"]
instances = ["small", "big"]
zone = "{region}-{zone}"
credentials = []
without = ["permissions_boundary"]
self_deletion = "delete themselves"

[provider]
name = "toy"
source = "example.org/tests/toy"
version = ">= 1.0, < 2.0"

[facts]
project = { placeholder = "placeholder", find = "toy project show" }
"vault/*" = { placeholder = "vault-of-*", find = "toy vault find" }
""",
}


@pytest.fixture
def toy_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the cloud ``toy`` with the stores ``cos://`` in the place of the real ones; return its folder."""
    root = tmp_path / "checkout"
    for name in ("terraform", "templates"):
        shutil.copytree(CHECKOUT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns(".terraform"))
    (root / "terraform" / "shared" / "toy.yaml.tftpl").write_text("#cloud-config\n")
    folder = root / "terraform" / "toy"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "variables.tf").symlink_to("../shared/variables.tf")
    monkeypatch.setattr(resources, "_PACKAGE", root / "skytf")
    for name in clouds.CLOUDS.keys() - {"local"}:
        monkeypatch.delitem(clouds.CLOUDS, name)
    monkeypatch.setitem(clouds.CLOUDS, "toy", "")
    _forget()
    yield folder
    _forget()


def _forget() -> None:
    sheet.cache_clear()
    templates._environment.cache_clear()
