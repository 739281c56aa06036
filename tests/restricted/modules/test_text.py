"""string, textwrap, datetime, time: the values of the library."""

from __future__ import annotations

import time

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.restricted import evaluate

TEXT = "'The quick brown fox  jumped over\\tthe lazy dog-like thing.\\n\\nSecond paragraph, with-hyphens.'"
STRING = [
    "[string.ascii_letters, string.ascii_lowercase, string.digits, string.hexdigits, string.punctuation, string.whitespace, string.printable]",
    "[string.capwords('hello  big world'), string.capwords('a-b', '-')]",
    "string.capwords(3)",
]
TEXTWRAP = [
    f"[textwrap.wrap({TEXT}, 20), textwrap.fill({TEXT}, width=15), textwrap.shorten({TEXT}, 25), textwrap.shorten({TEXT}, 25, placeholder='…')]",
    "[textwrap.dedent('  a\\n    b\\n  c'), textwrap.indent('a\\nb\\n\\nc', '> '), textwrap.indent('a\\n\\nb', '-', lambda line: True)]",
    f"textwrap.wrap({TEXT}, 20, initial_indent='* ', subsequent_indent='  ', max_lines=3, break_on_hyphens=False)",
    "textwrap.wrap('abc', 0)",
    "textwrap.wrap('x' * 50, 10, break_long_words=False)",
]
DATETIME = [
    "from datetime import date, datetime as D, time, timedelta, timezone, UTC\nd = D(2024, 2, 29, 12, 30, tzinfo=UTC)\n[d, d.isoformat(), d.date(), d.time(), d + timedelta(days=1), d.weekday(), d.replace(year=2023, day=1), d.timestamp(), d.strftime('%Y-%m-%d %H:%M %a'), f'{d:%d.%m.%Y}', d.isocalendar().week, d.utcoffset()]",
    "from datetime import date, timedelta\n[date(2024, 1, 31) - date(2023, 12, 31), date.fromisoformat('2024-05-06'), date.min, date.max, date(2024, 1, 1).toordinal(), date.fromordinal(700000), date(2024, 1, 1) < date(2024, 1, 2), timedelta(hours=5) * 2, timedelta(days=1) / timedelta(hours=1), timedelta(minutes=90).total_seconds(), str(timedelta(days=2, hours=3))]",
    "from datetime import datetime as D, timezone, timedelta\n[D.strptime('2024-05-06 07:08', '%Y-%m-%d %H:%M'), D.fromtimestamp(0, timezone.utc), D.fromisoformat('2024-01-01T00:00:00+02:00'), D.min, D.combine(D(2024, 1, 1).date(), D(2024, 1, 1, 5).time()), D(2024, 1, 1).astimezone(timezone(timedelta(hours=2), 'X')).tzname()]",
    "import datetime as dt\nd = dt.datetime(2024, 1, 1)\n[type(d) is dt.datetime, isinstance(d, dt.date), type(d.date()) is dt.date, type(d - d) is dt.timedelta, dt.MINYEAR, dt.MAXYEAR, isinstance(dt.UTC, dt.tzinfo), isinstance(d, (dt.time, dt.date))]",
    "import datetime\ndatetime.date(2024, 2, 30)",
    "from datetime import datetime\ndatetime.strptime('x', '%Y')",
    "from datetime import date, timedelta\ndate.max + timedelta(days=1)",
    "from datetime import datetime\nmatch_ = []\nmatch datetime(2024, 1, 1):\n    case datetime(year=y, month=m):\n        match_.append((y, m))\nmatch_",
    "from datetime import date\n[sorted([date(2024, 1, 2), date(2024, 1, 1)]), {date(2024, 1, 1): 1}[date(2024, 1, 1)], min(date(2024, 1, 2), date(2024, 1, 1)), list(map(date.isoformat, [date(2024, 1, 1)]))]",
    "from datetime import time\n[time(5, 6), time.fromisoformat('04:05'), time(1).replace(hour=2), time.max]",
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "expression"),
    [(module, expression) for module, some in (("string", STRING), ("textwrap", TEXTWRAP), ("datetime", DATETIME)) for expression in some],
)  # fmt: skip
def test_texts_and_times_are_the_library_s(module: str, expression: str) -> None:
    """The same value, or the same exception."""
    check_same(module, expression)


def test_clocks_are_those_of_the_machine() -> None:
    """They go on, and there is no way to wait."""
    before = time.time()
    value = evaluate(
        "import time\n[time.time(), time.perf_counter() <= time.perf_counter(), time.monotonic_ns() > 0]"
    ).value
    assert before <= value[0] <= time.time()
    assert value[1:] == [True, True]
    assert (
        abs(
            evaluate(
                "from datetime import datetime, date\n[datetime.now(), date.today()][0]"
            ).value.timestamp()
            - time.time()
        )
        < 5
    )


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("time.sleep(100)", "offer"),
        ("textwrap.wrap('a ' * 100000)", "offer"),
        ("textwrap.indent('\\n' * 40000, 'x' * 10**6)", "offer"),
        ("textwrap.wrap('a' * 40000, 1, subsequent_indent='x' * 10**6)", "offer"),
        ("textwrap.wrap('\\t' * 40000, tabsize=10**9)", "offer"),
        ("while True: textwrap.wrap('a-' * 10000, 20)", "steps|time"),
        ("while True: textwrap.wrap('-' * 20000, 20)", "steps|time"),
        ("while True: textwrap.dedent(' ' * 20000 + 'x')", "steps|time"),
        ("while True: textwrap.wrap('!' * 20000 + 'a--' * 3000, 20)", "steps|time"),
        ("string.capwords('a ' * 10**6)", "memory"),
        ("string.Template('x')", "offer"),
        ("string._re", "offer"),
        ("datetime.datetime.now().strftime('%Y' * 1000)", "offer"),
        ("datetime.datetime.now().strftime('%10000000Y')", "offer"),
        ("datetime.datetime.strptime('x' * 100000, '%Y')", "offer"),
        ("datetime.tzinfo()", "offer"),
        ("datetime.sys", "offer"),
        ("datetime.datetime.max = 1", "offer"),
        ("datetime.date = 1", "offer"),
    ],
)
def test_texts_without_end_are_stopped(source: str, limit: str) -> None:
    """Long texts are refused, formats are bounded, and nothing of a module can be set."""
    check_stopped(f"import time, textwrap, string, datetime\n{source}", limit)
