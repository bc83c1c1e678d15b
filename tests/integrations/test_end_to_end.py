"""From a branch to what is there, and kept so: pull request, comment, merge, drift, repair; nothing of it is a mock.

The repository is served by git, the example's workflow is run as it is, state is in PostgreSQL, and an agent is killed
while it repairs. Only GitHub's API is a stand-in, and what keeps artifacts.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.agents import Process
from tests.integrations.github import TOKEN, GitHub, github
from tests.integrations.jobs import WORKFLOW, Runner, pull_request
from tests.repositories import LOGIN, Forge, Served, git

PASSWORD = "right"
KEY = "a key of saved plans, of 32 characters or more"
PROJECT = """apiVersion: stackspec.dev/v1
kind: Project
spec:
  default_environment: prod
  allowed_paths: [{root}]
  state: {{backend: postgres, url: {url}, schema: ml}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {{name: prod}}
spec: {{protected: true}}
"""
STACK = """apiVersion: stackspec.dev/v1
kind: Stack
metadata: {{name: training}}
spec:
  components:
    orchestrator: {{flavor: local, config: {{work_dir: {root}/work}}}}
    artifact_store: {{flavor: local, config: {{path: {root}/artifacts}}}}
"""
MORE = "    metadata_store: {{flavor: sqlite, config: {{path: {root}/{name}}}}}\n"


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database in which `ada` may keep the state."""
    with servers.postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA ml AUTHORIZATION ada")
        yield url.replace("postgres@", "ada@")


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as one:
        yield one


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Where the stack is made: on no machine's own disk, one may think."""
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


@pytest.fixture
def forge(tmp_path: Path, made: Path, database: str) -> Forge:
    """A repository with a project, and the workflow as the example has it."""
    one = Forge.make(tmp_path / "forge")
    workflow = {f".github/workflows/{WORKFLOW.name}": WORKFLOW.read_text(encoding="utf-8")}
    project = PROJECT.format(root=made, url=json.dumps(database))
    one.push({**workflow, "stackspec.yaml": project, "stacks/training.yaml": STACK.format(root=made)})
    return one


@pytest.fixture
def served(forge: Forge) -> Iterator[Served]:
    one = Served(forge)
    yield one
    one.down()


def test_a_change_comes_by_a_pull_request_and_stays(
    tmp_path: Path, made: Path, forge: Forge, served: Served, hub: GitHub
) -> None:
    runner = Runner(tmp_path / "runner", hub, {"PGPASSWORD": PASSWORD, "STACKSPEC_PLAN_KEY": KEY}, with_uv=True)

    def commit(name: str) -> str:
        """Change the branch of the pull request."""
        text = (STACK + MORE).format(root=made, name=name)
        (forge.clone / "stacks" / "training.yaml").write_text(text)
        git(forge.clone, "commit", "--quiet", "--all", "-m", "a store of metadata")
        git(forge.clone, "push", "--quiet", "origin", "HEAD:refs/heads/branch")
        return git(forge.clone, "rev-parse", "HEAD")

    def job(event: str, branch: str = "main", **payload: Any) -> str:
        """What a job writes that is run for the last commit of a branch."""
        checkout = tmp_path / "checkout"
        git(tmp_path, "clone", "--quiet", "--branch", branch, served.url, str(checkout))
        code, text = runner.run(event, payload, checkout)
        shutil.rmtree(checkout)
        assert code == 0, text
        assert not [one for one in (KEY, TOKEN, LOGIN) if one in text]
        return text

    git(forge.clone, "switch", "--quiet", "--create", "branch")
    job("pull_request", "branch", **pull_request(7, commit("first.db")))
    (comment,) = hub.comments[7]
    assert comment["body"].startswith("<!-- stackspec plan prod -->\n")
    assert "**3 to create**" in comment["body"]
    assert str(made / "first.db") in comment["body"]

    head = commit("second.db")
    job("pull_request", "branch", **pull_request(7, head))
    assert hub.comments[7] == [comment]
    assert str(made / "second.db") in comment["body"]
    assert "first.db" not in comment["body"]
    assert list(made.iterdir()) == []

    git(forge.clone, "switch", "--quiet", "main")
    git(forge.clone, "merge", "--quiet", "--no-ff", "-m", "Merge the branch", "branch")
    git(forge.clone, "push", "--quiet", "origin", "main")
    merge = git(forge.clone, "rev-parse", "HEAD")
    hub.pulls[merge] = [{"number": 7, "merged_at": "2026-01-01", "merge_commit_sha": merge, "head": {"sha": head}}]
    assert "3 created" in job("push", ref="refs/heads/main", after=merge)
    assert sorted(path.name for path in made.iterdir()) == ["artifacts", "second.db", "work"]

    shutil.rmtree(made / "artifacts")
    job("schedule")
    (issue,) = hub.issues
    assert (issue["title"], issue["state"]) == ("Drift in 'prod'", "open")
    assert "artifact_store/training" in issue["body"]

    words = ("--repo", served.url, "--interval", "1", "-e", "prod", "--approve", "prod")
    (tmp_path / "agent").mkdir()
    for end in (signal.SIGKILL, signal.SIGTERM):
        agent = Process(tmp_path / "agent", *words, variables={"PGPASSWORD": PASSWORD})
        try:
            if end == signal.SIGKILL:
                agent.wait("apply-started")  # the intent is recorded, and its result is not
            else:
                agent.wait("looked", condition="in-line", commit=merge)
            assert agent.end(end) == (-end if end == signal.SIGKILL else 0), agent.text
        finally:
            agent.kill()
        assert LOGIN not in agent.text
    assert (made / "artifacts").is_dir()

    job("schedule")
    assert [one["state"] for one in hub.issues] == ["closed"]
