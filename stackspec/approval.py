"""The approval without which a protected environment is not changed."""

from __future__ import annotations

from stackspec.core.diagnostic import StackspecError


def require(environment: str, approve: str | None, *, declared: bool, otherwise: str = "") -> None:
    """Make sure that the change of a protected environment is approved.

    Args:
        approve: The name that was given with `--approve`.
        declared: Whether the manifests still say that it is protected, and not only its state.
        otherwise: What else than `--approve` would do.

    Raises:
        StackspecError: another name was given, or none.
    """
    if approve == environment:
        return
    since = "" if declared else ", as it was last applied"
    named = f", and --approve names '{approve}'" if approve else ""
    ways = ", ".join(filter(None, (f"approve the change with --approve {environment}", otherwise)))
    raise StackspecError.of("SS0605", f"the environment '{environment}' is protected{since}{named}", hint=ways)
