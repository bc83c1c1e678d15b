"""Pieces of Markdown that no text can break out of, and a page of them that is no longer than it may be.

What comes from manifests, flavors or state stands in code spans and fenced blocks alone, whose content CommonMark takes
as it is (https://spec.commonmark.org/0.31.2/#code-spans), and in which forges make nothing of `@name` and `#1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from stackspec.render.text import safe

_BACKTICKS = re.compile("`+")
LONGEST_SPAN = 300
"""Characters of a text that is shown in a line."""
LONGEST_LINE = 500
"""Characters of a line that a block shows."""


def span(text: str) -> str:
    """A text in a line, as a code span, which cannot be empty."""
    shown = _cut(safe(text))
    if not shown.strip():
        return "(empty)"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def in_html(text: str) -> str:
    """A text as an element of HTML, where no Markdown is read."""
    return f"<code>{escape(_cut(safe(text)))}</code>"


def block(language: str, lines: Iterable[str]) -> str:
    """Lines in a fenced block; each is made safe, cut where it is very long, and ends none."""
    text = "\n".join(_cut(safe(line), LONGEST_LINE) for line in lines)
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def link(shown: str, target: str | None) -> str:
    """Markdown as a link, where there is somewhere to go; the target is percent-encoded."""
    return f"[{shown}]({target})" if target else shown


def fold(summary: str, parts: Sequence[str]) -> str:
    """Parts that are shown when the summary, of HTML, is clicked at."""
    return "\n\n".join([f"<details><summary>{summary}</summary>", *parts, "</details>"])


def size(text: str) -> int:
    """How long a text is for a forge: bytes of UTF-8, of which there are never fewer than of anything it may count."""
    return len(text.encode())


class Page:
    """Blocks of Markdown with an empty line between them, as many as there is room for."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._blocks: list[str] = []

    def add(self, text: str, *, spare: int = 0) -> bool:
        """Add a block if there is room, and for `spare` more; whether there was."""
        needed = size(text) + 2
        if needed + spare > self._left:
            return False
        self._left -= needed
        self._blocks.append(text)
        return True

    def add_items(self, items: Sequence[str], share: int, most: int, spare: int) -> None:
        """Add a list, and how many items more there are where it would be too long.

        Args:
            share: The bytes that it may take.
            most: The items that are shown.
        """
        kept, room = [], min(share, self._left - spare - 100)
        for item in items[:most]:
            room -= size(item) + 3
            if room < 0:
                break
            kept.append(f"- {item}")
        if len(kept) < len(items):
            kept.append(f"- … and {len(items) - len(kept)} more")
        if kept:
            self.add("\n".join(kept))

    def __str__(self) -> str:
        return "\n\n".join(self._blocks) + "\n"


def _cut(text: str, longest: int = LONGEST_SPAN) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _longest_run(text: str) -> int:
    return max((len(found) for found in _BACKTICKS.findall(text)), default=0)
