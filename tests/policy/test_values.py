"""What a single value must be: types, lists, expressions, folders, hosts, schemas; hostile spellings, and values that are no plain data."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import unicodedata
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence import ArgumentRule, Policy, PolicyError, SqlRule, ToolRule
from ringfence.errors import UnknownName
from ringfence.policy.arguments import Around, argument_tests
from ringfence.policy.compile import compile_policy
from ringfence.policy.model import ValueType
from ringfence.policy.values import fits_expression, of_host, within

if TYPE_CHECKING:
    from collections.abc import Callable
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
    """7 is in the list, '7' is not; what is of none of its types, such as 7.0, is neither in it nor outside of it."""
    values: list[object] = ["DE1", 7, True, 7.0, "7", 1, None, ["DE1"], {}]
    assert [value for value in values if passes(ArgumentRule(in_list="known"), value)] == ["DE1", 7, True]
    assert [value for value in values if passes(ArgumentRule(not_in_list="known"), value)] == ["7", 1]


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
    [("(?=a)b", "look-around"), ("(?<!a)b", "look-around"), (r"(a)\1", "backreferences are not supported"), ("(a", "unclosed group"), ("[z-a]", "invalid character class range"), ("(?:a{1000}){1000}", "too large"), ("a)|(b", "unopened group"), ("(?x)a # b", "unclosed group")],
)  # fmt: skip
def test_an_expression_that_cannot_be_used_stops_the_policy(expression: str, why: str) -> None:
    """With its place, and what is wrong."""
    with pytest.raises(
        PolicyError,
        match=rf"^tools\.t\.arguments\.a\.pattern: expected a regular expression .*, got one that cannot be used: .*({why})",
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


STEPS = st.sampled_from(["open", "shut", "a.txt", "out", "in", "..", ".", "", "new", "%2e%2e", "..\\", "~", "OPEN", "open ", "\u2024\u2024", "..;", "\0"])  # fmt: skip
STARTS = st.sampled_from(
    ["{}/", "{}//", "{}/open/", "{}/shut/in/", "{}/open/out/", "", "./", "//", "~/", "file://{}/"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(start=STARTS, steps=st.lists(STEPS, max_size=5))
def test_what_is_within_a_folder_is_what_the_system_opens_there(
    tree: Path, start: str, steps: list[str]
) -> None:
    """A path that passes leads into the folder in truth; one that leads there is never taken for one outside."""
    path = start.format(tree) + "/".join(steps)
    found = within(("open",), tree)(path)
    try:
        place = os.path.realpath(path)
    except ValueError:  # a NUL
        assert found is not True
        return
    inside = f"{place}/".startswith(f"{tree.resolve()}/open/")
    assert found is not True or inside
    assert found is not False or not inside


USERS = st.sampled_from(["", "acme.io@", "acme.io:80@", "evil.test@", "a:b@", "@", "%40"])
HOSTS = st.sampled_from(["acme.io", "evil.test", "ACME.io", "acme.io.", "10.1.2.3", "167838211", "0x0a.1.2.3", "012.1.2.3", "[::ffff:10.1.2.3]", "acme\uff0eio", "acme.io%2eevil.test", "ac\u00admme.io", "sub.acme.io"])  # fmt: skip
ENDS = st.sampled_from(["", "/", ":80", ":80/x", "#acme.io", "?acme.io", "\\@acme.io", "\\.evil.test", "#@evil.test/", "?@evil.test", "/@evil.test", ";@evil.test", "\t.evil.test", "\n", " .evil.test", ":@evil.test", ",evil.test"])  # fmt: skip
SCHEMES = st.sampled_from(
    [
        "https://",
        "http://",
        "HTTP://",
        "http:",
        "http:\\\\",
        "http:///",
        " https://",
        "ftp://",
        "//",
        "file://",
        "ht\ntp://",
    ]
)


def destinations(address: str) -> set[str]:
    """Return the hosts that real clients would connect to; none where they refuse."""
    found = set()
    parsers: list[Callable[[str], str | None]] = [
        lambda text: str(urllib.request.Request(text).host or ""),
        lambda text: str(httpx.URL(text).host),
        lambda text: urllib.parse.urlsplit(text).hostname,
    ]
    for parse in parsers:
        try:
            host = parse(address) or ""
        except (ValueError, httpx.InvalidURL, UnicodeError):
            continue
        if "@" in host:  # urllib looks for a host of this whole name
            continue
        host = urllib.parse.unquote(host).casefold()
        host = (
            host.partition("]")[0].removeprefix("[")
            if host.startswith("[")
            else host.partition(":")[0]
            if host.count(":") < 2
            else host
        )
        with contextlib.suppress(OSError):
            host = socket.inet_ntoa(socket.inet_aton(host))
        found.add(unicodedata.normalize("NFKC", host).removesuffix("."))
    return found - {""}


@settings(max_examples=1500)
@given(scheme=SCHEMES, user=USERS, host=HOSTS, end=ENDS)
def test_a_host_that_passes_is_where_every_client_goes(scheme: str, user: str, host: str, end: str) -> None:
    """Whoever reads the address; and one that some client takes to a host is never taken for one that leads elsewhere."""
    address = f"{scheme}{user}{host}{end}"
    allowed = of_host(("acme.io", "10.1.2.3"))(address)
    known = {"acme.io", "10.1.2.3", "::ffff:10.1.2.3"}
    assert allowed is not True or destinations(address) <= known, destinations(address)
    forbidden = of_host(("evil.test",))(address)
    assert forbidden is not False or "evil.test" not in destinations(address), destinations(address)


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
        ("{", "it holds no JSON"), ('"{}"', "it holds no schema"), ({"type": "objekt"}, "it is no schema that can be used: .*objekt"), ({"$ref": "https://evil.test/schema.json"}, "it is no schema .*evil.test.*is disabled"),
        ({"$ref": "other.json"}, "it is no schema that can be used"), ({"$ref": "#/$defs/none"}, r"it is no schema .*/\$defs/none"), ({"$ref": "#"}, "it describes every value"), ({}, "it describes every value"), ({"pattern": "(?=a)b"}, "it is no schema"), ({"$schema": "https://evil.test/meta", "type": "null"}, "it is no schema .*Unknown meta-schema"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_stops_the_policy(tmp_path: Path, content: Any, message: str) -> None:
    """Nothing is fetched; the place and the reason are told."""
    rule = schema(tmp_path, content)
    with pytest.raises(PolicyError, match=rf"^tools\.t\.arguments\.a\.schema: {message}"):
        compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})}), tmp_path)
    with pytest.raises(PolicyError, match=r"schema: it cannot be read: no such file"):
        compile_policy(
            Policy(tools={"t": ToolRule(arguments={"a": ArgumentRule(schema="none.json")})}), tmp_path
        )


def test_no_schema_takes_for_ever(tmp_path: Path) -> None:
    """Expressions in a schema run in linear time too, and comparing items takes no quadratic one."""
    rule = schema(tmp_path, {"type": "array", "uniqueItems": True, "items": {"anyOf": [{"pattern": "^(a+)+$", "type": "string"}, {"type": "object", "patternProperties": {"^(b+)+$": {}}, "additionalProperties": False}]}})  # fmt: skip
    assert not passes(rule, ["a" * 50_000 + "!"], tmp_path)
    assert not passes(rule, [{"b" * 50_000 + "!": 1}], tmp_path)
    assert passes(rule, [{"b" * (1 + number): 1} for number in range(300)], tmp_path)
    assert passes(schema(tmp_path, {"uniqueItems": True, "type": "array"}), [{"a": number} for number in range(30_000)], tmp_path)  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": float("nan")}, [[]] * 100_001, {1: 2}, b"1", 1j])  # fmt: skip
def test_what_json_has_not_no_schema_describes(tmp_path: Path, value: object) -> None:
    """Nor what nests too deep or is too large."""
    assert not passes(schema(tmp_path, {"not": {"const": "x"}}), value, tmp_path)


def test_a_value_that_nests_without_end_is_described_by_nothing(tmp_path: Path) -> None:
    """Neither its depth nor a circle in it stops the gate."""
    circle: list[object] = []
    circle.append(circle)
    assert not passes(schema(tmp_path, {"type": "array", "items": {"$ref": "#"}}), circle, tmp_path)


SQL = ArgumentRule(sql=SqlRule(dialect="postgres", statements=("select",), tables=("orders", "sales.*")))


@pytest.mark.parametrize(
    ("query", "good"),
    [
        ("SELECT a FROM orders", True), ("select 1 from sales.may join orders on true", True), ("WITH x AS (SELECT 1) SELECT * FROM x, orders", True),
        ("DELETE FROM orders", False), ("SELECT * FROM users", False), ("SELECT 1; DROP TABLE orders", False), ("SELEC", False), ("", False), (["SELECT 1"], False), ("SELECT * FROM orders -- " + "x" * 200_000, False),
        ("WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x", False),
    ],
)  # fmt: skip
def test_sql_holds_only_what_is_listed(query: object, good: bool) -> None:
    """Kinds of statement and tables, wherever they stand; what no parser understands holds anything."""
    assert passes(SQL, query) is good


def test_a_database_that_nobody_knows_stops_the_policy() -> None:
    """With the nearest that there is."""
    rule = ArgumentRule(sql=SqlRule(dialect="postgers", statements=("select",)))
    with pytest.raises(
        UnknownName, match=r"tools\.t\.arguments\.a\.sql\.dialect: unknown dialect 'postgers'"
    ):
        compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})}))


# Paths into values


@pytest.mark.parametrize(
    ("argument", "arguments", "good"),
    [
        ("filter.amount", {"filter": {"amount": 5}}, True), ("filter.amount", {"filter": {"amount": 50}}, False), ("filter.amount", {"filter": {}}, False), ("filter.amount", {"filter": [5]}, False), ("filter.amount", {}, False),
        ("rows[]", {"rows": [1, 2]}, True), ("rows[]", {"rows": [1, 20]}, False), ("rows[]", {"rows": []}, False), ("rows[]", {"rows": 1}, False), ("rows[].n", {"rows": [{"n": 1}, {"n": 2}]}, True), ("rows[].n", {"rows": [{"n": 1}, {}]}, False),
        ("rows[any]", {"rows": [50, 5]}, True), ("rows[any]", {"rows": [50]}, False), ("rows[any]", {"rows": []}, False), ("rows[any].n", {"rows": [{}, {"n": 5}]}, True), ("rows[][]", {"rows": [[1], [2, 3]]}, True), ("rows[][]", {"rows": [[1], [20]]}, False), ("rows[].n", {"rows": None}, False),
        ("a.b", {"a.b": 5}, True), ("a.b", {"a.b": 50, "a": {"b": 5}}, False),
    ],
)  # fmt: skip
def test_a_path_leads_into_a_value(argument: str, arguments: dict[str, object], good: bool) -> None:
    """Every value at its end must pass, and there must be one; an argument of that very name comes first."""
    assert passes(ArgumentRule(max=9), None, argument=argument, arguments=arguments) is good
