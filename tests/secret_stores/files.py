"""Files with secrets in them, for tests of the stores that read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stackspec.secret_stores.values import Unavailable

PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nhushMIIEvAIBADANBgkqSECRETBODY\nhushQUJD==\n-----END PRIVATE KEY-----"
NO_LINES = (
    "hushMIIEvAIBADANBgkqSECRETBODY",
    "export hushMIIEvAIBADANBgkq",
    "hushMIIE/vAIBADANBgkq+SECRETBODY=",
    "hushQUJD==",
    "4hushQUJD=",
    "B='it's hush'",
    "-----END hush-----",
)
"""What is no `NAME=value`, but may be a part of a value that somebody put no quotes around."""


def write_private(path: Path, text: str | bytes) -> None:
    """A file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)


def as_json(values: Mapping[str, str]) -> str:
    """A JSON document, which is a YAML document too."""
    return json.dumps(values, ensure_ascii=False)


def putting(write: Callable[[Mapping[str, str]], None]) -> Callable[[Mapping[str, str]], None]:
    """What puts values into a file that holds all of them, and is written as a whole."""
    held: dict[str, str] = {}

    def put(values: Mapping[str, str]) -> None:
        held.update(values)
        write(held)

    return put


def refused(answer: str | Unavailable, code: str = "SS0804") -> str:
    """What a store says that gives no value, its hint behind it; nothing of what it holds may be in it."""
    assert isinstance(answer, Unavailable), "a value was given out"
    assert answer.code == code, answer
    said = f"{answer.message}; {answer.hint}"
    assert "hush" not in said, "values in these tests begin with hush"
    return said


def told(answers: Iterable[str | Unavailable]) -> list[str]:
    """Values, and codes where there are none."""
    return [one.code if isinstance(one, Unavailable) else one for one in answers]


def as_dotenv(values: Mapping[str, str]) -> str:
    """Lines `NAME='value'`."""
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    return "".join(f"{name}='{value}'\n" for name, value in quoted.items())
