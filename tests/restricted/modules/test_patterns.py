"""re: the values of the library although another package matches, and a search that ends."""

from __future__ import annotations

import contextlib
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.errors import SnippetRefused
from ringfence.restricted import Budget, evaluate
from ringfence.restricted.meter import Stopped
from ringfence.restricted.modules.patterns import Patterns
from ringfence.restricted.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

SAME = [
    "m = re.match(r'(?P<a>\\d+)-(\\w+)?', '12-ab c')\n[m.group(), m.group(1, 2), m['a'], m[2], m.groups(), m.groupdict(), m.span(2), m.start('a'), m.end(), m.lastindex, m.lastgroup, m.regs, m.string, m.pos, m.endpos, repr(m), m.re.pattern, bool(m)]",
    "p = re.compile(r'(?P<y>\\d{4})-(?P<m>\\d\\d)', re.I | re.M)\n[p.pattern, p.flags, p.groups, dict(p.groupindex), repr(p), p == re.compile(p), p.findall('2024-05 2023-01'), p.search('x 2024-05', 3), isinstance(p, re.Pattern), isinstance(p.search('2024-05'), re.Match)]",
    r"[re.findall(r'a(b)?(c)?', 'abacabc'), re.findall(r'a(b)?', 'abac'), re.findall('', 'ab'), re.findall('x', 'ab')]",
    r"[re.split(r'[,;]\s*', 'a, b;c'), re.split('(,)', 'a,b,c', maxsplit=1), re.split('x*', 'axb'), re.split(r'(a)|b', 'xaybz')]",
    r"[re.sub(r'(\w)(\d)', r'\2\g<1>\g<0>!\n\\', 'a1 b2'), re.sub('x*', '-', 'abxd'), re.subn('b', '', 'abab', count=1), re.sub('(?P<n>a)|b', r'[\g<n>]', 'ab')]",
    r"[re.sub(r'\d+', lambda m: str(int(m.group()) * 2), 'a1b22'), re.sub('a', lambda m: None or 'z', 'aba', 1)]",
    r"[m.span() for m in re.finditer(r'\b\w', 'the quick brown')]",
    r"[repr(re.I), repr(re.I | re.M), str(re.S), int(re.X), re.I | 8 == 10, int(re.I & re.I), bool(re.I)]",
    r"[re.escape('a.b*[c]'), re.escape(b'a.b'), re.fullmatch('a+', 'aaa').group(), re.fullmatch('a', 'ab'), re.search(b'b+', b'abb').group()]",
    r"re.findall(r'[^\W\d_]+', 'Größe 12 naïve_x')",
    r"re.findall(r'(?i)äpfel', 'ÄPFEL äpfel')",
    "re.compile(r'''\n  (\\d+)  # digits\n  \\s* [a-z]+   # word\n''', re.VERBOSE).findall('12 ab 3c')",
    r"[re.compile(r'(a)(?P<b>b)').sub(r'\g<b>\1', 'ab'), re.match('(a)|(b)', 'b').expand(r'<\1\2>')]",
    "m = re.match('(a)(b)?', 'a')\n[m.groups(), m.groups('d'), m.groupdict(), m.group(2), m.span(2), re.sub('(a)(b)?', r'\\2', 'a')]",
    r"[bool(re.search(r'^b$', 'a\nb\nc', re.M)), re.findall('(?s).+', 'a\nb'), re.findall('.+', 'a\nb'), re.findall(r'(?m)^\w', 'a\nb')]",
    r"[re.findall(r'(?<=a)b|b(?=c)|(?<!x)d(?!e)', 'ab bc xd de d'), re.findall(r'(\w)\1', 'aabbc'), re.match(r'(?P<q>[\'\"]).*?(?P=q)', '\'ab\' \'').group()]",
    "re.compile('(')", "re.compile('*a')", "re.compile('[')", "re.compile('a{2}{3}')", r"re.compile(r'\q')", "re.compile('(?P<1a>x)')", "re.compile('(?<=a+)b')", r"re.compile(r'(a)\2')",
    "re.match('a', b'a')", "re.match(3, 'a')", "re.match('a', 3)", r"re.sub('a', r'\1', 'a')", r"re.sub('a', r'\g<x>', 'a')", r"re.sub('a', r'\q', 'a')", "re.match('a', 'a').group(1)", "re.match('a', 'a').group('x')", "re.compile(re.compile('a'), re.I)",
    "try:\n    re.compile('a(')\nexcept re.error as e:\n    r = [e.msg, e.pos, e.pattern, e.lineno, e.colno, str(e), type(e) is re.error]\nr",
    "match_ = None\nif (m := re.search('b', 'abc')):\n    match_ = m.start()\nmatch_",
    "list(map(re.compile('b').sub, ['x'], ['abc']))",
    "words = 'the cat sat on the mat'.split()\n[w for w in words if re.match(r'.at$', w)]",
    "{re.compile('a'): 1}[re.compile('a')]",
    "re.no_such_name",
    "re.purge()",
]  # fmt: skip


