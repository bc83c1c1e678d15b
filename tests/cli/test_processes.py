"""What only a process of its own shows: signals, pipes and terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.hostile import STACK
from tests.running import command, environment, in_bounds

PATIENCE = 20.0
ESCAPE = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture
def silent_registry() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing, so that a hook waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


@pytest.fixture
def waiting(tmp_path: Path, silent_registry: socket.socket) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """An apply inside a hook: the process, and the connection that the hook waits on."""
    registry = f"flavor: default, config: {{uri: 127.0.0.1:{silent_registry.getsockname()[1]}/team}}"
    after = "flavor: local, config: {path: ./logs}, depends_on: [container_registry/dev]"
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(
        STACK + f"    container_registry: {{{registry}}}\n    log_store: {{{after}}}\n"
    )
    process = subprocess.Popen(
        command("-C", str(tmp_path), "apply", "--yes"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        connection, _ = silent_registry.accept()
        with connection:
            yield process, connection
    finally:
        process.kill()
        process.communicate()


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="looks at signals in Linux's /proc")
SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@SIGNALS
def test_the_first_signal_lets_hooks_finish_and_begins_nothing_new(
    number: signal.Signals, code: int, waiting: tuple[subprocess.Popen[str], socket.socket], tmp_path: Path
) -> None:
    process, connection = waiting
    process.send_signal(number)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "error[SS0604]: the apply was asked to stop and left 1 component alone" in err
    assert "Not complete" in out
    assert not (tmp_path / "logs").exists()
    document = json.loads(in_bounds(tmp_path, "state", "list", "-o", "json").stdout)
    assert "container_registry/dev" in [row["address"] for row in document["components"]]
    assert "1 to create" in in_bounds(tmp_path, "plan", "--target", "log_store/dev").stdout


@SIGNALS
def test_the_second_signal_ends_hooks_and_loses_nothing(
    number: signal.Signals, code: int, waiting: tuple[subprocess.Popen[str], socket.socket], tmp_path: Path
) -> None:
    process, _ = waiting
    process.send_signal(number)
    # The two must not be merged into one: the second is sent once the first was answered.
    assert process.stderr is not None
    told = next(line for line in process.stderr if line.startswith("stopping"))
    assert re.fullmatch(r"stopping: waiting for .*container_registry/dev; interrupt again to leave that behind\n", told)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert re.search(r"^stopping: waiting [0-4] s more for .*container_registry/dev$", err, re.MULTILINE)
    assert "Traceback" not in err
    status = json.loads(in_bounds(tmp_path, "status", "-o", "json").stdout)
    assert [one["address"] for one in status["pending"]] == ["container_registry/dev"]
    assert (tmp_path / "artifacts").is_dir()


@needs_proc
@SIGNALS
def test_a_signal_where_nothing_needs_to_finish_ends_at_once(number: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    process = subprocess.Popen(
        command("-C", str(tmp_path), "plan", "-f", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    # Standard input stays open, so it cannot end by itself.
    while not _handles_signals(process.pid):
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")


def _handles_signals(pid: int) -> bool:
    """Whether the process handles SIGTERM, which it takes over last; Python itself handles SIGINT from the start."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("arguments", [["plan", "--all"], ["plan", "-o", "json"], ["schema"], ["--help"], ["version"]])
def test_a_closed_pipe_ends_quietly(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("-C", str(tmp_path), *arguments),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(),
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_a_pipe_closed_while_applying_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    more = "    log_store: {flavor: local, depends_on: [artifact_store/dev]}\n"
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK + more)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("-C", str(tmp_path), "apply", "--yes", "-o", "json"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(),
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    status = json.loads(in_bounds(tmp_path, "status", "-o", "json").stdout)
    assert status["pending"] == []
    assert {one["address"] for one in status["components"]} == {"artifact_store/dev", "orchestrator/dev"}


def at_a_terminal(
    root: Path, *arguments: str, typed: str = "", variables: dict[str, str] | None = None
) -> tuple[int, str]:
    """The exit code and everything shown of a command at a terminal, at which something is typed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("-C", str(root), *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment({"TERM": "xterm", "COLUMNS": "100", **(variables or {})}),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
            if typed and b"Only 'yes' is taken" in shown:
                os.write(ours, typed.encode())
                typed = ""
    except OSError:
        pass  # the other end was closed
    os.close(ours)
    return process.wait(PATIENCE), shown.decode()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    return tmp_path


def test_at_a_terminal_yes_is_asked_for(project: Path) -> None:
    for typed in ("no\n", "y\n", "\n", "\x04"):
        code, shown = at_a_terminal(project, "apply", typed=typed)
        assert code == 1
        assert "Nothing was changed." in shown
        assert not (project / "artifacts").exists()
    code, shown = at_a_terminal(project, "apply", typed="yes\n")
    assert code == 0, shown
    assert (project / "artifacts").is_dir()


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(variables: dict[str, str], coloured: bool, project: Path) -> None:
    _, shown = at_a_terminal(project, "plan", variables=variables)
    assert bool(ESCAPE.search(shown)) is coloured
    assert "\x1b" not in in_bounds(project, "plan", variables=variables).stdout


def test_verbose_shows_the_traceback_of_a_bug_and_nothing_else_does(project: Path) -> None:
    (project / "sitecustomize.py").write_text(
        "import stackspec.project\n\ndef broken(*a, **k):\n    raise ZeroDivisionError('seeded')\n\n"
        "stackspec.project.Project.plan = broken\n"
    )
    variables = {"PYTHONPATH": f"{project}{os.pathsep}{environment()['PYTHONPATH']}"}
    done = in_bounds(project, "plan", variables=variables)
    assert done.returncode == 1
    assert done.stderr.startswith("error[SS0999]: ZeroDivisionError: seeded")
    assert "Traceback" not in done.stderr
    root = ["-v", "plan"]
    assert "Traceback" in in_bounds(project, *root, variables=variables).stderr


def test_an_apply_beside_another_is_told_who_it_is_or_waits(
    waiting: tuple[subprocess.Popen[str], socket.socket], tmp_path: Path
) -> None:
    process, connection = waiting
    told = f"process {process.pid} (apply)"
    done = in_bounds(tmp_path, "apply", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[SS0703]: the state is being changed by " in done.stderr
    assert told in done.stderr
    plan = in_bounds(tmp_path, "plan").stdout
    assert "in provision now, by " in plan
    assert told in plan
    assert told in in_bounds(tmp_path, "status").stdout
    later = subprocess.Popen(
        command("-C", str(tmp_path), "apply", "--yes", "--lock-timeout", "20"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    out, err = later.communicate(timeout=2 * PATIENCE)
    assert later.returncode == 0, err
    assert "No changes" in out


def test_applies_at_once_all_get_their_turn(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    applies = [
        subprocess.Popen(
            command("-C", str(tmp_path), "apply", "--yes", "--lock-timeout", "60", "--replace", "orchestrator/dev"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        for _ in range(5)
    ]
    for one in applies:
        out, _ = one.communicate(timeout=12 * PATIENCE)
        assert one.returncode == 0, out
    done = in_bounds(tmp_path, "state", "history", "-o", "json")
    assert len(json.loads(done.stdout)["runs"]) == 5
