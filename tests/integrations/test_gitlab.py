"""The template for GitLab: valid, and its jobs run as a runner's shell runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackspec import __version__
from tests.cli.hostile import STACK
from tests.integrations.jobs import ROOT
from tests.repositories import Forge, git
from tests.running import environment

TEMPLATE = ROOT / "integrations" / "gitlab" / "stackspec.gitlab-ci.yml"
CI: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
WRONG = STACK.replace("local}", "locl}")
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_PROJECT_ID": "1"}
OURS = {**MERGE_REQUEST, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1"}
STRANGERS = {**MERGE_REQUEST, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a runner has cloned."""
    forge = Forge.make(tmp_path / "forge")
    forge.push({"stacks/dev.yaml": STACK})
    git(tmp_path, "clone", "--quiet", str(forge.path), "clone")
    return tmp_path / "clone"


def run(name: str, clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a job's script, with what stackspec is installed for these tests."""
    given = {**{key: str(value) for key, value in CI["variables"].items()}, "CI_PROJECT_DIR": str(clone), **variables}
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(CI[name]["script"])],
        cwd=clone,
        env=environment({"PATH": path, **given}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_what_gitlab_takes() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.gitlab-ci", str(TEMPLATE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_installs_the_version_that_it_came_with() -> None:
    assert CI["variables"]["STACKSPEC_VERSION"] == __version__
    assert f"ref: v{__version__}\n" in TEMPLATE.read_text(encoding="utf-8")
    script = "\n".join(CI[".stackspec"]["before_script"])
    for extras, wanted in (("", f"stackspec=={__version__}"), ("s3,vault", f"stackspec[s3,vault]=={__version__}")):
        shown = subprocess.run(
            ["bash", "-euxc", f"python() {{ :; }}\n{script}"],
            env={"STACKSPEC_VERSION": __version__, "STACKSPEC_EXTRAS": extras},
            capture_output=True,
            text=True,
            check=True,
        )
        assert re.search(rf" '?{re.escape(wanted)}'?$", shown.stderr, re.MULTILINE)


@pytest.mark.parametrize("variables", [OURS, STRANGERS])
@pytest.mark.parametrize(("stack", "code"), [(STACK, 0), (WRONG, 1)])
def test_a_merge_request_is_validated_and_planned(
    stack: str, code: int, variables: dict[str, str], clone: Path
) -> None:
    (clone / "stacks" / "dev.yaml").write_text(stack)
    done = run("stackspec validate", clone, **variables)
    assert done.returncode == code, done.stderr
    assert [one["location"]["path"] for one in json.loads((clone / "stackspec-quality.json").read_text())] == (
        ["stacks/dev.yaml"] * code
    )
    assert ("SS0208" in done.stderr) == bool(code)
    assert ElementTree.parse(clone / "stackspec-junit.xml").getroot().get("failures") == str(code)
    done = run("stackspec plan", clone, **variables)
    assert done.returncode == code, done.stderr
    text = (clone / "stackspec-plan.md").read_text(encoding="utf-8")
    assert done.stdout == text
    assert ("**2 to create**" in text, "SS0208" in text) == (not code, bool(code))


@pytest.mark.parametrize("form", ["junit", "gitlab"])
def test_a_report_that_fails_fails_the_job(form: str, clone: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "stackspec"
    stand_in.write_text(f'#!/bin/sh\ncase "$*" in *"{form}"*) exit 9;; esac\n')
    stand_in.chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    assert run("stackspec validate", clone, PATH=path).returncode == 9


def test_what_was_merged_is_saved_applied_and_watched(clone: Path) -> None:
    push = {"CI_PIPELINE_SOURCE": "push", "STACKSPEC_PLAN_KEY": "a key of saved plans, of 32 characters or more"}
    assert run("stackspec save", clone, **push).returncode == 0
    done = run("stackspec apply", clone, **push)
    assert (done.returncode, "2 created" in done.stdout + done.stderr) == (0, True)
    assert (clone / "artifacts").is_dir()
    schedule = {"CI_PIPELINE_SOURCE": "schedule"}
    assert run("stackspec drift", clone, **schedule).returncode == 0
    shutil.rmtree(clone / "artifacts")
    done = run("stackspec drift", clone, **schedule)
    assert (done.returncode, "artifact_store/dev" in done.stdout) == (2, True)
