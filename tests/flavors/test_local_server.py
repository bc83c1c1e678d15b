"""A component's own server: started once, found again after any crash, and ended with all its children."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.processes.local_port import answers
from stackspec.flavors.processes.local_server import LocalServer, ServerRecord
from stackspec.flavors.processes.marked_processes import MARK, marked_processes

MakeContext = Callable[..., HookContext]
Until = Callable[[Callable[[], bool]], None]
ENVIRONMENT = {"PATH": os.environ["PATH"]}
STUBBORN = """
import http.server, os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])  # closes the lock's file
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def serve(port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", *more]


def stubborn(port: int) -> list[str]:
    return [sys.executable, "-c", STUBBORN, str(port)]


def start(context: HookContext, command: Callable[[int], list[str]] = serve, wanted: int | None = None) -> ServerRecord:
    server = LocalServer(context)
    port = server.port(wanted)
    return server.start(
        command(port), port=port, environment=ENVIRONMENT, is_ready=lambda: answers("127.0.0.1", port, "/")
    )


def members(record: ServerRecord) -> list[int]:
    """Its processes but for the keeper."""
    return [pid for pid in marked_processes(record.session, record.mark) if pid != record.session]


def test_it_starts_once_stops_and_comes_back_on_the_same_port(make_context: MakeContext) -> None:
    context = make_context()
    first = start(context)
    assert LocalServer(context).running() == first
    assert start(context) == first

    LocalServer(context).stop()
    assert LocalServer(context).running() is None
    assert not answers("127.0.0.1", first.port, "/")
    LocalServer(context).stop()

    again = start(context)
    assert again.port == first.port
    assert again.pid != first.pid

    LocalServer(context).remove()
    LocalServer(context).remove()
    assert not context.data_dir.exists()


def test_it_has_nothing_of_its_starter(make_context: MakeContext) -> None:
    import psutil

    context = make_context()
    server = psutil.Process(start(context).pid)
    assert os.getsid(server.pid) == server.ppid()
    assert psutil.Process(server.ppid()).ppid() != os.getpid()
    assert server.terminal() is None
    assert server.cwd() == str(context.data_dir)
    assert set(server.environ()) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"PATH", MARK, "STACKSPEC_SERVER_KEY"}
    assert context.data_dir.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in context.data_dir.iterdir()} == {0o600}
    LocalServer(context).remove()


def test_another_command_takes_the_place_of_the_first(make_context: MakeContext) -> None:
    context = make_context()
    first = start(context)
    second = start(context, lambda port: serve(port, "--directory", str(context.root)))
    assert second.port == first.port
    assert not members(first)
    LocalServer(context).remove()


SETTING = "C4nary-of-the-server"
READY = """
import http.server, os, sys
print(len(os.environ["SETTING"]), repr(sys.stdin.read()), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def start_with(context: HookContext, **settings: str) -> ServerRecord:
    server = LocalServer(context)
    port = server.port(None)
    command = [sys.executable, "-c", READY, str(port)]
    ready = lambda: answers("127.0.0.1", port, "/")  # noqa: E731  what it waits for
    return server.start(command, port=port, environment=ENVIRONMENT, settings=settings, is_ready=ready)


def command_lines() -> str:
    """The arguments of every process of this machine."""
    import psutil

    return "\n".join(str(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"]))


def test_what_may_be_secret_is_in_its_environment_and_nowhere_else(make_context: MakeContext) -> None:
    context = make_context()
    record = start_with(context, SETTING=SETTING)
    assert str(record.port) in command_lines()
    assert SETTING not in command_lines()
    kept = {file.name: file.read_text() for file in context.data_dir.iterdir()}
    assert set(kept) == {"server.json", "server.lock", "server.log"}
    assert kept["server.log"].startswith(f"{len(SETTING)} ''\n")
    assert SETTING not in "".join(kept.values())
    LocalServer(context).remove()


def test_another_setting_starts_it_anew_and_what_it_finds_things_by_does_not(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context()
    first = start_with(context, SETTING=SETTING)
    monkeypatch.setitem(ENVIRONMENT, "MORE", "1")
    assert start_with(context, SETTING=SETTING) == first
    second = start_with(context, SETTING=f"{SETTING}2")
    assert second.pid != first.pid
    assert not members(first)
    LocalServer(context).remove()


def test_its_record_says_nothing_by_which_a_setting_could_be_guessed(make_context: MakeContext) -> None:
    digests = set()
    for _ in range(2):
        context = make_context()
        digests.add(start_with(context, SETTING="1234").digest)
        LocalServer(context).remove()
    assert len(digests) == 2


STARTER = """
import os, signal, subprocess, sys
from pathlib import Path
from typing import Any
from time import monotonic
from stackspec.core.address import ComponentAddress
from stackspec.flavors.contract import HookContext
from stackspec.flavors.processes.local_server import LocalServer

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

