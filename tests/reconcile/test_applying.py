"""What an agent does to environments, and how it ends: applies held at a gate, killed, told to stop, failing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stackspec.apply.events import Event, Succeeded
from stackspec.apply.stop import Stop
from stackspec.project import Project
from stackspec.reconcile.agent import Agent
from stackspec.reconcile.environment import Leave, Watch, look
from stackspec.reconcile.log import Log
from stackspec.reconcile.mode import Mode
from stackspec.reconcile.source import FolderSource
from stackspec.reconcile.work_folder import WorkFolder
from tests.agents import Begin, Process, get, wait_until
from tests.cli.hostile import STACK
from tests.repositories import Forge
from tests.running import environment

FAST = ("--interval", "1")
PROJECT = "apiVersion: stackspec.dev/v1\nkind: Project\nspec:\n  plugins: [tests.reconcile.gated]\n"
ENVIRONMENT = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {{name: {}}}\nspec: {{protected: {}}}\n"


class Gate:
    """Holds the hook of a gated component; see `tests.reconcile.gated`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.stack = STACK.replace("local, config: {", f"gated, config: {{gate: {folder}, ")

    def open(self) -> None:
        (self.folder / "open").touch()

    @property
    def calls(self) -> list[str]:
        """The process of each call."""
        file = self.folder / "calls"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def gated(forge: Forge, gate: Gate) -> Forge:
    forge.push({"stackspec.yaml": PROJECT, "stacks/dev.yaml": gate.stack})
    return forge


def tree(tmp_path: Path) -> Path:
    return tmp_path / "work" / ".stackspec" / "reconcile" / "tree"


