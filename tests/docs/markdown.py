"""Markdown taken apart as far as the tests of the documentation need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))

_FENCE = re.compile(r"^```(.*)\n((?:(?!```).*\n)*)```$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language, what else stands behind the fence, its text and its line in the page."""

    page: Path
    language: str
    name: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, _, name = match[1].partition(" ")
        found.append(Block(page, language, name, match[2], text.count("\n", 0, match.start()) + 1))
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    """What stands between backticks in the prose."""
    return [match[1] for match in _SPAN.finditer(prose(page))]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links."""
    return (match[1] for match in _LINK.finditer(_SPAN.sub("", prose(page))))


def anchors(page: Path) -> set[str]:
    """What a link may say behind `#`, as GitHub makes it of headings."""
    return {re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-") for heading in _HEADING.finditer(prose(page))}