@pytest.mark.parametrize("expression", SAME)
def test_re_gives_what_the_library_gives(expression: str) -> None:
    """The same match, text or list, or the same exception with the same words."""
    check_same("re", expression)


# Patterns made at random

ATOMS = [
    r"a",
    r"b",
    r"c",
    r"A",
    r"1",
    r"é",
    r"_",
    r"-",
    r".",
    r"\w",
    r"\W",
    r"\d",
    r"\s",
    r"\S",
    r"\D",
    r"[ab]",
    r"[^a]",
    r"[a-c]",
    r"[\w-]",
    r"[^\sa]",
    r"[A-Z]",
    r"\b",
    r"\B",
    r"^",
    r"$",
    r"\A",
    r"\Z",
    r"\1",
    r"\2",
    r"(?P=n)",
    r"[]a]",
    r"\n",
    r"\x61",
    r"#",
    r"\.",
    r"]",
    r"ab",
    r"(?#x)",
]
REPEATS = (
    "",
    "",
    "",
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "*+",
    "++",
    "?+",
    "{2}",
    "{1,2}",
    "{,2}",
    "{1,}",
    "{0,2}?",
    "{2,3}+",
)
WRAPS = (
    "({})", "({})", "(?:{})", "(?={})", "(?!{})", "(?<={})", "(?<!{})", "(?>{})", "(?P<n>{})", "(?P<n>{})()", "(?i:{})", "(?-i:{})", "(?s:{})",
    "(?(1){}|b)",
)  # fmt: skip


def _longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(st.tuples(inner, st.sampled_from(REPEATS)).map("".join), min_size=1, max_size=4).map(
        "".join
    )
    choices = st.lists(parts, min_size=1, max_size=3).map("|".join)
    return choices | st.builds(lambda wrap, text: wrap.replace("{}", text), st.sampled_from(WRAPS), choices)


PATTERNS = st.builds(
    "{}{}".format,
    st.sampled_from(("", "", "", "(?i)", "(?m)", "(?s)", "(a)?")),
    st.recursive(st.sampled_from(ATOMS), _longer, max_leaves=12),
)
TEXTS = st.text("abcABx1 \n_é-]É\t\x1c\u0131\u0301", max_size=10)
TEMPLATES = st.lists(
    st.sampled_from(("a", r"\1", r"\g<0>", r"\g<n>", r"\n", "\\\\", "-", r"\x", r"\012")), max_size=4
).map("".join)
FLAGS = st.sampled_from(
    (
        0,
        0,
        re.IGNORECASE,
        re.MULTILINE,
        re.DOTALL,
        re.ASCII,
        re.IGNORECASE | re.MULTILINE,
        re.VERBOSE,
        re.ASCII | re.IGNORECASE,
    )
)


def _shown(match: Any) -> Any:
    if match is None:
        return None
    return (
        match.regs,
        match.groups(),
        match.groupdict(),
        match.lastindex,
        match.lastgroup,
        match.pos,
        match.endpos,
        repr(match),
    )


def _everything(module: Any, pattern: str, text: str, template: str, flags: int) -> list[Any]:
    """Return what all methods of a pattern give for a text."""
    compiled = module.compile(pattern, flags)
    given: list[Any] = [_shown(look(text)) for look in (compiled.match, compiled.search, compiled.fullmatch)]
    given += [_shown(compiled.search(text, 1, 5)), [_shown(match) for match in compiled.finditer(text)]]
    given += [compiled.findall(text), compiled.split(text), compiled.split(text, 1)]
    given += [
        compiled.sub(lambda match: f"<{match.group()}>", text, 2),
        compiled.groups,
        dict(compiled.groupindex),
    ]
    try:
        given.append(compiled.subn(template, text))
    except (re.error, IndexError) as error:
        given.append(repr(error))
    return given


def _given(module: Any, *arguments: Any) -> Any:
    try:
        return _everything(module, *arguments)
    except (re.error, OverflowError) as error:
        return repr(error)


