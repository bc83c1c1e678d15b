"""Whether a value of which parts are not known yet may still meet a schema.

Each keyword of the vocabulary that policies have holds, does not, or nobody can tell: then the answer hangs on a part
that is not known. What holds of all that is known is worked out by the same validator as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackspec.core.address import FieldPath
from stackspec.core.values import Value, canonical
from stackspec.manifest.schema import Checker

Verdict = bool | None
"""Whether something holds; None where it hangs on what is not known."""

_OF_SHAPE = (
    *("type", "required", "minProperties", "maxProperties", "propertyNames", "dependentRequired"),
    *("minItems", "maxItems"),
)
"""The keywords that ask of a mapping or list nothing of its values."""
_OF_OTHERS = ("title", "description", "$comment", "default", "examples", "then", "else", "minContains", "maxContains")
"""The keywords that ask nothing, or are read with another one."""


def may_be_met(requirement: Any, document: Value, unknown: frozenset[FieldPath]) -> bool:
    """Whether a document may meet a requirement, whatever it has at some paths."""
    return _Judge(unknown).verdict(requirement, document, ()) is not False


class _Judge:
    """Judges one document. What several parts of a schema share, by aliases of YAML, is judged once at each place."""

    def __init__(self, unknown: frozenset[FieldPath]) -> None:
        self._unknown = unknown
        self._around = {path[:depth] for path in unknown for depth in range(len(path) + 1)}
        self._found: dict[tuple[int, FieldPath], Verdict] = {}
        self._checkers: dict[int, Checker] = {}

    def verdict(self, schema: Any, value: Value, path: FieldPath) -> Verdict:
        """Whether what stands at a path meets a schema."""
        if isinstance(schema, bool):
            return schema
        if path not in self._around:
            return self._checkers.setdefault(id(schema), Checker(schema)).accepts(value)
        key = (id(schema), path)
        if key not in self._found:
            self._found[key] = _all(self._keywords(schema, value, path))
        return self._found[key]

    def _keywords(self, schema: Mapping[str, Any], value: Value, path: FieldPath) -> Iterator[Verdict]:
        for keyword, wanted in schema.items():
            match keyword:
                case "allOf":
                    yield _all(self.verdict(one, value, path) for one in wanted)
                case "anyOf":
                    yield _not(_all(_not(self.verdict(one, value, path)) for one in wanted))
                case "oneOf":
                    yield _counted((self.verdict(one, value, path) for one in wanted), 1, 1)
                case "not":
                    yield _not(self.verdict(wanted, value, path))
                case "if":
                    yield self._either(schema, value, path)
                case _ if keyword in _OF_OTHERS:
                    pass
                case _ if path in self._unknown:
                    yield None
                case "const":
                    yield self._equal(value, wanted, path)
                case "enum":
                    yield _not(_all(_not(self._equal(value, one, path)) for one in wanted))
                case _ if keyword in _OF_SHAPE:
                    yield Checker({keyword: wanted}).accepts(value)
                case _ if isinstance(value, Mapping):
                    yield from self._of_mapping(keyword, schema, value, path)
                case _ if isinstance(value, list):
                    yield from self._of_list(keyword, schema, value, path)

    def _either(self, schema: Mapping[str, Any], value: Value, path: FieldPath) -> Verdict:
        then, otherwise = (self.verdict(schema.get(one, True), value, path) for one in ("then", "else"))
        match self.verdict(schema["if"], value, path):
            case True:
                return then
            case False:
                return otherwise
            case _:
                return then if then is otherwise else None

    def _of_mapping(
        self, keyword: str, schema: Mapping[str, Any], value: Mapping[str, Value], path: FieldPath
    ) -> Iterator[Verdict]:
        known = schema.get("properties", {})
        for name, item in value.items():
            if keyword == "properties" and name in known:
                yield self.verdict(known[name], item, (*path, name))
            elif keyword == "additionalProperties" and name not in known:
                yield self.verdict(schema[keyword], item, (*path, name))

    def _of_list(
        self, keyword: str, schema: Mapping[str, Any], value: list[Value], path: FieldPath
    ) -> Iterator[Verdict]:
        first = schema.get("prefixItems", [])
        match keyword:
            case "prefixItems":
                for index, (one, item) in enumerate(zip(first, value, strict=False)):
                    yield self.verdict(one, item, (*path, index))
            case "items":
                for index in range(len(first), len(value)):
                    yield self.verdict(schema[keyword], value[index], (*path, index))
            case "contains":
                found = (self.verdict(schema[keyword], item, (*path, index)) for index, item in enumerate(value))
                yield _counted(found, schema.get("minContains", 1), schema.get("maxContains", len(value)))
            case "uniqueItems" if schema[keyword]:
                known = [canonical(item) for index, item in enumerate(value) if (*path, index) not in self._around]
                yield False if len(set(known)) < len(known) else None  # one that is not known may be like another

    def _equal(self, value: Value, other: Value, path: FieldPath) -> Verdict:
        if path in self._unknown:
            return None
        if path not in self._around:
            return Checker({"const": other}).accepts(value)
        if isinstance(value, Mapping) and isinstance(other, Mapping) and value.keys() == other.keys():
            return _all(self._equal(item, other[key], (*path, key)) for key, item in value.items())
        if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
            pairs = enumerate(zip(value, other, strict=True))
            return _all(self._equal(item, like, (*path, index)) for index, (item, like) in pairs)
        return False


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    return False if False in found else None if None in found else True


def _not(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def _counted(verdicts: Iterable[Verdict], least: int, most: int) -> Verdict:
    """Whether as many hold as there should be."""
    found = list(verdicts)
    sure, possible = found.count(True), found.count(True) + found.count(None)
    if possible < least or sure > most:
        return False
    return True if sure >= least and possible <= most else None
