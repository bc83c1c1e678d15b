"""A server on this machine that a component owns: one process group that outlives the command that started it.

Three files in the component's `data_dir` are all there is to know: `server.json` says what was started, `server.lock`
is held for as long as it lives, `server.log` has its output. Each process of the server carries the component's
identity in its environment. What may hold a secret is there as well, and neither in an argument nor in a file: of what
was started, `server.json` has a digest under a key that only the server's environment holds. A process is the server's
only if it is in the recorded session *and* carries that mark, so a recycled process id is never mistaken for it, and a
child that outlives the server's first process is still found.
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
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from time import monotonic

from stackspec.flavors import server_launcher
from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.local_port import free_port, require_free_port
from stackspec.flavors.marked_processes import (
    MARK,
    environment_of,
    marked_processes,
    process_groups,
    signal_groups,
)

_KEY = "STACKSPEC_SERVER_KEY"
"""The environment variable of a server that holds the key of its record's digest."""
_POLL = 0.05
_PATIENCE = 5.0  # seconds that a server has to end before it is killed
_KILL_GRACE = 2.0  # seconds that the kernel has to clear killed processes away, even past the deadline
_TAIL_LINES = 10
_TAIL_BYTES = 16_384
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What was started: the first process of its session, its port and a digest of all that it was started with."""

    identity: str
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
        return self.context.data_dir / "server.log"

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
        return record if record and record.pid in marked_processes(record.pid, record.identity) else None

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
    ) -> ServerRecord:
        """Have `command` run and ready; at once if it is, and instead of another if that, or its settings, is one.

        Args:
            command: What runs in the foreground until SIGTERM. Other users of the machine can read it, so it may tell
                no secret.
            port: Where the command listens.
            environment: The variables that it finds things by; others do not have it started anew.
            settings: The variables that say what it is to be, which may be secret; with these it has no more.
            is_ready: Whether the server answers; asked again and again, so it must return soon.

        Raises:
            HookError: the command tells a secret, the port is in use, the server ended at once, or it was not ready
                before the deadline.
        """
        if any(map(self.context.tells_secret, command)):
            raise HookError(
                "an argument of the server would tell a secret, and everybody on this machine can read it",
                "use no secret in this config; a server takes credentials from variables or files",
            )
        log_from, launched, settings = 0, False, settings or {}
        while (running := self._settled()) is None or not _is_started_as(running, command, settings):
            if launched:
                raise self._ended(log_from)
            self.stop()  # another command, or the children of a server that died
            require_free_port(self.host, port)
            log_from = self._log_size()
            launched = self._launch(command, port, environment, settings)
        while not is_ready():
            if not self._is_locked():
                raise self._ended(log_from)
            self._pause("the server was not ready in time", log_from)
        if self.running() is None:
            raise self._ended(log_from)  # what answers is not ours
        return running

    def stop(self) -> None:
        """End the server and all its children; done if there are none.

        Raises:
            HookError: it still runs at the deadline.
        """
        kill_at = min(monotonic() + _PATIENCE, self.context.deadline - 1)
        asked: set[int] = set()
        while (members := self._own_members(self._read())) or self._is_locked():
            kill = monotonic() >= kill_at
            groups = process_groups(members)
            signal_groups(groups if kill else groups - asked, signal.SIGKILL if kill else signal.SIGTERM)
            asked |= groups
            if monotonic() >= max(self.context.deadline, kill_at + _KILL_GRACE):
                raise HookError(f"the server does not end: processes {members}", f"{self._lock_file} is still held")
            if self.context.cancelled.wait(_POLL):
                raise HookError("cancelled while the server was ending")

    def remove(self) -> None:
        """Stop the server and remove its record, lock and log; `data_dir` goes too if nothing else is in it."""
        self.stop()
        folder = self.context.data_dir
        if not folder.is_dir():
            return
        for file in (self.log_file, self._record_file.with_suffix(".json.new"), self._record_file, self._lock_file):
            file.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    @property
    def _lock_file(self) -> Path:
        return self.context.data_dir / server_launcher.LOCK

    @property
    def _record_file(self) -> Path:
        return self.context.data_dir / server_launcher.RECORD

    def _read(self) -> ServerRecord | None:
        try:
            record = json.loads(self._record_file.read_text(encoding="utf-8"))
            return ServerRecord(record["identity"], record["pid"], record["port"], record.get("digest", ""))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            hint = "end the server by hand if it runs, then remove the file"
            raise HookError(f"cannot read {self._record_file}: {error}", hint) from error

    def _own_members(self, record: ServerRecord | None) -> list[int]:
        members = marked_processes(record.pid, record.identity) if record else []
        if record and members and record.identity != self.context.identity:
            raise HookError(
                f"the server in {self.context.data_dir} (process {record.pid}) belongs to another component",
                "end that process if its component is gone for good",
            )
        return members

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
            record = self._read()
            members = self._own_members(record)
            if record and record.pid in members:
                return record
            if members or not self._is_locked():
                return None
            self._pause("the server did not start in time", 0)

    def _launch(
        self, command: Sequence[str], port: int, environment: Mapping[str, str], settings: Mapping[str, str]
    ) -> bool:
        """Run the launcher; False if another one was first."""
        folder, key = self.context.data_dir, secrets.token_hex(16)
        record = {"identity": self.context.identity, "port": port, "digest": _digest(key, command, settings)}
        request = {"record": record, "command": list(command)}
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
                env={**environment, **settings, MARK: self.context.identity, _KEY: key},
                input=json.dumps(request).encode(),
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
        return HookError(f"the server ended before it was ready{self._log_tail(log_from)}", f"read {self.log_file}")

    def _log_size(self) -> int:
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def _log_tail(self, log_from: int) -> str:
        """A colon and the last lines of the log since an offset, safe to show, each on a line of its own."""
        if not self.log_file.exists():
            return ""
        with open(self.log_file, "rb") as file:
            file.seek(max(log_from, self._log_size() - _TAIL_BYTES))
            text = _CONTROL_SEQUENCE.sub("", file.read().decode("utf-8", "replace"))
        lines = ["".join(character for character in line if character.isprintable()) for line in text.splitlines()]
        return "\n".join([":", *[line for line in lines if line][-_TAIL_LINES:]])


def _is_started_as(record: ServerRecord, command: Sequence[str], settings: Mapping[str, str]) -> bool:
    """Whether what runs was started with this command and these settings."""
    return compare_digest(record.digest, _digest(environment_of(record.pid).get(_KEY, ""), command, settings))


def _digest(key: str, command: Sequence[str], settings: Mapping[str, str]) -> str:
    """What tells one start from another, and nothing else to who lacks the key."""
    text = json.dumps([list(command), dict(settings)], sort_keys=True)
    return blake2b(text.encode(), key=key.encode(), digest_size=16).hexdigest()
