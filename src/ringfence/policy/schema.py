"""The JSON Schema of policy files, for editors: pydantic's, with the texts of `model.py` and the bounds of `shape.py` put in."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass
from typing import Any

from ringfence.policy import model
from ringfence.policy.shape import adapter, bounds

_ATTRIBUTE = re.compile(r"^    ((?:\w+, )*\w+): ")


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy file. Every section and field has its description."""
    schema = adapter().json_schema()
    sections = schema.pop("$defs")
    for name, section in sections.items():
        _describe(section, getattr(model, name))
    _describe(schema, model.Policy)
    schema["title"] = "Ringfence policy"
    sections["ArgumentRule"] |= {"minProperties": 1}
    sections["Condition"] |= {"minProperties": 1}
    for name in ("one_of", "none_of", "within", "hosts"):
        sections["ArgumentRule"]["properties"][name] |= {"minItems": 1}
    for name in ("matches", "pattern"):
        sections["ArgumentRule"]["properties"][name] |= {"minLength": 1}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": sections}


def _describe(section: dict[str, Any], kind: type) -> None:
    section["description"] = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    if not is_dataclass(kind):
        return
    texts = attribute_texts(kind)
    for name, entry in section["properties"].items():
        entry.pop("title", None)
        _drop_null(entry)
        entry["description"] = texts.get(name, "")
        _bound(entry, kind, name)
        if "additionalProperties" in entry:
            entry["propertyNames"] = {"minLength": 1}


def _drop_null(entry: dict[str, Any]) -> None:
    """Take null out of what a field may be: a file leaves out what it does not set."""
    options = [option for option in entry.pop("anyOf", ()) if option != {"type": "null"}]
    entry |= options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    if entry.get("default", ...) is None:
        del entry["default"]


def _bound(entry: dict[str, Any], kind: type, name: str) -> None:
    limits = bounds(kind, name)
    if limits is None:
        return
    for part in (entry, entry.get("items", {}), *entry.get("anyOf", ())):
        if part.get("type") in ("integer", "number"):
            part["exclusiveMinimum" if limits.open else "minimum"] = limits.least
            if limits.most is not None:
                part["maximum"] = limits.most


def attribute_texts(kind: type) -> dict[str, str]:
    """Return the description of each field of a section, from the `Attributes:` part of its docstring."""
    _, _, listing = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in listing.splitlines():
        found = _ATTRIBUTE.match(line)
        if found:
            names = found[1].split(", ")
        text = line[found.end() :] if found else line.strip()
        texts |= {name: f"{texts.get(name, '')} {text}".strip() for name in names}
    return texts
