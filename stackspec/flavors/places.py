"""Where a path of a manifest really leads."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
