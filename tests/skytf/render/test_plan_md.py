from __future__ import annotations

import pytest

from skytf.model.survey import JobSurvey
from skytf.planner import plan
from skytf.render.plan_md import MAX_CHARS, code, plan_md
from tests.skytf.requests import A, B, R, job, path, request

SURVEY = JobSurvey(
    "job-0",
    3,
    5 << 20,
    4 << 20,
    {"symlink": 2},
    (("/a link", "symlink"),),
    sample=(("in/x", "out/x"), ("in/y", "out/y")),
)


def text_of(*surveys: JobSurvey) -> str:
    asked = request(job(), instances=2, via=R)
    return plan_md(asked, surveys, plan(asked), not_checked=["Whether it rains."]).decode()


def test_it_says_what_where_how_much_and_what_not() -> None:
    text = text_of(SURVEY)

    assert text.startswith("# Plan: 3 objects, 5.0 MiB, 6 gateways\n")
    assert "| local:r | 2 |" in text
    assert "- `/in` to `/out`\n  (job-0, everything below it), by way of local:a → local:r → local:b\n" in text
    assert "| local-a-0 to local-r-0 | 4 | local-a-0 |" in text
    assert "| job-0 | 3 | 5.0 MiB | 4.0 MiB |" in text
    assert "- `in/x` becomes `out/x`" in text
    assert "- job-0: 2 symlink\n  - `/a link`: symlink\n" in text
    assert "- Whether it rains." in text
    assert "overwrite" in text
    assert "\n\n\n" not in text


def test_nothing_skipped_is_said_too() -> None:
    assert "Every name that the listing gave is copied." in text_of(JobSurvey("job-0", 0, 0, 0))


def test_it_fits_into_a_pull_request() -> None:
    jobs = [
        job(n, source=path("long-" * 200 + str(n), A), destinations=(path("x" * 900 + str(n), B),)) for n in range(300)
    ]
    asked = request(*jobs, instances=20)
    surveys = [JobSurvey(one.job_id, 1, 1, 1, {}, (("k" * 900, "symlink"),) * 20) for one in jobs]

    text = plan_md(asked, surveys, plan(asked)).decode()

    assert len(text) <= MAX_CHARS
    assert "And 250 more, in topology.json." in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a`b``c", "```a`b``c```"),
        ("`", "`` ` ``"),
        ("line\nbreak\u202etxt\x1b[0m", "`line\\nbreak\\u202etxt\\x1b[0m`"),
        ("<script>@team #1", "`<script>@team #1`"),
    ],
)
def test_what_users_wrote_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_long_text_loses_its_middle() -> None:
    shown = code("a" * 500 + "b" * 500)

    assert len(shown) < 310
    assert shown.startswith("`aaa")
    assert shown.endswith("bbb`")
