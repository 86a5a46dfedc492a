"""A transfer from a pull request to its apply after the merge, as GitHub, GitLab and Atlantis run it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.ci import SCRIPTS, Comments, Runner, Said, atlantis, git, github, gitlab, serving_comments
from tests.e2e.leftovers import left_of
from tests.states import States, serving_states

POLICY = "skytf_policy:\n  max_instances: 4\n"
BRANCH = "nightly"
TOKEN = "glpat-of-somebody"


@dataclass
class Project:
    """A repository with one transfer in it, what reviews it, and where its state is kept."""

    root: Path
    comments: Comments
    states: States
    runners: list[Runner] = field(default_factory=list)

    @property
    def origin(self) -> Path:
        """The bare repository."""
        return self.root / "origin.git"

    @property
    def work(self) -> Path:
        """Somebody's own checkout."""
        return self.root / "work"

    @property
    def target(self) -> Path:
        """Where the transfer goes."""
        return self.root / "target"

    def runner(self, **environment: str) -> Runner:
        """Return a machine that nobody has used yet."""
        runner = Runner(self.root / f"runner-{len(self.runners)}", environment)
        runner.root.mkdir()
        self.runners.append(runner)
        return runner

    def change(self, branch: str, name: str, text: str) -> str:
        """Commit a file to *branch*, push it, and return the commit that it was branched from."""
        git("checkout", "--quiet", "-B", branch, "origin/main", cwd=self.work)
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        git("add", "--all", cwd=self.work)
        git("commit", "--quiet", "-m", f"change {name}", cwd=self.work)
        git("push", "--quiet", "--force", "origin", f"HEAD:{branch}", cwd=self.work)
        return git("rev-parse", "origin/main", cwd=self.work)

    def merge(self, branch: str) -> str:
        """Merge *branch* into main, and return the commit before."""
        git("fetch", "--quiet", "origin", cwd=self.work)
        git("checkout", "--quiet", "-B", "main", "origin/main", cwd=self.work)
        before = git("rev-parse", "HEAD", cwd=self.work)
        git("merge", "--quiet", "--no-ff", "-m", "merge", f"origin/{branch}", cwd=self.work)
        git("push", "--quiet", "origin", "main", cwd=self.work)
        return before

    def file(self, branch: str, name: str) -> str:
        """Return a file as it stands at *branch* of the origin."""
        return git("show", f"{branch}:{name}", cwd=self.origin)

    def commits(self, branch: str) -> int:
        """Return how many commits *branch* has."""
        return int(git("rev-list", "--count", branch, cwd=self.origin))

    def plan_args(self, *more: str) -> str:
        """Return the request of the transfer."""
        return f"# what goes where\n-r '{self.root / 'source'}' '{self.target}' {' '.join(more)}\n"

    def left_in_states(self) -> int:
        """Return how many resources the kept states hold."""
        return sum(len(json.loads(text).get("resources", ())) for text in self.states.states.values())

    def on_github(self, job: str, **event: str) -> Said:
        """Play a job of the workflow on a new runner."""
        runner = self.runner(GITHUB_API_URL=self.comments.url, GITHUB_REPOSITORY="org/repo")
        runner.environment = {**runner.environment, "GITHUB_STEP_SUMMARY": str(runner.root / "summary.md")}
        given = {name.replace("__", "."): value for name, value in event.items()}
        token = {"github.token": "t", "github.event.pull_request.number": "7"}
        return github(runner, job, self.origin, {**token, **given})

    def planned(self, branch: str, base: str) -> Said:
        """Play the job of a pull request."""
        event = {"github.head_ref": branch, "github.event.pull_request.base.sha": base}
        return self.on_github("plan", **{name.replace(".", "__"): value for name, value in event.items()})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        (source / f"object-{number}").write_bytes(bytes([number]) * 1_000)
    with serving_comments() as comments, serving_states() as states:
        project = Project(tmp_path, comments, states)
        git("init", "--quiet", "--bare", str(project.origin), cwd=tmp_path)
        git("clone", "--quiet", str(project.origin), str(project.work), cwd=tmp_path)
        (project.work / "policy.yaml").write_text(POLICY)
        (project.work / "backend.toml").write_text(f'type = "http"\naddress = "{states.url}"\n')
        git("add", "--all", cwd=project.work)
        git("commit", "--quiet", "-m", "begin", cwd=project.work)
        git("push", "--quiet", "origin", "HEAD:main", cwd=project.work)
        git("fetch", "--quiet", cwd=project.work)
        yield project
        for runner in project.runners:
            home = runner.home / ".local" / "state" / "skytf"
            assert not home.exists() or left_of(home) == []


def test_on_github_what_was_reviewed_is_applied_after_the_merge(project: Project) -> None:
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())

    planned = project.planned(BRANCH, base)

    assert planned.code == 0, planned.text
    plan = project.file(BRANCH, "transfers/nightly/bundle/PLAN.md")
    assert project.comments.bodies == {1: f"<!-- skytf: transfers/nightly -->\n{plan}\n"}
    assert (project.runners[-1].root / "summary.md").read_text() == project.comments.bodies[1]

    commits = project.commits(BRANCH)
    again = project.planned(BRANCH, base)

    assert again.code == 0, again.text
    assert "is as it was" in again.text
    assert project.commits(BRANCH) == commits
    assert list(project.comments.bodies) == [1]

    before = project.merge(BRANCH)
    applied = project.on_github("apply", github__event__before=before)

    assert applied.code == 0, applied.text
    assert sorted(path.name for path in project.target.iterdir()) == sorted(f"object-{n}" for n in range(20))
    assert len(project.states.states) == 1
    assert (project.left_in_states(), project.states.locks) == (0, {})


