"""The variables of what runs on a stack as a dotenv file: those of secrets are named, and empty."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stackspec.core.address import ComponentAddress
from stackspec.core.expression import ComponentOutput, Deferred, Expression, Join, Literal, SecretReference, secrets_in
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value, canonical, contains_sealed
from stackspec.plan.situation import SpecOf
from stackspec.render.text import safe
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState
from stackspec.state.model import AppliedState


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable; where its value is not told, `why` says so."""

    name: str
    value: str = ""
    why: str = ""


def handed_over(
    stack: DesiredStack, desired: DesiredState, applied: AppliedState | None, spec_of: SpecOf
) -> list[Variable]:
    """The variables of what runs on a stack, in the order in which later ones win, each once.

    Args:
        applied: What is applied, for the outputs of components; None where it is not to be looked at.
    """
    found: dict[str, Variable] = {}
    addresses: Sequence[ComponentAddress] = [one for some in stack.components.values() for one in some]
    for address in addresses:
        spec = spec_of(address.type, desired.components[address].flavor)
        record = applied.components.get(address) if applied else None
        for name, output in (spec.environment if spec else {}).items():
            if record is not None and record.outputs.get(output) is None:
                continue  # it gives none
            found[name] = _told(name, ComponentOutput(str(address), output), applied)
    users: list[DesiredComponent | DesiredStack] = [*(desired.components[one] for one in addresses), stack]
    for user in users:
        for name, value in user.variables.items():
            found[name] = _variable(name, value, applied)
    for user in users:
        for secret in user.secrets:
            for key in desired.secrets[secret]:
                found[key] = Variable(key, why=f"secrets.{secret}.{key}")
    return list(found.values())


def _variable(name: str, value: Value, applied: AppliedState | None) -> Variable:
    if isinstance(value, Deferred):
        return _told(name, value.expression, applied)
    return Variable(name, value if isinstance(value, str) else canonical(value))


def _told(name: str, expression: Expression, applied: AppliedState | None) -> Variable:
    secrets = list(secrets_in(expression))
    if secrets:
        return Variable(name, why=", ".join(dict.fromkeys(map(str, secrets))))
    try:
        return Variable(name, "".join(_texts(expression, applied)))
    except _UntoldError as error:
        return Variable(name, why=str(error))


class _UntoldError(Exception):
    """A value that is not told, and why."""


def _texts(expression: Expression, applied: AppliedState | None) -> Iterator[str]:
    match expression:
        case Literal(value):
            yield value if isinstance(value, str) else canonical(value)
        case Join(parts):
            for part in parts:
                yield from _texts(part, applied)
        case ComponentOutput(component, output):
            record = applied.components.get(ComponentAddress.parse(component)) if applied else None
            value = record.outputs.get(output) if record else None
            if value is None:
                raise _UntoldError(f"{expression}, which is not known yet")
            if contains_sealed(value):
                raise _UntoldError(f"{expression}, which is sensitive")
            yield value if isinstance(value, str) else canonical(value)
        case SecretReference():
            raise _UntoldError(str(expression))
        case _:
            raise _UntoldError("worked out by 'stackspec exec'")


def dotenv_text(variables: Sequence[Variable]) -> str:
    """A file as Compose, python-dotenv and shells read it; what is not told stands there without a value."""
    lines: list[str] = []
    for one in variables:
        lines += [f"# {safe(one.why)}", f"{one.name}="] if one.why else [f"{one.name}={_quoted(one.value)}"]
    return "\n".join(lines) + "\n" if lines else "# no variables\n"


_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*\Z")


def _quoted(text: str) -> str:
    if _PLAIN.match(text):
        return text
    if not set(text) & {"'", "\\", "\n", "\r"}:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
