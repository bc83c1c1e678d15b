"""`stackspec output`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Option, Output, OutputFormat


def output(
    address: Annotated[str, Argument("The component, as type/name.", "ADDRESS")],
    name: Annotated[str | None, Argument("One of its outputs; default: all.", "[OUTPUT]")] = None,
    reveal: Annotated[bool, Option(("--reveal",), "Show sensitive ones too.")] = False,
    environment: EnvironmentName = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Print what a component gives to others: its address, an id, a token."""
    from stackspec.cli.selection import addresses
    from stackspec.cli.session import Session
    from stackspec.render.outputs import output_text, outputs_text

    with Session(output) as session:
        (wanted,) = addresses([address])
        found = session.project.outputs(wanted, environment, reveal=reveal)
        if name is not None:
            session.answer(output_text(found, wanted, name, json=session.json))
        elif session.json:
            session.answer_json(found)
        else:
            session.answer(outputs_text(found))
    return 0