def test_on_github_a_change_says_what_is_different(project: Project) -> None:
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())
    assert project.planned(BRANCH, base).code == 0
    project.merge(BRANCH)

    base = project.change("more", "transfers/nightly/plan.args", project.plan_args("--instances 2"))
    planned = project.planned("more", base)

    assert planned.code == 0, planned.text
    assert "What changed" in project.file("more", "transfers/nightly/bundle/PLAN.md")
    assert "What changed" in project.comments.bodies[1]


def test_on_github_a_policy_fails_the_job_and_the_plan_is_there_to_look_at(project: Project) -> None:
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args("--instances 3"))

    planned = project.planned(BRANCH, base)

    assert planned.code == 8, planned.text
    assert "max_instances" in planned.text
    assert "6 gateways" in project.comments.bodies[1]
    assert "6 gateways" in project.file(BRANCH, "transfers/nightly/bundle/PLAN.md")


def test_on_github_words_of_a_request_are_never_run_by_a_shell(project: Project) -> None:
    mark = project.root / "mark"
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args(f"--$(touch {mark}) `touch {mark}`"))

    planned = project.planned(BRANCH, base)

    assert planned.code == 2, planned.text
    assert not mark.exists()
    assert "could not be planned" in project.comments.bodies[1]


def test_on_github_a_request_cannot_bring_a_policy_of_its_own(project: Project) -> None:
    git("checkout", "--quiet", "-B", "main", "origin/main", cwd=project.work)
    (project.work / "mine.yaml").write_text("skytf_policy:\n  max_instances: 100\n")
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args("--instances 3 --policy mine.yaml"))

    planned = project.planned(BRANCH, base)

    assert planned.code == 8, planned.text
    assert "policy.yaml" in planned.text


@pytest.mark.slow
def test_on_github_an_earlier_plan_is_not_shown_for_a_request_that_cannot_be_planned(project: Project) -> None:
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())
    assert project.planned(BRANCH, base).code == 0
    project.merge(BRANCH)
    base = project.change("wrong", "transfers/nightly/plan.args", "-r /not/there /nowhere\n")

    planned = project.planned("wrong", base)

    assert planned.code == 2, planned.text
    assert "could not be planned" in project.comments.bodies[1]
    assert project.file("wrong", "transfers/nightly/bundle/PLAN.md").startswith("# Plan")  # what main has


def test_a_source_that_moved_on_after_the_review_is_refused(project: Project) -> None:
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())
    assert project.planned(BRANCH, base).code == 0
    before = project.merge(BRANCH)
    for number in range(20):
        (project.root / "source" / f"object-{number}").write_bytes(b"other" * 1_000)

    applied = project.on_github("apply", github__event__before=before)

    assert applied.code == 7, applied.text
    assert not project.target.exists()


def test_without_a_state_elsewhere_nothing_is_applied(project: Project) -> None:
    runner = project.runner()
    runner.clone(project.origin, "main")

    said = runner.run(f"'{SCRIPTS / 'apply.sh'}'", {})

    assert said.code == 2
    assert "Next: set SKYTF_BACKEND" in said.text


@pytest.mark.slow
def test_on_gitlab_what_was_reviewed_is_applied_after_the_merge(project: Project) -> None:
    shutil.copytree(SCRIPTS, project.work / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    base = project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())
    merge_request = {
        "CI_API_V4_URL": project.comments.url,
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": BRANCH,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_COMMIT_SHA": git("rev-parse", BRANCH, cwd=project.origin),
        "SKYTF_GITLAB_TOKEN": TOKEN,
        "SKYTF_PUSH_URL": str(project.origin),
    }

    runner = project.runner()
    planned = gitlab(runner, "plan", project.origin, BRANCH, merge_request)

    assert planned.code == 0, planned.text
    assert TOKEN not in (runner.checkout / ".git" / "config").read_text()
    plan = project.file(BRANCH, "transfers/nightly/bundle/PLAN.md")
    assert project.comments.bodies == {1: f"<!-- skytf: transfers/nightly -->\n{plan}\n"}

    before = project.merge(BRANCH)
    applied = gitlab(project.runner(), "apply", project.origin, "main", {"CI_COMMIT_BEFORE_SHA": before})

    assert applied.code == 0, applied.text
    assert len(list(project.target.iterdir())) == 20
    assert project.left_in_states() == 0


@pytest.mark.slow
def test_on_atlantis_the_very_directory_that_was_planned_is_applied(project: Project) -> None:
    etc = project.root / "etc"
    shutil.copytree(SCRIPTS, etc)
    shutil.copy(project.work / "policy.yaml", etc)
    shutil.copy(project.work / "backend.toml", etc)
    project.change(BRANCH, "transfers/nightly/plan.args", project.plan_args())
    server = project.runner()
    server.clone(project.origin, BRANCH)
    plan_file = project.root / "nightly-default.tfplan"

    planned = atlantis(server, "plan", etc, {"BASE_BRANCH_NAME": "main", "PLANFILE": str(plan_file)})

    assert planned.code == 0, planned.text
    assert planned.text.startswith("# Plan")
    assert plan_file.exists()  # what Atlantis takes for a plan that can be applied

    applied = atlantis(server, "apply", etc, {"BASE_BRANCH_NAME": "main", "PLANFILE": str(plan_file)})

    assert applied.code == 0, applied.text
    assert len(list(project.target.iterdir())) == 20
    assert project.left_in_states() == 0
