"""YAML to a `Document`. Only PyYAML's safe loader is used, and of it only the part that finds the structure of the text.

Tags, merge keys, doubled keys and a second document are refused, depth and size are bounded, also through aliases. The one idea:
a plain value that YAML 1.1 and 1.2 read differently (`no`, `010`, `1e3`) is a fault, because its author and this program, or
this program and an editor, would not mean the same policy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from ringfence.policy.document import MOST_DEPTH, MOST_VALUES, Document, Unclear, is_secret, printable

if TYPE_CHECKING:
    from ringfence.errors import PolicyFileError
    from ringfence.policy.document import Place

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_OCTAL = re.compile(r"0o[0-7]+")
_MOST_DIGITS = 400  # Python reads no whole number of more than 4,300 digits
_UNCLEAR = object()


def read_yaml(text: str, file: str) -> Document:
    """Return what a YAML text holds. Faults that leave the rest readable are in the document's `faults`.

    Arguments:
        text: the YAML text; JSON is YAML.
        file: the file's name, for messages.

    Raises:
        PolicyFileError: the text is no YAML, holds nothing or several documents, or is too deep or too large.

    """
    document = Document(file)
    try:
        loader = _Loader(text, document)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        got = f"the control character {printable(chr(error.character))}"
        raise document.fault((), "text", got, line=line) from error
    try:
        root = loader.only_node()
    except yaml.MarkedYAMLError as error:
        raise _syntax_fault(document, error) from error
    except (ValueError, OverflowError) as error:
        raise document.fault(
            (), "valid YAML", "an escape that is no character", line=loader.line + 1
        ) from error
    if root is None:
        got = "nothing but comments" if text.strip() else "an empty file"
        raise document.fault((), "a policy (`version: 1` is the shortest)", got)
    document.data = _Values(document, loader.tagged).value(root, ())
    return document


class _Loader(yaml.SafeLoader):
    """The safe loader, bounded while it composes; it notes which nodes have a tag in the text."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self.tagged: dict[int, str] = {}
        self._document = document
        self._depth = self._values = 0

    def only_node(self) -> yaml.Node | None:
        """Return the root of the only document; None where there is no document."""
        root = self.get_node() if self.check_node() else None
        if root is not None and self.check_node():
            _, line = self._next_event()
            raise self._document.fault((), "one document", "a second one after `---`", line=line)
        return root

    def _next_event(self) -> tuple[Any, int]:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        return event, event.start_mark.line + 1

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        """Compose one node and count it."""
        event, line = self._next_event()
        self._values += 1
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._document.too_deep((), line)
        if self._values > MOST_VALUES:
            raise _too_many(self._document, line)
        node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]
        self._depth -= 1
        if node is not None and getattr(event, "tag", None) is not None:
            self.tagged[id(node)] = event.tag
        return node


class _Values:
    """Turns nodes into plain values and notes their lines, aliases followed."""

    def __init__(self, document: Document, tagged: dict[int, str]) -> None:
        self._document = document
        self._tagged = tagged
        self._values = 0

    def value(self, node: yaml.Node, place: Place) -> object:
        """Return the value of a node at a place."""
        line = node.start_mark.line + 1
        self._values += 1
        if len(place) > MOST_DEPTH:
            raise self._document.too_deep(place)
        if self._values > MOST_VALUES:
            raise _too_many(self._document, line)
        if id(node) in self._tagged:
            self._document.report(place, "a plain value", f"the YAML tag {printable(self._tagged[id(node)])}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return self._list(node, place)
        return self._scalar(node, place)

    def _list(self, node: yaml.SequenceNode, place: Place) -> list[object]:
        found = []
        for index, item in enumerate(node.value):
            here = (*place, index)
            self._document.lines[here] = item.start_mark.line + 1
            found.append(self.value(item, here))
        return found

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, place, line)
            if key is None:
                continue
            here = (*place, key)
            if here in self._document.lines:
                first = self._document.lines[here]
                self._document.report(
                    here, "each key once", f"the key again (first on line {first})", line=line
                )
                continue
            self._document.lines[here] = line
            if self._document.name(here, key):
                found[key] = self.value(value_node, here)
        return found

    def _key(self, node: yaml.Node, place: Place, line: int) -> str | None:
        text = printable(node.value) if isinstance(node, yaml.ScalarNode) else ""
        here = (*place, text) if text else place
        if id(node) in self._tagged:
            self._document.report(
                here, "a plain key", f"the YAML tag {printable(self._tagged[id(node)])}", line=line
            )
        elif not isinstance(node, yaml.ScalarNode):
            self._document.report(here, "text as key", "a list or a mapping", line=line)
        elif node.tag.endswith(":merge"):
            self._document.report(here, "each key written out", "the YAML merge key `<<`", line=line)
        elif not node.tag.endswith(":str") or (_is_plain(node) and _plain(text, "str") is _UNCLEAR):
            self._document.report(here, "text as key (put it in quotes)", _reading(node), line=line)
        else:
            return str(node.value)
        return None

    def _scalar(self, node: yaml.Node, place: Place) -> object:
        kind = node.tag.rpartition(":")[2]
        if kind == "null":
            return None
        value = _plain(node.value, kind) if _is_plain(node) else node.value
        if value is not _UNCLEAR:
            return self._document.scalar(place, value)
        hidden = "a value that versions of YAML read differently (hidden, since its key looks like that of a secret)"
        reading = hidden if is_secret(place) else _reading(node)
        self._document.unclear[place] = Unclear(str(node.value), reading)
        return None


_KINDS = {"int": "a number", "float": "a number", "str": "text", "null": "nothing", "timestamp": "a date"}


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None


def _reading(node: yaml.Node) -> str:
    """Return what a scalar's text is, and what YAML 1.1 takes it for."""
    kind = node.tag.rpartition(":")[2]
    reading = _KINDS.get(kind, "something special")
    if kind == "bool":
        reading = "true" if node.value.lower() in ("yes", "on", "true") else "false"
    return f"{printable(node.value) or 'nothing'}, which YAML reads as {reading}"


def _plain(text: str, kind: str) -> object:
    """Return what a text without quotes means in every version of YAML, or `_UNCLEAR` where they disagree."""
    if kind == "str":
        return _UNCLEAR if _DECIMAL.fullmatch(text) or _OCTAL.fullmatch(text) else text
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind not in ("int", "float") or len(text) > _MOST_DIGITS:
        return _UNCLEAR
    if _WHOLE.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return float(text) if kind == "float" and _DECIMAL.fullmatch(text) else _UNCLEAR


def _too_many(document: Document, line: int) -> PolicyFileError:
    got = "more (do aliases multiply them?)"
    return document.fault((), f"at most {MOST_VALUES:,} values", got, line=line)


def _syntax_fault(document: Document, error: yaml.MarkedYAMLError) -> PolicyFileError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    problem = error.problem or "something else"
    if "'\\t'" in problem:
        return document.fault((), "spaces before keys and values", "a tab", line=line)
    context = f" {error.context}" if error.context else ""
    return document.fault((), "valid YAML", f"a fault{context}: {printable(problem)}", line=line)
