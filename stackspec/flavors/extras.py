"""The optional packages that a flavor's hooks need."""

from __future__ import annotations

from importlib.util import find_spec

from stackspec.flavors.contract import HookError


def require_extra(extra: str, *packages: str) -> None:
    """Check that what an extra of stackspec installs is there, without importing it.

    Raises:
        HookError: a package is missing; the hint is the command that installs it.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise HookError(f"not installed: {', '.join(missing)}", f"pip install 'stackspec[{extra}]'")
