"""What a secret store is: a config that describes itself, and one call that reads many values.

A store is one class in one file. It is made when the first value is read from it and used from one thread; what it
needs of other packages it imports then.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from stackspec.core.fields import Fields, setting
from stackspec.core.frozen import dataclass
from stackspec.core.layout import LOCAL_FOLDER, PROJECT_FILE
from stackspec.core.own_variables import OWN_VARIABLES
from stackspec.core.places import is_allowed, real_place
from stackspec.core.secret import Secret

__all__ = ["Answer", "Missing", "Secret", "SecretStore", "StoreConfig", "StoreError", "StorePlace", "setting"]


class StoreConfig(Fields):
    """The parent of a store's `Config`: what a SecretStore's manifest may write under `config`."""


class StoreError(Exception):
    """A store, or one value of it, cannot be read, for a reason that a user can mend.

    It has a headline without any value in it, and what to do.

    Args:
        unfit: It is not that the store does not answer, but that what it says must not be trusted or cannot be read.
    """

    def __init__(self, message: str, hint: str | None = None, *, unfit: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.unfit = unfit


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such value.

    Attributes:
        what: What is not there, as a headline: `the variable DB_PASSWORD is not set`.
        known: The names that exist, where the store may tell.
    """

    what: str
    known: tuple[str, ...] = ()


Answer = Secret | Missing | StoreError
"""What a store says of a path: the value; that there is none; or why this one, and not the store, cannot be read."""


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is read from.

    Attributes:
        root: The project's root, absolute.
        allowed_paths: Absolute folders outside the project that manifests may name.
        environ: The variables of the process.
        seconds: How long all of a call may take.
        withheld: The variables that are secrets of the project themselves: no program that a store runs gets them.
    """

    root: Path
    allowed_paths: tuple[Path, ...]
    environ: Mapping[str, str]
    seconds: float
    withheld: frozenset[str] = frozenset()

    def path(self, text: str) -> Path:
        """The absolute path of a file or folder that a config names, links resolved.

        Raises:
            StoreError: it leads out of the project and is under no allowed path, or is no path.
        """
        try:
            resolved = real_place(self.root, text)
        except (OSError, ValueError) as error:
            raise StoreError(f"'{text}' cannot be read: it is no path", unfit=True) from error
        if not is_allowed(resolved, self.root, self.allowed_paths):
            raise StoreError(
                f"the path '{text}' leads to {resolved}, outside the project",
                f"use a path inside the project, or add its folder to spec.allowed_paths of {PROJECT_FILE}",
                unfit=True,
            )
        if resolved.is_relative_to(real_place(self.root, LOCAL_FOLDER)):
            raise StoreError(f"the path '{text}' leads into stackspec's own folder", unfit=True)
        return resolved

    def variable(self, name: str) -> str | None:
        """What a variable of the process holds that a config names; None where it is not set.

        Raises:
            StoreError: it is not for manifests, or no text.
        """
        if name in OWN_VARIABLES:
            raise StoreError(f"the variable {name} holds a key of stackspec's own, which no manifest reads", unfit=True)
        text = self.environ.get(name)
        try:
            (text or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise StoreError(f"the variable {name} is not UTF-8 text", unfit=True) from error.with_traceback(None)
        return text


class SecretStore(ABC):
    """A place that keeps secrets.

    Attributes:
        type: The store's type; the file's name as well.
        extra: The extra of stackspec that installs what the store imports, if any.
        is_local: Whether it is read without a network, another program or a person.
        path_form: What a path in the store is, for people: `the name of a variable`.
    """

    type: ClassVar[str]
    extra: ClassVar[str | None] = None
    is_local: ClassVar[bool] = False
    path_form: ClassVar[str]

    Config: ClassVar[builtins.type[StoreConfig]]

    def __init__(self, config: Any, place: StorePlace) -> None:
        self.config = config
        self.place = place

    @classmethod
    def variable_of(cls, config: Mapping[str, Any], path: str) -> str | None:
        """The variable of the process that a value is read from; None where it is kept elsewhere."""
        return None

    @abstractmethod
    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """What the store says of each path, each once; what is wrong with one path alone is the answer to it.

        Raises:
            StoreError: the store cannot be read.
        """


def each_alone(value: Callable[[str], Answer], paths: Iterable[str]) -> dict[str, Answer]:
    """What a function says of each path; an error that it raises is the answer to that path, and to no other."""
    found: dict[str, Answer] = {}
    for path in paths:
        try:
            found[path] = value(path)
        except StoreError as error:
            found[path] = error.with_traceback(None)
    return found


def field_of(document: Any, called: str, name: str) -> Secret | Missing:
    """The value of a name in a document.

    Args:
        called: What a person calls the document.
    """
    if not isinstance(document, Mapping) or name not in document:
        return Missing(f"there is no '{name}' in {called}", _names(document))
    return leaf(document[name], f"'{name}' in {called}")


def leaf(value: Any, called: str) -> Secret | Missing:
    """What stands in a document as a secret: a text, or a number or boolean as JSON has it; nothing else is one.

    Args:
        called: What a person calls it.
    """
    from json import dumps

    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, bool | int | float):
        return Secret(dumps(value))
    if isinstance(value, Mapping):
        return Missing(f"{called} holds several values: name one", _names(value))
    return Missing(f"{called} is {'null' if value is None else 'a list'}, and no value")


def _names(value: Any) -> tuple[str, ...]:
    return tuple(sorted(map(str, value))) if isinstance(value, Mapping) else ()
