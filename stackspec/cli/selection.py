"""What the command line selects, as a selection."""

from __future__ import annotations

from collections.abc import Sequence

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.plan.selection import Selection


def selection(
    stacks: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    replace: Sequence[str] | None = None,
    *,
    adopt: Sequence[str] | None = None,
    destroy: bool = False,
    force: bool = False,
) -> Selection:
    """What the options select.

    Raises:
        StackspecError: an address is not of the form type/name.
    """
    return Selection(
        stacks=tuple(stacks or ()),
        targets=addresses(targets),
        replace=addresses(replace),
        adopt=addresses(adopt),
        destroy=destroy,
        force=force,
    )


def addresses(texts: Sequence[str] | None) -> tuple[ComponentAddress, ...]:
    """Addresses given on the command line.

    Raises:
        StackspecError: one is not of the form type/name; all such ones are reported.
    """
    found, wrong = [], []
    for text in texts or ():
        try:
            found.append(ComponentAddress.parse(text))
        except ValueError:
            wrong.append(
                Diagnostic(
                    "SS0502", f"'{text}' is not an address", hint="an address is type/name, like artifact_store/dev"
                )
            )
    if wrong:
        raise StackspecError(wrong)
    return tuple(found)
