"""A stack of ZenML's as edits of manifests: a Stack, a Component for each of its components, Secrets for theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from stackspec.core.address import ComponentAddress, FieldPath, is_name
from stackspec.core.diagnostic import Diagnostic, Note, Severity, Span, StackspecError
from stackspec.core.expression import Literal, SecretReference
from stackspec.edit.catalogue import Catalogue
from stackspec.edit.components import put
from stackspec.edit.edits import Edit
from stackspec.edit.words import settings
from stackspec.edit.zenml.counterparts import ADDRESSES, OLDER_FIELDS, Counterpart, Way, counterpart
from stackspec.edit.zenml.stack_file import ForeignComponent, ForeignStack
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.jinja import parse_text
from stackspec.manifest.schema import Checker
from stackspec.manifest.written import as_text, written

Given = Mapping[str, Sequence[str]]
"""Component type to `FIELD=VALUE` words for what the file does not tell."""

_REFERENCE = re.compile(r"\{\{\s*([^\s.]+?)\.(\S+?)\s*\}\}")
"""As ZenML reads them (zenml/utils/secret_utils.py)."""
_PASSWORD_IN_URL = re.compile(r"://[^/?#@\s]*:[^/?#\s]*@")


class TakenOver(NamedTuple):
    """The edits that take a stack over, and what there is to warn of."""

    edits: Sequence[Edit]
    warnings: Sequence[Diagnostic]


class _Taken(NamedTuple):
    """A component as it is here."""

    name: str
    spec: FlavorSpec
    config: Mapping[str, Any]
    source: ForeignComponent


def take_over(
    catalogue: Catalogue, stack: ForeignStack, name: str | None = None, given: Given | None = None
) -> TakenOver:
    """The edits that declare a stack as a file has it.

    Args:
        name: What to call it, instead of the file's name for it.

    Raises:
        StackspecError: something else is declared under a name of it, two of its names are one here, or what is given
            belongs to nothing in the file.
    """
    return _TakeOver(catalogue, dict(given or {})).carried_out(stack, name)


class _TakeOver:
    """What is made of a file, one component after the other."""

    def __init__(self, catalogue: Catalogue, given: dict[str, Sequence[str]]) -> None:
        self._catalogue = catalogue
        self._given = given
        self._warnings: list[Diagnostic] = []
        self._secrets: dict[str, dict[str, str]] = {}
        """Name to keys to variables."""
        self._secret_names: dict[tuple[str, str], tuple[str, str, str]] = {}
        """Name and key as they are here to whose secret it is in the file, and to its name and key there."""
        self._named: set[str] = set()
        """The names that ZenML's secrets in the file get here."""
        self._cleaned: dict[tuple[str, str], ForeignComponent] = {}

    def carried_out(self, stack: ForeignStack, name: str | None) -> TakenOver:
        self._warnings += stack.warnings
        self._named = {_clean(found[0]) for one in stack.components for found in _references(one.config)}
        called = name or self._name(stack.name, "the stack", stack.place)
        self._catalogue.free(f"the stack '{called}'", self._catalogue.declared.stacks.get(called))
        taken: dict[str, list[_Taken]] = {}
        # What others stand on comes first.
        order = {kind: number for number, kind in enumerate(COMPONENT_TYPES)}
        for component in sorted(stack.components, key=lambda one: order.get(one.type, 0)):
            if found := self._component(component, taken):
                taken.setdefault(component.type, []).append(found)
        if self._given:
            kind = next(iter(self._given))
            raise StackspecError.of("SS0502", f"no {kind} is taken over, which '{kind}.{self._given[kind][0]}' is for")
        edits = [*self._component_edits(taken), *self._secret_edits()]
        slots: dict[str, Any] = {
            kind: found[0].name if len(found) == 1 else [one.name for one in found] for kind, found in taken.items()
        }
        slots |= self._builder(taken, stack)
        return TakenOver(
            [self._catalogue.new("Stack", called, {"components": slots}, called, None), *edits], self._warnings
        )

    def _component(self, component: ForeignComponent, taken: Mapping[str, Sequence[_Taken]]) -> _Taken | None:
        kind = component.type
        if kind not in COMPONENT_TYPES:
            self._without(component, f"there is no component type '{kind[:80]}'")
            return None
        if taken.get(kind) and not COMPONENT_TYPES[kind].many:
            self._without(component, f"a stack has one {kind}, and {taken[kind][0].source} is before it")
            return None
        same = counterpart(kind, component.flavor)
        if same is None or not self._catalogue.registry.knows(kind, same.ours):
            return self._external(component)
        spec = self._catalogue.registry.spec(kind, same.ours)
        before = deepcopy(self._secrets), dict(self._secret_names), len(self._warnings)
        name = self._component_name(component)
        config = self._config(component, same, spec, name)
        tracker = next((one.name for one in taken.get("experiment_tracker", ())), None)
        for field, text in same.supplied.items():
            if field not in config and ("{tracker}" not in text or tracker):
                config[field] = text.replace("{name}", name).replace("{tracker}", tracker or "")
        put(config, settings(self._given.pop(kind, ()), spec))
        if missing := [one for one in spec.schema.get("required", ()) if one not in config]:
            fields = ", ".join(f"'{one}'" for one in missing)
            words = " ".join(f"{kind.replace('_', '-')}.{one}=…" for one in missing)
            why, hint = f"{spec.flavor} needs {fields}, which the file does not tell", f"to take it over, add: {words}"
        elif not (why := _out_of_reach(spec, config, taken)):
            return _Taken(name, spec, config, component)
        else:
            hint = "what ZenML keeps elsewhere is there still; register one that other machines reach"
        # Nothing is to be kept for what is left out.
        self._secrets, self._secret_names, told = before
        self._warnings[told:] = [one for one in self._warnings[told:] if one.code == "SS1002"]
        del self._cleaned[kind, name]
        self._without(component, why, hint)
        return None

    def _external(self, component: ForeignComponent) -> _Taken | None:
        what = f"{component.type} has no counterpart of '{component.flavor[:80]}'"
        for field in ADDRESSES:
            value = component.config.get(field)
            if not isinstance(value, str) or not (value and (field == "uri" or "://" in value)):
                continue
            name, spec = self._component_name(component), self._catalogue.registry.spec(component.type, "external")
            for other in component.config.keys() - {field}:
                self._field_left_out(component, (other,))
            self._warn(
                "SS1003", f"{what}: it becomes 'external'", component.place(), "nothing is made or changed there"
            )
            return _Taken(name, spec, {"uri": self._value(component, name, (field,), value)}, component)
        self._warn("SS1003", f"{what}: {component} is left out", component.place(), "register another afterwards")
        return None

    def _config(self, component: ForeignComponent, same: Counterpart, spec: FlavorSpec, name: str) -> dict[str, Any]:
        older = OLDER_FIELDS.get(f"{component.type}/{component.flavor}", {})
        fields = {path: value for path, value in _fields(component.config, same, older) if value is not None}
        config: dict[str, Any] = {}
        for way in same.ways:
            found = [fields.get(path) for path in way.theirs]
            present = [path for path in way.theirs if path in fields]
            if not present:
                continue
            said = self._read(component, way, spec, name, found)
            if said is None or not all(self._fits(spec, field, value) for field, value in said.items()):
                why = "its value is none that fits here"
                for path in present:
                    self._field_left_out(component, path, why)
            else:
                config |= said
            for path in present:
                del fields[path]
        for path in fields:
            self._field_left_out(component, path)
        for field, value in component.ours.items():
            if field in spec.schema["properties"] and self._fits(spec, field, value):
                config[field] = _plain(value)
            else:
                self._field_left_out(component, (field,))
        return config

    def _read(
        self, component: ForeignComponent, way: Way, spec: FlavorSpec, name: str, values: Sequence[Any]
    ) -> dict[str, Any] | None:
        """Fields of ours by what theirs say; None where these say nothing here."""
        if any(field not in spec.schema["properties"] for field in way.ours):
            return None
        if way.is_same:
            field = way.ours[0] if way.sensitive or way.ours[0] in spec.sensitive else ""
            return {way.ours[0]: self._value(component, name, way.theirs[0], values[0], field)}
        if any(isinstance(one, str) and (_REFERENCE.search(one) or _PASSWORD_IN_URL.search(one)) for one in values):
            return None
        said = way.read(*values)
        return None if said is None else {field: _plain(value) for field, value in said.items()}

    def _value(self, component: ForeignComponent, name: str, path: FieldPath, value: Any, field: str = "") -> Any:
        """A value as manifests say it: references as expressions, secrets as references, texts as themselves.

        Args:
            name: The component's name here.
            field: What the field is called here, if it is a secret.
        """
        if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
            return written(self._secret(component, path, found[1], found[2]))
        if not field and not (isinstance(value, str) and _PASSWORD_IN_URL.search(value)):
            return _plain(value)
        reference = self._kept(component, name, path, field or "uri")
        message = f"'{path[-1]}' of {component} is a secret in plain text, which is not written"
        hint = f"set the variable {self._secrets[reference.name][reference.key]} to it, and remove the file"
        self._warn("SS1005", message, component.place(path), hint)
        return written(reference)

    def _kept(self, component: ForeignComponent, name: str, path: FieldPath, key: str) -> SecretReference:
        """A key of a Secret of the component's own, for what stands in the file itself."""
        long = f"{component.type}-{name}"[:63].rstrip("-_")
        taken = (name, key) in self._secret_names or name in self._catalogue.declared.secrets or name in self._named
        return self._secret(component, path, long if taken else name, key, f"{component}")

    def _secret(
        self, component: ForeignComponent, path: FieldPath, secret: str, key: str, whose: str = ""
    ) -> SecretReference:
        """A key of a Secret, which is declared with it.

        Args:
            whose: The component whose own it is, if it is none of ZenML's secrets.
        """
        place = component.place(path)
        name, cleaned = _clean(secret), re.sub(r"[^A-Za-z0-9_.-]|^[.-]", "_", key)[:127]
        if not is_name(name):
            raise StackspecError.of("SS1001", f"'{secret[:80]}' cannot be made the name of a Secret", source=place)
        before = self._secret_names.setdefault((name, cleaned), (whose, secret, key))
        if before != (whose, secret, key):
            message = f"'{before[1][:80]}.{before[2][:80]}' and '{secret[:80]}.{key[:80]}' would be one secret here"
            raise StackspecError.of("SS0401", message, source=place, hint="rename one of them in the file")
        declared = self._catalogue.declared.secrets.get(name)
        known = declared.spec["keys"] if declared else {}
        keys = self._secrets.setdefault(name, {})
        if cleaned not in keys:
            keys[cleaned] = known.get(cleaned) or self._variable(name, cleaned)
        return SecretReference(name, cleaned)

    def _variable(self, name: str, key: str) -> str:
        """A process variable for a secret, which no other is in."""
        text = re.sub(r"[^A-Z0-9]", "_", f"{name}_{key}".upper())
        text = f"_{text}" if text[0].isdigit() else text
        used = {variable for keys in self._secrets.values() for variable in keys.values()}
        names = (text, *(f"{text}_{number}" for number in range(2, len(used) + 3)))
        return next(one for one in names if one not in used)

    def _fits(self, spec: FlavorSpec, field: str, value: Any) -> bool:
        """Whether a field takes a value; one that waits for a secret is judged when it is known."""
        if isinstance(value, str) and "{{" in value:
            parsed = parse_text(value)
            if not isinstance(parsed, Literal):
                return True
            value = parsed.value
        return not Checker(spec.schema["properties"][field]).check(value)

    def _component_name(self, component: ForeignComponent) -> str:
        name = self._name(component.name, str(component), component.place())
        before = self._cleaned.setdefault((component.type, name), component)
        if before is not component:
            message = f"{before} and {component} would both be called {component.type}/{name} here"
            note = (Note("the other one", before.place()),)
            raise StackspecError(
                [Diagnostic("SS0401", message, component.place(), "rename one in the file", notes=note)]
            )
        return name

    def _name(self, text: str, what: str, place: Span) -> str:
        name = _clean(text)
        if not is_name(name):
            hint = "rename it in the file, or give a stack a name by --name"
            raise StackspecError.of("SS1001", f"'{text[:80]}' cannot be made a name", source=place, hint=hint)
        if name != text:
            self._warn("SS1007", f"{what} is called '{name}' here", place)
        return name

    def _component_edits(self, taken: Mapping[str, Sequence[_Taken]]) -> Iterator[Edit]:
        """A Component for each that is not declared already, just so."""
        for kind, found in taken.items():
            for one in found:
                spec = {"type": kind, "flavor": one.spec.flavor, **({"config": one.config} if one.config else {})}
                there = self._catalogue.components.get(ComponentAddress(kind, one.name))
                if there is None:
                    called = f"{kind.replace('_', '-')}-{one.name}"
                    yield self._catalogue.new("Component", one.name, spec, called, None)
                elif there.stack is not None or {"type": kind, **there.body} != spec:
                    message = f"the component {kind}/{one.name} is declared already, in another way"
                    note = (Note("in the file", one.source.place()),)
                    hint = "rename one of them"
                    raise StackspecError([Diagnostic("SS0401", message, there.name_place, hint, notes=note)])

    def _secret_edits(self) -> Iterator[Edit]:
        for name, keys in self._secrets.items():
            there = self._catalogue.declared.secrets.get(name)
            if there is None:
                yield self._catalogue.new("Secret", name, {"store": "env", "keys": keys}, f"secret-{name}", None)
            elif missing := sorted(keys.keys() - there.spec["keys"].keys()):
                message = f"the Secret '{name}' is declared already, without {', '.join(missing)[:200]}"
                raise StackspecError([Diagnostic("SS0401", message, there.place, "add what is missing to its keys")])

    def _builder(self, taken: Mapping[str, Sequence[_Taken]], stack: ForeignStack) -> dict[str, Any]:
        """The image builder that ZenML uses where a stack has none and needs one."""
        asks = (
            rule.type == "image_builder"
            and not rule.optional
            and not (rule.if_remote and one.spec.is_remote(one.spec.complete(one.config)) is False)
            for found in taken.values()
            for one in found
            for rule in one.spec.stack_rules
        )
        if "image_builder" in taken or not any(asks):
            return {}
        message = "the stack gets an image builder of this machine, as ZenML takes where a stack has none"
        self._warn("SS1006", message, stack.place)
        return {"image_builder": {"flavor": "local"}}

    def _without(self, component: ForeignComponent, why: str, hint: str | None = None) -> None:
        self._given.pop(component.type, None)
        self._warn("SS1004", f"{component} is left out: {why}", component.place(), hint)

    def _field_left_out(self, component: ForeignComponent, path: FieldPath, why: str = "") -> None:
        field = ".".join(map(str, path))
        message = f"'{field[:80]}' of {component} is not carried over{f': {why}' if why else ''}"
        hint = None
        if path[0] in _CREDENTIALS:
            hint = "credentials come from the machine's own login here: see stackspec flavor describe"
        self._warn("SS1002", message, component.place(path), hint)

    def _warn(self, code: str, message: str, place: Span, hint: str | None = None) -> None:
        self._warnings.append(Diagnostic(code, message, place, hint, Severity.WARNING))


