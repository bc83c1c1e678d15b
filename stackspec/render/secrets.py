"""Secrets for people and for programs: their names and where they are kept, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackspec.core.expression import SecretReference
from stackspec.render.plan import FORMAT_VERSION
from stackspec.render.text import Style, aligned, headline, safe
from stackspec.secret_stores.values import Unavailable

Missing = Mapping[tuple[str, str], Unavailable]
"""Name and key to why there is no value."""


def secrets_text(secrets: Iterable[SecretReference], missing: Missing | None, style: Style) -> str:
    """One line a key.

    Args:
        missing: The keys without a value; None where nobody asked.
    """
    rows = [["SECRET", "STORE", "PATH", *(["VALUE"] if missing is not None else [])]]
    for one in secrets:
        source = one.source
        row = [str(one), safe(source.store) if source else "-", safe(source.path) if source else "-"]
        if missing is not None:
            why = missing.get((one.name, one.key))
            row.append("there" if why is None else _told(why))
        rows.append(row)
    if len(rows) == 1:
        return "No Secret is declared.\n"
    head, *lines = aligned(rows)
    return "\n".join([style(head, "dim"), *lines]) + "\n"


def secrets_json(secrets: Iterable[SecretReference], missing: Missing | None) -> dict[str, Any]:
    """The same as a document."""
    return {"format_version": FORMAT_VERSION, "secrets": [_record(one, missing) for one in secrets]}


def _record(secret: SecretReference, missing: Missing | None) -> dict[str, Any]:
    source = secret.source
    record: dict[str, Any] = {
        "secret": secret.name,
        "key": secret.key,
        "store": source.store if source else None,
        "path": source.path if source else None,
    }
    if missing is not None:
        why = missing.get((secret.name, secret.key))
        problem = why and {"code": why.code, "message": why.message, "hint": why.hint}
        record |= {"available": why is None, "problem": problem}
    return record


def _told(why: Unavailable) -> str:
    hint = f" ({why.hint})" if why.hint else ""
    return headline(f"{why.code}: {why.message.partition(': ')[2]}{hint}")
