from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.stores.base import StoreSpec
from skytf.model.figures import StoreFigures
from skytf.model.job import Endpoint
from skytf.model.prediction import Prediction
from skytf.model.region import Region
from skytf.model.review import Page
from skytf.model.site import SiteOption
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.render.plan_html import plan_html
from skytf.render.plan_md import MAX_CHARS, plan_md
from tests.skytf.render import sample
from tests.skytf.requests import A, R, job, page, path, request

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
    assert "| local:r | 2 gateways | relay | not planned yet |" in text
    assert "- `/in` to `/out`\n  (job-0, everything below it), by way of local:a → local:r → local:b\n" in text
    assert "| local:a to local:r | unknown | unknown | unknown | unknown |" in text
    assert "32 connections in all." in text
    assert "| job-0 | 3 | 5.0 MiB | 4.0 MiB |" in text
    assert "- job-0: `in/x` becomes `out/x`" in text
    assert "- job-0: 2 symlink\n\n- `/a link`: symlink\n" in text
    assert "## What was not checked\n\n- The content of the objects" in text
    assert "overwrite" in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("write", [plan_md, plan_html])
def test_what_links_are_like_stands_among_the_limits(write: Callable[[Page], bytes]) -> None:
    asked = request(job())
    chosen = {"link_tls": True, "congestion": "bbr", "socket_buffer_bytes": 4 << 20}
    secure = replace(asked, settings=replace(asked.settings, **chosen))

    texts = [write(page(one, (SURVEY,))).decode() for one in (asked, secure)]

    assert (
        "Links between gateways: authenticated, without TLS; congestion control: auto (each machine&#39;s own); "
        "buffers of sockets: the kernel&#39;s." in texts[0].replace("'", "&#39;")
    )
    assert (
        "Links between gateways: TLS 1.3, both ends certified for this transfer alone; congestion control: bbr; "
        "buffers of sockets: 4.0 MiB." in texts[1]
    )


def test_nothing_skipped_is_said_too() -> None:
    assert "Every name that the listing gave is copied." in text_of(JobSurvey("job-0", 0, 0, 0))


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
        "- toy:east:\n"
        "  Instances: `small`, or where that is sold out `big` (x86_64), in `east-b`.\n"
        "  Image `image-1`. Disk of 30 GiB each, encrypted with the cloud's own key.\n"
        "  A network of its own, a public address each.\n"
        "  Runs as an identity that is made for it. To end themselves, the gateways may delete themselves.\n"
        "  In the account: `project` is `p-1`, `vault/from` is `vault-of-from` (placeholder).\n"
    ) in text
    assert "Joins `subnet-1`, a public address each." in text
    assert "(x86_64), in a zone of the network they join.\n" in text
    assert "| toy:west | 28470 to 28485 (data) | the operator's address |" in text
    assert "| toy:west | 28470 to 28485 (data) | the gateways of toy:east |" in text
    assert "| toy:east | 22 (SSH) | the operator's address |" in text
    assert "| toy:east | read | `cos://from/in/` | the identity made for them |" in text
    assert "| toy:west | read and write | `cos://to/in/` | the identity made for them |" in text
    assert "  - `r2://acc/b/in`, to the gateways of toy:west\n" in text
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


def test_what_it_costs_stands_with_where_the_prices_are_from() -> None:
    text = plan_md(sample.clouds_page()).decode()

    assert "what it costs is not known, but at least $24,427." in text
    assert "| Cost | at least $24,427 | the rest is unknown |" in text
    assert "| egress | $24,210 | $24,802 | $24,802 | made-up price list, 2026-10-01 |" in text
    assert "| **in all** | $24,427 | unknown | unknown | |" in text
    assert "| job-0 to `azure://acc/archive/2024/` | $11,000 | unknown | unknown |" in text
    assert (
        "Prices are missing, so what it costs is not known:\n  - an hour of Standard_D16s_v5 in azure:japaneast" in text
    )


