"""What a step of the action does with a job: run as the runner runs it, against the stand-in of GitHub."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.hostile import STACK
from tests.integrations.github import REPOSITORY, TOKEN, GitHub, github
from tests.integrations.jobs import ROOT, pull_request
from tests.running import environment

HEAD, MERGE = "a" * 40, "b" * 40
KEY = "a key of saved plans, of 32 characters or more"
WRONG = STACK.replace("local}", "locl}")
NAME = f"stackspec-default-44d3eb0d-{HEAD}"


class Job:
    """A job on a machine of its own.

    Attributes:
        checkout: What is checked out there.
        text: What its last step wrote.
        outputs: What its last step set.
    """

    def __init__(self, folder: Path, hub: GitHub) -> None:
        self.checkout, self._temporary, self._hub = folder / "checkout", folder / "temporary", hub
        self.text, self.outputs = "", dict[str, str]()
        self._temporary.mkdir()
        self.write(STACK)

    def write(self, stack: str, folder: str = ".") -> None:
        """Write the manifest of a project."""
        file = self.checkout / folder / "stacks" / "dev.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(stack)

    def step(
        self,
        command: str,
        event: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        **variables: str,
    ) -> int:
        """Run a step; its exit code."""
        files = {name: self._temporary / name for name in ("event", "output", "summary")}
        files["event"].write_text(json.dumps(event or {}))
        files["output"].write_text("")
        inputs = {"COMMAND": command, "TOKEN": TOKEN, **(inputs or {})}
        given = {
            **{f"STACKSPEC_ACTION_{name}": value for name, value in inputs.items()},
            "GITHUB_API_URL": self._hub.url,
            "GITHUB_EVENT_NAME": "pull_request" if event and "pull_request" in event else "push",
            "GITHUB_EVENT_PATH": str(files["event"]),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": MERGE,
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "RUNNER_TEMP": str(self._temporary),
            "STACKSPEC_PLAN_KEY": KEY,
        }
        done = subprocess.run(
            [sys.executable, "-I", str(ROOT / "integrations" / "github" / "run.py")],
            cwd=self.checkout / inputs.get("FOLDER", "."),
            env=environment({**given, **variables}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.text = done.stdout
        self.outputs = dict(line.split("=", 1) for line in files["output"].read_text().splitlines())
        assert "Traceback" not in self.text, self.text
        assert not [one for one in (TOKEN, KEY) if one in self.text]
        return done.returncode


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as one:
        yield one


@pytest.fixture
def job(tmp_path: Path, hub: GitHub) -> Job:
    return Job(tmp_path, hub)


def keep(job: Job, hub: GitHub, **more: Any) -> None:
    """Keep the plan that the job saved, and merge its pull request."""
    plan = (job.checkout / job.outputs["plan-file"]).read_bytes()
    hub.add_artifact(job.outputs["artifact"], HEAD, {Path(job.outputs["plan-file"]).name: plan}, **more)
    merge(hub)


def merge(hub: GitHub) -> None:
    hub.pulls[MERGE] = [{"number": 7, "merged_at": "2026-01-01", "merge_commit_sha": MERGE, "head": {"sha": HEAD}}]


def test_a_plan_is_commented_and_saved_and_its_merge_applies_it(job: Job, hub: GitHub) -> None:
    assert job.step("plan", pull_request(7, HEAD)) == 0
    assert job.outputs == {"changes": "true", "plan-file": "stackspec.plan", "artifact": NAME}
    assert [one["body"].splitlines()[0] for one in hub.comments[7]] == ["<!-- stackspec plan -->"]
    keep(job, hub)
    (job.checkout / "stackspec.plan").unlink()
    assert job.step("apply") == 0
    begin, *lines, end = job.text.splitlines()
    assert begin.startswith("::stop-commands::")
    assert end == f"::{begin.removeprefix('::stop-commands::')}::"
    assert len(end) > 32
    assert any("2 created" in line for line in lines)
    assert (job.checkout / "artifacts").is_dir()
    assert job.step("plan", pull_request(7, HEAD)) == 0
    assert job.outputs["changes"] == "false"
    assert "**No changes: 2 unchanged**" in hub.comments[7][0]["body"]


def test_projects_of_one_repository_are_kept_apart(job: Job, hub: GitHub) -> None:
    names = []
    for folder in ("teams/b", "teams-b"):
        job.write(STACK, folder)
        (job.checkout / ".git").mkdir(exist_ok=True)
        assert job.step("plan", pull_request(7, HEAD), {"FOLDER": folder}) == 0
        assert job.outputs["plan-file"] == f"{folder}/stackspec.plan"
        names.append(job.outputs["artifact"])
    assert all(re.fullmatch(f"stackspec-default-teams-b-[0-9a-f]{{8}}-{HEAD}", name) for name in names)
    assert len(set(names)) == 2
    assert [one["body"].splitlines()[0] for one in hub.comments[7]] == [
        "<!-- stackspec plan in teams/b -->",
        "<!-- stackspec plan in teams-b -->",
    ]


def test_a_plan_that_fails_is_commented_too_and_not_saved(job: Job, hub: GitHub) -> None:
    job.write(WRONG)
    assert job.step("plan", pull_request(7, HEAD)) == 1
    assert job.outputs == {"changes": "false"}
    assert "::error file=stacks/dev.yaml,line=6" in job.text
    assert "SS0208" in hub.comments[7][0]["body"]


@pytest.mark.parametrize(
    "request_", [pull_request(7, HEAD, "mallory/ml"), pull_request(7, HEAD, author="dependabot[bot]")]
)
def test_a_strangers_pull_request_is_planned_without_trust_and_told_in_the_job_only(
    request_: dict[str, Any], job: Job, hub: GitHub
) -> None:
    assert job.step("plan", request_, STACKSPEC_PLAN_KEY="") == 0
    assert job.outputs == {"changes": "true"}
    assert hub.writes == []
    assert "planned without trust" in job.text
    assert sorted(path.name for path in job.checkout.iterdir()) == ["stacks"]


def test_a_fork_that_is_gone_is_a_strangers(job: Job, hub: GitHub) -> None:
    request_ = pull_request(7, HEAD)
    request_["pull_request"]["head"]["repo"] = None
    assert job.step("plan", request_) == 0
    assert (hub.writes, job.outputs) == ([], {"changes": "true"})


def test_a_plan_is_not_saved_under_a_key_that_nobody_else_has(job: Job, hub: GitHub) -> None:
    assert job.step("plan", pull_request(7, HEAD), STACKSPEC_PLAN_KEY="") == 0
    assert job.outputs == {"changes": "true"}
    assert "::notice title=The plan is not saved::STACKSPEC_PLAN_KEY is not set" in job.text
    assert len(hub.comments[7]) == 1


def test_a_commit_that_no_pull_request_brought_is_not_applied(job: Job) -> None:
    assert job.step("apply") == 1
    assert f"::error title=No plan::{MERGE} came by no merged pull request" in job.text


def test_a_plan_that_is_not_kept_is_not_applied(job: Job, hub: GitHub) -> None:
    merge(hub)
    assert job.step("apply") == 1
    assert f"::error title=No plan::no artifact '{NAME}' is kept" in job.text


def test_a_forged_plan_is_not_applied(job: Job, hub: GitHub) -> None:
    assert job.step("plan", pull_request(7, HEAD)) == 0
    keep(job, hub, head_repository_id=2)
    assert job.step("apply") == 1
    assert "is kept" in job.text
    hub.artifacts.clear()
    (job.checkout / "stackspec.plan").write_bytes(b"forged")
    job.outputs = {"plan-file": "stackspec.plan", "artifact": NAME}
    keep(job, hub)
    assert job.step("apply") == 1
    assert "SS06" in job.text
    assert not (job.checkout / "artifacts").exists()


def test_a_plan_of_what_is_no_more_is_not_applied(job: Job, hub: GitHub) -> None:
    assert job.step("plan", pull_request(7, HEAD)) == 0
    keep(job, hub)
    job.write(STACK.replace("./artifacts", "./moved"))
    assert job.step("apply") == 1
    assert "SS06" in job.text
    assert not (job.checkout / "moved").exists()


def test_an_issue_is_open_while_there_is_drift(job: Job, hub: GitHub) -> None:
    assert job.step("plan", pull_request(7, HEAD)) == 0
    keep(job, hub)
    assert job.step("apply") == 0
    assert job.step("drift") == 0
    assert (hub.issues, job.outputs) == ([], {"changes": "false"})
    shutil.rmtree(job.checkout / "artifacts")
    for _ in range(2):
        assert job.step("drift") == 0
        assert [(one["title"], one["state"]) for one in hub.issues] == [("Drift in the default environment", "open")]
        assert job.outputs == {"changes": "true"}
    assert "artifact_store/dev" in hub.issues[0]["body"]
    assert job.step("drift", inputs={"ARGUMENTS": "--nonsense"}) == 1
    assert (hub.issues[0]["state"], job.outputs) == ("open", {"changes": "false"})
    assert job.step("plan", pull_request(7, HEAD), {"ARGUMENTS": "--refresh"}) == 0
    hub.artifacts.clear()
    keep(job, hub)
    assert job.step("apply") == 0
    assert job.step("drift") == 0
    assert hub.issues[0]["state"] == "closed"


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_what_is_commented_is_what_was_found_once(command: str, job: Job, hub: GitHub, tmp_path: Path) -> None:
    assert job.step("plan", pull_request(7, HEAD)) == 0
    keep(job, hub)
    assert job.step("apply") == 0
    shutil.rmtree(job.checkout / "artifacts")
    looked = tmp_path / "looked"
    looked.mkdir()
    (looked / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'github' in sys.argv or 'markdown' in sys.argv:\n"
        f"    open({str(looked / 'times')!r}, 'a').write('x')\n"
    )
    path = os.pathsep.join([str(looked), environment()["PYTHONPATH"]])
    (tmp_path / "temporary" / "summary").unlink()
    assert job.step(command, pull_request(7, HEAD), PYTHONPATH=path) == 0
    assert (looked / "times").read_text() == "x"
    body = hub.comments[7][0]["body"] if command == "plan" else hub.issues[0]["body"]
    assert (tmp_path / "temporary" / "summary").read_text(encoding="utf-8") == body


def test_a_plan_of_no_pull_request_is_saved_and_not_commented(job: Job, hub: GitHub) -> None:
    assert job.step("plan") == 0
    assert (job.outputs, hub.writes) == ({"changes": "true", "plan-file": "stackspec.plan"}, [])


@pytest.mark.parametrize(("stack", "code"), [(STACK, 0), (WRONG, 1)])
def test_manifests_are_checked(stack: str, code: int, job: Job, hub: GitHub) -> None:
    job.write(stack)
    assert job.step("validate") == code
    assert ("::error file=stacks/dev.yaml" in job.text) == bool(code)
    assert hub.writes == []


def test_a_refusal_of_the_forge_is_an_annotation(job: Job, hub: GitHub) -> None:
    hub.broken[f"/repos/{REPOSITORY}/issues/7/comments"] = (403, '{"message": "Resource not\naccessible"}')
    assert job.step("plan", pull_request(7, HEAD)) == 1
    assert "::error title=The forge::GET " in job.text
    assert "Resource not%0Aaccessible" in job.text


@pytest.mark.parametrize("command", ["", "destroy", "plan\n::error::x"])
def test_another_command_is_refused(command: str, job: Job) -> None:
    assert job.step(command) == 1
    assert job.text.startswith("::error title=No such command::'")
    assert len(job.text.splitlines()) == 1