def spawn_and_die(*arguments, check, input, **options):
    process = subprocess.Popen(*arguments, stdin=subprocess.PIPE, **options)
    process.stdin.write(input)
    process.stdin.close()
    die()

identity, root, data_dir, port, moment, *command = sys.argv[1:]
if moment == "spawned":
    subprocess.run = spawn_and_die
context = HookContext(address=ComponentAddress("a", "b"), identity=identity, environment="dev", root=Path(root),
    data_dir=Path(data_dir), deadline=monotonic() + 60)
print("ready", flush=True)
LocalServer(context).start(command, port=int(port), environment={"PATH": os.environ["PATH"]},
    is_ready=die if moment == "launched" else lambda: False)
"""


def starter(context: HookContext, port: int, moment: str) -> subprocess.Popen[str]:
    arguments = [context.identity, str(context.root), str(context.data_dir), str(port), moment, *serve(port)]
    return subprocess.Popen([sys.executable, "-c", STARTER, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["spawned", "launched"])
def test_a_server_whose_starter_was_killed_is_adopted(make_context: MakeContext, until: Until, moment: str) -> None:
    context = make_context()
    port = LocalServer(context).port(None)
    with starter(context, port, moment) as killed:
        assert killed.wait(30) == -signal.SIGKILL
    until(lambda: LocalServer(context).running() is not None)
    survivor = LocalServer(context).running()
    assert start(context, wanted=port) == survivor
    LocalServer(context).remove()


def test_starters_at_the_same_time_start_one_server(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    port = LocalServer(context).port(None)
    starters = [starter(context, port, "never") for _ in range(4)]
    until(lambda: answers("127.0.0.1", port, "/"))
    record = LocalServer(context).running()
    for process in starters:
        with process:
            process.kill()
    assert start(context, wanted=port) == record
    assert "in use" not in LocalServer(context).log_file.read_text()
    LocalServer(context).remove()


def kill_first(identity: str) -> None:
    """End the first process that carries the mark, whatever it has come to, as by the kernel."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK, "").startswith(f"{identity}/"):
                process.kill()
                return


@pytest.mark.parametrize("with_keeper", [False, True], ids=["starter", "starter and keeper"])
def test_whenever_its_starter_is_killed_there_is_one_server(make_context: MakeContext, with_keeper: bool) -> None:
    for step in range(8):
        context = make_context(f"identity-{step}")
        port = LocalServer(context).port(None)
        with starter(context, port, "never") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(step * 0.015)
            process.kill()
            if with_keeper:
                kill_first(context.identity)
        record = start(context, wanted=port)
        assert members(record) == [record.pid]
        LocalServer(context).remove()
        assert not members(record)


def test_a_recycled_process_id_is_neither_the_server_nor_signalled(make_context: MakeContext) -> None:
    context = make_context()
    context.data_dir.mkdir(parents=True)
    with subprocess.Popen(serve(LocalServer(context).port(None)), start_new_session=True) as bystander:
        record = {"identity": context.identity, "pid": bystander.pid, "port": 1, "command": ["x"]}
        (context.data_dir / "server.json").write_text(json.dumps(record))
        try:
            assert LocalServer(context).running() is None
            LocalServer(context).stop()
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_another_components_server_is_left_alone(make_context: MakeContext) -> None:
    theirs, ours = make_context("theirs"), make_context("ours")
    record = start(theirs)
    assert LocalServer(ours).running() is None
    for touch in (lambda: start(ours, wanted=1), LocalServer(ours).stop, LocalServer(ours).remove):
        with pytest.raises(HookError, match="belongs to another component"):
            touch()
    assert LocalServer(theirs).running() == record
    LocalServer(theirs).remove()


def test_children_end_with_it_even_if_they_and_it_ignore_sigterm(make_context: MakeContext, until: Until) -> None:
    context = make_context(seconds=30)
    record = start(context, stubborn)
    until(lambda: len(members(record)) == 2)
    LocalServer(make_context(seconds=1.5)).stop()
    assert not members(record)