@contextlib.contextmanager
def _refusal_allowed() -> Iterator[None]:
    """Let what is not offered pass, and no other end of an evaluation."""
    try:
        yield
    except Stopped as stop:
        if stop.limit != "offer":
            raise


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(PATTERNS, TEXTS, TEMPLATES, FLAGS)
def test_any_pattern_gives_what_the_library_gives_or_is_refused(
    pattern: str, text: str, template: str, flags: int
) -> None:
    """For whatever pattern, text and template: all methods agree with the library's, or the evaluation is stopped."""
    view = Patterns(Run(Budget(wall_seconds=20), frozenset(("re",)), None))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = _given(re, pattern, text, template, flags)
        with _refusal_allowed():
            assert _given(view, pattern, text, template, flags) == expected


@settings(max_examples=200, deadline=None)
@given(PATTERNS.filter(str.isascii), st.binary(max_size=8), FLAGS)
def test_any_pattern_of_bytes_does_too(pattern: str, text: bytes, flags: int) -> None:
    """Bytes are no characters of Unicode: both packages know those of ASCII only."""
    flags &= ~re.ASCII
    view = Patterns(Run(Budget(wall_seconds=20), frozenset(("re",)), None))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def look(module: Any) -> Any:
            try:
                compiled = module.compile(pattern.encode(), flags)
                return [[_shown(match) for match in compiled.finditer(text)], compiled.sub(rb"\g<0>x", text)]
            except re.error as error:
                return repr(error)

        expected = look(re)
        with _refusal_allowed():
            assert look(view) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "re.search('(?:abc){e<=1}', 'abd')",
        "re.search('a{e}', 'a')",
        "re.search('[[:alpha:]]', 'a')",
        "re.search('[a--b]', 'a')",
        "re.search('[a&&b]', 'a')",
        "re.search('[a||b]', 'a')",
        "re.search('[a~~b]', 'a')",
        r"re.search(r'\N{DIGIT ONE}', '1')",
        "re.search('(?a:x)', 'x')",
        "re.search('(?x) a', 'a')",
        "re.search('(?L)x', 'x')",
        "re.compile('a', re.LOCALE)",
        "re.compile('a', re.DEBUG)",
        "re.compile('a', 1 << 20)",
        "re.compile('a' * 1001)",
        "re.compile('(?:(?:(?:a{1000}){1000}){1000}){1000}')",
        "re.compile('a{60000}')",
        "re.compile('(?:(?:(?:ab) {100}){100}){100}', re.X)",
        "re.compile('(a)?(?(1)a{1000}|b){1000}')",
        "re.compile('(' * 60 + ')' * 60)",
        r"re.search(r'\w', '\u0301')",
        r"re.search(r'\s', '\x1c')",
        "re.search('(?i)s', '\\u017f')",
        "re.search('(?i)\u0131', 'I')",
        "re.search('(?i)k', '\\u212a')",
        r"re.search(r'(?i)\u0131', 'I')",
        r"re.search(r'\B', '')",
        "re.match('(?P<m>1{1,2}){2,3}+', '11')",
        "re.match('(a|ab)*+b', 'ab')",
        "re.match('(?:a|ab)++b', 'ab')",
        "re.Scanner([])",
        "re._parser",
        "re.enum",
        "re.compile('a').scanner('a')",
        "re.compile('a').match('a').captures()",
        "re.I = 3",
        "re.compile('a').pattern = 'b'",
        r"re.sub('(a)', chr(0xF0001) + r'\1', 'a')",
    ],
)  # fmt: skip
def test_what_the_two_packages_read_differently_is_refused(expression: str) -> None:
    """Never another value: the evaluation is stopped, or there is no such attribute."""
    if "scanner" in expression or "captures" in expression:
        with pytest.raises(Exception, match="no attribute"):
            evaluate(f"import re\n{expression}")
        return
    check_stopped(f"import re\n{expression}", "offer")


def test_no_attribute_leads_from_a_pattern_into_the_host() -> None:
    """What a view keeps has names that cannot be spelled."""
    with pytest.raises(SnippetRefused, match="__dialect__"):
        evaluate("import re\nre.compile('a').__dialect__")


