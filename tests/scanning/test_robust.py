"""No text of any language breaks the scanner: each gets a report, the same each time, that is in order and points into the text."""

from __future__ import annotations

import re

import pytest
from bench.scan_sources import hostile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.scanning import Finding, Language, ScanReport, scan
from ringfence.scanning.decision import Grants, SecurityLevel, objections
from ringfence.scanning.rules import BUILT_IN
from ringfence.scanning.scanner import MOST_BYTES

LANGUAGES = pytest.mark.parametrize("language", Language, ids=str)
THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PIECES = {
    Language.PYTHON: "import os|from|as|x|x = |f(|)|(|[|]|{|}|\n|\n    |:|,|.|'a'|\"|'''|f'{|}'|+|%| % |lambda: |def f(a):|class A:|if x:|else:"
    "|for x in |try:|except:|return |yield |await |async |del |global x|os.system|subprocess.run|open|eval|exec|getattr|__import__"
    "|base64.b64decode|'L2V0Yw=='|chr(47)|'/etc/shadow'|'rm -rf /'|**|*|@|:=|...|0x2f|b'a'|\\|#|;|\t|\x0c|\r|é|\U0001f600|\ud800|\0",
    Language.SHELL: "ls|cat |rm -rf |/|/etc/shadow|$(|)|`|${|}|$x|x=|;|\n|&&| | |>|>>|<|<<E\n|E\n|<<<|'|\"|\\|if |then |fi|for i in |do |done"
    "|case |esac|[[|]]|((|))|{|;}|f() {|sudo |sh -c |eval |curl http://a.example|base64 -d|xargs |find . -exec |&|!|*|?|~|#|$'\\x41'"
    "|{1..9}|=|-|\t|\r|é|\U0001f600|\ud800|\0",
    Language.JAVASCRIPT: "require(|'child_process'|)|.exec(|'ls'|eval(|Function(|const x = |let |;|\n|{|}|[|]|(|=> |`|${|+|'|\"|\\|//|/*|*/|/a/|?|:"
    "|x|.|?.|async |await |class A |import |from |'fs'|process|[\"env\"]|constructor|__proto__|String.fromCharCode(|97|,|atob(|new "
    "|function f() |if (x) |else |\t|\r|\u2028|é|\U0001f600|\ud800|\0",
    Language.SQL: "SELECT |*| FROM |t| WHERE |a| = |1|'|\"|;|--|/*|*/|/*!|(|)|,|UNION |DROP TABLE |DELETE FROM |UPDATE |SET |INSERT INTO |VALUES "
    "|xp_cmdshell|pg_read_file(|load_file(|INTO OUTFILE |COPY |PROGRAM |WITH x AS (|JOIN |ON |AND |OR |NULL|$$|`|[|]|:x|?|@x|0x41|\n|\r|\t"
    "|é|\U0001f600|\ud800|\0",
    Language.PATH: "/|..|.|~|\\|%2e|%2f|%25|etc|shadow|home|.ssh|id_rsa|C:|//|$HOME|${HOME}|proc|self|*|\0|\n| |a|\uff0e|\uff0f|file:|\\\\?\\|é|\ud800",
    Language.URL: "http|https|ftp|file|:|//|/|@|.|localhost|127|0x7f|0177|1|169.254.169.254|2130706433|[|]|::|ffff|%|%2e|?|#|\\|\t|\n|a.example|:80"
    "|:99999|xn--|。|①|é| |\ud800|\0",
}  # fmt: skip
"""What sources of a language are made of, to be strung together without sense."""

EXAMPLES = {
    language: sorted(
        {
            example.source
            for rule in BUILT_IN
            for example in (*rule.found, *rule.ignored)
            if example.language is language
        }
    )
    or [""]
    for language in Language
}


@st.composite
def damaged(draw: st.DrawFn, language: Language) -> str:
    """Return an example of a rule from which a part is taken, and into which something is put."""
    source = draw(st.sampled_from(EXAMPLES[language]))
    start, end = sorted((draw(st.integers(0, len(source))), draw(st.integers(0, len(source)))))
    return source[:start] + draw(st.sampled_from(PIECES[language].split("|"))) + source[end:]


def sources(language: Language) -> st.SearchStrategy[str]:
    """Return texts from senseless to nearly right."""
    pieces = st.sampled_from(PIECES[language].split("|"))
    return st.text(max_size=60) | st.lists(pieces, max_size=30).map("".join) | damaged(language)


def lines(source: str, language: Language) -> list[str]:
    """Return the lines of a source as its language counts them."""
    return re.split("\r\n|\r|\n" if language is Language.PYTHON else "\n", source)


def misplaced(report: ScanReport, source: str) -> list[Finding]:
    """Return the findings that point to no place in the text."""
    text = lines(source, report.language)
    return [
        found
        for found in report.findings
        if not (1 <= found.line <= len(text) and 0 <= found.column <= len(text[found.line - 1]))
        or (found.end_line and (found.end_line, found.end_column) < (found.line, found.column))
        or found.end_line > len(text)
        or (found.end_line and found.end_column > len(text[found.end_line - 1]))
    ]


@LANGUAGES
@THOROUGH
@given(data=st.data())
def test_every_text_gets_a_report(language: Language, data: st.DataObject) -> None:
    """No text makes the scanner raise, nor its analyser, and no report makes the decision raise."""
    source = data.draw(sources(language))
    report = scan(source, language)
    assert report.problem is None or not report.problem.message.startswith("the analyser failed"), (
        report.problem
    )
    for level in SecurityLevel:
        objections(report, Grants(), level)
        objections(report, Grants.unlimited(report.capabilities), level)


@LANGUAGES
@THOROUGH
@given(data=st.data())
def test_a_report_is_in_order(language: Language, data: st.DataObject) -> None:
    """Findings stand worst first, needs in the order of the source, and both point into it; a problem comes alone."""
    source = data.draw(sources(language))
    report = scan(source, language)
    worst_first = [(-found.level, found.line, found.column) for found in report.findings]
    assert worst_first == sorted(worst_first)
    places = [(need.line, need.column) for need in report.needs]
    assert places == sorted(places)
    assert misplaced(report, source) == []
    assert report.problem is None or not (report.findings or report.needs or report.capabilities)


@LANGUAGES
@THOROUGH
@given(data=st.data())
def test_the_same_text_gets_the_same_report(language: Language, data: st.DataObject) -> None:
    """A report depends on the text alone: nothing that was scanned in between changes it."""
    source, other = data.draw(sources(language)), data.draw(sources(language))
    first = scan(source, language)
    scan(other, language)
    assert (
        scan(source, language, most_bytes=MOST_BYTES - 1) == first
    )  # another limit, so that memory does not answer


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("language", "name"),
    [
        pytest.param(language, name, id=f"{language}-{name}")
        for language in Language
        for name in hostile(language)
    ],
)
def test_input_that_is_made_to_hurt_gets_a_report(language: Language, name: str) -> None:
    """Deep nesting, long chains, bombs and enormous constants end in an answer or a problem of their own, never in an analyser's failure."""
    report = scan(hostile(language)[name], language)
    assert report.problem is None or not report.problem.message.startswith("the analyser failed"), (
        report.problem
    )
