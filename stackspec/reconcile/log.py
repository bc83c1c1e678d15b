"""The agent's log: a JSON object a line, without a secret, that the loss of its reader does not stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from stackspec.core.diagnostic import Diagnostic
from stackspec.core.secret import Redactor
from stackspec.render.diagnostics import diagnostics_json
from stackspec.render.text import json_text

Level = Literal["info", "warning", "error"]


def to_descriptor(descriptor: int) -> Callable[[bytes], None]:
    """What writes to a descriptor, past the buffers of a stream: a signal handler may log as well."""

    def write(data: bytes) -> None:
        # Who reads the log may leave or fill its disk, and the environments are to be reconciled all the same.
        with suppress(OSError):
            while data:
                data = data[os.write(descriptor, data) :]

    return write


class Log:
    """Where events are told.

    Args:
        quiet: Whether what is no warning or error is left out.
    """

    def __init__(self, write: Callable[[bytes], None], *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet

    def tell(
        self, event: str, message: str = "", *, level: Level = "info", why: Sequence[Diagnostic] = (), **fields: Any
    ) -> None:
        """Tell one event.

        Args:
            event: What kind of event: words with dashes, for programs.
            message: The same for people.
            why: Diagnostics that belong to it.
            fields: What else does; those that are None are left out.
        """
        if self._quiet and level == "info":
            return
        document = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "event": event,
            **({"message": message} if message else {}),
            **{name: value for name, value in fields.items() if value is not None},
            **({"diagnostics": diagnostics_json(why)} if why else {}),
        }
        self._write(json_text(_hidden(document)).encode() + b"\n")


def _hidden(value: Any) -> Any:
    """The value without what is secret in any of its texts."""
    if isinstance(value, str):
        return Redactor.hidden_by_any(value)
    if isinstance(value, Mapping):
        return {name: _hidden(one) for name, one in value.items()}
    return [_hidden(one) for one in value] if isinstance(value, list | tuple) else value
