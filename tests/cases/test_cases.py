"""Each folder here is a case: a project, and what the command says of it.

`expected.txt` is what a user reads, both streams; `command.txt` the command, `validate` where there is none;
`before/` manifests that are applied first. STACKSPEC_UPDATE_CASES=1 writes the expectations anew: read the difference.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from stackspec.core.codes import CODES
from stackspec.project import Project
from tests.cases.prepare import PREPARATIONS
from tests.running import in_process

HERE = Path(__file__).parent
CASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "command.txt").exists() or folder.name[:2] == "SS")
OUR_FILES = ("expected.txt", "command.txt", "before", "keep.txt")

ELSEWHERE = {
    "SS0101": "needs a file that its user may not read, which root may: tests/cli/test_hostile_files.py",
    "SS0412": "is of commands that change manifests: tests/cli/test_edits.py",
    "SS0413": "likewise",
    "SS0508": "needs a state with a past: tests/cli/test_rollback.py",
}
"""Codes that a folder of files cannot provoke, and where they are tested."""

VARIABLES = {
    "STACKSPEC_CASE_HIDDEN": "a value that no message may hold",
    "STACKSPEC_CASE_BYTES": "not UTF-8: \udcff",
    "STACKSPEC_CASE_ESCAPE": "an escape sequence: \x1b[0m",
    "STACKSPEC_CASE_LINES": "two\nlines\t✓",
}
"""The process variables that every case runs with."""


def answer(case: str, root: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What the case's command writes, and its exit code."""
    shutil.copytree(HERE / case, root, ignore=shutil.ignore_patterns(*OUR_FILES))
    if (HERE / case / "before").is_dir():
        shutil.copytree(HERE / case / "before", root, dirs_exist_ok=True)
        project = Project.open(root)
        assert not project.apply(project.plan()).failed
        for name in os.listdir(HERE / case / "before"):
            shutil.rmtree(root / name)
        shutil.copytree(HERE / case, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OUR_FILES))
    if case in PREPARATIONS:
        PREPARATIONS[case](root)
    os.chdir(root)
    command = HERE / case / "command.txt"
    arguments = command.read_text(encoding="utf-8").split() if command.exists() else ["validate"]
    capfd.readouterr()
    code = in_process(arguments)
    written = capfd.readouterr()
    text = f"$ stackspec {' '.join(arguments)}\n{written.err}{written.out}exit code {code}\n"
    return text.replace(str(root), "PROJECT")


@pytest.mark.parametrize("case", CASES)
def test_says_what_a_user_needs(
    case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_REPOSITORY", "GITHUB_STEP_SUMMARY", "CI_PROJECT_URL"):  # where these tests run is not told
        monkeypatch.delenv(name, raising=False)
    text = answer(case, tmp_path / "project", capfd)
    expected = HERE / case / "expected.txt"
    if os.environ.get("STACKSPEC_UPDATE_CASES") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    if case.startswith("SS"):
        assert f"[{case[:6]}]" in text


def test_every_code_has_a_case() -> None:
    wanted = {code for code in CODES if code < "SS06"}
    covered = {case[:6] for case in CASES}
    assert wanted - covered == set(ELSEWHERE)
    assert not covered & set(ELSEWHERE)


def test_every_preparation_belongs_to_a_case() -> None:
    assert set(PREPARATIONS) <= set(CASES)
