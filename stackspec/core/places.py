"""Where a path of a manifest really leads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from stackspec.core.layout import LOCAL_FOLDER


def real_place(root: Path, text: str) -> Path:
    """The absolute path of a `path` field, links resolved."""
    return Path(os.path.realpath(root / text))


def is_allowed(place: Path, root: Path, allowed_paths: Iterable[Path]) -> bool:
    """Whether a real place is inside the project or an allowed path, links resolved."""
    return any(place.is_relative_to(os.path.realpath(home)) for home in (root, *allowed_paths))


def is_reserved(place: Path, root: Path) -> bool:
    """Whether a real place is the project's own folder, inside it or around it."""
    own = Path(os.path.realpath(root / LOCAL_FOLDER))
    return place.is_relative_to(own) or own.is_relative_to(place)


def followed(path: str, link_at: Callable[[str], str | None]) -> list[str]:
    """Every place that an absolute path comes to, in order; the last is where it really leads, if not in a circle.

    Args:
        link_at: What the link at a place says; None where there is no link.
    """
    places, at, links = [], "", 0
    ahead = path.split("/")[::-1]
    while ahead:
        step = ahead.pop()
        if step == "..":
            at = at.rpartition("/")[0]
        elif step not in ("", "."):
            place = f"{at}/{step}"
            places.append(place)
            target = link_at(place)
            if target is None:
                at = place
                continue
            links += 1
            if links > _MOST_LINKS:
                return places
            at = "" if target.startswith("/") else at
            ahead += target.split("/")[::-1]
    return [*places, at]


class Links:
    """Which paths of a project go through symbolic links; each folder on the way is looked at once.

    Args:
        root: The folder that relative paths begin at.
    """

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"
        self._folders: dict[str, bool | None] = {}
        """Path as written to whether a link is on its way; None where nothing is."""

    def on_the_way(self, text: str) -> bool:
        """Whether the path, or any folder on its way, is a link."""
        if len(text) > _LONGEST_PATH:
            return False
        folder = text.rpartition("/")[0]
        linked = self._folders[folder] if folder in self._folders else self._look(folder)
        return bool(self._is_link(text) if linked is False else linked)

    def _look(self, folder: str) -> bool | None:
        linked: bool | None = False
        end = 0
        while linked is False and end >= 0:
            end = folder.find("/", end + 1)
            part = folder[:end] if end >= 0 else folder
            if part not in self._folders:
                self._folders[part] = self._is_link(part)
            linked = self._folders[part]
        self._folders[folder] = linked
        return linked

    def _is_link(self, text: str) -> bool | None:
        try:
            return stat.S_ISLNK(os.lstat(text if text.startswith("/") else self._root + text).st_mode)
        except (OSError, ValueError):
            return None


_MOST_LINKS = 40
"""How many links on the way of a path Linux follows."""
_LONGEST_PATH = 4096
"""What no system opens a longer path than."""
