"""Code that runs apart: in its folder, with nothing of ours in its environment, within limits, and gone at the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.registry import Registry
from stackspec.flavors.sandbox.local import LocalSandbox
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance
from tests.flavors.contexts import Subjects

PYTHON = [sys.executable, "-I", "-S", "-c"]


def sandbox(root: Path, **config: Any) -> LocalSandbox:
    pytest.importorskip("psutil", reason="psutil is not installed; to test with it: pip install psutil")
    subjects = Subjects(root)
    outputs = plain(subjects.component(LocalSandbox, config).provision())
    return subjects.component(LocalSandbox, config, outputs=outputs)


def test_a_command_runs_in_its_folder_with_a_clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    box = sandbox(tmp_path, work_dir="my box")
    show = "import json, os, sys; print(json.dumps([os.getcwd(), dict(os.environ), sys.stdin.read()]))"
    show += "; print('x', file=sys.stderr)"
    result = box.run([*PYTHON, show], 20, variables={"MORE": "1"})
    assert (result.exit_code, result.errors, result.timed_out) == (0, "x\n", False)
    folder, variables, read = json.loads(result.output)
    assert (folder, read) == (str(tmp_path / "my box"), "")
    assert set(variables) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "LANG", "MORE", "STACKSPEC_SANDBOX_RUN"}
    box.run(["sh", "-c", "echo kept > file"], 20)
    assert box.run(["cat", "file"], 20).output == "kept\n"
    assert box.run(["sh", "-c", "exit 3"], 20).exit_code == 3
    assert box.run(["sh", "-c", "kill -9 $$"], 20).exit_code == 137


def test_nothing_that_it_started_is_left(tmp_path: Path) -> None:
    import psutil

    box = sandbox(tmp_path)
    # One of them in a session of its own, as what does not want to be ended begins.
    script = "sleep 987 & setsid sleep 988 & echo started"
    assert box.run(["sh", "-c", script], 20).output == "started\n"
    result = box.run(["sh", "-c", f"{script}; sleep 989"], 0.5)
    assert (result.exit_code, result.timed_out, result.output) == (None, True, "started\n")
    folder = box.run(["pwd"], 20).output.strip()
    left = [one.info["cmdline"] for one in psutil.process_iter(["cmdline", "cwd"]) if one.info["cwd"] == folder]
    assert left == []


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"memory_mb": 256}, "bytearray(10 ** 9)"),
        ({"cpu_seconds": 1}, "while True: pass"),
        ({"file_mb": 1}, "open('big', 'wb').write(bytes(2 * 10 ** 6))"),
        ({"file_mb": 1}, "print('x' * 2 * 10 ** 6)"),
        ({"open_files": 16}, "files = [open('/dev/null') for _ in range(20)]"),
    ],
    ids=["memory", "computing", "file", "output", "open files"],
)
def test_its_limits_hold(config: dict[str, int], code: str, tmp_path: Path) -> None:
    result = sandbox(tmp_path, **config).run([*PYTHON, code], 20)
    assert result.exit_code not in (None, 0)
    assert len(result.output) <= 1_000_000


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    box = sandbox(tmp_path, work_dir="box")
    for command, why in ((["no-such-program"], "cannot run no-such-program"), ([], "no command")):
        with pytest.raises(HookError, match=why):
            box.run(command, 20)
    (tmp_path / "box" / ".stackspec-owner.json").unlink()
    (tmp_path / "box").rmdir()
    with pytest.raises(HookError, match="cannot run anything in"):
        box.run(["true"], 20)
    with pytest.raises(HookError, match="not provisioned"):
        Subjects(tmp_path).component(LocalSandbox).run(["true"], 20)
    config = {"uri": "http://localhost:1"}
    external: Any = Subjects(tmp_path).component(Registry().flavor("sandbox", "external"), config, outputs=config)
    with pytest.raises(HookError, match="runs nothing itself"):
        external.run(["true"], 20)


CASES = [
    FlavorCase(
        flavor=LocalSandbox,
        config=lambda _: {"work_dir": "deep/box"},
        changed=lambda _: {"work_dir": "deep/box", "memory_mb": 64},
        beside=lambda _: {"work_dir": "deep/other"},
        before=lambda root: (root / "deep" / "box").mkdir(parents=True),
        kill_points=6,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestSandbox(FlavorConformance):
    pass
