"""Secrets for people and for programs: their names and where they are kept, never a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stackspec.core.expression import SecretReference
from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, aligned, headline, safe
from stackspec.secret_stores.values import Unavailable
from stackspec.stack.model import DesiredSecret, DesiredState

Missing = Mapping[tuple[str, str], Unavailable]
"""Name and key to why there is no value."""


def secrets_text(desired: DesiredState, missing: Missing | None, style: Style) -> str:
    """One line a key of an environment's secrets: the store that keeps it, of which type that is, and the place in it.

    Args:
        missing: The keys without a value; None where nobody asked.
    """
    rows = [["SECRET", "STORE", "TYPE", "PATH", *(["VALUE"] if missing is not None else [])]]
    for secret, one in _keys(desired):
        source = one.source
        row = [str(one), secret.store, source.store if source else "-", safe(source.path) if source else "-"]
        if missing is not None:
            why = missing.get((one.name, one.key))
            row.append("there" if why is None else _told(why))
        rows.append(row)
    if len(rows) == 1:
        return "No Secret is declared.\n"
    head, *lines = aligned(rows)
    return "\n".join([style(head, "dim"), *lines]) + "\n"


def secrets_json(desired: DesiredState, missing: Missing | None) -> dict[str, Any]:
    """The same as a document."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": desired.environment.name,
        "secrets": [_record(secret, one, missing) for secret, one in _keys(desired)],
    }


def _keys(desired: DesiredState) -> Iterator[tuple[DesiredSecret, SecretReference]]:
    for secret in desired.declared_secrets.values():
        for reference in secret.keys.values():
            yield secret, reference


def _record(secret: DesiredSecret, reference: SecretReference, missing: Missing | None) -> dict[str, Any]:
    source = reference.source
    record: dict[str, Any] = {
        "secret": secret.name,
        "key": reference.key,
        "store": secret.store,
        "type": source.store if source else None,
        "path": source.path if source else None,
    }
    if missing is not None:
        why = missing.get((secret.name, reference.key))
        problem = why and {"code": why.code, "message": why.message, "hint": why.hint}
        record |= {"available": why is None, "problem": problem}
    return record


def _told(why: Unavailable) -> str:
    hint = f" ({why.hint})" if why.hint else ""
    return headline(f"{why.code}: {why.message.partition(': ')[2]}{hint}")
