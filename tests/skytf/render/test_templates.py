from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from skytf.render.templates import fill


def test_a_missing_value_is_an_error_and_no_empty_place() -> None:
    with pytest.raises(UndefinedError, match="sites"):
        fill("root/main.tf.j2")
