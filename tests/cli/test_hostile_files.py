"""Hostile manifests and state files: an error with a code, in bounded time and memory, and nothing is changed."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.hostile import EXPRESSIONS, MANIFESTS, STACK, STATES
from tests.running import command, environment, in_bounds, obey_permissions

CODE = re.compile(r"error\[(SS[0-9]{4})\]")
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def snapshot(root: Path) -> dict[str, object]:
    """What every file under a folder is, links not followed."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            small = stat.S_ISREG(status.st_mode) and status.st_size < 1_000_000
            content = path.read_bytes() if small else status.st_size
            found[str(path.relative_to(root))] = (status.st_mode, content if not path.is_dir() else None)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "stacks").mkdir(parents=True)
    (root / "stacks" / "dev.yaml").write_text(STACK)
    return root


@pytest.mark.parametrize("name", MANIFESTS)
def test_hostile_manifests_are_errors_with_a_code(name: str, project: Path) -> None:
    make, codes = MANIFESTS[name]
    make(project)
    before = snapshot(project.parent)
    done = in_bounds(project, "apply", "--yes")
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert set(CODE.findall(done.stderr)) & codes, done.stderr
    assert not UNSAFE.search(done.stderr)
    assert len(done.stderr) < 20_000
    assert snapshot(project.parent) == before


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_cannot_exhaust_time_or_memory(name: str, project: Path) -> None:
    make, codes = EXPRESSIONS[name]
    make(project)
    done = in_bounds(project, "validate")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = CODE.findall(done.stderr)
    assert set(found) & codes, done.stderr[:2_000]
    assert done.stderr.count("too much work") == 1


@pytest.mark.parametrize("reference", ["shraed", "x{number:04}"])
def test_a_mistake_in_every_stack_is_told_in_time(reference: str, project: Path) -> None:
    stacks = "---\n".join(
        STACK.replace("name: dev", f"name: s{number}").replace(
            "{flavor: local, config: {path: ./artifacts}}", reference.format(number=number)
        )
        for number in range(3_000)
    )
    head = "apiVersion: stackspec.dev/v1\nkind: Component\nmetadata: {name: "
    shared = "---\n".join(
        f"{head}c{number:04}}}\nspec: {{type: artifact_store, flavor: local, config: {{path: ./c{number}}}}}\n"
        for number in range(3_000)
    )
    (project / "stacks" / "dev.yaml").write_text(stacks)
    (project / "stacks" / "shared.yaml").write_text(shared)
    done = in_bounds(project, "validate")
    assert done.stderr.count("error[SS0402]: there is no Component") == 3_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file; see the next test")
def test_a_file_that_may_not_be_read(project: Path) -> None:
    (project / "stacks" / "dev.yaml").chmod(0)
    done = in_bounds(project, "validate")
    assert done.returncode == 1
    assert "error[SS0101]: cannot read the file: Permission denied" in done.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux's /proc")
def test_a_file_whose_reading_fails(project: Path) -> None:
    done = in_bounds(project, "validate", "/proc/self/mem")
    assert done.returncode == 1
    assert "error[SS0101]: cannot read the file: Input/output error" in done.stderr


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n---\n"])
def test_an_empty_file_declares_nothing(content: str, project: Path) -> None:
    (project / "stacks" / "dev.yaml").write_text(content)
    done = in_bounds(project, "validate")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no manifests: valid\n", "")


def test_a_folder_with_a_files_name_is_a_folder(project: Path) -> None:
    (project / "stacks" / "dev.yaml").rename(project / "inner.yaml")
    (project / "stacks" / "x.yaml").mkdir()
    (project / "inner.yaml").rename(project / "stacks" / "x.yaml" / "inner.yaml")
    done = in_bounds(project, "validate")
    assert (done.returncode, done.stdout) == (0, "1 stack: valid\n")


