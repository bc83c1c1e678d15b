"""stackspec: a declarative GitOps configuration compiler for ML stacks.

Importing the package costs next to nothing; the public names below are loaded when they are first used.
"""

__version__ = "0.1.0"

# A type checker takes it for true. `typing`, and `__future__` too, would be looked for in the working directory before
# `__main__` has taken it off the search path.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
    from stackspec.project import Project
    from stackspec.python_api import Component, DockerBuild, Stack

__all__ = ["Component", "Diagnostic", "DockerBuild", "Project", "Severity", "Stack", "StackspecError", "__version__"]

_HOMES = {
    "Diagnostic": "stackspec.core.diagnostic",
    "Severity": "stackspec.core.diagnostic",
    "StackspecError": "stackspec.core.diagnostic",
    "Project": "stackspec.project",
    "Component": "stackspec.python_api",
    "DockerBuild": "stackspec.python_api",
    "Stack": "stackspec.python_api",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'stackspec' has no attribute {name!r}")
