"""Edits of the modules that a project takes flavors from."""

from __future__ import annotations

from typing import Any

from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.core.layout import PROJECT_FILE
from stackspec.edit.catalogue import Catalogue
from stackspec.edit.edits import Edit, add, change


def register(catalogue: Catalogue, module: str) -> list[Edit]:
    """Name a module among the Project's plugins.

    Raises:
        StackspecError: it is there.
    """
    project = catalogue.declared.project_manifest
    if project is None:
        return [add(PROJECT_FILE, "Project", "project", {"plugins": [module]}, catalogue.texts)]
    if module in catalogue.declared.project.plugins:
        place = project.span(("spec", "plugins"))
        raise StackspecError([Diagnostic("SS0401", f"the plugin '{module}' is named already", place)])

    def how(manifest: Any) -> None:
        if manifest.get("spec") is None:
            manifest["spec"] = {}
        manifest["spec"].setdefault("plugins", []).append(module)

    return [change(project.document, how)]
