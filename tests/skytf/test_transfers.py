"""What a transfer is for, as its directory has it."""

from __future__ import annotations

import json
from pathlib import Path

from skytf.home import Home, new_transfer_id
from skytf.model import codec
from skytf.model.copy import ApplyOptions, Copy, Target
from skytf.transfers import Asked


def test_how_the_fleet_is_reached_is_kept_for_a_resume(tmp_path: Path) -> None:
    directory = Home(tmp_path).create(new_transfer_id())
    copies = (Copy(Target("/in"), (Target("/out"),)),)
    asked = Asked(copies, applying=ApplyOptions(operator_cidr="198.51.100.7/32", ssh_proxy="jump"))

    directory.write("request.json", codec.encode(asked))

    assert Asked.read(directory) == asked


def test_a_request_of_an_older_version_takes_the_defaults(tmp_path: Path) -> None:
    directory = Home(tmp_path).create(new_transfer_id())
    older = json.loads(codec.encode(Asked()))
    del older["applying"]

    directory.write("request.json", json.dumps(older).encode())

    assert Asked.read(directory).applying == ApplyOptions()
