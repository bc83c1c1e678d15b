"""A server on this machine that a component owns: one session that outlives the command that started it.

Three files in the component's `data_dir` are all there is to know: `server.json` says what was started, `server.lock`
is held for as long as it lives, `server.log` has its output, and `server.1.log` what came before where that grew long.
The session's first process is the server's keeper (`server_launcher.py`), which keeps the log small and starts a server
that fails again where that is asked for.

Each process of the server carries a mark in its environment: the component's identity and which folder `data_dir` is.
So a copy of a project has servers of its own, and one that was moved keeps those that run. What may hold a secret is
there as well, and neither in an argument nor in a file: of what was started, `server.json` has a digest under a key
that only the server's environment holds. A process is the server's only if it carries that mark, so a recycled process
id is never mistaken for it, and a child that outlives the server's first process, or left its session, is still found.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from time import monotonic
from typing import Any

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.processes import server_launcher
from stackspec.flavors.processes.local_port import free_port, require_free_port
from stackspec.flavors.processes.marked_processes import (
    MARK,
    command_of,
    environment_of,
    marked_processes,
    process_groups,
    signal_groups,
)

_KEY = "STACKSPEC_SERVER_KEY"
"""The environment variable of a server that holds the key of its record's digest."""
LOG_SIZE = 10_000_000
"""Bytes of output that are kept of a server as it runs, and as many again of what came before."""
_POLL = 0.05
_PATIENCE = 5.0  # seconds that a server has to end before it is killed
_KILL_GRACE = 2.0  # seconds that the kernel has to clear killed processes away, even past the deadline
_TAIL_LINES = 10
_TAIL_BYTES = 16_384
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What was started: its mark, its keeper, which leads the session, its port and a digest of all it started with."""

    identity: str
    mark: str
    session: int
    pid: int
    port: int
    digest: str


@dataclass(frozen=True, slots=True)
class LocalServer:
    """The server of one component, at most one at a time; listens on `host`."""

    context: HookContext
    host: str = "127.0.0.1"

    @property
    def log_file(self) -> Path:
        """Where the output of the server goes."""
        return self.context.data_dir / server_launcher.LOG

    def recorded(self) -> ServerRecord | None:
        """What was started last for this component, whether it still runs or not.

        Raises:
            HookError: the record cannot be read.
        """
        record = self._read()
        return record if record and record.identity == self.context.identity else None

    def running(self) -> ServerRecord | None:
        """What runs now for this component, ready or not."""
        record = self.recorded()
        return record if record and record.pid in marked_processes(record.session, record.mark) else None

    def is_kept(self, record: ServerRecord) -> bool:
        """Whether what runs still has its keeper."""
        return environment_of(record.session).get(MARK) == record.mark

    def port(self, wanted: int | None) -> int:
        """The port to use: the wanted one, else the one of the last start, else a free one."""
        if wanted is not None:
            return wanted
        record = self.recorded()
        return record.port if record else free_port(self.host)

    def start(
        self,
        command: Sequence[str],
        *,
        port: int,
        environment: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
        is_ready: Callable[[], bool],
        folder: Path | None = None,
        restart: bool = False,
        log_size: int = LOG_SIZE,
    ) -> ServerRecord:
        """Have `command` run and ready; at once if it is, and instead of another that was not started just so.

        Args:
            command: What runs in the foreground until SIGTERM. Other users of the machine can read it, so it may tell
                no secret.
            port: Where the command listens.
            environment: The variables that it finds things by; others do not have it started anew.
            settings: The variables that say what it is to be, which may be secret; with these it has no more.
            is_ready: Whether the server answers; asked again and again, so it must return soon.
            folder: Where it runs; `data_dir` by default.
            restart: Whether it is started again whenever it fails, after a pause that grows.
            log_size: The bytes of output after which the log begins anew; as many are kept of the one before.

        Raises:
            HookError: the command tells a secret, the port is in use, the server ended at once, or it was not ready
                before the deadline.
        """
        if any(map(self.context.tells_secret, command)):
            raise HookError(
                "an argument of the server would tell a secret, and everybody on this machine can read it",
                "use no secret in this config; a server takes credentials from variables or files",
            )
        log_from, launched = 0, False
        request = {
            "command": list(command),
            "folder": str(folder or self.context.data_dir),
            "restart": restart,
            "log_size": log_size,
        }
        settings = settings or {}
        while (running := self._settled()) is None or not self._is_started_as(running, request, settings):
            if launched:
                raise self._ended(log_from)
            self.stop()  # another command, the children of a server that died, or one that nobody keeps
            require_free_port(self.host, port)
            log_from = self._log_size()
            launched = self._launch(request, port, environment, settings)
        while not is_ready():
            if self.running() != running:
                raise self._ended(log_from)
            self._pause("the server was not ready in time", log_from)
        if self.running() != running:
            raise self._ended(log_from)  # what answers is not ours
        return running

    def stop(self) -> None:
        """End the server and all its children; done if there are none.

        Raises:
            HookError: it still runs at the deadline.
        """
        kill_at = min(monotonic() + _PATIENCE, self.context.deadline - 1)
        asked: set[int] = set()
        while (members := self._own_members()[1]) or self._is_locked():
            kill = monotonic() >= kill_at
            groups = process_groups(members)
            signal_groups(groups if kill else groups - asked, signal.SIGKILL if kill else signal.SIGTERM)
            asked |= groups
            if monotonic() >= max(self.context.deadline, kill_at + _KILL_GRACE):
                raise HookError(f"the server does not end: processes {members}", f"{self._lock_file} is still held")
            if self.context.cancelled.wait(_POLL):
                raise HookError("cancelled while the server was ending")

    def remove(self) -> None:
        """Stop the server and remove its record, lock and logs; `data_dir` goes too if nothing else is in it."""
        self.stop()
        folder = self.context.data_dir
        if not folder.is_dir():
            return
        record = server_launcher.RECORD
        for name in (server_launcher.LOG, server_launcher.OLD_LOG, f"{record}.new", record, server_launcher.LOCK):
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    @property
    def _lock_file(self) -> Path:
        return self.context.data_dir / server_launcher.LOCK

    @property
    def _record_file(self) -> Path:
        return self.context.data_dir / server_launcher.RECORD

    def _mark(self, identity: str) -> str:
        """What the processes of a component with this data carry."""
        folder = self.context.data_dir.stat()
        return f"{identity}/{folder.st_dev}:{folder.st_ino}"

    def _read(self) -> ServerRecord | None:
        try:
            record = json.loads(self._record_file.read_text(encoding="utf-8"))
            pid = record["pid"]
            session = record.get("session", pid)  # a server of an earlier version led its session itself
            identity, digest = record["identity"], record.get("digest", "")
            return ServerRecord(identity, self._mark(identity), session, pid, record["port"], digest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            hint = "end the server by hand if it runs, then remove the file"
            raise HookError(f"cannot read {self._record_file}: {error}", hint) from error

    def _own_members(self) -> tuple[ServerRecord | None, list[int]]:
        """The record, and the processes of what it names and of what was started before."""
        record, members = self._read(), list[int]()
        if record:
            members = [pid for pid in marked_processes(None, record.mark) if _is_of(pid, record.session)]
        if self._read() != record:
            return self._own_members()  # what was found may be of a start that the record did not name yet
        if record and members and record.identity != self.context.identity:
            raise HookError(
                f"the server in {self.context.data_dir} (process {record.pid}) belongs to another component",
                "end that process if its component is gone for good",
            )
        return record, members

    def _is_locked(self) -> bool:
        try:
            with open(self._lock_file, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _settled(self) -> ServerRecord | None:
        """What runs, after waiting for a launcher that holds the lock and has not written its record yet."""
        while True:
            record, members = self._own_members()
            if record and record.pid in members:
                return record
            if members or not self._is_locked():
                return None
            self._pause("the server did not start in time", 0)

    def _is_started_as(self, record: ServerRecord, request: Mapping[str, Any], settings: Mapping[str, str]) -> bool:
        """Whether what runs was started so, and is kept so."""
        key = environment_of(record.session).get(_KEY, "")
        return compare_digest(record.digest, _digest(key, request, settings))

    def _launch(
        self, request: Mapping[str, Any], port: int, environment: Mapping[str, str], settings: Mapping[str, str]
    ) -> bool:
        """Run the launcher; False if another one was first."""
        folder, key = self.context.data_dir, secrets.token_hex(16)
        record = {"identity": self.context.identity, "port": port, "digest": _digest(key, request, settings)}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            log = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise HookError(f"cannot write in {folder}: {error.strerror}") from error
        try:
            launcher = subprocess.run(
                [sys.executable, "-I", "-S", server_launcher.__file__],
                cwd=folder,
                env={**environment, **settings, MARK: self._mark(self.context.identity), _KEY: key},
                input=json.dumps({**request, "record": record}).encode(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        finally:
            os.close(log)
        return launcher.returncode != server_launcher.BUSY

    def _pause(self, problem: str, log_from: int) -> None:
        if self.context.cancelled.wait(min(_POLL, self.context.remaining())):
            raise HookError("cancelled while the server was starting")
        if not self.context.remaining():
            raise HookError(f"{problem}{self._log_tail(log_from)}", f"read {self.log_file}")

    def _ended(self, log_from: int) -> HookError:
        self.stop()  # its keeper would go on starting it
        return HookError(f"the server ended before it was ready{self._log_tail(log_from)}", f"read {self.log_file}")

    def _log_size(self) -> int:
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def _log_tail(self, log_from: int) -> str:
        """A colon and the last lines of the log since an offset, safe to show, each on a line of its own."""
        if not self.log_file.exists():
            return ""
        with open(self.log_file, "rb") as file:
            size = self._log_size()
            file.seek(max(log_from if log_from <= size else 0, size - _TAIL_BYTES))
            text = _CONTROL_SEQUENCE.sub("", file.read().decode("utf-8", "replace"))
        lines = ["".join(character for character in line if character.isprintable()) for line in text.splitlines()]
        return "\n".join([":", *[line for line in lines if line][-_TAIL_LINES:]])


def _is_of(pid: int, session: int) -> bool:
    """Whether a process with the mark is to end with the server of a session.

    Not so a launcher that another start has under way, nor who runs stackspec in a terminal that the server gave them.
    """
    with suppress(ProcessLookupError):
        found = os.getsid(pid)
        return found == session or (found != os.getsid(0) and server_launcher.__file__ not in command_of(pid))
    return False


def _digest(key: str, request: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """What tells one start from another, and nothing else to who lacks the key."""
    text = json.dumps([dict(request), dict(settings)], sort_keys=True)
    return blake2b(text.encode(), key=key.encode(), digest_size=16).hexdigest()
