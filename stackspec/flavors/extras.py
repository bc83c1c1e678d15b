"""The optional packages that a flavor's hooks need."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from stackspec.flavors.contract import Flavor, HookError


def missing(modules: Iterable[str]) -> list[str]:
    """The modules that are not installed; none is imported, but for what a dotted one is a part of."""
    return [module for module in modules if not _is_there(module)]


def require_extra(extra: str, *modules: str) -> None:
    """Check that what an extra of stackspec installs is there.

    Raises:
        HookError: a module is missing; the hint is the command that installs it.
    """
    if lacking := missing(modules):
        raise HookError(f"not installed: {', '.join(lacking)}", f"pip install 'stackspec[{extra}]'")


def require_imports(flavor: Flavor) -> None:
    """Check that what a flavor's hooks import is there. Raises as `require_extra`."""
    require_extra(flavor.extra or "", *flavor.imports)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False
