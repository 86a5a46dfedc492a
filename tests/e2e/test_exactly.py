"""What was changed, and what the refusal names: a bundle is applied exactly as it was reviewed, or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from skytf import Client, Hooks, Options
from skytf import bundle as bundles
from skytf.errors import NoTopology, Refused
from tests.e2e.clouds import APPLYING, accounts
from tests.e2e.commands import assert_plain, skytf
from tests.e2e.test_copy import copy
from tests.e2e.test_offline import no_providers
from tests.e2e.trees import SMALL, contents, plant
from tests.e2e.victims import Midway, slow
from tests.provider.world import World
from tests.servers import S3Server
from tests.skytf.clouds.answers import Reply, Request, answer_server

__all__ = ["no_providers"]

ONE = replace(SMALL, instances=1)
PINNED = replace(ONE, source_drift="pin")
SECRETS = re.compile(rb"PRIVATE KEY|secret_key|session_token|AKIA[0-9A-Z]{16}")
Edit = Callable[[Path], None]


@pytest.fixture(scope="module")
def reviewed(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a source, ``in``, and a pinned bundle that copies it to ``out``; no test changes them."""
    root = tmp_path_factory.mktemp("reviewed")
    plant(root / "in", small=20, large=0)
    Client(home=shared_home).plan([copy(root / "in", root / "out")], PINNED, out=root / "bundle")
    return root


@pytest.fixture
def bundle(reviewed: Path, tmp_path: Path) -> Path:
    """A copy of the reviewed bundle, to be spoilt."""
    shutil.copytree(reviewed / "bundle", tmp_path / "bundle")
    return tmp_path / "bundle"


def insert(name: str, *way: str | int, value: Any) -> Edit:
    """Return what sets one value of a JSON file."""

    def edit(bundle: Path) -> None:
        document = found = json.loads((bundle / name).read_bytes())
        for step in way[:-1]:
            found = found[step]
        assert found[way[-1]] != value
        found[way[-1]] = value
        (bundle / name).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")

    return edit


def append(name: str, text: str = "\n") -> Edit:
    """Return what adds *text* to a file, which is made where there is none."""

    def edit(bundle: Path) -> None:
        with (bundle / name).open("a") as file:
            file.write(text)

    return edit


def remove(name: str) -> Edit:
    """Return what removes a file."""
    return lambda bundle: (bundle / name).unlink()


