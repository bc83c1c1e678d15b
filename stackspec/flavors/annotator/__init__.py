"""Annotators: they let people label data."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting


@dataclass(frozen=True, slots=True)
class Project:
    """Data that is labelled in one way.

    Attributes:
        id: What the annotator calls it.
        title: What people call it.
        url: Where they label.
    """

    id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that is to be labelled, or is.

    Attributes:
        id: What the annotator calls it.
        data: What people see, by name.
        annotations: What each of those who labelled it says, as the annotator has it; empty as long as nobody did.
    """

    id: str
    data: Mapping[str, Any]
    annotations: tuple[Any, ...] = ()


class Annotator(Flavor, ABC):
    """The parent of every annotator flavor."""

    type: ClassVar[str] = "annotator"

    class Outputs(FlavorOutputs):
        """What every annotator tells other components."""

        uri: str = setting("The web page of the annotator, as an HTTP URL.")

    def projects(self) -> list[Project]:
        """The projects that there are, in the order in which they were made.

        Raises:
            HookError: the component is not provisioned, its flavor cannot ask, or the annotator refuses or is away.
        """
        raise self._cannot("tell projects")

    def create(self, title: str, interface: str) -> Project:
        """A new project.

        Args:
            interface: What people see and can say, in the annotator's own language.

        Raises:
            HookError: the annotator does not understand it, or as `projects`.
        """
        raise self._cannot("make projects")

    def tasks(self, project: str) -> list[Task]:
        """All that a project has, labelled or not, in the order in which it was added.

        Args:
            project: The id.

        Raises:
            HookError: there is no such project, or as `projects`.
        """
        raise self._cannot("tell tasks")

    def add(self, project: str, tasks: Iterable[Mapping[str, Any]]) -> int:
        """Have people label more, and return how much more it is; adding the same again makes it twice.

        Args:
            project: The id.
            tasks: What people see, by name, for each.

        Raises:
            HookError: the data is not what the project's interface shows, or as `tasks`.
        """
        raise self._cannot("take tasks")

    def _cannot(self, what: str) -> HookError:
        message = f"{self.context.address} is of the flavor {self.flavor}, which cannot {what}"
        return HookError(message, "use the client of what is at its uri, or another flavor")
