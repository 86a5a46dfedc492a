"""
Keep one comment with PLAN.md on a pull request of GitHub or a merge request of GitLab: comment.py DIRECTORY

The comment of an earlier run is replaced, not joined by another. Needs nothing but Python.

GitHub: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN, PULL_REQUEST; GITHUB_STEP_SUMMARY gets the same text.
GitLab: CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, and SKYTF_GITLAB_TOKEN with the scope `api`.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_CHARS = 65_535  # GitHub's limit of a comment; GitLab's is a million
PAGE = 100
TIMEOUT_S = 30


@dataclass(frozen=True)
class Host:
    """Where comments are kept: ``comments`` is their collection, ``one`` the address of a comment by its id."""

    comments: str
    one: str
    headers: Mapping[str, str]
    change: str


def main(directory: str, env: Mapping[str, str]) -> str:
    """Write the comment of the transfer in *directory*; return what was done."""
    text = body(directory)
    if summary := env.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    host = host_of(env)
    mark = marker(directory)
    for comment in comments(host):
        if str(comment.get("body", "")).startswith(mark):
            ask(host, host.one.format(id=comment["id"]), host.change, {"body": text})
            return "replaced the comment"
    ask(host, host.comments, "POST", {"body": text})
    return "wrote a comment"


def marker(directory: str) -> str:
    """Return the invisible line by which the comment is found again."""
    return f"<!-- skytf: {directory.strip('/')} -->\n"


def body(directory: str) -> str:
    """Return the comment: PLAN.md, or where nothing was planned that."""
    mark = marker(directory)
    plan = Path(directory) / "bundle" / "PLAN.md"
    if not plan.is_file():
        return f"{mark}`{directory}` could not be planned: the job's log says why.\n"
    text = plan.read_text(encoding="utf-8")
    if len(mark) + len(text) <= MAX_CHARS:
        return mark + text
    title = text.partition("\n")[0]
    return f"{mark}{title}\n\nThe plan is too long for a comment: read `{plan.as_posix()}`, or plan.html beside it.\n"


def host_of(env: Mapping[str, str]) -> Host:
    """Return where the comments are, as the CI's variables say."""
    try:
        if env.get("GITLAB_CI"):
            notes = (
                f"{env['CI_API_V4_URL']}/projects/{env['CI_PROJECT_ID']}"
                f"/merge_requests/{env['CI_MERGE_REQUEST_IID']}/notes"
            )
            return Host(notes, notes + "/{id}", {"PRIVATE-TOKEN": env["SKYTF_GITLAB_TOKEN"]}, "PUT")
        issues = f"{env['GITHUB_API_URL']}/repos/{env['GITHUB_REPOSITORY']}/issues"
        headers = {"Authorization": f"Bearer {env['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        return Host(f"{issues}/{env['PULL_REQUEST']}/comments", issues + "/comments/{id}", headers, "PATCH")
    except KeyError as error:
        raise SystemExit(f"Error: {error.args[0]} is not set, so nobody knows where to comment") from error


def comments(host: Host) -> Iterator[dict[str, Any]]:
    """Yield all comments, a page at a time."""
    page = 1
    while found := ask(host, f"{host.comments}?per_page={PAGE}&page={page}", "GET"):
        yield from found
        if len(found) < PAGE:
            return
        page += 1


def ask(host: Host, url: str, method: str, content: Mapping[str, str] | None = None) -> Any:
    """Return the answer to one request."""
    data = None if content is None else json.dumps(content).encode()
    headers = {**host.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - the CI's own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(
            f"Error: {method} {url} was answered with {error.code}: may the token write comments?"
        ) from error
    except urllib.error.URLError as error:
        raise SystemExit(f"Error: {url} cannot be reached: {error.reason}") from error


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(main(sys.argv[1], os.environ))
