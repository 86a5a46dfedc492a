from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.stores.base import StoreSpec
from skytf.model.job import Endpoint
from skytf.model.region import Region
from skytf.model.site import SiteOption
from skytf.model.survey import JobSurvey
from skytf.render.plan_md import MAX_CHARS, plan_md, time_limit
from tests.skytf.requests import A, B, R, job, page, path, request

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
    return plan_md(page(asked, surveys)).decode()


def test_it_says_what_where_how_much_and_what_not() -> None:
    text = text_of(SURVEY)

    assert text.startswith("# Plan: 3 objects, 5.0 MiB, 6 gateways\n")
    assert "| local:r | 2 |" in text
    assert "- `/in` to `/out`\n  (job-0, everything below it), by way of local:a → local:r → local:b\n" in text
    assert "| local-a-0 to local-r-0 | 4 | local-a-0 |" in text
    assert "| job-0 | 3 | 5.0 MiB | 4.0 MiB |" in text
    assert "- `in/x` becomes `out/x`" in text
    assert "- job-0: 2 symlink\n  - `/a link`: symlink\n" in text
    assert "## What was not checked\n\n- The content of the objects" in text
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

    text = plan_md(page(asked, surveys)).decode()

    assert len(text) <= MAX_CHARS
    assert "And 250 more, in topology.json." in text


def in_cloud(scheme: str, bucket: str, region: Region, *, by: str = "identity") -> Endpoint:
    spec = StoreSpec(scheme, bucket, credentials="" if by == "identity" else "keys")
    return Endpoint(f"{scheme}://{bucket}/in", spec, "in", region, access=by)


@pytest.mark.usefixtures("toy_cloud")
def test_gateways_in_clouds_are_described() -> None:
    east, west = Region("toy", "east"), Region("toy", "west")
    asked = replace(
        request(
            job(0, source=in_cloud("cos", "from", east), destinations=(in_cloud("cos", "to", west),)),
            job(1, source=path("x", A), destinations=(in_cloud("r2", "acc/b", west, by="keys"),)),
            instances=2,
        ),
        site_options=(
            SiteOption("toy:east", "zones", ("east-b",)),
            SiteOption("toy:east", "image", ("image-1",)),
            SiteOption("toy:west", "existing_network", ("subnet-1",)),
        ),
        facts=(("toy", "project", "p-1"),),
        tags=(("team", "storage"),),
    )

    text = plan_md(page(asked, [SURVEY])).decode()

    assert (
        "- toy:east: small, or where that is sold out big (x86_64), in east-b.\n"
        "  Image `image-1`. Disk of 30 GiB, encrypted with the cloud's own key.\n"
        "  A network of its own."
        " Open: port 22 (SSH) to the operator's address; ports 28470 to 28485 to the site itself.\n"
        "  Runs as an identity that is made for it: reads `cos://from/in/`."
        " To end themselves, the gateways may delete themselves.\n"
        "  In the account: project `p-1`, vault/from `vault-of-from` (placeholder).\n"
    ) in text
    assert "Joins `subnet-1`." in text
    assert "(x86_64), in a zone of the network they join.\n" in text
    assert "to the operator's address (local:a), the gateways of toy:east and the site itself" in text
    assert "reads and writes `cos://to/in/`" in text
    assert "- `r2://acc/b/in`, to the gateways of toy:west\n" in text
    assert "- `toy.vault/from` is a placeholder; `toy vault find` prints it.\n" in text
    assert "as tags, and `team=storage`." in text
    assert "\n\n\n" not in text


def test_a_plan_that_was_made_offline_says_so() -> None:
    text = text_of(JobSurvey("job-0", 10**6, 2 * 10**14, 0, assumed=True))

    assert "refuses this bundle until it is planned online" in text
    assert "| job-0 | 1,000,000 | 181.9 TiB | not known |" in text
    assert "Nothing was listed." in text
    assert "were assumed" in text
    assert "were read" not in text


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "1 minute"), (60, "1 hour"), (90, "1 hour 30 minutes"), (80_000, "55 days 13 hours 20 minutes")],
)
def test_a_time_limit_is_said_in_words(minutes: int, words: str) -> None:
    assert time_limit(minutes) == words
