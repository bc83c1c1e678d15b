"""Agents as processes, and waiting for what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any

from tests.repositories import OF_ADA
from tests.running import command, environment

PATIENCE = 20.0
"""Seconds for what takes less than two on a machine that does nothing else."""


class Process:
    """An agent.

    Attributes:
        lines: What it has logged.
        other: What it wrote that is no log.
    """

    def __init__(self, folder: Path, *words: str, variables: Mapping[str, str] | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self.other = ""
        self._changed = Condition()
        self._ended = False
        self._process = subprocess.Popen(
            command("reconcile", *words),
            cwd=folder,
            env=environment({**OF_ADA, "PYTHONUNBUFFERED": "1", **(variables or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                if line.startswith("{"):
                    self.lines.append(json.loads(line))
                else:
                    self.other += line
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """What it has logged of an event, where all of the fields are so."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    def wait(self, event: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """Wait until it has logged an event some times; the last of them."""
        give_up_at = monotonic() + PATIENCE
        with self._changed:
            while len(found := self.said(event, **fields)) < count:
                left = give_up_at - monotonic()
                assert left > 0, f"no {event} {fields}\n{self.text}"
                assert not self._ended, f"it ended without {event} {fields}\n{self.text}"
                self._changed.wait(left)
        return found[count - 1]

    def again(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait until it logs an event once more than it has by now."""
        return self.wait(event, len(self.said(event, **fields)) + 1, **fields)

    @property
    def text(self) -> str:
        """All that it wrote."""
        return self.other + "\n".join(map(json.dumps, self.lines))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal, and wait for its end; the exit code."""
        self._process.send_signal(number)
        return self.code()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def code(self) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(PATIENCE)
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended, PATIENCE)
        assert "Traceback" not in self.text, self.text
        assert not self.said("bug"), self.text
        return code

    def kill(self) -> None:
        """End it and all that it began, whatever they do."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid


Begin = Callable[..., Process]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something outside of the agent's words is so."""
    from time import sleep

    give_up_at = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < give_up_at
        sleep(0.02)


def get(address: str, path: str) -> tuple[int, str, str]:
    """Status, type and text of what an agent answers."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()
