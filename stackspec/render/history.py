"""What was done to a state, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, headline, safe
from stackspec.state.store import Chapter

_MOST_NAMED = 5
"""How many components a line names."""


def history_text(environment: str, chapters: Sequence[Chapter], style: Style) -> str:
    """Two lines a run: the serials it wrote and who it was, and what it did."""
    if not chapters:
        return f"Nothing was done yet in '{safe(environment)}'.\n"
    width = max(len(_serials(chapter)) for chapter in chapters)
    blocks = []
    for chapter in chapters:
        run = chapter.run
        commit = f", commit {safe(run.commit[:12])}" if run.commit else ""
        who = f"{safe(run.since)}  {safe(run.purpose)} by {safe(run.user)}@{safe(run.host)}{commit}"
        serials = style(f"{_serials(chapter):>{width}}", "bold")
        blocks.append(f"{serials}  {who}\n{' ' * width}  {headline(_did(chapter))}")
    return "\n".join(blocks) + "\n"


def history_json(environment: str, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """The same as a document."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": environment,
        "runs": [
            {
                "first_serial": chapter.first,
                "serial": chapter.last,
                **chapter.run.as_json(),
                "changes": {str(address): change for address, change in chapter.changes.items()},
            }
            for chapter in chapters
        ],
    }


def _serials(chapter: Chapter) -> str:
    return str(chapter.last) if chapter.first == chapter.last else f"{chapter.first}-{chapter.last}"


def _did(chapter: Chapter) -> str:
    if not chapter.changes:
        return "no component is another afterwards"
    parts = []
    for word, count in Counter(chapter.changes.values()).items():
        names = sorted(str(address) for address, change in chapter.changes.items() if change == word)
        more = f" and {count - _MOST_NAMED} more" if count > _MOST_NAMED else ""
        told = f"{', '.join(names[:_MOST_NAMED])}{more}"
        parts.append(f"{told} {word}" if " " in word else f"{word} {told}")
    return "; ".join(parts)
