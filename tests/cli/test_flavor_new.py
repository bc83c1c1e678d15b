"""A new flavor of one's own begins as a package that works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stackspec.flavors.types import COMPONENT_TYPES
from tests.cli.conftest import Ask
from tests.running import environment


@pytest.mark.parametrize("flavor", ["alerter/pager", "artifact-store/two-words", "deployer/x"])
def test_its_tests_pass(flavor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ask("flavor", "new", flavor, "--to", "mine")
    assert (answer.code, answer.err) == (0, "")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path / "mine", env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.parametrize("kind", COMPONENT_TYPES)
def test_there_is_one_of_every_type(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.chdir(tmp_path)
    assert ask("flavor", "new", f"{kind}/mine").code == 0
    (module,) = (tmp_path / f"stackspec-{kind}-mine".replace("_", "-") / "src").iterdir()
    monkeypatch.syspath_prepend(module.parent)
    describe = [sys.executable, "-c", f"import {module.name} as m; from stackspec.flavors.plugins import in_module;"]
    describe[-1] += f"print(*(one.type for one in in_module('{module.name}')))"
    variables = environment({"PYTHONPATH": f"{module.parent}:{Path(__file__).parents[2]}"})
    done = subprocess.run(describe, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [kind], done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["alerter"], "'' cannot be the name of a flavor"),
        (["alerter/Bad Name"], "cannot be the name of a flavor"),
        (["alarm/x"], "unknown component type 'alarm'"),
        (["alerter/x", "--to", "there"], "there exists already"),
        (["alerter/x", "--to", "file/x"], "cannot write file/x: Not a directory"),
    ],
    ids=["no name", "wrong name", "no type", "taken", "unwritable"],
)
def test_what_cannot_be_is_told(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("")
    answer = ask("flavor", "new", *words)
    assert answer.code == 1
    assert told in answer.err