def test_bounds_are_told_where_there_is_no_likely_cost() -> None:
    page = sample.clouds_page()
    cost = replace(sample.clouds_cost(), total_usd=Span(9_341.0, None, 16_445.0))

    text = plan_md(replace(page, topology=replace(page.topology, cost=cost))).decode()

    assert "It should take about 1 day 4 h; it costs $9,341 to $16,445." in text
    assert "| Cost | not known | $9,341 to $16,445 |" in text
    assert "Prices are missing, so only bounds of it are known:" in text


@pytest.mark.parametrize("write", [plan_md, plan_html])
def test_bounds_of_what_has_no_likely_figure_stand_between(write: Callable[[Page], bytes]) -> None:
    page = sample.clouds_page()
    prediction = Prediction(Span(0.0, None, 12.5), Span(63.0, None, 2_400_000.0), Span(63.0))

    text = write(replace(page, topology=replace(page.topology, prediction=prediction))).decode()

    rows = [" ".join(re.sub(r"<[^>]*>|[|]", " ", line).split()) for line in text.splitlines()]
    assert "Time, objects moving not known 1 min 3 s to 27 days 19 h" in rows
    assert "Time, fleet standing at least 1 min 3 s the rest is unknown" in rows
    assert "Goodput not known up to 12.5 Gbit/s" in rows


@pytest.mark.parametrize("write", [plan_md, plan_html])
def test_notes_name_the_figure_and_the_address_that_a_rule_was_used_for(write: Callable[[Page], bytes]) -> None:
    """Each rule once, though a site, a store and two figures of it rest on it; a round-trip time decides nothing."""
    page = sample.clouds_page()
    elsewhere, unseen, far = "no price of west is known", "nobody looked", "by distance: far"
    figures = page.figures
    site = replace(figures.sites[0], disk_usd_per_gb_month=sample.quote(0.08, rule=elsewhere))
    stores = (
        StoreFigures(
            "job-0-destination-1",
            "hot",
            {"get": sample.quote(0.1, rule=elsewhere), "put": sample.quote(0.1, rule=f"{elsewhere}; {unseen}")},
            sample.quote(0.0, rule=unseen),
        ),
    )
    links = (replace(figures.links[0], rtt_ms=sample.quote(9.0, rule=far)), *figures.links[1:])
    figures = replace(figures, sites=(site, *figures.sites[1:]), stores=stores, links=links)

    text = re.sub(r"<[^>]*>|`", "", write(replace(page, figures=figures)).decode())

    notes = text[text.index("Prices and other figures") :]
    assert f"aws:eu-west-1, m5.8xlarge (disk) and azure://acc/archive/2024/, hot (requests): {elsewhere}\n" in notes
    assert f"azure://acc/archive/2024/, hot (requests and retrieval): {unseen}\n" in notes
    assert f": {far}" not in notes
    assert "job-0-destination-1, hot" not in text


def test_what_takes_longer_than_the_gateways_live_is_a_warning() -> None:
    short = sample.clouds_page()
    enough = replace(short, request=replace(short.request, ttl_minutes=3_000))

    assert (
        "- **Warning.** It may take 1 day 15 h, and each gateway halts itself after 1 day 1 hour"
        in plan_md(short).decode()
    )
    assert "- **Warning.** It may take" not in plan_md(enough).decode()


def test_links_are_told_once_for_all_gateways_of_two_sites() -> None:
    text = plan_md(sample.clouds_page()).decode()

    assert (
        "| aws:eu-west-1 to azure:japaneast (bottleneck) | ≈ 15.9 | 11.2 to 18.8 | $0.07 to $0.09 | 180.1 TiB |\n"
    ) in text
    assert '  s0 ==>|"≈ 15.9 Gbit/s<br/>$0.07-$0.09/GB<br/>bottleneck"| s2\n' in text


def test_a_graph_that_would_be_a_knot_is_left_to_the_tables() -> None:
    assert "```mermaid" in plan_md(sample.big_page(8, 8)).decode()
    assert "```mermaid" not in plan_md(sample.big_page(12, 9)).decode()