def test_children_that_outlive_its_first_process_are_cleared_away(make_context: MakeContext, until: Until) -> None:
    context = make_context(seconds=30)
    record = start(context, stubborn)
    until(lambda: len(members(record)) == 2)
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: marked_processes(record.session, record.mark) == members(record))
    assert LocalServer(context).running() is None
    assert len(members(record)) == 1
    again = start(make_context(seconds=3), stubborn)
    assert not members(record)
    assert again.pid != record.pid
    LocalServer(make_context(seconds=1.5)).remove()


LEAVING = """
import http.server, subprocess, sys
child = [sys.executable, "-c", "import signal; print('here', flush=True); signal.pause()"]
subprocess.Popen(child, start_new_session=True, close_fds=sys.argv[2] == "closes")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.mark.parametrize("lock", ["closes", "holds"])
@pytest.mark.parametrize("first_process", ["lives", "dies"])
def test_a_child_in_a_session_of_its_own_ends_with_it(
    make_context: MakeContext, until: Until, lock: str, first_process: str
) -> None:
    context = make_context()
    record = start(context, lambda port: [sys.executable, "-c", LEAVING, str(port), lock])
    until(lambda: "here" in LocalServer(context).log_file.read_text())
    assert len(marked_processes(None, record.mark)) == 3
    if first_process == "dies":
        os.kill(record.pid, signal.SIGKILL)
        until(lambda: not marked_processes(record.session, record.mark))
        start(make_context(seconds=20))
        assert len(marked_processes(None, record.mark)) == 2
    LocalServer(make_context(seconds=5)).remove()
    assert not marked_processes(None, record.mark)


def test_a_port_in_use_is_named_with_its_process(make_context: MakeContext) -> None:
    context = make_context()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HookError, match=f"port {port} is in use by process {os.getpid()} "):
            start(context, wanted=port)
    assert LocalServer(context).recorded() is None


def test_a_server_that_dies_at_once_shows_the_end_of_its_log(make_context: MakeContext) -> None:
    context = make_context()
    script = "import sys; [print(f'line {n}') for n in range(30)]; print('\\x1b[31mno \\x07database'); sys.exit(3)"
    for _ in range(2):
        with pytest.raises(HookError) as caught:
            start(context, lambda _port: [sys.executable, "-c", script])
        lines = caught.value.message.splitlines()
        assert lines[0] == "the server ended before it was ready:"
        assert [line.strip() for line in lines[1:]] == [*(f"line {n}" for n in range(21, 30)), "no database"]
    LocalServer(context).remove()


def test_a_command_that_does_not_exist_is_said(make_context: MakeContext) -> None:
    with pytest.raises(HookError, match="cannot run no-such-program: No such file"):
        start(make_context(), lambda _port: ["no-such-program"])


def test_waiting_ends_at_the_deadline_and_when_cancelled(make_context: MakeContext) -> None:
    def never_ready(context: HookContext) -> None:
        server = LocalServer(context)
        port = server.port(None)
        server.start(serve(port), port=port, environment=ENVIRONMENT, is_ready=lambda: False)

    with pytest.raises(HookError, match="not ready in time"):
        never_ready(make_context(seconds=0.5))
    context = make_context()
    threading.Timer(0.2, context.cancelled.set).start()
    with pytest.raises(HookError, match="cancelled"):
        never_ready(context)
    LocalServer(make_context()).remove()


def test_a_damaged_record_is_refused(make_context: MakeContext) -> None:
    context = make_context()
    context.data_dir.mkdir(parents=True)
    for text in ("", "[]", "{}", '{"identity": 1, "command": []}', "\0"):
        (context.data_dir / "server.json").write_text(text)
        with pytest.raises(HookError, match="cannot read"):
            LocalServer(context).running()


def test_a_log_that_is_a_link_is_not_followed(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context()
    context.data_dir.mkdir(parents=True)
    (context.data_dir / "server.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HookError, match="cannot write"):
        start(context)
    assert not (tmp_path / "elsewhere").exists()


CHATTY = """
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/fail":
            os._exit(3)
        if self.path == "/talk":
            print("x" * 999, flush=True)
        super().do_GET()
