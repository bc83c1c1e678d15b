"""What the tests of the agent share: a repository, served or not, and agents that end with the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agents import Begin, Process
from tests.cli.hostile import STACK
from tests.repositories import Forge, Served


@pytest.fixture(scope="session")
def first_forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    """A repository with a project of one stack, for tests to copy."""
    one = Forge.make(tmp_path_factory.mktemp("forges") / "forge")
    one.push({"stacks/dev.yaml": STACK})
    return one


@pytest.fixture
def forge(first_forge: Forge, tmp_path: Path) -> Forge:
    """A repository with a project of one stack."""
    shutil.copytree(first_forge.path.parent, tmp_path / "forge")
    return Forge(tmp_path / "forge")


@pytest.fixture
def served(forge: Forge) -> Iterator[Served]:
    one = Served(forge)
    yield one
    with suppress(OSError):
        one.down()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Begin]:
    """Begins agents in `tmp_path/work`, or another folder; they are killed in the end."""
    begun: list[Process] = []

    def begin(*words: str, folder: str = "work", variables: Mapping[str, str] | None = None) -> Process:
        (tmp_path / folder).mkdir(exist_ok=True)
        begun.append(Process(tmp_path / folder, *words, variables=variables))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
