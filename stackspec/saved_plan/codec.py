"""A saved plan as the bytes of its file, one line of JSON under a signature, and back.

    {"format":"stackspec plan 1","key":"…","body":{…},"signature":"…"}

The signature is over every byte before it, and what stands after it is fixed, so no byte can be another one. Nothing is
parsed before the signature holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.own_variables import PLAN_KEY_VARIABLE
from stackspec.plan.request import Request
from stackspec.plan.selection import Selection
from stackspec.saved_plan.key import PlanKey
from stackspec.saved_plan.model import Bindings, FlavorVersion, SavedPlan
from stackspec.state.run import Run

FORMAT = 1
"""The version of the file."""

OPENING = b'{"format":"stackspec plan '
"""What every saved plan begins with, whatever its version."""

_HEAD = re.compile(re.escape(OPENING) + rb'([1-9][0-9]{0,8})","key":"([0-9a-f]{16})","body":')
_TAIL = re.compile(rb',"signature":"([0-9a-f]{64})"\}\n\Z')
_TAIL_BYTES = len(',"signature":""}\n') + 64
_VERSION = re.compile(re.escape(OPENING) + rb"([1-9][0-9]{0,8})\"")


def encode(saved: SavedPlan, key: PlanKey) -> bytes:
    """The file's content, signed."""
    head = f'{OPENING.decode()}{FORMAT}","key":"{key.id}","body":'
    signed = (head + _text(_to_json(saved))).encode("ascii")
    return signed + f',"signature":"{key.signature(signed)}"}}\n'.encode("ascii")


def decode(data: bytes, key: Callable[[], PlanKey]) -> SavedPlan:
    """The inverse of `encode`.

    Args:
        key: Finds the key that it must be signed with.

    Raises:
        StackspecError: there is no key; or the file is no saved plan, of a newer version, signed with another key, or
            was changed.
    """
    version = _VERSION.match(data)
    if version is None:
        hint = "apply takes what 'stackspec plan --out' wrote; manifests are named by -f, an environment by -e"
        raise StackspecError.of("SS0607", "it is not a saved plan", hint=hint)
    if int(version[1]) > FORMAT:
        message = f"it was saved by a newer stackspec (format {int(version[1])}, this one reads {FORMAT})"
        raise StackspecError.of("SS0607", message, hint="upgrade stackspec, or plan with this one")
    head, tail = _HEAD.match(data), _TAIL.search(data, max(0, len(data) - _TAIL_BYTES))
    if head is None or tail is None:
        raise _changed()
    signed, body = data[: tail.start()], data[head.end() : tail.start()]
    ours = key()
    if head[2].decode() != ours.id:
        hint = f"plan and apply need the same key: {PLAN_KEY_VARIABLE} set to the same text, or that of one project"
        raise StackspecError.of("SS0609", f"it was signed with another key than {ours.source}", hint=hint)
    if not ours.signed(signed, tail[1].decode()):
        raise _changed()
    try:
        return _from_json(json.loads(body))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        hint = "plan with the stackspec that applies"
        raise StackspecError.of("SS0607", "it is a saved plan that this stackspec cannot read", hint=hint) from error


def _changed() -> StackspecError:
    hint = "take the file as it was written, or plan again; find out who could write it"
    return StackspecError.of("SS0609", "it was changed or cut short after it was saved", hint=hint)


def _text(document: Mapping[str, Any]) -> str:
    """Canonical JSON in ASCII, on which no terminal acts."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def _to_json(saved: SavedPlan) -> dict[str, Any]:
    request, selection, bound = saved.request, saved.request.selection, saved.bindings
    return {
        "made": saved.made.as_json(),
        "environment": saved.environment,
        "files": list(saved.files),
        "request": {
            **{one.name: _plain(getattr(selection, one.name)) for one in fields(selection)},
            "allow_empty": request.allow_empty,
            "refresh": request.refresh,
            "serial": request.serial,
        },
        "stackspec": bound.version,
        "lineage": bound.lineage,
        "serial": bound.serial,
        "flavors": {name: asdict(version) for name, version in bound.flavors.items()},
        "manifests": dict(bound.manifests),
        "steps": saved.steps,
        "secrets": dict(saved.secrets),
        "plan": saved.shown,
    }


def _plain(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, tuple) else value


def _addresses(texts: list[str]) -> tuple[ComponentAddress, ...]:
    return tuple(map(ComponentAddress.parse, texts))


def _from_json(body: Mapping[str, Any]) -> SavedPlan:
    made, request = Run.from_json(body["made"]), body["request"]
    selection = Selection(
        stacks=tuple(request["stacks"]),
        targets=_addresses(request["targets"]),
        changed=None if request["changed"] is None else _addresses(request["changed"]),
        replace=_addresses(request["replace"]),
        adopt=_addresses(request["adopt"]),
        destroy=request["destroy"],
        force=request["force"],
    )
    flavors = {name: FlavorVersion(**version) for name, version in body["flavors"].items()}
    return SavedPlan(
        made,
        body["environment"],
        Request(selection, request["allow_empty"], request["refresh"], request["serial"]),
        tuple(body["files"]),
        Bindings(body["stackspec"], body["lineage"], body["serial"], flavors, body["manifests"], made.commit),
        body["steps"],
        body["secrets"],
        body["plan"],
    )