print("begun in", os.getcwd(), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def start_chatty(context: HookContext, **options: Any) -> ServerRecord:
    server = LocalServer(context)
    port = server.port(None)
    ready = lambda: answers("127.0.0.1", port, "/")  # noqa: E731  what it waits for
    command = [sys.executable, "-c", CHATTY, str(port)]
    return server.start(command, port=port, environment=ENVIRONMENT, is_ready=ready, **options)


def test_its_log_stays_small_and_keeps_what_came_before(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    record = start_chatty(context, folder=context.root, log_size=3_000)
    log, old = LocalServer(context).log_file, context.data_dir / "server.1.log"
    assert f"begun in {context.root}\n" in log.read_text()
    for _ in range(4):
        answers("127.0.0.1", record.port, "/talk")
    until(lambda: old.exists() and log.stat().st_size == 0)
    assert 3_000 >= old.stat().st_size >= 2_900
    answers("127.0.0.1", record.port, "/talk")
    assert log.read_text().startswith("x" * 999)
    assert {file.stat().st_mode & 0o777 for file in context.data_dir.iterdir()} == {0o600}
    LocalServer(context).remove()
    assert not context.data_dir.exists()


def test_what_fails_is_started_again_where_that_is_asked(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    first = start_chatty(context, restart=True)
    answers("127.0.0.1", first.port, "/fail")
    until(lambda: LocalServer(context).running() not in (None, first))
    second = LocalServer(context).running()
    assert second is not None
    assert (second.session, second.port) == (first.session, first.port)
    until(lambda: answers("127.0.0.1", first.port, "/"))
    assert "the server failed (exit code 3) and is started again in 0.5 s" in LocalServer(context).log_file.read_text()
    assert start_chatty(context, restart=True) == second

    os.kill(second.pid, signal.SIGKILL)
    until(lambda: LocalServer(context).running() is None)
    LocalServer(context).stop()  # in the pause before the next start
    assert not marked_processes(first.session, first.mark)
    LocalServer(context).remove()


def test_one_that_cannot_be_recorded_is_started_again_once_it_can(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    first = start_chatty(context, restart=True)
    hindrance = context.data_dir / "server.json.new"
    hindrance.mkdir()
    os.kill(first.pid, signal.SIGKILL)
    log = LocalServer(context).log_file
    until(lambda: "the server cannot be recorded" in log.read_text())
    hindrance.rmdir()
    until(lambda: LocalServer(context).running() not in (None, first))
    assert "Traceback" not in log.read_text()
    LocalServer(context).remove()


def test_where_it_is_not_asked_a_server_that_fails_leaves_nothing(make_context: MakeContext, until: Until) -> None:
    context = make_context()
    record = start_chatty(context)
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: not marked_processes(record.session, record.mark))
    LocalServer(context).remove()


def test_a_server_serves_on_without_its_keeper_and_the_next_start_gives_it_one(
    make_context: MakeContext, until: Until
) -> None:
    context = make_context()
    first = start_chatty(context)
    os.kill(first.session, signal.SIGKILL)
    until(lambda: marked_processes(first.session, first.mark) == [first.pid])
    assert LocalServer(context).running() == first
    assert answers("127.0.0.1", first.port, "/")
    second = start_chatty(context)
    assert not marked_processes(first.session, first.mark)
    assert marked_processes(second.session, second.mark) == [second.session, second.pid]
    os.kill(second.session, signal.SIGKILL)
    LocalServer(context).remove()
    assert not marked_processes(second.session, second.mark)


def test_a_server_that_never_comes_up_is_not_started_for_ever(make_context: MakeContext) -> None:
    context = make_context()
    server = LocalServer(context)
    with pytest.raises(HookError, match="ended before it was ready"):
        server.start(
            [sys.executable, "-c", "raise SystemExit(4)"],
            port=server.port(None),
            environment=ENVIRONMENT,
            is_ready=lambda: False,
            restart=True,
        )
    record = server.recorded()
    assert record is not None
    assert not marked_processes(record.session, record.mark)
    server.remove()


def test_a_copy_of_a_project_leaves_the_servers_of_the_first_alone(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context()
    first = start(context)
    shutil.copytree(context.data_dir, tmp_path / "copy" / "main")
    copy = LocalServer(replace(context, data_dir=tmp_path / "copy" / "main"))
    assert copy.running() is None
    with pytest.raises(HookError, match=f"port {first.port} .*in use"):
        start(copy.context, wanted=copy.port(None))
    copy.remove()
    assert LocalServer(context).running() == first
    LocalServer(context).remove()


def test_a_project_that_is_moved_keeps_its_servers(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context()
    first = start(context)
    context.data_dir.rename(tmp_path / "moved")
    moved = replace(context, data_dir=tmp_path / "moved")
    assert LocalServer(moved).running() == first
    LocalServer(moved).remove()
    assert not marked_processes(first.session, first.mark)