def stackspec(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that a person gives."""
    command = [sys.executable, "-m", "stackspec", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment())


# --- the end of an agent


def test_one_that_is_killed_in_an_apply_is_recovered_from_by_the_next(
    gated: Forge, gate: Gate, agent: Begin, tmp_path: Path
) -> None:
    one = agent("--repo", str(gated.path), *FAST)
    one.wait("apply-started", address="artifact_store/dev")
    wait_until(lambda: len(gate.calls) == 1)
    one.end(signal.SIGKILL)
    gate.open()
    other = agent("--repo", str(gated.path), *FAST)
    other.wait("looked", condition="in-line")
    assert "recover" in {change["action"] for line in other.said("planned") for change in line["changes"]}
    assert gate.calls == [str(one.pid), str(other.pid)]
    assert other.end() == 0
    applied = Project.open(tree(tmp_path)).store("default").read()
    assert (len(applied.components), applied.pending) == (2, {})


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [(FAST, signal.SIGTERM, 0), (("--once",), signal.SIGTERM, 143), (("--once",), signal.SIGINT, 130)],
)
def test_one_that_is_told_to_stop_finishes_its_apply(
    words: tuple[str, ...], number: int, code: int, gated: Forge, gate: Gate, agent: Begin, tmp_path: Path
) -> None:
    one = agent("--repo", str(gated.path), *words)
    wait_until(lambda: len(gate.calls) == 1)
    one.signal(number)
    one.wait("apply-stopping")
    gate.open()
    assert one.code() == code
    applied = Project.open(tree(tmp_path)).store("default").read()
    assert (len(applied.components), applied.pending) == (2, {})


def test_after_an_apply_that_was_told_to_stop_nothing_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    stop, doing = Stop(), []

    def hear(event: Event) -> None:
        if isinstance(event, Succeeded):
            stop.request()

    watch = Watch(lambda what, _seconds: doing.append(what), lambda _plan, _allowed: None, lambda _begins: None, hear)
    look(Project.open(tmp_path), "default", Leave(Mode.REPAIR, frozenset(), 10, stop), watch)
    assert [what.split()[0] for what in doing] == ["planning", "applying"]


def test_one_that_waits_ends_at_once(forge: Forge, agent: Begin) -> None:
    one = agent("--repo", str(forge.path))
    one.wait("looked")
    assert one.end(signal.SIGINT) == 0
    assert one.said("stopped")


# --- failures, and who is told


class Channel:
    """A chat that takes what is posted to it.

    Attributes:
        said: The texts.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.works = True
        self.url = ""


@pytest.fixture
def channel() -> Iterator[Channel]:
    one = Channel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
            if one.works:
                one.said.append(text)
            self.send_response(200 if one.works else 500)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield one
    server.shutdown()
    server.server_close()


ALERTER = "    alerter: {{flavor: slack, config: {{webhook_url: '{}'}}}}\n"


def test_a_failure_is_tried_again_and_people_are_told_once(
    forge: Forge, gate: Gate, channel: Channel, agent: Begin
) -> None:
    gate.open()
    alerter = ALERTER.format(channel.url)
    forge.push({"stackspec.yaml": PROJECT, "stacks/dev.yaml": STACK + alerter})
    one = agent("--repo", str(forge.path), *FAST)
    one.wait("looked", condition="in-line")
    (gate.folder / "broken").touch()
    forge.push({"stacks/dev.yaml": gate.stack + alerter})
    first = one.wait("looked", condition="failed")
    assert (first["failures"], first["level"]) == (1, "error")
    assert first["diagnostics"][0]["message"].endswith("the gate is broken")
    one.wait("looked", condition="failed", failures=2)
    assert one.wait("told")["message"] == "stackspec: reconciling failed in 'default'"
    (gate.folder / "broken").unlink()
    newer = forge.push({"README": "a new commit is tried at once"})
    one.wait("looked", condition="in-line", commit=newer)
    one.wait("told", message="stackspec: 'default' recovered")
    assert [text.splitlines()[0] for text in channel.said] == [
        "*stackspec: reconciling failed in 'default'*",
        "*stackspec: 'default' recovered*",
    ]


def test_people_are_told_later_where_nobody_could_be_reached_and_not_twice(
    forge: Forge, channel: Channel, agent: Begin, tmp_path: Path
) -> None:
    forge.push({"stacks/dev.yaml": STACK + ALERTER.format(channel.url)})
    words = ("--repo", str(forge.path), "--mode", "report", *FAST)
    one = agent(*words)
    one.wait("looked", condition="in-line")
    channel.works = False
    shutil.rmtree(tree(tmp_path) / "artifacts")
    drifted = one.wait("looked", condition="drifted")
    assert drifted["diagnostics"][0]["code"] == "SS1308"
    assert one.wait("nobody-told")["diagnostics"][0]["code"] == "SS1309"
    channel.works = True
    one.wait("told", message="stackspec: drift found in 'default'")
    one.end()
    one = agent(*words)  # after a restart people know it still
    one.wait("looked", condition="drifted")
    one.again("looked", condition="drifted")
    assert not (tree(tmp_path) / "artifacts").exists()
    assert len(channel.said) == 1
    assert one.end() == 0


def test_people_are_told_where_there_is_nothing_good_to_stay_on(agent: Begin, channel: Channel, tmp_path: Path) -> None:
    good = STACK + ALERTER.format(channel.url)
    manifest = tmp_path / "work" / "stacks" / "dev.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(good)
    one = agent(*FAST, "--listen", "0")
    address = one.wait("listening")["address"]
    one.wait("looked", condition="in-line")
    manifest.write_text(good.replace("flavor: local, config", "flavor: lokal, config"))
    left = one.wait("looked", condition="failed")
    assert left["diagnostics"][0]["code"] == "SS0208"
    assert one.wait("told")["message"] == "stackspec: reconciling failed in 'default'"
    failing = 'stackspec_reconcile_condition{condition="failed",environment="default"} 1.0'
    assert failing in get(address, "/metrics")[2]
    planned = len(one.said("planned"))
    manifest.write_text(good)
    one.wait("told", message="stackspec: 'default' recovered")
    assert len(one.said("planned")) == planned
    assert [text.splitlines()[0] for text in channel.said] == [
        "*stackspec: reconciling failed in 'default'*",
        "*stackspec: 'default' recovered*",
    ]
    assert one.end() == 0


class Unreadable(FolderSource):
    """A folder that only a bug is found in."""

    def newest(self) -> str:
        raise RuntimeError("a bug")


def test_a_bug_in_following_ends_no_agent(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    said: list[dict[str, object]] = []
    agent = Agent(
        Unreadable(tmp_path),
        WorkFolder(tmp_path),
        Leave(Mode.REPAIR, frozenset(), 10, Stop()),
        (),
        Log(lambda line: said.append(json.loads(line))),
        None,
        interval=1.0,
        wait=lambda _failures: 1.0,
        clock=lambda: 0.0,
        pause=lambda _seconds: None,
    )
    assert agent.run(once=True) == 1
    assert [line["event"] for line in said] == ["bug", "source-lost"]


# --- what an agent may do


def once(agent: Begin, forge: Forge, *words: str) -> tuple[int, Process]:
    """One round; the exit code."""
    one = agent("--repo", str(forge.path), "--once", *words)
    return one.code(), one


def test_a_protected_environment_is_planned_and_left_alone_without_approval(
    forge: Forge, agent: Begin, tmp_path: Path
) -> None:
    forge.push(
        {f"stacks/{name}.yaml": ENVIRONMENT.format(name, safe) for name, safe in (("lab", "false"), ("prod", "true"))}
    )
    shared = STACK.replace("./artifacts", "'./artifacts-{{ environment.name }}'")
    forge.push({"stacks/dev.yaml": shared})
    code, one = once(agent, forge, "--approve", "production")
    assert "production" in one.wait("approves-nothing")["message"]
    assert (code, one.said("looked", environment="lab", condition="in-line") != []) == (2, True)
    waiting = one.wait("looked", environment="prod", condition="awaiting-approval")
    assert waiting["diagnostics"][0]["code"] == "SS1307"
    assert one.wait("planned", environment="prod")["applied"] is False
    assert not (tree(tmp_path) / "artifacts-prod").exists()
    assert once(agent, forge, "--approve", "prod", "-e", "prod")[0] == 0
    os.rmdir(_emptied(tree(tmp_path) / "artifacts-prod"))
    code, one = once(agent, forge)
    assert (code, one.said("looked", environment="prod", condition="drifted") != []) == (2, True)


def _emptied(folder: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder


def test_what_must_not_be_destroyed_is_not(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    kept = STACK.replace("./artifacts}", "./artifacts}, lifecycle: {prevent_destroy: true}")
    forge.push({"stacks/dev.yaml": kept})
    assert once(agent, forge)[0] == 0
    forge.push({"stacks/dev.yaml": kept.replace("./artifacts}", "./elsewhere}")})
    code, one = once(agent, forge)
    assert code == 1
    assert one.wait("looked", condition="failed")["diagnostics"][0]["code"] == "SS0501"
    assert (tree(tmp_path) / "artifacts").is_dir()


def test_what_is_suspended_is_left_alone_until_it_is_resumed(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    one = agent("--repo", str(forge.path), *FAST)
    one.wait("looked", condition="in-line")
    root = tree(tmp_path)
    done = stackspec(root, "reconcile", "suspend", "--reason", "an incident")
    assert (done.returncode, done.stdout) == (0, "Reconciling of 'default' is suspended.\n")
    assert one.wait("looked", condition="suspended")["message"].endswith(": an incident")
    newest = forge.push({"stacks/dev.yaml": STACK.replace("./artifacts", "./others")})
    one.wait("looked", condition="suspended", commit=newest)
    assert not (root / "others").exists()
    again = stackspec(root, "reconcile", "suspend", "--reason", "another")
    assert (again.returncode, "error[SS1306]" in again.stderr, "an incident" in again.stderr) == (1, True, True)
    told = stackspec(root, "reconcile", "status").stdout
    assert "default: suspended by " in told
    assert ": an incident\n" in told
    (document,) = json.loads(stackspec(root, "reconcile", "status", "-o", "json").stdout)["environments"]
    assert (document["suspended"]["reason"], document["last_run"]["purpose"]) == ("an incident", "reconcile")
    assert stackspec(root, "reconcile", "resume").returncode == 0
    one.wait("looked", condition="in-line", commit=newest)
    assert (root / "others").is_dir()
    assert "not suspended" in stackspec(root, "reconcile", "status").stdout


@pytest.mark.parametrize("reason", [[], ["--reason", " "], ["--reason", "x" * 501]], ids=["none", "blank", "long"])
def test_a_suspension_says_why(reason: list[str], tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    done = stackspec(tmp_path, "reconcile", "suspend", *reason)
    assert (done.returncode, "error[SS0901]" in done.stderr) == (1, True)


# --- several agents


def test_a_lock_that_somebody_holds_is_waited_for(gated: Forge, gate: Gate, agent: Begin, tmp_path: Path) -> None:
    one = agent("--repo", str(gated.path), *FAST)
    wait_until(lambda: len(gate.calls) == 1)
    locked = stackspec(tree(tmp_path), "apply", "--yes")
    assert (locked.returncode, "(reconcile)" in locked.stderr) == (1, True)
    gate.open()
    one.wait("looked", condition="in-line")
