"""A root module on the built-in `terraform_data`, and a Terraform for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from skytf.runner.engine import SHIM, Engine, resolve
from skytf.runner.messages import Message
from skytf.runner.terraform import Terraform


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The shim, even where a terraform on PATH could stand in for it."""
    return resolve(SHIM, os.environ, launcher_dir=tmp_path_factory.mktemp("launcher"))


@pytest.fixture
def heard() -> list[Message]:
    return []


@pytest.fixture
def terraform(tmp_path: Path, engine: Engine, heard: list[Message]) -> Callable[[str], Terraform]:
    """Return a function that makes a working directory of one main.tf, initialised."""

    def make(main_tf: str) -> Terraform:
        workdir = tmp_path / "work"
        workdir.mkdir()
        (workdir / "main.tf").write_text(main_tf)
        made = Terraform(engine=engine, workdir=workdir, log_dir=tmp_path, env=os.environ, on_message=heard.append)
        made.init()
        return made

    return make
