"""What waits for an apply or is a secret, as references that other tools resolve; and names that they take."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from stackspec.core.expression import ComponentOutput, Deferred, SecretReference, outputs_in, secrets_in
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value
from stackspec.stack.model import DesiredComponent


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is read where something runs: that of a secret, or an output of a component.

    Attributes:
        variable: The variable that it is read from.
    """

    of: SecretReference | ComponentOutput
    variable: str


def references_in(components: Iterable[DesiredComponent]) -> dict[str, Reference]:
    """What components wait for, by its expression; each has a variable of its own, whose name any shell takes.

    Of several whose names would be one, as of `a-b` and `a_b`, each has a digest behind it.
    """
    values = (value for one in components for value in (one.config, one.variables))
    waited = {str(one): one for value in values for one in _waited_for(value)}
    plain = {text: _variable(one) for text, one in waited.items()}
    times = Counter(plain.values())
    return {
        text: Reference(one, name if times[name := plain[text]] == 1 else f"{name}_{_digest(text).upper()}")
        for text, one in waited.items()
    }


def _waited_for(value: Value) -> Iterator[SecretReference | ComponentOutput]:
    if isinstance(value, Deferred):
        yield from secrets_in(value.expression)
        yield from outputs_in(value.expression)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _waited_for(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _waited_for(item)


def _variable(of: SecretReference | ComponentOutput) -> str:
    words = (of.name, of.key) if isinstance(of, SecretReference) else (of.component, of.output)
    name = re.sub("[^A-Z0-9]+", "_", "_".join(words).upper())
    return f"_{name}" if name[0].isdigit() else name


def dns_name(text: str) -> str:
    """A name or an address as a name that Kubernetes takes, the same one each time and another for each."""
    kind, slash, name = text.rpartition("/")
    plain = kind.replace("_", "-") + slash.replace("/", "-") + name
    if _DNS_NAME.match(plain) and len(plain) <= _LONGEST_NAME:
        return plain
    shortened = re.sub("[^a-z0-9-]+", "-", plain.lower())[: _LONGEST_NAME - 9].strip("-")
    return f"{shortened or 'x'}-{_digest(text)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()


_DNS_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?\Z")
_LONGEST_NAME = 52
"""Characters of a name, of 63 that Kubernetes takes, for what it appends to some."""
