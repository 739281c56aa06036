"""The shape of a policy: a `Document` becomes a `Policy`, or its faults are noted in words for a person.

Pydantic validates the dataclasses of `model.py` (strictly, unknown keys refused) and says where a value does not fit; what should
stand there is told from the annotation. The one idea: a message speaks of text, lists and numbers, never of Python's types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, NewType, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ringfence.errors import nearest
from ringfence.policy.document import printable, show
from ringfence.policy.model import (
    MOST_COUNTED,
    Approvals,
    ArgumentRule,
    AtMost,
    IdentityPolicy,
    Policy,
    Profile,
)
from ringfence.policy.sound import flaws

if TYPE_CHECKING:
    from ringfence.policy.document import Document, Place


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be.

    Attributes:
        least: the smallest value; with `open`, what it must exceed.
        most: the largest value; None: any.
        open: whether `least` itself is too small.

    """

    least: int
    most: int | None = None
    open: bool = False

    def hold(self, value: float) -> bool:
        """Return whether the value lies within."""
        return (value > self.least if self.open else value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        if self.most is None:
            return f"a number above {self.least}" if self.open else f"a number of at least {self.least}"
        return str(self.least) if self.least == self.most else f"a number from {self.least} to {self.most}"


_SPECIAL_BOUNDS = {
    (Policy, "version"): Bounds(1, 1),
    (Approvals, "wait_seconds"): Bounds(0),
    (Profile, "ports"): Bounds(1, 65535),
    (Profile, "file_size_mb"): Bounds(0),
    (Profile, "output_bytes"): Bounds(0),
    (Profile, "memory_mb"): Bounds(1, 1 << 24),
    (Profile, "open_files"): Bounds(16, 1 << 20),
    (Profile, "processes"): Bounds(1, 10_000),
    (Profile, "waiting"): Bounds(0, 1000),
    (Profile, "running"): Bounds(1, 10_000),
    (Profile, "queue"): Bounds(0),
    (ArgumentRule, "min_length"): Bounds(0),
    (IdentityPolicy, "leeway_seconds"): Bounds(0, 600),
    (IdentityPolicy, "stale_seconds"): Bounds(0),
    (ArgumentRule, "max_length"): Bounds(0),
    (AtMost, "calls"): Bounds(1, MOST_COUNTED),
    (ArgumentRule, "min"): None,
    (ArgumentRule, "max"): None,
}


def bounds(section: type, name: str) -> Bounds | None:
    """Return what the numbers in a field of a section may be: sizes and counts from 1, times above 0."""
    if (section, name) in _SPECIAL_BOUNDS:
        return _SPECIAL_BOUNDS[section, name]
    kinds = _kinds(fields_of(section)[name])
    return Bounds(1) if kinds == (int,) else Bounds(0, open=True) if kinds == (float,) else None


@cache
def adapter() -> TypeAdapter[Policy]:
    """Return what validates policies."""
    # A type adapter takes no settings for a dataclass itself, but for a new name of it, and the sections inside inherit them.
    policy_in_file = NewType("policy_in_file", Policy)
    return TypeAdapter(policy_in_file, config=ConfigDict(extra="forbid", strict=True))


@cache
def fields_of(section: type) -> dict[str, Any]:
    """Return the annotations of a section's fields."""
    return get_type_hints(section)


def shape(document: Document) -> Policy | None:
    """Return the policy that a document holds; None, with faults noted in the document, where it holds none."""
    policy = None
    for place, unclear in document.unclear.items():
        if _is_word(place, unclear.text):
            document.put(place, unclear.text)
        else:
            document.report(place, _expected_in_quotes(place), unclear.reading)
    try:
        # Through JSON, since strict validation takes a list for a tuple and text for an enum only from there.
        policy = adapter().validate_json(json.dumps(document.data))
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            if fault["type"] == "missing":
                _report_missing(document, tuple(fault["loc"]))
            else:
                _report(document, tuple(fault["loc"]), unknown=fault["type"] == "unexpected_keyword_argument")
    _check_for_nothing(document)
    _check_bounds(document)
    if policy is not None and not document.faults:
        for flaw in flaws(policy):
            document.report(*flaw)
    return None if document.faults else policy


def _report(document: Document, location: Place, *, unknown: bool) -> None:
    place, annotation = _resolve(location)
    if (location if unknown else place) in document.faulty:
        return
    if unknown:
        keys, key = list(fields_of(annotation)), str(location[-1])
        got = f"the unknown key '{printable(key)}'"
        document.report(location, f"one of the keys {', '.join(keys)}", got, nearest=nearest(key, keys))
        return
    value = document.value(place)
    kinds = _kinds(annotation)
    names = [str(member) for member in kinds[0]] if issubclass(kinds[0], StrEnum) else []
    close = nearest(value, names) if isinstance(value, str) else None
    document.report(place, _expected(annotation, value), _came(value, place), nearest=close)


def _report_missing(document: Document, location: Place) -> None:
    _, annotation = _resolve(location)
    document.report(location[:-1], f"the key {location[-1]}, {_expected(annotation, None)}", "none")


def _came(value: object, place: Place) -> str:
    """Return in words what came; where it is nothing, with what to do."""
    if value is not None or not place:
        return show(value, place)
    return f"nothing; leave the {'item' if isinstance(place[-1], int) else 'key'} out"


def _resolve(location: Place) -> tuple[Place, Any]:
    """Return the place in the file that pydantic means, without the branches of a union, and what belongs there."""
    annotation: Any = Policy
    for length, step in enumerate(location):
        kind = _kinds(annotation)[0]
        if is_dataclass(kind) and step in fields_of(kind):
            annotation = fields_of(kind)[str(step)]
        elif kind is dict:
            annotation = get_args(_bare(annotation))[1]
        elif kind is tuple:
            annotation = get_args(_bare(annotation))[0]
        else:
            return location[:length], annotation
    return location, annotation


def _bare(annotation: Any) -> Any:
    """Return an annotation without its None, where one other type is left."""
    if get_origin(annotation) in (Union, UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _kinds(annotation: Any) -> tuple[type, ...]:
    """Return the classes of the values that an annotation allows besides None; dict for any mapping."""
    bare = _bare(annotation)
    origin = get_origin(bare)
    if origin in (Union, UnionType):
        return tuple(part for part in get_args(bare) if part is not type(None))
    if origin is None:
        return (bare,)
    return (tuple,) if origin is tuple else (dict,)


_WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", dict: "a mapping"}


def _expected(annotation: Any, value: object) -> str:
    """Return in words what belongs in a place."""
    kinds = _kinds(annotation)
    if len(kinds) > 1:
        return "text, a number, true or false"
    kind = kinds[0]
    if kind is tuple:
        item = get_args(_bare(annotation))[0]
        example = f", such as [{value}]" if isinstance(value, str) and value.isidentifier() else ""
        return f"a list{example}" if len(_kinds(item)) == 1 else "a list of values"
    if issubclass(kind, StrEnum):
        return f"one of {', '.join(kind)}"
    return _WORDS.get(kind, "a mapping")


def _is_word(place: Place, text: str) -> bool:
    """Return whether a closed list at a place has a word, such as `off`: no version of YAML can mean anything else by it there."""
    resolved, annotation = _resolve(place)
    kind = _kinds(annotation)[0]
    return resolved == place and issubclass(kind, StrEnum) and text in list(kind)


def _expected_in_quotes(place: Place) -> str:
    """Return in words what belongs in a place where something came that quotes would make clear."""
    resolved, annotation = _resolve(place)
    expected = _expected(annotation, None) if resolved == place else "text"
    return expected.replace("text", "text (in quotes)")


def _check_for_nothing(document: Document) -> None:
    """Note each key with nothing after it, also where None is a default: `max:` looks like a bound and would be none."""
    for place, value in document.places():
        known, annotation = _resolve(place)
        around = (place[:length] for length in range(len(place) + 1))
        if value is None and place == known and not any(outer in document.faulty for outer in around):
            document.report(place, _expected(annotation, None), _came(None, place))


def _check_bounds(document: Document) -> None:
    for place, value in document.places():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            allowed = _bounds_at(place)
            if allowed and not allowed.hold(value) and place not in document.faulty:
                document.report(place, str(allowed), show(value, place))


def _bounds_at(place: Place) -> Bounds | None:
    """Return what a number at a place may be; None where no number belongs there."""
    for length in range(len(place) - 1, -1, -1):
        outer, annotation = _resolve(place[:length])
        kind = _kinds(annotation)[0]
        if is_dataclass(kind):
            known = outer == place[:length] and place[length] in fields_of(kind)
            return bounds(kind, str(place[length])) if known else None
    return None
