"""Entries of a store on a network: many asked for at once, and the one value that a path means in an entry.

`ENTRY#FIELD` is a value of an entry that holds several; `ENTRY` alone is all of an entry that holds one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

from stackspec.secret_stores.contract import Answer, Missing, Secret, StoreError, field_of, leaf
from stackspec.secret_stores.document import read_json

AT_ONCE = 16
"""How many requests to one store are under way at once."""

Entry = Mapping[str, Any] | Missing | StoreError
"""The fields of an entry; that there is no such entry; or why it, and not the store, cannot be read."""

Key = TypeVar("Key")
Result = TypeVar("Result")


def entry_of(path: str) -> str:
    """The entry that a path is about."""
    return _parted(path)[0]


def value_in(document: Entry, path: str) -> Answer:
    """The value that a path means in an entry of fields, where there is one; without a field the only one there is."""
    if not isinstance(document, Mapping):
        return document
    entry, field = _parted(path)
    if field is None and len(document) == 1:
        (field,) = document
    return leaf(document, f"'{entry}'") if field is None else field_of(document, f"'{entry}'", field)


def value_of(text: str | Missing | StoreError, path: str) -> Answer:
    """The value that a path means in an entry of one text, where there is one; its fields are those of JSON."""
    if not isinstance(text, str):
        return text
    entry, field = _parted(path)
    if field is None:
        return Secret(text)
    try:
        document = read_json(text, f"'{entry}'")
    except StoreError as error:
        return StoreError(f"{error.message}, so it has no '{field}'", f"name it as '{entry}'", unfit=True)
    return field_of(document, f"'{entry}'", field)


def each(work: Callable[[Key], Result], keys: Iterable[Key], at_once: int = AT_ONCE) -> dict[Key, Result]:
    """What some work comes to for each key, each once and several at a time.

    The first error that it raises is raised, and nothing is begun after it.
    """
    return _Work(work, keys).done(at_once)


def _parted(path: str) -> tuple[str, str | None]:
    entry, separator, field = path.rpartition("#")
    return (entry, field) if separator else (path, None)


class _Work(Generic[Key, Result]):
    """The threads are daemons: a server that never ends its answer must not keep the process from ending."""

    def __init__(self, work: Callable[[Key], Result], keys: Iterable[Key]) -> None:
        self._work = work
        self._todo = deque(dict.fromkeys(keys))
        self._results: SimpleQueue[tuple[Key, Result] | Exception] = SimpleQueue()

    def done(self, at_once: int) -> dict[Key, Result]:
        count, found = len(self._todo), dict[Key, Result]()
        for _ in range(min(at_once, count)):
            Thread(target=self._run, daemon=True, name="stackspec-secrets").start()
        while len(found) < count:
            result = self._results.get()
            if isinstance(result, Exception):
                self._todo.clear()
                raise result
            found[result[0]] = result[1]
        return found

    def _run(self) -> None:
        while True:
            try:
                key = self._todo.popleft()
            except IndexError:
                return
            try:
                self._results.put((key, self._work(key)))
            except Exception as error:
                self._results.put(error)
