"""Which files a command reads: each once, however it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

PROJECT = "apiVersion: stackspec.dev/v1\nkind: Project\nspec: {manifests: [.]}\n"


@pytest.mark.parametrize(
    "named",
    [
        [],
        ["stacks", "stacks"],
        ["stacks/dev.yaml", "stacks/dev.yaml"],
        ["./stacks/../stacks/dev.yaml", "stacks"],
        ["stacks", "link.yaml"],
        ["stackspec.yaml", "stacks"],
        ["."],
    ],
)
def test_a_file_is_read_once(named: list[str], dev: Path, ask: Ask) -> None:
    (dev / "stackspec.yaml").write_text(PROJECT)
    (dev / "link.yaml").symlink_to("stacks/dev.yaml")
    answer = ask("plan", *(part for name in named for part in ("-f", name)))
    assert (answer.code, answer.err) == (0, "")
    assert "2 to create" in answer.out


def test_a_project_that_comes_a_second_time_is_declared_twice(dev: Path, ask: Ask) -> None:
    (dev / "stackspec.yaml").write_text(PROJECT)
    (dev / "copy.yaml").write_text(PROJECT + "---\n" + STACK)
    answer = ask("plan", "-f", "copy.yaml")
    assert answer.code == 1
    assert "error[SS0401]: a Project is declared twice" in answer.err
