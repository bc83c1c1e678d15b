"""Programs that misbehave while they hand out secrets."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from stackspec.secret_stores.contract import StoreError, StorePlace
from stackspec.secret_stores.program import MOST, Program


def program(folder: Path, script: str, *, seconds: float = 20.0, **variables: str) -> Program:
    """A program `speak` that is a script."""
    (folder / "speak").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "speak").chmod(0o700)
    environ = {"PATH": f"{folder}:/usr/bin:/bin", "STACKSPEC_PLAN_KEY": "k" * 32, **variables}
    return Program(StorePlace(folder, (), environ, seconds), "speak", "speaker")


def test_what_it_prints(tmp_path: Path) -> None:
    said = program(tmp_path, 'echo "$1"; echo hush >&2').output(["$HOME; a b"])
    assert said == b"$HOME; a b\n"


def test_an_exit_code_counts_and_nothing_else(tmp_path: Path) -> None:
    assert program(tmp_path, "echo hush; exit 3").output([]) == 3
    assert program(tmp_path, "echo hush; kill -9 $$").output([]) == -signal.SIGKILL


def test_it_reads_nothing_and_does_not_know_keys_of_ours(tmp_path: Path) -> None:
    assert program(tmp_path, 'cat; echo "$STACKSPEC_PLAN_KEY$A"', A="a").output([]) == b"a\n"


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & wait", "trap '' TERM; sleep 60", "exec >&-; sleep 60"])
def test_one_that_does_not_end_is_ended_with_its_children(script: str, tmp_path: Path) -> None:
    began = time.monotonic()
    speak = program(tmp_path, f"echo hush; echo $$ > {tmp_path}/group; {script}", seconds=0.5)
    with pytest.raises(StoreError, match=r"'speak' did not answer in 0 s|'speak' did not answer in 1 s") as caught:
        speak.output([])
    assert time.monotonic() - began < 10
    assert "hush" not in f"{caught.value}{caught.value.hint}"
    group = int((tmp_path / "group").read_text())
    with pytest.raises(StoreError, match="did not answer"):
        speak.output([])  # the time is that of all calls together
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a child is left")


@pytest.mark.parametrize("script", ["setsid sleep 30 & exit 0", "setsid sleep 30 & sleep 30"])
def test_a_child_that_left_and_keeps_the_output_open_is_not_waited_for(script: str, tmp_path: Path) -> None:
    began = time.monotonic()
    speak = program(tmp_path, f"echo hush; {script.replace('&', f'& echo $! > {tmp_path}/child;', 1)}", seconds=0.5)
    try:
        with pytest.raises(StoreError, match="did not answer") as caught:
            speak.output([])
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert time.monotonic() - began < 10
    assert "hush" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("given", [b"", b"a", b"a" * (MOST - 100)])
def test_what_it_is_given_and_says_of_it(given: bytes, tmp_path: Path) -> None:
    speak = program(tmp_path, 'echo well > "/dev/fd/$2"; echo "$1$3"; cat')
    said = speak.run(["x"], given, "--status")
    assert (said.code, said.output, said.status) == (0, b"--statusx\n" + given, b"well\n")


def test_it_need_not_read_what_it_is_given(tmp_path: Path) -> None:
    said = program(tmp_path, "exec <&-; echo done").run([], b"a" * MOST)
    assert (said.code, said.output, said.status) == (0, b"done\n", b"")


def test_one_that_never_stops_talking(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="printed more than 1 MiB"):
        program(tmp_path, "yes hush").output([])


def test_what_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be run: an argument is no text"):
        program(tmp_path, "").output(["nul\0"])
    (tmp_path / "speak").write_text("#!/nonexistent\n")
    with pytest.raises(StoreError, match="cannot be run: No such file"):
        Program(StorePlace(tmp_path, (), {"PATH": str(tmp_path)}, 5), "speak", "speaker").output([])
    with pytest.raises(StoreError, match="'mute' is not installed") as caught:
        Program(StorePlace(tmp_path, (), {"PATH": str(tmp_path)}, 5), "mute", "speaker")
    assert caught.value.hint == "run: apt-get install speaker"
