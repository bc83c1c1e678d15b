"""A whole state as one JSON text: what `state pull` prints, `state push` takes, and copies for safekeeping are."""

from __future__ import annotations

import json
from collections.abc import Iterable

from stackspec.core.blake2 import blake2b
from stackspec.state.codec import component_from_json, decode_pending, encode_component, encode_pending
from stackspec.state.model import AppliedState

FORMAT = 1
"""The version of the text."""


class ExportError(ValueError):
    """A text that is no exported state, or a damaged one; the message says which."""


def export(
    environment: str,
    lineage: str,
    serial: int,
    components: Iterable[str],
    pending: Iterable[str],
    deposed: Iterable[str] = (),
    *,
    protected: bool = False,
) -> str:
    """The text of a state whose records are encoded already; of what is deposed or protected only where it is so."""
    body = f'"components":[{",".join(components)}],"pending":[{",".join(pending)}]'
    if removals := ",".join(deposed):
        body += f',"deposed":[{removals}]'
    if protected:
        body += ',"protected":true'
    head = {"format": FORMAT, "environment": environment, "lineage": lineage, "serial": serial}
    opening = json.dumps(head, separators=(",", ":"))[:-1]
    return f'{opening},{body},"digest":"{_digest(opening + body)}"}}\n'


def export_state(state: AppliedState) -> str:
    """The text of a state."""
    return export(
        state.environment,
        state.lineage,
        state.serial,
        map(encode_component, state.components.values()),
        map(encode_pending, state.pending.values()),
        map(encode_pending, state.deposed.values()),
        protected=state.protected,
    )


def import_state(text: str) -> AppliedState:
    """The inverse of `export_state`, whatever the spaces in the text.

    Raises:
        ExportError: the text is no such state, of a newer version, or damaged.
    """
    try:
        document = json.loads(text)
        if document["format"] > FORMAT:
            raise ExportError(f"it was written by a newer stackspec (format {document['format']})")
        components = [component_from_json(record) for record in document["components"]]
        pending = [decode_pending(json.dumps(record)) for record in document["pending"]]
        deposed = [decode_pending(json.dumps(record)) for record in document.get("deposed", [])]
        state = AppliedState(
            document["environment"],
            document["lineage"],
            document["serial"],
            {component.address: component for component in components},
            {operation.component.address: operation for operation in pending},
            {removal.component.identity: removal for removal in deposed},
            bool(document.get("protected", False)),
        )
        digest = document["digest"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, ExportError) else ExportError("it is no exported state") from error
    if json.loads(export_state(state))["digest"] != digest:
        raise ExportError("it is damaged: its digest does not fit")
    return state


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
