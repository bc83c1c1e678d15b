"""A stranger's checkout is checked without anything of it being done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackspec.cli.commands import COMMANDS
from stackspec.cli.trust import is_fork
from tests.cli.hostile import STACK
from tests.running import environment

MARK = "was-here"
SHADOW = f"""\
import os
open(os.path.join({{folder!r}}, {MARK!r}), "w").write(__name__)
raise SystemExit(9)
"""
SECRET = (
    "---\napiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {name: db}\nspec: {store: env, keys: {name: CANARY}}\n"
)
PROJECT = "apiVersion: stackspec.dev/v1\nkind: Project\nmetadata: {name: p}\nspec: {env: [CANARY]STATE}\n"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A checkout full of what programs run that look around: modules, plugins, hooks, links, a state of its own."""
    root = tmp_path / "checkout"
    (root / "stacks").mkdir(parents=True)
    reads = STACK.replace("./artifacts", '"./{{ env.CANARY }}/{{ secrets.db.name }}"')
    (root / "stacks" / "dev.yaml").write_text(reads + SECRET)
    state = ", state: {backend: postgres, url: 'postgresql://127.0.0.1:9/x', schema: x}"
    (root / "stackspec.yaml").write_text(PROJECT.replace("STATE", state))
    shadow = SHADOW.format(folder=str(tmp_path))
    for name in ("yaml", "jinja2", "jsonschema", "jsonschema_rs", "typer", "rich", "json", "email", "deepdiff"):
        (root / f"{name}.py").write_text(shadow)
    (root / "conftest.py").write_text(shadow)
    (root / "evil.pth").write_text("import evil\n")
    (root / "evil.py").write_text(shadow)
    info = root / "evil-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[stackspec.flavors]\nevil = evil:Evil\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {tmp_path / MARK}\n")
    (root / ".stackspec" / "state").mkdir(parents=True)
    (root / ".stackspec" / "state" / "default.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    return root


def run(root: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    variables = environment({"CANARY": "C4nary-value", **more})
    words = [sys.executable, "-P", "-m", "stackspec", *arguments]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, env=variables)


@pytest.mark.parametrize("command", ["validate", "plan", "plan -o json --all", "render", "render -o json"])
def test_nothing_of_it_runs_and_nothing_is_told(command: str, hostile: Path, tmp_path: Path) -> None:
    before = sorted(hostile.rglob("*"))
    done = run(hostile, *command.split(), "--untrusted")
    assert (done.returncode, done.stderr) == (0, "")
    assert "C4nary" not in done.stdout
    assert not (tmp_path / MARK).exists()
    assert sorted(hostile.rglob("*")) == before


def test_a_plan_says_that_it_is_an_untrusted_one(hostile: Path, tmp_path: Path) -> None:
    told = "Untrusted: made against nothing applied, no secret and no variable read.\n"
    assert run(hostile, "plan", "--untrusted").stdout.count(told) == 1
    assert json.loads(run(hostile, "plan", "--untrusted", "-o", "json").stdout)["untrusted"] is True
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    assert "Untrusted" not in run(tmp_path, "plan").stdout
    assert json.loads(run(tmp_path, "plan", "-o", "json").stdout)["untrusted"] is False


def test_mistakes_are_told_all_the_same(hostile: Path) -> None:
    (hostile / "stacks" / "dev.yaml").write_text(STACK.replace("flavor: local", "flavor: locla", 1))
    done = run(hostile, "validate", "--untrusted")
    assert (done.returncode, "did you mean 'local'?" in done.stderr) == (1, True)


@pytest.mark.parametrize("option", ["--refresh", "--destroy", "--rollback=1", "--out=x.plan"])
def test_what_needs_a_state_is_refused(option: str, hostile: Path) -> None:
    done = run(hostile, "plan", "--untrusted", option)
    assert (done.returncode, "error[SS0901]" in done.stderr) == (1, True)


REPOSITORY = {"full_name": "acme/ml"}
STRANGER = {"full_name": "mallory/ml"}
REQUESTS = ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment")


def event(folder: Path, name: str, content: object) -> dict[str, str]:
    file = folder / "event.json"
    file.write_text(json.dumps(content))
    return {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file), "GITHUB_REPOSITORY": "acme/ml"}


