"""What the documentation says is so: reference pages, commands, manifests and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from docs.generate import HERE, pages
from stackspec.cli.commands import command, found
from stackspec.cli.options import Option
from stackspec.cli.start import start
from stackspec.core.diagnostic import has_errors
from stackspec.project import Project
from tests.docs.markdown import GUIDES, PAGES, ROOT, Block, anchors, blocks, code_spans, links

SPEAKING = [ROOT / "README.md", *GUIDES]
ASKED_ANYWHERE = {"-h", "--help", "--version"}


def id_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_reference_is_what_the_code_says() -> None:
    written = {
        f"{folder}/{path.name}": path.read_text(encoding="utf-8")
        for folder in ("reference", "flavors")
        for path in (HERE / folder).iterdir()
    }
    assert written == pages(), "run `make docs`"


# --- commands


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a shell's line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.commenters = "#"
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;()"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def commands_of(page: Path) -> Iterator[list[str]]:
    for block in blocks(page):
        if block.language in ("console", "sh", "yaml"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield from simple_commands(line[2:])
                elif block.language != "console" and re.match(r"\s*(- run: )?stackspec ", line):
                    yield from simple_commands(line.strip().removeprefix("- run: "))
    yield from (span.split() for span in code_spans(page) if span.startswith("stackspec "))


def options_of(words: str | None) -> dict[str, bool]:
    """Option to whether a value follows it."""
    hints = get_type_hints(start if words is None else command(words), include_extras=True)
    hints.pop("return")
    declared = [get_args(hint) for hint in hints.values()]
    return {
        name: kind is not bool for kind, option in declared if isinstance(option, Option) for name in option.names
    } | dict.fromkeys(ASKED_ANYWHERE, False)


def take_options(words: list[str], known: dict[str, bool]) -> list[str]:
    """The words that are no options, after a check that the options are known."""
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        name, equals, _ = word.partition("=")
        assert name in known, f"{word} is no option"
        if known[name] and not equals:
            queue = queue[1:]
    return rest


def check(words: list[str]) -> None:
    """That a command line of stackspec names a command that exists, and options that it has."""
    if any(word == "COMMAND" for word in words):
        return
    before = next((index for index in range(len(words)) if found(words[index : index + 3])), len(words))
    assert not take_options(words[:before], options_of(None)), "no command"
    if name := found(words[before : before + 3]):
        take_options(words[before + len(name.split()) :], options_of(name))
        return
    assert before == len(words), f"no command: {words[before:]}"


@pytest.mark.parametrize("page", SPEAKING, ids=id_of)
def test_commands_exist(page: Path) -> None:
    for line in commands_of(page):
        words = [word for word in line if not re.match(r"[A-Z_]+=", word)]
        if words and words[0].rpartition("/")[2] == "stackspec":
            try:
                # What stands behind '--' is another program's.
                check(words[1 : words.index("--") if "--" in words else None])
            except AssertionError as error:
                raise AssertionError(f"{' '.join(words)}: {error}") from None


# --- manifests


MANIFESTS = [
    block
    for page in [ROOT / "README.md", *PAGES]
    for block in blocks(page)
    if block.language == "yaml" and not block.name and "apiVersion: stackspec.dev/" in block.text
]


@pytest.mark.parametrize("block", sorted(set(MANIFESTS), key=str), ids=str)
def test_manifests_are_valid(block: Block, tmp_path: Path) -> None:
    """A block with an apiVersion is a project of its own."""
    (tmp_path / "stacks").mkdir()
    file = "stackspec.yaml" if "kind: Project" in block.text else "stacks/one.yaml"
    (tmp_path / file).write_text(block.text, encoding="utf-8")
    found = Project.open(tmp_path).validate()
    assert not has_errors(found), found


# --- links


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link
