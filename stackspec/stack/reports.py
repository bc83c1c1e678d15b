"""What is wrong with expressions, told at their places."""

from __future__ import annotations

from collections.abc import Mapping

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.expression import Deferred, ReportedError, SecretReference
from stackspec.core.values import Value
from stackspec.manifest.document import Document
from stackspec.manifest.expressions import Resolution


def report_expressions(
    resolution: Resolution, document: Document, path: FieldPath, diagnostics: list[Diagnostic]
) -> None:
    """Add what failed in a resolution to the diagnostics, each at its place."""
    for place, error in resolution.errors:
        if isinstance(error, ReportedError):
            continue
        # A process variable is missing for reasons of its own.
        code = "SS0306" if error.code == "SS0303" and error.message.startswith("'env.") else error.code
        diagnostics.append(Diagnostic(code, error.message, document.span((*path, *place)), error.hint))


def as_written(value: Value) -> Value:
    """The value with the text of each expression that waits or has failed; of a whole secret its name, a text."""
    if isinstance(value, Deferred):
        return str(value.expression) if isinstance(value.expression, SecretReference) else value.text
    if isinstance(value, Mapping):
        return {key: as_written(item) for key, item in value.items()}
    return [as_written(item) for item in value] if isinstance(value, list) else value
