"""The process as it is started: its standard streams, its working directory, its search path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK
from tests.running import command, environment

COMMANDS = ["version", "--version", "--help", "version -o json", "plan", "plan -o json", "state list", "apply --yes"]
SCRIPT = Path(sys.executable).with_name("stackspec")


def shell(
    words: str, arguments: str, root: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`words` of a shell around the command, as `"$@"`."""
    return subprocess.run(
        ["sh", "-c", words, "sh", *command(*arguments.split())],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(variables),
    )


@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_dev_null(closed: str, arguments: str, dev: Path) -> None:
    done = shell(f'"$@" {closed}', arguments, dev)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or arguments == "apply --yes"


def test_nothing_opened_takes_the_place_of_a_closed_stream(dev: Path) -> None:
    assert shell('"$@" <&- >&- 2>&-', "apply --yes", dev).returncode == 0
    listed = shell('"$@"', "state list", dev)
    assert sorted(listed.stdout.split()) == ["artifact_store/dev", "orchestrator/dev"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_full_disk_is_told(arguments: str, applied: Path) -> None:
    done = shell('"$@" > /dev/full', arguments, applied)
    assert done.returncode == 1
    assert done.stderr == "error[SS0902]: cannot write the answer: No space left on device\n\n1 error\n"
    assert shell('"$@" > /dev/full 2>&1', arguments, applied).returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("arguments", ["plan", "validate", "plan --nope"])
def test_diagnostics_that_cannot_be_written_are_no_bug(arguments: str, dev: Path) -> None:
    (dev / "stacks" / "dev.yaml").write_text("kind: Stak\n")
    done = shell('"$@" 2> /dev/full', arguments, dev)
    assert (done.returncode, done.stdout) == (1, "")


def test_what_a_flavor_prints_is_not_lost(dev: Path) -> None:
    (dev / "sitecustomize.py").write_text(
        "import sys, stackspec.project\n\ndef failing(*a, **k):\n    print('out', end='')\n"
        "    print('err', end='', file=sys.stderr)\n    raise stackspec.project.StackspecError([])\n\n"
        "stackspec.project.Project.plan = failing\n"
    )
    variables = {"PYTHONPATH": f"{dev}{os.pathsep}{environment()['PYTHONPATH']}"}
    done = shell('"$@"', "plan", dev, variables)
    assert (done.returncode, done.stdout, done.stderr) == (1, "out", "err")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_reader_that_leaves_is_no_error_to_tell(arguments: str, applied: Path) -> None:
    done = shell('"$@" | true', arguments, applied)
    assert done.stderr == ""


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_what_a_stream_cannot_encode_is_escaped(variables: dict[str, str], applied: Path) -> None:
    (applied / "stacks" / "dev.yaml").write_text(STACK.replace("./artifacts", "./→😀"), encoding="utf-8")
    plan = shell('"$@"', "plan", applied, variables)
    assert plan.returncode == 0, plan.stderr
    assert r'"./artifacts" \u2192 "./' in plan.stdout
    document = shell('"$@"', "plan -o json", applied, variables)
    assert json.loads(document.stdout)["changes"][0]["fields"][0]["after"] == "./→😀"
    assert shell('"$@"', "apply --yes", applied, variables).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"), [("version", 0), ("--help", 0), ("plan", 1), ("init", 1), ("validate -f x", 1)]
)
def test_a_removed_working_directory_is_no_bug(arguments: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = shell('rmdir "$PWD" && "$@"', arguments, tmp_path / "gone")
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "SS0999" not in done.stderr
    assert done.stderr == "" or "error[SS" in done.stderr


def test_the_variable_of_an_option_is_heard_by_version(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.setenv("STACKSPEC_OUTPUT", "json")
    assert ask("version").json.keys() == {"version"}
    assert ask("version").out == ask("version", "-o", "json").out