def request(head: object) -> object:
    return {"pull_request": {"head": {"repo": head}}}


def test_a_fork_is_not_trusted_by_default(hostile: Path, tmp_path: Path) -> None:
    assert run(hostile, "plan", **event(tmp_path, "pull_request", request(STRANGER))).returncode == 0
    trusted = run(hostile, "plan", **event(tmp_path, "pull_request", request(REPOSITORY)))
    assert (trusted.returncode, "SS0709" in trusted.stderr or "SS0602" in trusted.stderr) == (1, True)


ARGUMENTS = {
    "rollback": ["1"],
    "import": ["artifact_store/dev"],
    "output": ["artifact_store/dev", "--reveal"],
    "exec": ["--", "true"],
    "state show": ["artifact_store/dev"],
    "state mv": ["artifact_store/dev", "artifact_store/other"],
    "state rm": ["artifact_store/dev"],
    "state push": ["-"],
    "state unlock": ["0123456789abcdef"],
    "stack set": ["dev"],
    "stack register": ["new"],
    "stack update": ["dev"],
    "stack copy": ["dev", "new"],
    "stack rename": ["dev", "new"],
    "stack delete": ["dev"],
    "stack export": ["dev"],
    "stack import": ["zenml.yaml"],
    "explain": ["SS0208"],
    "flavor register": ["a.module"],
    "flavor new": ["alerter/mine"],
}
WITHOUT_A_PROJECT = {"init", "schema", "version", "flavor new", "explain"}
UNTRUSTED = {"validate", "plan", "render", "graph", "flavor list", "flavor describe", "stack validate"}


@pytest.mark.parametrize("words", sorted(set(COMMANDS) - WITHOUT_A_PROJECT - UNTRUSTED))
def test_what_has_to_trust_the_checkout_is_refused(words: str, hostile: Path, tmp_path: Path) -> None:
    before = sorted(hostile.rglob("*"))
    for variables in (event(tmp_path, "pull_request", request(STRANGER)), {"STACKSPEC_UNTRUSTED": "1"}):
        done = run(hostile, *words.split(), *ARGUMENTS.get(words, ()), **variables)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error[SS0809]: this command would have to trust the checkout\n  help: ")
        assert "STACKSPEC_UNTRUSTED=false" in done.stderr
    assert sorted(hostile.rglob("*")) == before


@pytest.mark.parametrize("words", sorted(WITHOUT_A_PROJECT))
def test_what_looks_at_no_checkout_is_not(words: str, tmp_path: Path) -> None:
    assert run(tmp_path, *words.split(), *ARGUMENTS.get(words, []), STACKSPEC_UNTRUSTED="1").returncode == 0


@pytest.mark.parametrize("words", sorted(UNTRUSTED))
def test_a_variable_says_it_for_every_command(words: str, hostile: Path, tmp_path: Path) -> None:
    more = ["artifact_store/local"] if words == "flavor describe" else []
    done = run(hostile, *words.split(), *more, STACKSPEC_UNTRUSTED="1")
    assert (done.returncode, done.stderr, "C4nary" in done.stdout) == (0, "", False)
    fork = event(tmp_path, "pull_request", request(STRANGER))
    trusted = run(hostile, "state", "list", STACKSPEC_UNTRUSTED="false", **fork)
    assert (trusted.returncode, "SS0709" in trusted.stderr or "SS0602" in trusted.stderr) == (1, True)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    ("head", "untrusted"),
    [(REPOSITORY, False), (STRANGER, True), (None, True), ("odd", True)],
)
def test_what_github_says_of_a_pull_request(name: str, head: object, untrusted: bool, tmp_path: Path) -> None:
    assert is_fork(event(tmp_path, name, request(head))) is untrusted


@pytest.mark.parametrize(
    ("name", "content", "untrusted"),
    [
        ("workflow_run", {"workflow_run": {"head_repository": STRANGER}}, True),
        ("workflow_run", {"workflow_run": {"head_repository": None}}, True),
        ("workflow_run", {"workflow_run": {"head_repository": REPOSITORY}}, False),
        ("workflow_run", {}, True),
        ("issue_comment", {"issue": {"pull_request": {"url": "x"}}}, True),
        ("issue_comment", {"issue": {"number": 1}}, False),
        ("issue_comment", [], True),
        ("push", {}, False),
        ("schedule", {}, False),
    ],
)
def test_what_github_says_of_other_events(name: str, content: object, untrusted: bool, tmp_path: Path) -> None:
    assert is_fork(event(tmp_path, name, content)) is untrusted