def test_hidden_and_other_files_are_no_manifests(project: Path) -> None:
    for name in (".hidden.yaml", "notes.txt", "dev.yaml~", "dev.yaml.bak", "#dev.yaml#"):
        (project / "stacks" / name).write_text("[")
    done = in_bounds(project, "validate")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_byte_order_mark_at_the_start_is_read_over(project: Path) -> None:
    (project / "stacks" / "dev.yaml").write_bytes(b"\xef\xbb\xbf" + STACK.encode())
    assert in_bounds(project, "validate").returncode == 0


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a project that was applied."""
    root = tmp_path_factory.mktemp("applied")
    (root / "stacks").mkdir()
    (root / "stacks" / "dev.yaml").write_text(STACK)
    assert in_bounds(root, "apply", "--yes").returncode == 0
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


READING = (["plan"], ["status"], ["state", "list"], ["state", "show", "a/b"])
WRITING = (["apply", "--yes"], ["destroy", "--yes"])


@pytest.mark.parametrize("name", STATES)
def test_a_state_file_that_is_none_is_refused_and_left_untouched(
    name: str, tmp_path: Path, applied: dict[str, bytes]
) -> None:
    for file, content in applied.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    (tmp_path / "artifacts").mkdir(exist_ok=True)
    state = tmp_path / ".stackspec" / "state" / "default.db"
    make, codes = STATES[name]
    make(state)
    before = state.read_bytes() if state.is_file() else None
    turn = list(STATES).index(name)
    for words in (READING[turn % len(READING)], WRITING[turn % len(WRITING)]):
        done = in_bounds(tmp_path, *words)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert set(CODE.findall(done.stderr)) <= codes, (words, done.stderr)
        assert CODE.search(done.stderr)
    assert before == (state.read_bytes() if state.is_file() else None)
    assert (tmp_path / "artifacts").is_dir()


@pytest.mark.parametrize(
    "level", ["", "state", "components", "components/default/orchestrator", "components/default/orchestrator/dev"]
)
def test_a_local_folder_that_is_a_link_is_refused(level: str, project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = project / ".stackspec" / level
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    done = in_bounds(project, "apply", "--yes")
    assert done.returncode == 1
    assert "error[SS0701]" in done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_ignore_file_that_is_a_link_is_not_followed(project: Path, tmp_path: Path) -> None:
    (project / ".stackspec").mkdir()
    (project / ".stackspec" / ".gitignore").symlink_to(tmp_path / "victim")
    assert in_bounds(project, "apply", "--yes").returncode == 0
    assert not (tmp_path / "victim").exists()


def test_a_state_that_may_not_be_written_can_be_read(project: Path) -> None:
    assert in_bounds(project, "apply", "--yes").returncode == 0
    folder = project / ".stackspec" / "state"
    folder.chmod(0o500)
    try:
        done = in_bounds(project, "plan", obeying_permissions=True)
        assert (done.returncode, "No changes" in done.stdout) == (0, True), done.stderr
        done = in_bounds(project, "destroy", "--yes", obeying_permissions=True)
        assert done.returncode == 1
        assert "error[SS0704]" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        folder.chmod(0o700)


def test_a_folder_that_may_not_be_entered(project: Path) -> None:
    project.chmod(0)
    try:
        done = in_bounds(project.parent, "-C", project.name, "plan", obeying_permissions=True)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        done = subprocess.run(
            command("plan"),
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
            preexec_fn=obey_permissions,
        )
        assert "error[SS0101]: cannot look into the folder" in done.stderr
    finally:
        project.chmod(0o700)


def test_folders_that_link_to_each_other_are_read_once(project: Path) -> None:
    names = [f"f{number}" for number in range(9)]
    for name in names:
        (project / "stacks" / name).mkdir()
        for other in names:
            if other != name:
                (project / "stacks" / name / other).symlink_to(f"../{other}")
    (project / "stacks" / "f8" / "one.yaml").write_text(STACK.replace("name: dev", "name: one"))
    done = in_bounds(project, "validate")
    assert (done.returncode, done.stderr) == (1, done.stderr)
    assert "manage the same path" in done.stderr
    assert done.stderr.count("error[") == 1


def test_folders_as_deep_as_they_can_be(project: Path) -> None:
    folder = os.open(project / "stacks", os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("deep", dir_fd=folder)
        inner = os.open("deep", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    done = in_bounds(project, "validate")
    subprocess.run(["rm", "-r", project / "stacks" / "deep"], check=True)  # pytest could not
    assert done.returncode == 1
    assert "error[SS0101]: cannot read the folder: File name too long" in done.stderr
