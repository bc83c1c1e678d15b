"""The values of secrets: read at most once a command, many at a time, each store with a time to answer in."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from time import monotonic

from stackspec.core.diagnostic import did_you_mean
from stackspec.core.expression import SecretReference, SecretSource
from stackspec.core.frozen import dataclass
from stackspec.core.secret import Redactor, Secret
from stackspec.core.values import canonical
from stackspec.core.workers import Workers
from stackspec.secret_stores.contract import Answer, Missing, StoreError, StorePlace
from stackspec.secret_stores.registry import config_schema, store_type

PATIENCE = 15.0
"""Seconds that a store has for all that is asked of it at once."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_PARALLELISM = 16
"""How many stores are asked at once."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why there is no value: the code of its diagnostic, a headline, and what to do."""

    code: str
    message: str
    hint: str | None = None


_Store = tuple[str, str]
"""A type of store and the canonical text of its config: equal ones are asked once, for all."""
_Answers = Mapping[str, Answer] | Unavailable
"""What a store says of each path, or why it says nothing."""


class SecretValues:
    """The values of one command; safe to use from several threads.

    Args:
        place: Makes the place that stores are read from, given the seconds they have.
        redactor: Told of every value that is read.
    """

    def __init__(self, place: Callable[[float], StorePlace], redactor: Redactor, patience: float = PATIENCE) -> None:
        self._place = place
        self._redactor = redactor
        self._patience = patience
        self._known: dict[tuple[_Store, str], Secret | Unavailable] = {}
        self._lock = threading.Lock()

    def value(self, reference: SecretReference) -> Secret | Unavailable:
        """The value of a reference, read from its store where it was not before."""
        return self.values([reference])[reference.name, reference.key]

    def values(self, references: Iterable[SecretReference]) -> dict[tuple[str, str], Secret | Unavailable]:
        """Name and key of each reference to its value, or why there is none."""
        wanted = {(one.name, one.key): one for one in references}
        with self._lock:
            self._read(source for one in wanted.values() if (source := one.source) is not None)
            return {name: self._of(one) for name, one in wanted.items()}

    def read_already(self, reference: SecretReference) -> Secret | None:
        """The value of a reference if it was read before and there is one."""
        found = self._known.get((_store(reference.source), reference.source.path)) if reference.source else None
        return found if isinstance(found, Secret) else None

    def _of(self, reference: SecretReference) -> Secret | Unavailable:
        if reference.source is None:
            return Unavailable("SS0801", f"where {reference} is kept is not known")
        found = self._known[_store(reference.source), reference.source.path]
        if isinstance(found, Unavailable):
            return Unavailable(found.code, f"{reference}: {found.message}", found.hint)
        return found

    def _read(self, sources: Iterable[SecretSource]) -> None:
        waiting: dict[_Store, dict[str, SecretSource]] = {}
        for source in sources:
            if (_store(source), source.path) not in self._known:
                waiting.setdefault(_store(source), {})[source.path] = source
        workers: Workers[_Store, _Answers] = Workers(_PARALLELISM)
        todo = list(waiting)
        with closing(workers):
            while todo or workers.busy:
                while todo and workers.busy < _PARALLELISM:
                    store = todo.pop()
                    (first, *_) = waiting[store].values()
                    workers.call(store, monotonic() + self._patience, partial(self._ask, first, list(waiting[store])))
                ended, overdue = workers.wait()
                late = Unavailable("SS0803", f"the store did not answer in {self._patience:.0f} s")
                for store, answer in [*ended, *((store, late) for store in overdue)]:
                    for path in waiting[store]:
                        taken = self._known[store, path] = _taken(answer, path)
                        if isinstance(taken, Secret):
                            self._redactor.add(taken.reveal(), parts=True)

    def _ask(self, source: SecretSource, paths: list[str]) -> _Answers:
        """What a store says; never raises."""
        try:
            cls = store_type(source.store)
        except KeyError:
            return Unavailable("SS0803", f"there is no type of store '{source.store}'")
        known = config_schema(source.store)["properties"]
        try:
            config = cls.Config.from_value({name: value for name, value in source.config.items() if name in known})
            return cls(config, self._place(self._patience)).read(paths)
        except StoreError as error:
            return _told(error)
        except ModuleNotFoundError as error:
            hint = f"run: pip install 'stackspec[{cls.extra}]'" if cls.extra else None
            return Unavailable("SS0602", f"the Python package '{error.name}' is not installed", hint)
        except (Exception, SystemExit) as error:  # what a library says of itself may hold a value
            return Unavailable("SS0803", f"the store failed: {type(error).__name__}")


def _taken(answers: _Answers, path: str) -> Secret | Unavailable:
    if isinstance(answers, Unavailable):
        return answers
    found = answers.get(path, Missing(f"the store has no '{path}'"))
    if isinstance(found, StoreError):
        return _told(found)
    if isinstance(found, Missing):
        known = [name for name in found.known if _is_text(name)]
        return Unavailable("SS0802", found.what, did_you_mean(path.rpartition("#")[2], known))
    if not _is_text(found.reveal()):
        # It fits into no variable and no argument, and half of a character into no file.
        return Unavailable("SS0804", f"the value at '{path}' holds a NUL or half of a character")
    return found


def _is_text(value: str) -> bool:
    return not _NO_TEXT.search(value)


def _told(error: StoreError) -> Unavailable:
    return Unavailable("SS0804" if error.unfit else "SS0803", error.message, error.hint)


def _store(source: SecretSource) -> _Store:
    return source.store, canonical(source.config)