_NEEDED = ("orchestrator", "artifact_store")
"""What no stack is without."""

_CREDENTIALS = frozenset(
    {
        "authentication_secret",
        "key",
        "secret",
        "token",
        "aws_access_key_id",
        "aws_secret_access_key",
        "service_account_path",
    }
)


def _out_of_reach(spec: FlavorSpec, config: Mapping[str, Any], taken: Mapping[str, Sequence[_Taken]]) -> str:
    """Why what a stack may lack cannot be in this one: runs are on other machines, and it is on this one."""
    for asker in (one for found in taken.values() for one in found):
        for rule in asker.spec.stack_rules:
            if (
                rule.type == spec.type
                and rule.optional
                and rule.remote
                and spec.type not in _NEEDED
                and spec.is_remote(spec.complete(config)) is False
                and (not rule.if_remote or asker.spec.is_remote(asker.spec.complete(asker.config)))
            ):
                return f"it would be reached from this machine only, and {asker.source} {rule.why}"
    return ""


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """The name and key of every secret that a configuration refers to."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)


def _fields(config: Mapping[str, Any], same: Counterpart, older: Mapping[str, str]) -> Iterator[tuple[FieldPath, Any]]:
    """Paths of a configuration and their values, as deep as the counterpart goes."""
    deep = {path[0] for way in same.ways for path in way.theirs if len(path) > 1}
    for key, value in config.items():
        name = older.get(key, key)
        inner = _mapping(value) if name in deep else None
        if inner is None:
            yield (name,), value
        else:
            yield from (((name, one), other) for one, other in inner.items())


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, which may be JSON in a text, as older versions have it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _clean(text: str) -> str:
    """The nearest thing to a name of ours."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:63].rstrip("-_")


def _plain(value: Any) -> Any:
    """A value that means itself in a manifest, where texts may be read as expressions."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return as_text(value) if isinstance(value, str) else value
