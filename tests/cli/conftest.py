"""What the tests of the command line share: projects, and running a command in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.hostile import STACK
from tests.running import in_process


class Answer(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Ask = Callable[..., Answer]


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command in this process."""

    def ask_(*arguments: str) -> Answer:
        capfd.readouterr()
        code = in_process(arguments)
        return Answer(code, *capfd.readouterr())

    return ask_


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one stack, nothing applied; the working directory is its root."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def applied(dev: Path, ask: Ask) -> Path:
    """The same, applied."""
    assert ask("apply", "--yes").code == 0
    return dev