MERGE = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "2"}
EXTERNAL = "CI_EXTERNAL_PULL_REQUEST_{}_REPOSITORY"
MIRRORED = {EXTERNAL.format("SOURCE"): "mallory/ml", EXTERNAL.format("TARGET"): "acme/ml"}


@pytest.mark.parametrize(
    ("variables", "untrusted"),
    [
        ({}, False),
        ({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": "/nowhere"}, True),
        ({"GITHUB_EVENT_NAME": "workflow_run"}, True),
        (MERGE, True),
        ({**MERGE, "CI_MERGE_REQUEST_PROJECT_ID": "1"}, False),
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, True),
        ({"CI_PIPELINE_SOURCE": "parent_pipeline", **MERGE}, True),
        ({"CI_PIPELINE_SOURCE": "push"}, False),
        ({"CI_PIPELINE_SOURCE": "external_pull_request_event"}, True),
        (MIRRORED, True),
        ({**MIRRORED, EXTERNAL.format("SOURCE"): "acme/ml"}, False),
    ],
)
def test_what_else_tells_of_a_fork(variables: dict[str, str], untrusted: bool) -> None:
    assert is_fork(variables) is untrusted


GUARDED = """\
import subprocess, sys
from pathlib import Path
from stackspec.cli.untrusted import guard

guard(Path(sys.argv[1]))
try:
    exec(sys.argv[2])
except BaseException as error:
    print(type(error).__name__)
else:
    print("done")
"""


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "StackspecError"),
        ("import socket; socket.getaddrinfo('localhost', 80)", "StackspecError"),
        ("import subprocess; subprocess.run(['true'])", "StackspecError"),
        ("import os; os.system('true')", "StackspecError"),
        ("import os; os.execv('/bin/true', ['true'])", "StackspecError"),
        ("import os; os.fork()", "StackspecError"),
        ("import os; os.posix_spawn('/bin/true', ['true'], {})", "StackspecError"),
        ("import ctypes; ctypes.CDLL(None).getpid()", "ImportError"),
        ("import _ctypes", "ImportError"),
        ("import _cffi_backend", "ImportError"),
        ("import os; os.mkfifo('pipe')", "StackspecError"),
        ("import posix; posix.mkfifo('pipe')", "StackspecError"),
        ("import os; os.mknod('node')", "StackspecError"),
        ("import os; os.setxattr('a', 'user.x', b'1')", "StackspecError"),
        ("import os; os.removexattr('a', 'user.x')", "StackspecError"),
        ("import os; os.openpty()", "StackspecError"),
        ("import os; os.pidfd_open(os.getpid())", "StackspecError"),
        ("import _posixsubprocess; _posixsubprocess.fork_exec()", "StackspecError"),
        ("import subprocess; subprocess._fork_exec()", "StackspecError"),
        (
            "import os; os.open('../../../etc/hostname', os.O_RDONLY, dir_fd=os.open('.', os.O_RDONLY))",
            "PermissionError",
        ),
        ("import os; os.close(os.open('a', os.O_RDONLY))", "done"),
        ("import sqlite3; sqlite3.connect(':memory:')", "StackspecError"),
        ("import os; os.remove('a')", "StackspecError"),
        ("open('/etc/hostname')", "PermissionError"),
        ("open('link')", "PermissionError"),
        ("open('../outside')", "PermissionError"),
        ("import os; os.listdir('/')", "PermissionError"),
        ("open('a', 'w')", "PermissionError"),
        ("open('new', 'x')", "PermissionError"),
        ("open('a').read()", "done"),
        ("import xml.dom.minidom, decimal", "done"),
    ],
)
def test_the_process_itself_cannot(code: str, refused: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("a")
    (tmp_path / "outside").write_text("b")
    os.symlink("/etc/hostname", root / "link")
    words = [sys.executable, "-P", "-c", GUARDED, str(root), code]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, env=environment())
    assert done.stdout == f"{refused}\n", done.stderr
    assert (root / "a").read_text() == "a"
    assert sorted(file.name for file in root.iterdir()) == ["a", "link"]
