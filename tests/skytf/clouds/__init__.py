"""The clouds' adapters; what all must do is in `conformance`."""

import pytest

pytest.register_assert_rewrite("tests.skytf.clouds.conformance")