TIER = ("figures", "egress", 0, "tiers", 0, "usd_per_gb")
TABLE: dict[str, tuple[Edit, str]] = {
    "a price": (insert("transfer.json", *TIER, "value", "low", value=0.01), "transfer.json was edited"),
    "the source of a price": (insert("transfer.json", *TIER, "source", value="hearsay"), "transfer.json was edited"),
    "the figures": (insert("transfer.json", "figures", "sites", value=[]), "transfer.json was edited"),
    "the quota": (
        insert(
            "transfer.json",
            "quota",
            value=[
                {"region": {"cloud": "aws", "name": "us-east-1"}, "instance_type": "a", "wanted": 1, "name": "b"}
                | {"limit": 9.0}
            ],
        ),
        "transfer.json was edited",
    ),
    "the survey": (insert("transfer.json", "survey", 0, "bytes", value=1), "transfer.json was edited"),
    "the fingerprint": (insert("transfer.json", "survey", 0, "fingerprint", value=[]), "transfer.json was edited"),
    "the digest of the listing": (
        insert("transfer.json", "survey", 0, "listing_sha256", value="0" * 64),
        "transfer.json was edited",
    ),
    "how drift is taken": (insert("transfer.json", "request", "source_drift", value="report"), "transfer.json was"),
    "the destination": (
        insert("transfer.json", "request", "jobs", 0, "destinations", 0, "prefix", value="etc"),
        "transfer.json was edited",
    ),
    "the fleet": (insert("transfer.json", "request", "instances", value=200), "transfer.json was edited"),
    "a region that cannot be": (
        insert("transfer.json", "request", "jobs", 0, "source", "region", value={"cloud": "moon", "name": "x"}),
        "transfer.json was edited",
    ),
    "the digest of a module": (insert("transfer.json", "modules", "local", value=""), "transfer.json was edited"),
    "no JSON": (append("transfer.json", "}"), "transfer.json is broken"),
    "the format": (insert("transfer.json", "bundle_version", value=1), "has format 1, this skytf reads"),
    "the tool": (insert("transfer.json", "tool_version", value="0.0.1"), "was planned with skytf 0.0.1, this is"),
    "the topology": (insert("topology.json", "links", 0, "connections", value=1), "topology.json was edited"),
    "the prediction": (insert("topology.json", "prediction", value=None), "topology.json was edited"),
    "the cost": (insert("topology.json", "cost", value=None), "topology.json was edited"),
    "a program": (
        insert("programs/local-a-0.json", "settings", "readers", value=7),
        "programs/local-a-0.json was edited",
    ),
    "a broken program": (append("programs/local-a-0.json", "}"), "programs/local-a-0.json is broken"),
    "the root module": (append("infra/main.tf", "# mine\n"), "infra/main.tf was edited"),
    "the providers": (append("infra/versions.tf"), "infra/versions.tf was edited"),
    "a module": (append("infra/modules/local/main.tf", "# mine\n"), "infra/modules/local/main.tf was edited"),
    "a reviewed variable": (
        insert("infra/terraform.tfvars.json", "ttl_minutes", value=99_999),
        "infra/terraform.tfvars.json was edited",
    ),
    "a placeholder": (
        insert("infra/placeholders.tfvars.json", "operator_cidr", value="0.0.0.0/0"),
        "infra/placeholders.tfvars.json was edited",
    ),
    "the plan": (insert("plan.json", "resource_changes", value=[]), "plan.json was edited"),
    "a broken plan": (append("plan.json", "}"), "plan.json was edited"),
    "PLAN.md": (append("PLAN.md", "It is cheap.\n"), "PLAN.md was edited"),
    "plan.html": (append("plan.html", "<script></script>\n"), "plan.html was edited"),
    "what is folded": (append(".gitattributes", "infra/** linguist-generated\n"), ".gitattributes was edited"),
    "the listing": (append("listing/job-0.jsonl.bz2", "more"), "listing/job-0.jsonl.bz2 was edited"),
    "a listing too many": (append("listing/job-1.jsonl.bz2"), "listing/job-1.jsonl.bz2 does not belong there"),
    "a resource more": (append("infra/mine.tf", "# mine\n"), "infra/mine.tf does not belong there"),
    "variables more": (append("infra/a.auto.tfvars"), "infra/a.auto.tfvars does not belong there"),
    "a lock of providers that there are not": (
        append("infra/.terraform.lock.hcl", "# mine\n"),
        "infra/.terraform.lock.hcl does not belong there",
    ),
    "an override": (append("infra/main_override.tf"), "infra/main_override.tf does not belong there"),
    "a file in a module": (append("infra/modules/local/a.tf"), "infra/modules/local/a.tf does not belong there"),
    "a program more": (
        lambda bundle: shutil.copy(bundle / "programs/local-a-0.json", bundle / "programs/local-a-7.json") and None,
        "programs/local-a-7.json does not belong there",
    ),
    **{
        f"no {name}": (remove(name), f"{name} is missing")
        for name in (
            ".gitattributes",
            "PLAN.md",
            "infra/main.tf",
            "infra/modules/local/variables.tf",
            "infra/placeholders.tfvars.json",
            "infra/terraform.tfvars.json",
            "listing/job-0.jsonl.bz2",
            "plan.html",
            "plan.json",
            "programs/local-b-0.json",
        )
    },
    "no topology.json": (remove("topology.json"), "has no topology.json"),
}


@pytest.mark.parametrize("what", TABLE)
def test_whatever_was_changed_is_refused_and_named(home: Path, reviewed: Path, bundle: Path, what: str) -> None:
    edit, words = TABLE[what]
    names = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    before = sorted((home / "transfers").glob("*"))
    edit(bundle)

    with pytest.raises(Refused) as caught:
        Client(home=home).apply(bundle)

    said = str(caught.value).replace(str(bundle), "")
    assert words in said
    assert caught.value.exit_code == 7
    assert "plan again" in caught.value.hint
    # Nothing but the file itself is blamed; that a page has another digest of it is how it was found out.
    blamed = said.partition(" another digest")[0].replace(", PLAN.md", "").replace(" and plan.html have", "")
    assert [name for name in sorted(names) if name in blamed and name not in words] == []
    assert not (reviewed / "out").exists()
    assert sorted((home / "transfers").glob("*")) == before, "what was refused is nothing to resume"


