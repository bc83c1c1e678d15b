"""Outputs of a component for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError, did_you_mean
from stackspec.core.expression import HIDDEN
from stackspec.render.text import aligned, json_text, safe, shown


def outputs_text(outputs: Mapping[str, Any]) -> str:
    """A line each."""
    rows = [(safe(name), HIDDEN if value == HIDDEN else shown(value)) for name, value in outputs.items()]
    return "\n".join(aligned(rows)) + "\n" if rows else "There are no outputs.\n"


def output_text(outputs: Mapping[str, Any], address: ComponentAddress, name: str, *, json: bool) -> str:
    """One output alone, a text without quotes, for scripts to take.

    Raises:
        StackspecError: there is none of that name, or it is hidden.
    """
    if name not in outputs:
        message = f"{address} has no output '{name[:80]}'"
        raise StackspecError.of("SS0705", message, hint=did_you_mean(name, outputs))
    value = outputs[name]
    if value == HIDDEN:
        raise StackspecError.of("SS0807", f"the output '{name}' of {address} is sensitive", hint="show it: --reveal")
    return f"{value if isinstance(value, str) and not json else json_text(value)}\n"
