from __future__ import annotations

import pytest

from skytf.deploy.cancel import Cancel, Cancelled


def test_setting_it_closes_what_is_waited_on() -> None:
    cancel, closed = Cancel(), []

    with cancel.closing(lambda: closed.append("socket")):
        cancel.set()

    assert closed == ["socket"]


def test_what_is_over_is_not_closed() -> None:
    cancel, closed = Cancel(), []
    with cancel.closing(lambda: closed.append("socket")):
        pass

    cancel.set()

    assert closed == []


def test_who_comes_too_late_is_closed_at_once() -> None:
    cancel, closed = Cancel(), []
    cancel.set()

    with cancel.closing(lambda: closed.append("socket")):
        assert closed == ["socket"]


def test_checking_names_what_was_given_up() -> None:
    cancel = Cancel()
    cancel.check("local-a-1")
    cancel.set()

    with pytest.raises(Cancelled, match="local-a-1"):
        cancel.check("local-a-1")
