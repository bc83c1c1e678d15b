"""`stackspec explain`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, Output, OutputFormat


def explain(
    code: Annotated[str, Argument("The code of a diagnostic, as SS0208, or its name, as unknown-flavor.", "CODE")],
    output: Output = OutputFormat.TEXT,
) -> int:
    """Say what the code of a diagnostic means, how it comes about, and what to do."""
    from stackspec.cli.session import Session
    from stackspec.render.explain import code_named, explanation_json, explanation_text

    with Session(output, untrusted=False) as session:
        found = code_named(code)
        if session.json:
            session.answer_json(explanation_json(found))
        else:
            session.answer(explanation_text(found, session.style))
    return 0