def test_what_changed_stands_before_everything_else() -> None:
    text = plan_md(sample.changed_page()).decode()

    assert "| infrastructure | gateways in aws:us-east-1 | 2 | 4 |" in text
    assert "| exposure | port 22 of aws:us-east-1 | open to the operator's address | (gone) |" in text
    assert "- the older bundle was planned with another catalog" in text
    assert text.index("## What changed") < text.index("## What may go wrong")


@pytest.mark.parametrize("names", ["k" * 900, "é" * 900, sample.HOSTILE * 4, "|" * 900, "`" * 900])
def test_what_is_too_long_ends_after_a_whole_row_and_says_so(names: str) -> None:
    text = plan_md(sample.crowded_page(names, instances=1)).decode()

    assert len(text) <= MAX_CHARS
    assert len(text.encode()) <= MAX_CHARS
    assert "Shortened to fit into a comment" in text
    assert re.search(r"^And 2\d\d more, in topology.json.$", text, re.MULTILINE)
    assert text.endswith("7 when it refuses.\n")
    assert_well_formed(text)


def test_65536_links_are_one_row() -> None:
    text = plan_md(sample.crowded_page("k", jobs=1, instances=256)).decode()

    assert "262,144 connections in all." in text
    assert "Shortened" not in text


def test_what_is_left_out_stands_in_the_page_or_in_a_file_that_has_all() -> None:
    hundred = plan_md(sample.crowded_page("k" * 900, jobs=90, instances=1)).decode()
    more = plan_md(sample.crowded_page("k" * 900, jobs=110, instances=1)).decode()

    assert re.search(r"^And \d\d more, in plan.html.$", hundred, re.MULTILINE)
    assert re.search(r"^And \d+ more, in topology.json.$", more, re.MULTILINE)


def test_what_fits_is_not_shortened() -> None:
    assert "Shortened" not in plan_md(sample.clouds_page()).decode()


def test_nothing_breaks_out_of_where_it_stands() -> None:
    text = plan_md(sample.crowded_page(sample.HOSTILE, jobs=2, instances=1)).decode()

    assert_well_formed(text)
    shown = {one.content for one in inline(text) if one.type == "code_inline"}
    assert any("<script>alert(1)</script>" in one and "\\u202e" in one and "\\x1b" in one for one in shown)


@pytest.mark.parametrize(
    "make",
    [
        sample.clouds_page,
        sample.unknown_page,
        sample.offline_page,
        sample.changed_page,
        sample.local_page,
        sample.big_page,
    ],
)
def test_every_page_is_well_formed_and_the_same_again(make: Callable[[], Page]) -> None:
    text = plan_md(make()).decode()

    assert text == plan_md(make()).decode()
    assert "\n\n\n" not in text
    assert "None" not in text
    assert_well_formed(text)


def inline(text: str) -> list[Token]:
    """Return everything within a line, as a Markdown parser with tables and links of its own reads it."""
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    return [one for block in blocks for one in block.children or ()]


def assert_well_formed(text: str) -> None:
    """Check that all markup is ours: no HTML, no link, no image, and every row of a table as long as its head."""
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    inside = inline(text)

    assert not {one.type for one in [*blocks, *inside]} & {"html_block", "html_inline", "link_open", "image"}
    assert {one.content for one in blocks if one.type == "heading_open"} == {""}
    assert sum(one.type == "heading_open" for one in blocks) == len(re.findall(r"^##? ", text, re.MULTILINE))
    ours = {"fence", "heading_open", "list_item_open", "paragraph_open", "table_open", "strong_open"}
    assert {one.type for one in [*blocks, *inside] if one.nesting == 1 or one.type == "fence"} <= ours | {
        *("bullet_list_open", "tr_open", "td_open", "th_open", "thead_open", "tbody_open")
    }
    # A row that a name had broken would have a cell more, which a parser drops: so the lines themselves are counted.
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table
