"""`stackspec state list` and `stackspec state show`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Output, OutputFormat


def list_(environment: EnvironmentName = None, output: Output = OutputFormat.TEXT) -> int:
    """List what the state holds."""
    from stackspec.cli.session import Session

    with Session(output) as session:
        applied = session.project.store(session.project.environment(environment)).read()
        if session.json:
            rows = [
                {"address": str(one.address), "flavor": one.flavor, "stacks": list(one.stacks)}
                for one in applied.components.values()
            ]
            session.answer_json(
                {
                    "environment": applied.environment,
                    "serial": applied.serial,
                    "lineage": applied.lineage,
                    "components": rows,
                }
            )
        else:
            session.answer("".join(f"{address}\n" for address in applied.components))
    return 0


def show(
    address: Annotated[str, Argument("The component, as type/name.", "ADDRESS")],
    environment: EnvironmentName = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Show what the state holds of one component."""
    import yaml

    from stackspec.cli.selection import addresses
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.state.codec import component_to_json

    with Session(output) as session:
        (wanted,) = addresses([address])
        applied = session.project.store(session.project.environment(environment)).read()
        if wanted not in applied.components:
            hint = did_you_mean(address, [str(known) for known in applied.components])
            raise StackspecError.of("SS0705", f"{address} is not in the state", hint=hint)
        record = component_to_json(applied.components[wanted])
        if session.json:
            session.answer_json(record)
        else:
            session.answer(yaml.safe_dump(record, sort_keys=False, allow_unicode=False))
    return 0
