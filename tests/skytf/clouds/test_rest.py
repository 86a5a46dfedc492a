"""A cloud's REST interface, against a server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from skytf.clouds.base import NotSignedIn
from skytf.clouds.rest import CloudDenied, Rest
from skytf.errors import SkytfError
from tests.skytf.clouds.answers import AnswerServer, Reply, Request, answer_server


@pytest.fixture
def server() -> Iterator[AnswerServer]:
    with answer_server(lambda asked: Reply({"path": asked.path})) as running:
        yield running


@pytest.fixture
def rest() -> Rest:
    return Rest("Nimbus", lambda: "the-token", login="nimbus login", grant="ask your admin", first_pause_s=0.01)


def replies(*given: Reply) -> Callable[[Request], Reply]:
    """Answer one after the other."""
    left = iter(given)
    return lambda asked: next(left)


def test_the_token_goes_along(rest: Rest, server: AnswerServer) -> None:
    assert rest.get(f"{server.url}/vms", filter="a b") == {"path": "/vms"}
    assert server.asked[0].headers["Authorization"] == "Bearer the-token"
    assert server.asked[0].query == {"filter": "a b"}


def test_pages_follow_the_address_of_the_next(rest: Rest, server: AnswerServer) -> None:
    server.answer = replies(Reply({"next": f"{server.url}/b"}), Reply({"next": None}))

    pages = list(rest.pages(f"{server.url}/a", lambda page: page["next"]))

    assert len(pages) == 2
    assert [asked.path for asked in server.asked] == ["/a", "/b"]


def test_pages_follow_a_token_and_keep_the_question(rest: Rest, server: AnswerServer) -> None:
    server.answer = replies(Reply({"nextPageToken": "2"}), Reply({}))

    pages = list(rest.tokens(f"{server.url}/a", "pageToken", "nextPageToken", filter="x"))

    assert len(pages) == 2
    assert server.asked[1].query == {"filter": "x", "pageToken": "2"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_cloud_is_asked_again(rest: Rest, server: AnswerServer, status: int) -> None:
    server.answer = replies(Reply("busy", status), Reply({"done": True}))

    assert rest.get(server.url) == {"done": True}


def test_a_cloud_that_stays_busy_is_an_error_after_four_attempts(rest: Rest, server: AnswerServer) -> None:
    server.answer = lambda asked: Reply("busy", 503)

    with pytest.raises(SkytfError, match="503: busy"):
        rest.get(server.url)

    assert len(server.asked) == 4


def test_401_is_not_signed_in(rest: Rest, server: AnswerServer) -> None:
    server.answer = lambda asked: Reply("expired", 401)

    with pytest.raises(NotSignedIn) as raised:
        rest.get(server.url)

    assert raised.value.hint == "nimbus login"
    assert len(server.asked) == 1


def test_403_is_denied(rest: Rest, server: AnswerServer) -> None:
    server.answer = lambda asked: Reply("vms.list is missing", 403)

    with pytest.raises(CloudDenied, match=r"vms\.list is missing") as raised:
        rest.get(server.url)

    assert raised.value.hint == "ask your admin"


def test_deleting_what_is_gone_is_no_error(rest: Rest, server: AnswerServer) -> None:
    server.answer = replies(Reply("", 204), Reply("", 404))

    assert rest.delete(server.url).found
    assert not rest.delete(server.url).found


def test_it_waits_until_a_thing_is_gone_as_the_cloud_wishes(rest: Rest, server: AnswerServer) -> None:
    server.answer = replies(Reply({"state": "deleting"}), Reply("", 404))

    answer = rest.until(server.url, lambda answer: not answer.found, pause_s=0.01, bound_s=5)

    assert not answer.found


def test_waiting_has_a_bound(rest: Rest, server: AnswerServer) -> None:
    with pytest.raises(SkytfError, match="not done"):
        rest.until(server.url, lambda answer: not answer.found, pause_s=0.01, bound_s=0.02)


def test_nobody_there_is_an_error_with_a_hint(rest: Rest, closed_port: int) -> None:
    with pytest.raises(SkytfError, match="cannot be reached") as raised:
        rest.get(f"http://127.0.0.1:{closed_port}/vms")

    assert "HTTPS_PROXY" in raised.value.hint
