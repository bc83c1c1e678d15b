"""How components and the fields inside them are named."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME_PATTERN = "^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$"
"""What `metadata.name` may be; a DNS label that also admits `_`, at most 63 characters."""

_NAME_TEXT = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_NAME_TEXT}\Z")
_ADDRESS = re.compile(rf"({_NAME_TEXT})/({_NAME_TEXT})\Z")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")

STEPS_PATTERN = r'(\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,9}\]|\["([^"\\]|\\.)*"\])*'
"""What may follow the first key of a field path, for the patterns of schemas; what `parse_path` takes."""

PathStep = str | int


def is_name(text: str) -> bool:
    """Whether `text` may be the name of a manifest or a component."""
    return _NAME.match(text) is not None


class ComponentAddress(NamedTuple):
    """A component's identity inside one environment, written `type/name`."""

    type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ComponentAddress:
        """Read `type/name`.

        Raises:
            ValueError: `text` is not two names with one slash between them.
        """
        found = _ADDRESS.match(text)
        if found is None:
            raise ValueError(f"{text!r} is not an address of the form type/name")
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"{self.type}/{self.name}"


FieldPath = tuple[PathStep, ...]
"""Where a value stands inside a document: mapping keys and sequence indexes from the root down."""


def format_path(path: FieldPath) -> str:
    """`("config", "tags", 0, "a.b")` as `config.tags[0]["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.match(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


_STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\]')


def parse_path(text: str) -> FieldPath:
    """The inverse of `format_path`.

    Raises:
        ValueError: `text` is not a field path.
    """
    steps: list[PathStep] = []
    position = 0
    rest = text if text.startswith("[") else f".{text}"
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise ValueError(f"{text!r} is not a field path")
        plain, index, quoted = match.groups()
        if plain is not None:
            steps.append(plain)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return tuple(steps)
