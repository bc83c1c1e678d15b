"""Everyday arguments are read without Typer: whatever is read so means the same to Typer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stackspec.cli import app, commands, plain
from stackspec.cli.start import start

Called = list[tuple[str, Mapping[str, Any]]]

BEFORE = [["-v"], ["--quiet"], ["-C", "somewhere"], ["--chdir=elsewhere"], ["-q"]]
OPTIONS = [
    *(["-e", "dev"], ["--environment=prod"], ["--environment", "dev"], ["--stack", "a"], ["--stack=b"]),
    *(["--target", "log_store/a"], ["--replace=log_store/a"], ["--destroy"], ["--detailed-exitcode"], ["--all"]),
    *(["-f", "-"], ["--file", "x.yaml"], ["-o", "json"], ["--output=text"], ["-o", "yaml"], ["--yes"], ["-y"]),
    *(
        ["--parallelism", "3"],
        ["--parallelism=0"],
        ["--parallelism", "300"],
        ["--parallelism", "x"],
        ["--approve", "p"],
    ),
    *(
        ["--write", "folder"],
        ["a.yaml"],
        ["-"],
        ["--"],
        ["--help"],
        ["-ojson"],
        ["-e=dev"],
        ["--yes=1"],
        ["--al"],
        ["-e"],
    ),
    *(
        [""],
        ["--environment="],
        ["--stack", "--yes"],
        ["state"],
        ["list"],
        ["--version"],
        ["--out", "saved"],
        ["--out=saved"],
        ["7"],
        ["--rollback", "7"],
        ["--rollback=x"],
    ),
]


@pytest.fixture(scope="module")
def called() -> Iterator[Called]:
    """What Typer calls, by name, with which values; nothing is carried out."""
    calls: Called = []

    def recorded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def record(**values: Any) -> int:
            calls.append((name, values))
            return 0

        return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "start", recorded("", start))
        patch.setattr(app, "command", lambda words: recorded(words, commands.command(words)))
        yield calls


def complete(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    bound = inspect.signature(function).bind_partial(**values)
    bound.apply_defaults()
    return bound.arguments


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # most options are those of other commands
@given(
    st.lists(st.sampled_from(BEFORE), max_size=3),
    st.sampled_from([words for words in commands.COMMANDS if plain.read(words.split()) is not None]),
    st.lists(st.sampled_from(OPTIONS), max_size=4),
)
def test_what_is_plain_means_the_same_to_typer(
    called: Called, before: list[list[str]], name: str, options: list[list[str]]
) -> None:
    arguments = [word for group in [*before, name.split(), *options] for word in group]
    call = plain.read(arguments)
    assume(call is not None)
    assert call is not None
    called.clear()
    assert app.run(arguments) == 0
    assert called == [("", complete(start, call.before)), (name, complete(call.command, call.values))]


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"],
        ["-C", "x", "plan", "-e", "dev", "--detailed-exitcode", "-o", "json"],
        ["validate", "a.yaml", "b.yaml"],
        ["apply", "--yes", "--parallelism=20"],
        ["apply", "saved"],
        ["apply", "-o", "json", "saved", "-e", "dev"],
        ["plan", "--destroy", "--out", "saved"],
        ["destroy", "-y", "--stack", "a", "--stack", "b"],
    ],
)
def test_everyday_arguments_are_plain(arguments: list[str]) -> None:
    assert plain.read(arguments) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["plan", "--help"],
        ["nothing"],
        ["state"],
        ["plan", "x"],
        ["plan", "-e"],
        ["apply", "--parallelism=0"],
        ["apply", "saved", "again"],
    ],
)
def test_the_rest_is_typers(arguments: list[str]) -> None:
    assert plain.read(arguments) is None


def test_options_from_variables_are_typers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKSPEC_STACK", "a")
    assert plain.read(["plan"]) is None
    assert plain.read(["version"]) is not None
