"""A cloud's REST interface with a bearer token: bounded waits, pages, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event
from typing import Any

from skytf.clouds.base import NotSignedIn
from skytf.errors import SkytfError

Json = dict[str, Any]

_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 30.0
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_NO_CONTENT = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})


class CloudDenied(SkytfError):
    """The credentials are good, but may not do this."""


class NotThere(SkytfError):
    """What was asked for is not there (any more)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cloud answered: ``found`` is False for 404; ``body`` is empty where there was none."""

    found: bool
    body: Json
    headers: Mapping[str, str]
    status: int = HTTPStatus.OK


class Rest:
    """
    One cloud's REST interface; may be used by several threads.

    Args:
        title: The cloud's name for people.
        token: Returns a bearer token, from a cache while it is good; may raise `NotSignedIn`.
        login: The command that signs in, for `NotSignedIn`.
        grant: What to do where something is not allowed, for `CloudDenied`.
        headers: What is said with every request.
        read_timeout_s: How long an answer may take to begin.
        first_pause_s: Wait before the second attempt; doubled before each further one.
    """

    def __init__(
        self,
        title: str,
        token: Callable[[], str],
        *,
        login: str,
        grant: str,
        headers: Mapping[str, str] | None = None,
        read_timeout_s: float = _READ_TIMEOUT_S,
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        self._title = title
        self._token = token
        self._login = login
        self._grant = grant
        self._headers = dict(headers or {})
        self._read_timeout_s = read_timeout_s
        self._first_pause_s = first_pause_s
        self._pause = Event()  # never set: waiting on it can be bounded, and interrupted

    def get(self, url: str, **query: str) -> Json:
        """
        Return what stands at *url*.

        Raises:
            NotSignedIn: The token is no longer good, or there is none.
            CloudDenied: It may not do this.
            NotThere: There is no such thing.
            SkytfError: The cloud refused or could not be reached.
        """
        answer = self.ask("GET", url, query=query)
        if not answer.found:
            raise NotThere(f"{self._title} has nothing at {url}")
        return answer.body

    def post(self, url: str, body: Json, **query: str) -> Json:
        """Return the answer to *body*; raises as `get` does. Only for questions: it may be sent twice."""
        answer = self.ask("POST", url, body=body, query=query)
        if not answer.found:
            raise NotThere(f"{self._title} has nothing at {url}")
        return answer.body

    def pages(self, url: str, following: Callable[[Json], str | None], **query: str) -> Iterator[Json]:
        """Yield page after page; *following* returns the address of the next one, None or "" at the end."""
        page = self.get(url, **query)
        yield page
        while address := following(page):
            page = self.get(address)
            yield page

    def tokens(self, url: str, parameter: str, name: str, **query: str) -> Iterator[Json]:
        """Yield page after page, where a page holds the token of the next as *name*, which *parameter* takes."""
        page = self.get(url, **query)
        yield page
        while token := page.get(name):
            page = self.get(url, **query, **{parameter: str(token)})
            yield page

    def delete(self, url: str, **query: str) -> Answer:
        """Ask to delete what stands at *url*; of what is not there ``found`` is False. Raises as `get` does."""
        return self.ask("DELETE", url, query=query)

    def until(
        self, url: str, ended: Callable[[Answer], bool], *, pause_s: float, bound_s: float, **query: str
    ) -> Answer:
        """
        Ask again until *ended* of the answer (404 is one: ``found`` is False), as often as the cloud wishes.

        For what a cloud does not tell by itself. Waits what ``Retry-After`` says, else *pause_s*.

        Raises:
            SkytfError: It has not ended after *bound_s*; or as `get` does.
        """
        waited_s = 0.0
        while not ended(answer := self.ask("GET", url, query=query)):
            if waited_s >= bound_s:
                raise SkytfError(f"{self._title} is not done after {bound_s:.0f} s: {url}")
            wait_s = _retry_after_s(answer.headers) or pause_s
            self._pause.wait(wait_s)
            waited_s += wait_s
        return answer

    def ask(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once, again where the cloud is busy; 404 is an answer. Raises as `get` does."""
        import requests

        where = f"{self._title}: {method} {url}"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = requests.request(
                    method,
                    url,
                    params=query,
                    json=body,
                    headers={**self._headers, **(headers or {}), "Authorization": f"Bearer {self._token()}"},
                    timeout=(_CONNECT_TIMEOUT_S, self._read_timeout_s),
                )
            except requests.RequestException as error:
                hint = "is the network up, and a proxy set where one is needed (HTTPS_PROXY)?"
                raise SkytfError(f"{where}: it cannot be reached: {error}", hint=hint) from error
            if answer.status_code not in _AGAIN or attempt == _ATTEMPTS:
                break
            self._pause.wait(_retry_after_s(answer.headers) or self._first_pause_s * 2 ** (attempt - 1))
        if not answer.ok and answer.status_code != HTTPStatus.NOT_FOUND:
            raise self._refused(where, answer.status_code, answer.text)
        return Answer(answer.status_code != HTTPStatus.NOT_FOUND, _body(answer), answer.headers, answer.status_code)

    def _refused(self, where: str, status: int, text: str) -> SkytfError:
        if status == HTTPStatus.UNAUTHORIZED:
            return NotSignedIn(f"the credentials of {self._title} are not good (any more)", hint=self._login)
        said = f"{where}: {status}: {' '.join(text.split())[:500]}"
        if status == HTTPStatus.FORBIDDEN:
            return CloudDenied(said, hint=self._grant)
        return SkytfError(said)


def _body(answer: Any) -> Json:
    if answer.status_code in _NO_CONTENT or not answer.content:
        return {}
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {"value": body}


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Return the seconds that a cloud asks us to wait, bounded; 0.0 where it does not (or names a date)."""
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_PAUSE_S) if text.isdecimal() else 0.0
