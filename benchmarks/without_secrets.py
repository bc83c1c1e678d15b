"""stackspec with or without what it has for secrets: `python -I without_secrets.py without plan`, or `with plan`.

What the rest imports of it is stood in for by what does nothing, so that the difference is all that secrets cost a
project which has none. Such a project can be planned, and no more.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any


def _declared(*_: Any) -> Any:
    return SimpleNamespace(
        references={}, declared={}, stores={}, named=lambda _names, _origin: (), find=lambda hidden: hidden
    )


STANDING_IN: dict[str, dict[str, Any]] = {
    "stackspec.manifest.exposed": {
        "TOKEN_FORMS": (),
        "exposed": lambda _source: (),
        "plain_secret": None,
        "says_secret": lambda _name: False,
    },
    "stackspec.stack.secrets": {"DeclaredSecrets": _declared},
    "stackspec.project_secrets": {"ProjectSecrets": None},
}
"""Module to what others import of it."""


def main() -> None:
    """Run what the arguments say."""
    from stackspec.__main__ import run_and_exit

    if sys.argv.pop(1) == "without":
        for name, names in STANDING_IN.items():
            module = sys.modules[name] = ModuleType(name)
            vars(module).update(names)
    run_and_exit()


if __name__ == "__main__":
    main()
