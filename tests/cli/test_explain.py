"""What the codes of diagnostics mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.core.codes import CODES
from tests.cli.conftest import Ask


@pytest.mark.parametrize("said", ["SS0208", "ss0208", "unknown-flavor", "Unknown_Flavor", "error[SS0208]", "[SS0208]:"])
def test_a_code_is_explained_by_whatever_names_it(said: str, tmp_path: Path, ask: Ask) -> None:
    answer = ask("-C", str(tmp_path), "explain", said)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("SS0208 unknown-flavor\n")
    for text in (CODES["SS0208"].meaning, CODES["SS0208"].example, CODES["SS0208"].remedy):
        assert text in answer.out


def test_a_program_can_ask(ask: Ask) -> None:
    document = ask("explain", "ss0501", "-o", "json").json
    assert list(document) == ["format_version", "code", "slug", "meaning", "example", "remedy", "url"]
    assert (document["code"], document["slug"]) == ("SS0501", "prevent-destroy")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("unknown-flavr", "did you mean 'unknown-flavor' (SS0208)?"),
        ("ss0299", "SS0201, SS0202"),
        ("E501", "as in error[SS0208]"),
        ("", "as in error[SS0208]"),
        ("\x1b[31mx", "as in error[SS0208]"),
    ],
)
def test_what_is_no_code_is_told_with_what_is_near(said: str, hint: str, ask: Ask) -> None:
    answer = ask("explain", said)
    assert (answer.code, answer.out) == (1, "")
    assert "error[SS0901]: there is no code" in answer.err
    assert hint in answer.err
    assert "\x1b" not in answer.err