def test_the_refusal_is_one_paragraph_with_a_next_step(home: Path, bundle: Path) -> None:
    TABLE["a price"][0](bundle)

    said = skytf(home, "apply-transfer", bundle)

    assert_plain(said, 7, "transfer.json was edited", "plan again, or take the reviewed files back")


BETWEEN_CLOUDS = (
    *("s3://from/data", "gs://to/data", "azure://account/box/data", "-r", "--instances", "3", "--via", "ibm:eu-de"),
    *("--src-region", "aws:us-east-1", "--dst-region", "gcp:us-central1", "--dst-region", "azure:westeurope"),
    *("--offline", "--assume-bytes", "200TB", "--assume-objects", "1000000"),
)


@pytest.mark.parametrize("kind", ["on this machine", "between clouds"])
def test_a_bundle_is_the_same_bytes_wherever_it_is_planned(
    home: Path, reviewed: Path, tmp_path: Path, no_providers: Mapping[str, str], kind: str
) -> None:
    """Other directories, homes, time zones, locales and hash seeds; every file, the pages and the listing too."""
    elsewhere = tmp_path / "an other directory \u2713"
    elsewhere.mkdir()
    pinned = (reviewed / "in", reviewed / "out", "-r", "--source-drift", "pin")
    wanted = ("plan", *(pinned if kind == "on this machine" else BETWEEN_CLOUDS), "--out")
    strange = {
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "7",
        "TMPDIR": str(elsewhere),
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "COLUMNS": "40",
        "USER": "mallory",
    }

    one = skytf(home, *wanted, tmp_path / "one", cwd=tmp_path, env={**no_providers, "TZ": "UTC", "PYTHONHASHSEED": "1"})
    other = skytf(elsewhere / "home", *wanted, elsewhere / "other", cwd=elsewhere, env={**no_providers, **strange})

    assert (one.returncode, other.returncode) == (0, 0), one.stderr + other.stderr
    found = contents(tmp_path / "one")
    assert found == contents(elsewhere / "other")
    assert {"transfer.json", "topology.json", "PLAN.md", "plan.html", ".gitattributes"} <= found.keys()
    assert ("listing/job-0.jsonl.bz2" in found, "plan.json" in found) == (kind == "on this machine",) * 2
    everything = b"".join(found.values())
    assert str(elsewhere).encode() not in everything
    assert str(home).encode() not in everything
    assert bundles.read(tmp_path / "one").digest == bundles.read(elsewhere / "other").digest


@pytest.mark.slow
def test_one_bundle_in_two_directories_is_applied_once_at_a_time(home: Path, tmp_path: Path) -> None:
    files = plant(tmp_path / "in", small=5, large=0)
    client = Client(home=home)
    client.plan([copy(tmp_path / "in", tmp_path / "out")], slow(mbps=0), out=tmp_path / "bundle")
    shutil.copytree(tmp_path / "bundle", tmp_path / "the same")
    applying, go_on = Event(), Event()

    class Waiting(Midway):
        def on_phase(self, phase: str, text: str) -> None:
            if phase == "deploying":
                applying.set()
                assert go_on.wait(60)

    first = Thread(target=Client(home=home, hooks=Waiting(lambda: None)).apply, args=(tmp_path / "bundle",))
    first.start()
    assert applying.wait(60)
    try:
        with pytest.raises(Refused, match="this bundle is being applied already"):
            client.apply(tmp_path / "the same")
    finally:
        go_on.set()
        first.join()

    assert contents(tmp_path / "out") == files


def test_nothing_that_is_made_at_apply_stands_in_a_bundle(home: Path, tmp_path: Path) -> None:
    """Neither in what was reviewed, nor in the copy that the transfer keeps."""
    plant(tmp_path / "in", small=5, large=0)
    made: dict[str, Any] = {}

    class Looking(Hooks):
        def on_phase(self, phase: str, text: str) -> None:
            if phase == "transferring":
                (ours,) = (one.transfer_id for one in Client(home=home).transfers() if one.alive)
                root = home / "transfers" / ours
                made.update(json.loads((root / "work" / "apply.auto.tfvars.json").read_bytes()))
                made["bundle"] = contents(root / "bundle")

    reviewed = Client(home=home).plan([copy(tmp_path / "in", tmp_path / "out")], ONE, out=tmp_path / "bundle")
    Client(home=home, hooks=Looking()).apply(tmp_path / "bundle")

    assert made.pop("bundle") == contents(tmp_path / "bundle") == reviewed.files
    values = [made["transfer_id"], made["expires_at"], made["ssh_public_key"], *made["host_keys"].values()]
    everything = b"".join(reviewed.files.values())
    assert len(values) == 3 + len(reviewed.topology.gateways)
    assert [value for value in values if value.encode() in everything] == []
    assert SECRETS.search(everything) is None


