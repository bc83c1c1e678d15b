"""Processes that tests begin, talk to, and kill at a line of their code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

KILLED = -signal.SIGKILL
"""The status of a child that was killed."""


class Talk:
    """One end of a conversation in words."""

    def __init__(self, read: int, write: int) -> None:
        self._read = read
        self._write = write
        self.heard: list[str] = []

    def tell(self, word: str) -> None:
        """Say a word."""
        os.write(self._write, f"{word}\n".encode())

    def wait_for(self, word: str) -> None:
        """Listen until a word comes.

        Raises:
            EOFError: the other end is silent for ever.
        """
        while word not in self.heard:
            if not self.listen():
                raise EOFError(f"never heard '{word}', only {self.heard}")

    def listen(self) -> bool:
        """Hear what is said next; whether there is anybody to hear."""
        said = os.read(self._read, 4096)
        self.heard += said.decode().split()
        return bool(said)

    def close(self) -> None:
        """End the conversation."""
        os.close(self._read)
        os.close(self._write)


class Child:
    """A process that does one thing, begun at once; ended when the context is left.

    Args:
        work: What it does, given its end of the conversation.
        kill_at: At which line of the state's code it is killed, counted from 1; never where 0.

    Attributes:
        process: Its process id.
        status: Its exit status once it has ended; `KILLED` if it was killed.
    """

    def __init__(self, work: Callable[[Talk], object], kill_at: int = 0) -> None:
        here, there = os.pipe(), os.pipe()
        self.status: int | None = None
        self.process = os.fork()
        if self.process == 0:
            os.close(here[0])
            os.close(there[1])
            _work(work, Talk(there[0], here[1]), kill_at)
        os.close(here[1])
        os.close(there[0])
        self._talk = Talk(here[0], there[1])

    @property
    def heard(self) -> list[str]:
        """What it has said."""
        return self._talk.heard

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        if self.status is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def tell(self, word: str) -> None:
        """Say a word to it."""
        self._talk.tell(word)

    def wait_for(self, word: str) -> None:
        """Listen until it says a word; raises as `Talk.wait_for`."""
        self._talk.wait_for(word)

    def end(self) -> None:
        """Hear all that it says until it has ended."""
        while self._talk.listen():
            pass
        if self.is_running:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.is_running:
            os.kill(self.process, signal.SIGKILL)
        self.end()
        self._talk.close()


def kill_points(work: Callable[[], object], wanted: int) -> list[int]:
    """Up to `wanted` numbers of lines of the state's code that some work runs, evenly spread; it is done to count."""
    lines: list[None] = []
    previous = sys.gettrace()
    sys.settrace(at_each_line(lambda: lines.append(None)))
    try:
        work()
    finally:
        sys.settrace(previous)
    return sorted({1 + index * len(lines) // wanted for index in range(wanted)})


def _work(work: Callable[[Talk], object], talk: Talk, kill_at: int) -> None:
    """Do the work and end the process, which must not go on as a second pytest."""
    status, left = 1, kill_at

    def count() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        if kill_at:
            sys.settrace(at_each_line(count))
        work(talk)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def at_each_line(then: Callable[[], None]) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that calls `then` at each line of the state's code."""
    folder = f"{os.sep}stackspec{os.sep}state{os.sep}"

    def is_traced(code: CodeType) -> bool:
        return folder in code.co_filename

    def on_line(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            then()
        return on_line

    return lambda frame, _event, _argument: on_line if is_traced(frame.f_code) else None
