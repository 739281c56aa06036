"""What a single value must be: types, lists, expressions, folders, hosts, schemas; hostile spellings, and values that are no plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import ArgumentRule, Policy, PolicyError, ToolRule
from ringfence.errors import UnknownName
from ringfence.policy.arguments import Around, argument_tests
from ringfence.policy.compile import compile_policy
from ringfence.policy.model import ValueType
from ringfence.policy.values import fits_expression

if TYPE_CHECKING:
    from pathlib import Path


def passes(
    rule: ArgumentRule,
    value: object,
    folder: str | Path | None = None,
    argument: str = "a",
    arguments: dict[str, object] | None = None,
) -> bool:
    """Return whether a value passes all tests of a rule."""
    tests = argument_tests("t", {argument: rule}, Around({"known": ("DE1", 7, True)}, folder))
    return all(test.judge({"a": value} if arguments is None else arguments) is None for test in tests)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "a"], [1, None, b"a", ["a"]]), ("number", [1, 1.5, -3], [True, "1", None]), ("integer", [1, 0], [1.0, True, "1"]), ("boolean", [True, False], [0, 1, "true"]),
        ("list", [[], [1], (1,)], ["ab", {1}, {}]), ("mapping", [{}, {"a": 1}], [[], "{}"]), ("nothing", [None], [0, "", False]),
    ],
)  # fmt: skip
def test_types_are_exact(kind: str, good: list[object], bad: list[object]) -> None:
    """True is no number, and an integer is no text."""
    rule = ArgumentRule(type=ValueType(kind))
    assert [value for value in good if not passes(rule, value)] == []
    assert [value for value in bad if passes(rule, value)] == []


class Pretender(str):
    """A text that says that it is equal to everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("DE1")


@pytest.mark.parametrize("rule", [ArgumentRule(type=ValueType.TEXT), ArgumentRule(in_list="known"), ArgumentRule(not_in_list="known"), ArgumentRule(pattern="x+"), ArgumentRule(hosts=("acme.io",)), ArgumentRule(within=("tests",)), ArgumentRule(none_of=("b",)), ArgumentRule(min_length=1)])  # fmt: skip
def test_no_value_answers_for_itself(rule: ArgumentRule) -> None:
    """An object of a subclass passes nothing."""
    assert not passes(rule, Pretender("DE1"))


def test_lists_compare_types_too() -> None:
    """7 is in the list, 7.0 and '7' are not; what is no plain value is neither in it nor outside of it."""
    values: list[object] = ["DE1", 7, True, 7.0, "7", 1, None, ["DE1"], {}]
    assert [value for value in values if passes(ArgumentRule(in_list="known"), value)] == ["DE1", 7, True]
    assert [value for value in values if passes(ArgumentRule(not_in_list="known"), value)] == [
        7.0,
        "7",
        1,
        None,
    ]


def test_a_list_that_nothing_defines_stops_the_policy() -> None:
    """With the place and the nearest name."""
    with pytest.raises(UnknownName, match="knwon") as raised:
        compile_policy(
            Policy(
                lists={"known": ("a",)}, tools={"t": ToolRule(arguments={"a": ArgumentRule(in_list="knwon")})}
            )
        )
    assert (raised.value.where, raised.value.nearest) == ("tools.t.arguments.a.in_list", "known")


# Expressions


@pytest.mark.parametrize(
    ("expression", "good", "bad"),
    [
        ("[A-Z]{2}[0-9]+", ["DE12"], ["DE", "xDE12", "DE12 ", "DE12\n", "\nDE12", ""]), ("a|b", ["a", "b"], ["ab", "xb", "ax"]), ("(?i)yes", ["YES", "yes"], ["yess"]), ("^a$", ["a"], ["a\n", "\na"]),
        (r"\d+", ["12", "١٢"], ["x"]), ("(a+)+", ["aaa"], ["aab"]), (".{3}", ["abc", "äöü"], ["ab", "a\nc"]),
    ],
)  # fmt: skip
def test_an_expression_fits_as_a_whole(expression: str, good: list[str], bad: list[str]) -> None:
    """Without anchors too, and also where it holds alternatives."""
    rule = ArgumentRule(pattern=expression)
    assert [text for text in good if not passes(rule, text)] == []
    assert [text for text in [*bad, 12, None, "\ud800"] if passes(rule, text)] == []


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(a|a?)+b", "([a-z]+)*!", "(.*)*x", "(x+x+)+y"])
def test_no_expression_takes_for_ever(expression: str) -> None:
    """What makes other engines try for ever ends here with the text."""
    assert fits_expression(expression)("a" * 50_000 + "?") is False


@pytest.mark.parametrize(
    ("expression", "why"),
    [("(?=a)b", "look-around"), ("(?<!a)b", "look-around"), (r"(a)\1", "backreferences are not supported"), ("(a", "unclosed group"), ("[z-a]", "invalid character class range"), ("a{99999999}", "size limit|too large|exceeds")],
)  # fmt: skip
def test_an_expression_that_cannot_be_used_stops_the_policy(expression: str, why: str) -> None:
    """With its place, and what is wrong."""
    with pytest.raises(
        PolicyError,
        match=rf"^tools\.t\.arguments\.a\.pattern: the regular expression cannot be used: .*({why})",
    ):
        compile_policy(Policy(tools={"t": ToolRule(arguments={"a": ArgumentRule(pattern=expression)})}))


@given(st.text(max_size=30))
def test_any_text_can_be_asked_about(text: str) -> None:
    """The answer is yes or no."""
    assert fits_expression("[a-c]*")(text) is all(letter in "abc" for letter in text)