@pytest.fixture
def world(
    tmp_path: Path, provider_config: Path, s3_server: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Accounts in all clouds, in which nothing may be made."""
    with accounts(tmp_path / "world", provider_config, s3_server, home, monkeypatch) as world:
        yield world
        assert world.resources() == []


RELAYED = Options(via="aws:us-east-1", instances=2)


@pytest.fixture
def relayed(world: World, client: Client, tmp_path: Path) -> Callable[[], Path]:
    """Return what plans a copy between directories through two VMs in AWS, and returns the bundle."""
    plant(tmp_path / "in", small=3, large=0)

    def planned() -> Path:
        client.plan([copy(tmp_path / "in", tmp_path / "out")], RELAYED, out=tmp_path / "bundle")
        return tmp_path / "bundle"

    return planned


@pytest.fixture
def set_quota(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Return what sets the account's vCPUs of its usual instances, which the S3 server does not tell."""
    limit = [0.0]

    def answer(asked: Request) -> Reply:
        return Reply({"Quota": {"QuotaCode": asked.json["QuotaCode"], "QuotaName": "Standard", "Value": limit[0]}})

    def put(vcpus: float) -> None:
        limit[0] = vcpus

    with answer_server(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", server.url)
        yield put


def test_a_price_that_moved_is_refused_and_named(
    relayed: Callable[[], Path], world: World, home: Path, tmp_path: Path
) -> None:
    """The catalog of whoever applies says something else than that of whoever planned."""
    bundle = relayed()
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "egress.csv").write_text(
        "cloud,from,to,scope,tier_from_gb,tier_to_gb,usd_per_gb,gb_bytes,date,source\n"
        "aws,us-east-1,any,internet,0,,0.0123,,2026-11-22,an offer\n"
    )
    apply = ("apply-transfer", bundle, "--operator-cidr", "127.0.0.1/32")

    said = skytf(home, *apply, "--catalog", tmp_path / "catalog", env=world.environment())

    assert_plain(
        said, 7, "egress aws:us-east-1 -> ", " reviewed, ", "0.0123 now", "plan again, or give the", "--catalog DIR"
    )


def test_a_quota_that_moved_is_refused_and_named(
    relayed: Callable[[], Path], set_quota: Callable[[float], None], client: Client
) -> None:
    set_quota(640)
    bundle = relayed()
    set_quota(320)

    with pytest.raises(Refused, match=r"the quota of aws:us-east-1 .* Standard .* was 640 and is 320") as caught:
        client.apply(bundle, applying=APPLYING)

    assert "plan again" in caught.value.hint
    assert json.loads((bundle / "transfer.json").read_bytes())["quota"][0]["limit"] == 640


def test_a_quota_that_is_too_small_is_no_topology(
    relayed: Callable[[], Path], set_quota: Callable[[float], None], tmp_path: Path
) -> None:
    set_quota(1)

    with pytest.raises(NoTopology, match=r"aws:us-east-1 lets 0 more .* start and 2 are wanted") as caught:
        relayed()

    assert "request-service-quota-increase" in caught.value.hint
    assert not (tmp_path / "bundle").exists()


def test_a_quota_that_nobody_could_read_is_said(world: World, home: Path, tmp_path: Path) -> None:
    """The server that plays AWS here knows no quotas."""
    plant(tmp_path / "in", small=1, large=0)

    said = skytf(home, "plan", "in", "out", "-r", "--via", "aws:us-east-1", cwd=tmp_path, env=world.environment())

    assert said.returncode == 0, said.stderr
    assert "the quota of aws:us-east-1 was not checked" in said.stderr
    assert "quota" in said.stdout.partition("What was not checked")[2].lower()