SLOW = [
    "re.match('(a|aa)+$', 'a' * 60 + 'b')",
    "re.match('(a|a)*$', 'a' * 40 + 'b')",
    "re.search('(.*?,){20}P', ','.join(map(str, range(25))))",
    r"re.findall(r'\s+$', ' ' * 200000 + 'x')",
    "re.match('(a)?(?(1)(b|bb)+|c)*$', 'a' + 'b' * 60 + 'd')",
    "re.fullmatch('(a|aa)+', 'a' * 60 + 'b')",
    "re.split('(a|aa)+$', 'a' * 60 + 'c')",
    "re.findall('(a|aa)+$', 'a' * 60 + 'c')",
    "list(re.finditer('(a|aa)+$', 'a' * 60 + 'c'))",
    "re.sub('(a|aa)+$', '', 'a' * 60 + 'c')",
    "re.sub('(a|aa)+$|b', lambda m: 'q', 'b' * 10 + 'a' * 60 + 'c')",
    "re.subn('(a|aa)+$|b', r'\\\\0', 'b' * 10 + 'a' * 60 + 'c')",
    "re.search('(?=(a|aa)+$)', 'a' * 60 + 'c')",
    "re.search('(?<!x)(a|aa)+$', 'a' * 60 + 'c')",
    "re.search('(?i)(a|aa)+$', 'a' * 60 + 'c')",
    "re.search('(?s)(.|..)+$(?<=b)', 'a' * 60 + 'c')",
    "re.search(b'(a|aa)+$', b'a' * 60 + b'c')",
    r"re.match(r'(\w|\d|a)+!', 'a1' * 30)",
    r"re.match(r'(a|b|ab)*c', 'ab' * 40 + 'd' + 'c')",
    r"re.match(r'^(([a-z])+.)+[A-Z]([a-z])+$', 'a' * 60 + 'A')",
    r"re.match(r'(x+x+)+y', 'x' * 60 + 'zy')",
    r"re.search(r'(a*)*(b*)*(c|cc)*d$', 'c' * 60 + 'de')",
]  # fmt: skip


@pytest.mark.parametrize("expression", SLOW)
def test_a_catastrophic_pattern_ends_with_the_time(expression: str) -> None:
    """Whichever method searches, the budget's time ends it, and not much later."""
    assert check_ended(f"import re\nx = {expression}\nNone") < 1.3


def check_ended(source: str) -> float:
    """Return how long a snippet took, whose pattern ends or is stopped by the time."""
    budget = Budget(steps=20_000_000, wall_seconds=1, memory_mb=64)
    try:
        return evaluate(source, budget=budget).seconds
    except Exception as stopped:  # noqa: BLE001 - which one is asserted
        assert getattr(stopped, "limit", None) == "time", stopped  # noqa: PT017
        return budget.wall_seconds


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        (
            "try:\n    re.match('(a|aa)+$', 'a' * 60 + 'b')\nexcept BaseException:\n    pass\nwhile True: pass",
            "time",
        ),
        ("it = re.finditer('(a|aa)+$', 'a' * 60 + 'b')\nlist(it)", "time"),
        ("while True: re.compile('[ab]' * 200)", "steps|time"),
        ("i = 0\nwhile True:\n    i += 1\n    re.compile('a' * 500 + str(i))", "steps|time"),
        ("re.sub('a', r'\\g<0>' * 1000, 'a' * 1000000)", "memory|time|steps"),
        ("re.sub('.*', r'\\g<0>' * 1000, 'a' * 1000000)", "memory|time|steps"),
        ("re.findall('(((((((.*)))))))', 'a' * 9000000)", "memory|time|steps"),
        ("re.match('(((a|b)))*c', 'ab' * 500000)", "memory"),
        ("re.sub('', 'x' * 10000, 'a' * 1000000)", "memory|time|steps"),
        ("x = 'ab ' * 100000\nwhile True: re.findall('b', x)", "steps|time"),
        ("x = 'a' * 1000000\nwhile True: re.search('b', x)", "steps|time"),
        ("re.escape('.' * 50000000)", "memory"),
    ],
)
def test_patterns_without_end_are_stopped(source: str, limit: str) -> None:
    """What is found, filled in and kept is paid for."""
    check_stopped(f"import re\n{source}", limit)


def test_the_default_version_of_the_other_package_has_no_influence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may have set it: a pattern says itself how it is read."""
    import regex  # type: ignore[import-untyped]

    monkeypatch.setattr(regex, "DEFAULT_VERSION", regex.VERSION1)
    assert evaluate("import re\nre.findall('[a-c]x|(?i:d)', 'ax Dx bx')").value == ["ax", "D", "bx"]
