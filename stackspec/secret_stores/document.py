"""Texts that hold many secrets, in YAML, JSON or as lines `NAME=value`, and the values in them.

A secret is its text as somebody wrote it: `0123`, `1.10` and `yes` stay what they are, in YAML too. What is wrong with
a text is told without a word of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Literal

from stackspec.core.address import format_path, parse_path
from stackspec.secret_stores.contract import Missing, Secret, StoreError, leaf
from stackspec.secret_stores.lines import known_names, read_dotenv
from stackspec.secret_stores.private_file import as_text

Format = Literal["dotenv", "yaml", "json"]
"""How a text holds its values."""

PATH_FORM = 'a path inside the file, such as db.password, list[0] or ["a.b"]'
"""What a path in a store of documents is, for people."""

_MOST_LEVELS = 48
_SUFFIXES: Mapping[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".env": "dotenv"}
_WRAPPINGS = (".age", ".gpg", ".asc", ".pgp")


class Plain(str):
    """A scalar that no quotes stand around, as it is written: a number, or in YAML a text."""

    __slots__ = ()


def format_of(path: str, said: Format | Literal["auto"]) -> Format:
    """The format that is said, else the one that a file's name tells: `db.yaml.age` is YAML, `.env.prod` dotenv.

    Raises:
        StoreError: the name tells none.
    """
    if said != "auto":
        return said
    name = PurePath(path.lower())
    if name.suffix in _WRAPPINGS:
        name = name.with_suffix("")
    if name.name == ".env" or name.name.startswith(".env."):
        return "dotenv"
    if name.suffix not in _SUFFIXES:
        raise StoreError(f"the name '{path}' does not say what the file holds", _SAY, unfit=True)
    return _SUFFIXES[name.suffix]


_SAY = "write format: dotenv, yaml or json under config"


def read_document(data: bytes, form: Format, what: str) -> dict[str, Any]:
    """The mapping that a text holds: texts, booleans, None, mappings and lists of them.

    Args:
        what: What a person calls the text.

    Raises:
        StoreError: it is not of the format, or no mapping.
    """
    text = as_text(data + b"\n", what)  # which takes off the one line end: those of the text are parts of values
    if form == "dotenv":
        return dict(read_dotenv(text, what))
    found = _yaml(text, what) if form == "yaml" else read_json(text, what)
    if not isinstance(found, dict):
        raise StoreError(f"{what} holds no mapping of names to values", unfit=True)
    return found


def value_at(document: Mapping[str, Any], path: str, what: str) -> Secret | Missing:
    """The value at a path such as `db.password`, `list[0]` or `["a.b"]`; a document may say why it has none there.

    Args:
        what: What a person calls the text that the document was read from.
    """
    try:
        steps = parse_path(path)
    except ValueError:
        return Missing(f"'{path}' is not {PATH_FORM}")
    value: Any = document
    for index, step in enumerate(steps):
        here = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        if step not in here:
            names = known_names(value) if isinstance(value, dict) else ()
            return Missing(f"{what} has no '{path}'", tuple(format_path((*steps[:index], name)) for name in names))
        value = value[step]
    return value if isinstance(value, Missing) else leaf(value, f"'{path}' in {what}")


def read_json(text: str, what: str) -> Any:
    """What a text of JSON holds, each number as it is written.

    Args:
        what: What a person calls the text.

    Raises:
        StoreError: it is not JSON, gives a name twice, or holds what is no text.
    """
    try:
        found = json.loads(text, object_pairs_hook=_each_once, parse_int=Plain, parse_float=Plain, parse_constant=Plain)
        json.dumps(found, ensure_ascii=False).encode()
        return found
    except json.JSONDecodeError as error:
        raise StoreError(f"{what} is not JSON (line {error.lineno})", unfit=True) from None
    except _TwiceError:
        raise StoreError(f"{what} gives a name twice", unfit=True) from None
    except UnicodeEncodeError:
        raise StoreError(f"{what} holds half of a character", unfit=True) from None
    except RecursionError:
        raise StoreError(f"{what} is nested too deeply", unfit=True) from None


class _TwiceError(Exception):
    pass


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _yaml(text: str, what: str) -> Any:
    """Out of the parser's events, with a stack of our own: `yaml.safe_load` hangs and crashes on small texts."""
    import yaml
    from yaml._yaml import CParser

    root: list[Any] = []
    stack: list[tuple[Any, list[str]]] = [(root, [])]
    """The collections that are open, each with the key whose value comes next, if any."""
    try:
        next_event: Callable[[], Any] = CParser(text).get_event
        while not isinstance(event := next_event(), yaml.StreamEndEvent):
            line = f"(line {event.start_mark.line + 1})"
            into, key = stack[-1]
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                stack.pop()
                continue
            if not isinstance(event, yaml.NodeEvent):
                continue
            value: Any
            if isinstance(event, yaml.AliasEvent):
                raise StoreError(f"{what} has an alias {line}", "write its value out", unfit=True)
            if isinstance(event, yaml.ScalarEvent):
                value = event.value
                if isinstance(into, dict) and not key:
                    if value in into or value == "<<":
                        wrong = "a merge key" if value == "<<" else "a name twice"
                        raise StoreError(f"{what} has {wrong} {line}", unfit=True)
                    key.append(value)
                    continue
                if event.implicit[0]:
                    value = _WORDS[value] if value in _WORDS else Plain(value)
            else:
                value = {} if isinstance(event, yaml.MappingStartEvent) else []
            if isinstance(into, list):
                into.append(value)
            elif key:
                into[key.pop()] = value
            else:
                raise StoreError(f"{what} has a name that is no text {line}", unfit=True)
            if isinstance(value, (dict, list)):
                stack.append((value, []))
                if len(stack) > _MOST_LEVELS:
                    raise StoreError(f"{what} is nested too deeply {line}", unfit=True)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise StoreError(f"{what} is not YAML{line}", unfit=True) from None
    except yaml.YAMLError:
        raise StoreError(f"{what} is not YAML: it holds a character that YAML does not allow", unfit=True) from None
    if len(root) > 1:
        raise StoreError(f"{what} holds more than one YAML document", unfit=True)
    return root[0] if root else {}