# Folders and hosts


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a folder `open` with a file, beside a folder `shut`, and links out and in."""
    (tmp_path / "open").mkdir()
    (tmp_path / "shut").mkdir()
    (tmp_path / "open" / "a.txt").write_text("")
    (tmp_path / "open" / "out").symlink_to(tmp_path / "shut")
    (tmp_path / "shut" / "in").symlink_to(tmp_path / "open")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("{}/open/a.txt", True), ("{}/open", True), ("{}/open/new/b.txt", True), ("{}/shut/in/a.txt", True), ("{}/open/../open/a.txt", True),
        ("{}/shut/b", False), ("{}/open/../shut/b", False), ("{}/open/out/b", False), ("{}/opener", False), ("{}/open\x00", False), ("", False), ("{}/open/%2e%2e/shut", False), ("{}/open/..\\..\\shut", False), ("~root/x", False), ("/etc/passwd", False),
    ],
)  # fmt: skip
def test_a_path_is_within_a_folder_or_there_is_a_doubt(tree: Path, path: str, inside: bool) -> None:
    """Links and `..` are followed; a doubt is a no."""
    rule = ArgumentRule(within=("open",))
    assert passes(rule, path.format(tree), tree) is inside


def test_a_folder_starts_where_the_policy_is(tree: Path) -> None:
    """Not where the process happens to be."""
    assert not passes(ArgumentRule(within=("open",)), f"{tree}/open/a.txt", tree / "shut")


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("acme.io", True), ("https://acme.io/x?y", True), ("https://ACME.io:443/", True), ("acme.io.", True), ("https://api.shop.net/", True), ("10.1.2.3:80", True),
        ("https://shop.net/", False), ("https://acme.io@evil.test/", False), ("https://evil.test/#acme.io", False), ("https://evil.test\\@acme.io/", False), ("https://acme.io.evil.test/", False), ("xacme.io", False), ("https://167838211/", True), ("https://0x0a010203/", True),
        ("http://[::ffff:10.1.2.3]/", True), ("//evil.test/acme.io", False), ("https://\u0430cme.io/", False), ("", False), ("https://", False), ("javascript:acme.io", False), ("https://acme.io\n.evil.test", False),
    ],
)  # fmt: skip
def test_a_host_is_the_one_that_clients_go_to(address: str, good: bool) -> None:
    """Users, fragments, look-alikes and numbers fool nobody; what clients read differently is a no."""
    assert passes(ArgumentRule(hosts=("acme.io", "*.shop.net", "10.1.2.3")), address) is good


# Schemas


def schema(folder: Path, content: Any) -> ArgumentRule:
    """Write a JSON Schema, and return the rule that names it."""
    (folder / "order.json").write_text(
        content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
    )
    return ArgumentRule(schema="order.json")


def test_a_json_schema_describes_a_value(tmp_path: Path) -> None:
    """By reference, with references inside of it; tuples count as lists, and what JSON has not is a no."""
    rule = schema(tmp_path, {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "maxItems": 2}}, "$defs": {"item": {"type": "integer", "minimum": 1}}})  # fmt: skip
    assert passes(rule, {"items": [1, 2]}, tmp_path)
    assert passes(rule, {"items": (1,)}, tmp_path)
    for value in (
        {"items": [0]},
        {"items": [1, 2, 3]},
        {},
        [],
        {"items": [1], 2: 3},
        {"items": {1}},
        object(),
    ):
        assert not passes(rule, value, tmp_path), value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read: JSONDecodeError"), ({"type": "objekt"}, "is none: 'objekt' is not valid"), ({"$ref": "https://evil.test/schema.json"}, "refers to https://evil.test/schema.json, which is not in it"),
        ({"$ref": "#/$defs/none"}, "refers to /\\$defs/none|refers to #/\\$defs/none"), ({"$ref": "#"}, "never ends"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_stops_the_policy(tmp_path: Path, content: Any, message: str) -> None:
    """Nothing is fetched; the place and the reason are told."""
    rule = schema(tmp_path, content)
    with pytest.raises(
        PolicyError, match=rf"^tools\.t\.arguments\.a\.schema: the JSON Schema order\.json ({message})"
    ):
        compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})}), tmp_path)
    with pytest.raises(PolicyError, match=r"none\.json cannot be read: No such file"):
        compile_policy(
            Policy(tools={"t": ToolRule(arguments={"a": ArgumentRule(schema="none.json")})}), tmp_path
        )


# Paths into values


@pytest.mark.parametrize(
    ("argument", "arguments", "good"),
    [
        ("filter.amount", {"filter": {"amount": 5}}, True), ("filter.amount", {"filter": {"amount": 50}}, False), ("filter.amount", {"filter": {}}, False), ("filter.amount", {"filter": [5]}, False), ("filter.amount", {}, False),
        ("rows[]", {"rows": [1, 2]}, True), ("rows[]", {"rows": [1, 20]}, False), ("rows[]", {"rows": []}, False), ("rows[]", {"rows": 1}, False), ("rows[].n", {"rows": [{"n": 1}, {"n": 2}]}, True), ("rows[].n", {"rows": [{"n": 1}, {}]}, False),
        ("a.b", {"a.b": 5}, True), ("a.b", {"a.b": 50, "a": {"b": 5}}, False),
    ],
)  # fmt: skip
def test_a_path_leads_into_a_value(argument: str, arguments: dict[str, object], good: bool) -> None:
    """Every value at its end must pass, and there must be one; an argument of that very name comes first."""
    assert passes(ArgumentRule(max=9), None, argument=argument, arguments=arguments) is good
