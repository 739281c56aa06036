"""What is well-formed in a policy and cannot be meant: rules that set nothing, bounds that cross, names that deceive the eye.

`shape.py` notes these flaws for a file, with their lines, and `compile.py` refuses them in a policy that is built in code. Names
that nothing defines are found by `compile.py`. The one idea: a policy must not be weaker than it looks to a person who reads it.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from dataclasses import fields, replace
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import is_normalized

from ringfence.errors import PolicyError
from ringfence.policy.document import dotted, printable, show
from ringfence.policy.facts import end_of_day, hours_of, network_of, zone_of
from ringfence.policy.model import (
    MOST_COUNTED,
    ArgumentRule,
    Channel,
    Condition,
    Decision,
    Per,
    TokenAlgorithm,
)
from ringfence.policy.values import fits_expression, matches
from ringfence.scanning.effects import Language
from ringfence.scanning.findings import Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ringfence.policy.document import Place
    from ringfence.policy.model import (
        Approvals,
        AtMost,
        CallRule,
        CodeRule,
        IdentityPolicy,
        IdentityProvider,
        Limit,
        Policy,
        Profile,
        Role,
        SqlRule,
        ToolRule,
    )
    from ringfence.policy.values import Test


class Flaw(NamedTuple):
    """One thing that cannot be meant.

    Attributes:
        place: where it stands.
        expected: what should stand there, in words.
        got: what stands there, in words.

    """

    place: Place
    expected: str
    got: str


def refuse_flaws(policy: Policy) -> None:
    """Check that a policy says nothing that cannot be meant.

    Raises:
        PolicyError: it does; the message starts with the dotted key of the first flaw.

    """
    for place, expected, got in flaws(policy):
        raise PolicyError(f"{dotted(place)}: expected {expected}, got {got}")


def flaws(policy: Policy) -> Iterator[Flaw]:
    """Return all flaws of a policy, section by section."""
    for name, role in policy.roles.items():
        yield from _in_role(("roles", name), name, role)
    for name, rule in policy.tools.items():
        yield from _in_tool_rule(("tools", name), name, rule)
    for name, user in policy.users.items():
        yield from _in_name(("users", name), name)
        yield from _in_names(("users", name, "roles"), user.roles)
    for name, profile in policy.profiles.items():
        yield from _in_profile(("profiles", name), name, profile)
    for name, values in policy.lists.items():
        yield from _in_name(("lists", name), name)
        yield from _in_values(("lists", name), values)
    for name, condition in policy.conditions.items():
        yield from _in_name(("conditions", name), name)
        yield from _in_condition(("conditions", name), condition)
    for name, call_rule in policy.rules.items():
        yield from _in_call_rule(("rules", name), name, call_rule)
    yield from _in_approvals(policy.approvals)
    for name, limit in policy.limits.items():
        yield from _in_limit(("limits", name), name, limit)
    for name in policy.scan.levels:
        yield from _in_name(("scan", "levels", name), name)
    yield from _in_names(("scan", "folders"), policy.scan.folders)
    yield from _in_names(("audit", "redact"), policy.audit.redact, one=True)
    yield from _in_identity(("identity",), policy.identity)


def _in_role(place: Place, name: str, role: Role) -> Iterator[Flaw]:
    yield from _in_name(place, name)
    yield from _in_names((*place, "inherits"), role.inherits)
    for key, patterns in (("allow", role.allow), ("ask", role.ask), ("deny", role.deny)):
        yield from _in_names((*place, key), patterns, one=True)


def _in_tool_rule(place: Place, name: str, rule: ToolRule) -> Iterator[Flaw]:
    yield from _in_name(place, name, one=True)
    for key, named in (("role", rule.role), ("profile", rule.profile)):
        if named is not None:
            yield from _in_name((*place, key), named)
    for argument, wanted in rule.arguments.items():
        here = (*place, "arguments", argument)
        yield from _in_argument_name(here, argument)
        yield from _in_argument_rule(here, wanted)
    for argument, code in rule.code.items():
        here = (*place, "code", argument)
        yield from _in_name(here, argument)
        yield from _in_code_rule(here, code)


def _in_argument_rule(place: Place, rule: ArgumentRule) -> Iterator[Flaw]:
    if rule == ArgumentRule():
        yield Flaw(
            place, f"at least one of {', '.join(field.name for field in fields(rule))}", "none of them"
        )
    for key, values in (("one_of", rule.one_of), ("none_of", rule.none_of)):
        if values is not None:
            yield from _in_values((*place, key), values)
    yield from _in_texts(place, rule)
    for key, number in (("equals", rule.equals), ("min", rule.min), ("max", rule.max)):
        if isinstance(number, float) and not isfinite(number):
            yield Flaw((*place, key), "a finite number", "infinity or NaN")
    for low, high in (("min", "max"), ("min_length", "max_length")):
        least, most = getattr(rule, low), getattr(rule, high)
        if least is not None and most is not None and least > most:
            yield Flaw((*place, high), f"a number that is not smaller than `{low}`", "a smaller one")
    yield from _too_broad(place, rule)


def _in_texts(place: Place, rule: ArgumentRule) -> Iterator[Flaw]:
    yield from _in_lists(place, rule)
    for key in ("matches", "pattern"):
        if getattr(rule, key) == "":
            yield Flaw((*place, key), "a pattern", "empty text (`equals` tests for that)")
    if rule.sql is not None:
        yield from _in_sql((*place, "sql"), rule.sql)
    why = _why(fits_expression, rule.pattern) if rule.pattern else ""
    if why:
        expected = "a regular expression without look-around and back-references"
        yield Flaw((*place, "pattern"), expected, f"one that cannot be used: {printable(why)}")


def _in_lists(place: Place, rule: ArgumentRule) -> Iterator[Flaw]:
    for key, names in (("within", rule.within), ("hosts", rule.hosts)):
        if names is not None:
            yield from _in_names((*place, key), names)
            if not names:
                yield Flaw((*place, key), "at least one", "an empty list")
    for key in ("in_list", "not_in_list", "schema"):
        text = getattr(rule, key)
        if text is not None:
            yield from _in_name((*place, key), text)


def _why(read: Callable[[str], object], text: str) -> str:
    """Return what is wrong with a text that means something; empty where nothing is."""
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return ""


def _in_sql(place: Place, rule: SqlRule) -> Iterator[Flaw]:
    lists = (("statements", rule.statements), ("tables", rule.tables), ("columns", rule.columns))
    if not any(names for _, names in lists):
        yield Flaw(place, "at least one of statements, tables, columns", "none of them")
    for key, names in lists:
        yield from _in_names((*place, key), names, one=True)


def _in_values(place: Place, values: Iterable[object]) -> Iterator[Flaw]:
    if isinstance(values, str) or not values:
        yield Flaw(place, "at least one value", "an empty list" if not values else show(values))
        return
    for index, value in enumerate(values):
        if isinstance(value, float) and not isfinite(value):
            yield Flaw((*place, index), "a finite number", "infinity or NaN")


_PROBES = (
    "",
    "a",
    "Zq9",
    "0",
    " ",
    "\t",
    "\u00e4\u4e00",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "x" * 70,
    "\U0001f600" * 9,
)
"""Texts so different that what all of them fit, with and without a line end, fits anything of its line."""


def _too_broad(place: Place, rule: ArgumentRule) -> Iterator[Flaw]:
    """Return what looks like a rule and lets everything through."""
    if rule.matches is not None and rule.matches and _fits_all(matches(rule.matches)):
        expected = "a pattern that some text does not fit (`type: text` lets any through)"
        yield Flaw((*place, "matches"), expected, f"'{printable(rule.matches)}'")
    if rule.pattern and not _why(fits_expression, rule.pattern) and _fits_all(fits_expression(rule.pattern)):
        expected = "an expression that some text does not fit (`type: text` lets any through)"
        yield Flaw((*place, "pattern"), expected, f"'{printable(rule.pattern)}'")
    for index, folder in enumerate(rule.within or ()):
        if _is_root(folder):
            got = f"'{printable(folder)}', which holds every file"
            yield Flaw((*place, "within", index), "a folder with only some of the files", got)
    for index, host in enumerate(rule.hosts or ()):
        if _is_any_host(host):
            got = f"'{printable(host)}', which anybody can have a name in"
            yield Flaw((*place, "hosts", index), "a host, or `*.` before a domain of somebody's", got)


def _fits_all(test: Test) -> bool:
    """Return whether a test lets all probes through. An empty text tells nothing: `?*` and `.+` are as broad as `*`."""
    return all(test(probe) is True for probe in _PROBES if probe)


def _is_root(folder: str) -> bool:
    return bool(folder) and (
        posixpath.normpath(folder) in ("/", "//") or ntpath.normpath(folder)[1:] in (":\\", ":")
    )


def _is_any_host(host: str) -> bool:
    plain = host.strip().rstrip(".")
    return set(plain) <= {"*", "."} or (plain.startswith("*.") and "." not in plain[2:])


def _in_condition(place: Place, condition: Condition) -> Iterator[Flaw]:
    if replace(condition, zone="UTC") == Condition():
        names = ", ".join(field.name for field in fields(condition) if field.name != "zone")
        yield Flaw(place, f"at least one of {names}", "none of them")
    for argument, wanted in condition.arguments.items():
        here = (*place, "arguments", argument)
        yield from _in_argument_name(here, argument)
        yield from _in_argument_rule(here, wanted)
    for key, patterns in (
        ("users", condition.users),
        ("after", condition.after),
        ("not_after", condition.not_after),
    ):
        yield from _in_names((*place, key), patterns, one=True)
    for key, listed in (("roles", condition.roles), ("addresses", condition.addresses)):
        yield from _in_names((*place, key), listed)
    yield from _in_facts(place, condition)
    if condition.condition is not None:
        yield from _in_name((*place, "condition"), condition.condition)
    for key, inner in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
        for index, each in enumerate(inner):
            yield from _in_condition((*place, key, index), each)


def _in_argument_name(place: Place, argument: str) -> Iterator[Flaw]:
    """Return the flaw of a name, or of a path such as `rows[].amount`."""
    yield from _in_name(place, argument)
    if ("." in argument or "[" in argument) and not _PATH.fullmatch(argument):
        expected = "a name, or a path such as filter.amount, recipients[] or rows[any].amount"
        yield Flaw(place, expected, f"'{printable(argument)}'")


_PATH = re.compile(r"[^.\[\]]+(\[(any)?\])*(\.[^.\[\]]+(\[(any)?\])*)*")


def _in_facts(place: Place, condition: Condition) -> Iterator[Flaw]:
    """Return the flaws of what means a moment, a network or a count."""
    why = _why(hours_of, condition.hours) if condition.hours is not None else ""
    if why:
        expected = "two times of day such as 08:00-18:00"
        yield Flaw((*place, "hours"), expected, f"'{printable(condition.hours or '')}', {why}")
    for index, user in enumerate(condition.users):
        if is_any_name(user):
            yield Flaw((*place, "users", index), "a user that not everybody is", f"'{user}'")
    why = _why(zone_of, condition.zone)
    if why:
        expected = "a time zone such as Europe/Berlin"
        yield Flaw((*place, "zone"), expected, f"'{printable(condition.zone)}', {why}")
    if condition.zone != "UTC" and condition.hours is None and not condition.days:
        yield Flaw((*place, "zone"), "`hours` or `days` beside it", "neither")
    for index, network in enumerate(condition.addresses):
        why = _why(network_of, network)
        if why:
            expected = "a network that some address is not in, such as 10.0.0.0/8"
            yield Flaw((*place, "addresses", index), expected, f"'{printable(network)}', {why}")
    if condition.at_most is not None:
        yield from _in_count((*place, "at_most"), condition.at_most)


def _in_count(place: Place, bound: AtMost) -> Iterator[Flaw]:
    if not 1 <= bound.calls <= MOST_COUNTED:
        yield Flaw((*place, "calls"), f"a number from 1 to {MOST_COUNTED}", show(bound.calls))
    if bound.per not in (Per.SESSION, Per.USER):
        yield Flaw((*place, "per"), "session or user (`limits` count by the others)", show(str(bound.per)))
    if bound.per == Per.USER and bound.seconds is None:
        yield Flaw(place, "`seconds` beside `per: user`", "none")


def _in_call_rule(place: Place, name: str, rule: CallRule) -> Iterator[Flaw]:
    yield from _in_name(place, name)
    yield from _in_names((*place, "tools"), rule.tools, one=True)
    yield from _in_names((*place, "roles"), rule.roles)
    yield from _in_broad_rule(place, rule)
    for key, condition in (("when", rule.when), ("unless", rule.unless)):
        if condition is not None:
            yield from _in_condition((*place, key), condition)
    for index, exception in enumerate(rule.exceptions):
        here = (*place, "exceptions", index)
        yield from _in_condition((*here, "when"), exception.when)
        why = _why(end_of_day, exception.until)
        if why:
            got = f"'{printable(exception.until)}', {why}"
            yield Flaw((*here, "until"), "a day such as 2027-01-31", got)
        for key in ("owner", "reason"):
            if not getattr(exception, key).strip():
                yield Flaw((*here, key), "text", "empty text")


def _in_broad_rule(place: Place, rule: CallRule) -> Iterator[Flaw]:
    """Return the flaw of a rule that allows every tool without saying so, or that says so and does not."""
    broad = [index for index, pattern in enumerate(rule.tools) if is_any_name(pattern)]
    allows = rule.decision == Decision.ALLOW
    if allows and not rule.unsafe_any and (broad or not rule.tools):
        expected = "the tools that it allows, by name or a narrower pattern (`unsafe_any: true` says that every tool is meant)"
        got = f"'{rule.tools[broad[0]]}', which every tool fits" if broad else "none, which means every tool"
        yield Flaw((*place, "tools", broad[0]) if broad else place, expected, got)
    if rule.unsafe_any and not (allows and (broad or not rule.tools)):
        yield Flaw((*place, "unsafe_any"), "it only where a rule allows every tool", "it elsewhere")


def is_any_name(pattern: str) -> bool:
    """Return whether a pattern fits names of every tool, such as `*`, `?*` and `**`."""
    return bool(pattern) and "*" in pattern and set(pattern) <= {"*", "?"}


def _in_code_rule(place: Place, rule: CodeRule) -> Iterator[Flaw]:
    if rule.language not in tuple(Language):
        yield Flaw((*place, "language"), f"one of {', '.join(Language)}", show(rule.language))
    for key in rule.misplaced:
        owner = "a path" if key == "access" else "SQL"
        got = f"{key} for {rule.language}, which only {owner} has"
        yield Flaw((*place, key), "only what every language has", got)
    for key, patterns in (
        ("statements", rule.statements),
        ("tables", rule.tables),
        ("columns", rule.columns),
    ):
        yield from _in_names((*place, key), patterns, one=True)


def _in_profile(place: Place, name: str, profile: Profile) -> Iterator[Flaw]:
    yield from _in_name(place, name)
    for index, capability in enumerate(profile.capabilities):
        if capability in _BY_FIELDS:
            others = ", ".join(sorted(set(Capability) - set(_BY_FIELDS)))
            got = f"{capability}, which {_BY_FIELDS[capability]} grants"
            yield Flaw((*place, "capabilities", index), f"one of {others}", got)
    if profile.modules is not None:
        yield from _in_modules((*place, "modules"), profile.modules)


def _in_approvals(approvals: Approvals) -> Iterator[Flaw]:
    yield from _in_names(("approvals", "approvers"), approvals.approvers)
    webhook = approvals.channel == Channel.WEBHOOK
    if webhook and approvals.url is None:
        yield Flaw(("approvals",), "the key url, the address of the service", "none")
    for key, value in (("url", approvals.url), ("secret_file", approvals.secret_file)):
        if value is not None and not webhook:
            yield Flaw(("approvals", key), "only what every channel has", f"{key}, which only a webhook has")
    if approvals.url is not None and not _is_private_enough(approvals.url):
        yield Flaw(
            ("approvals", "url"), "an address with https://, or with http:// on this machine", "another one"
        )
    if approvals.wait_seconds is not None and approvals.channel not in (Channel.QUEUE, Channel.WEBHOOK):
        got = f"wait_seconds for {approvals.channel}, which answers at once"
        yield Flaw(("approvals", "wait_seconds"), "only what the channel has", got)


def _is_private_enough(url: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415 - few policies have a webhook

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))


def _in_limit(place: Place, name: str, limit: Limit) -> Iterator[Flaw]:
    yield from _in_name(place, name)
    yield from _in_names((*place, "tools"), limit.tools, one=True)
    yield from _in_names((*place, "roles"), limit.roles)
    if limit.concurrent is None and limit.calls is None and limit.budget is None:
        yield Flaw(place, "at least one of concurrent, calls, budget", "none of them")
    if (limit.calls is None) != (limit.seconds is None):
        missing = "calls" if limit.calls is None else "seconds"
        yield Flaw(place, "`calls` and `seconds` together", f"no {missing}")
    if limit.budget is not None:
        yield from _in_name((*place, "budget", "argument"), limit.budget.argument)
    numbers: list[tuple[Place, float | None]] = [
        (("concurrent",), limit.concurrent),
        (("calls",), limit.calls),
        (("seconds",), limit.seconds),
    ]
    if limit.budget is not None:
        numbers += [(("budget", "most"), limit.budget.most), (("budget", "seconds"), limit.budget.seconds)]
    for key, number in numbers:
        if number is not None and not (isfinite(number) and number > 0):
            yield Flaw((*place, *key), "a finite number above 0", show(number))


def _in_modules(place: Place, modules: Iterable[str]) -> Iterator[Flaw]:
    """Return the modules that the restricted tier has no view of: granting one would look like a grant and be none."""
    from ringfence.restricted import DEFAULT_MODULES  # noqa: PLC0415 - few policies say it

    yield from _in_names(place, modules)
    for index, name in enumerate(() if isinstance(modules, str) else modules):
        if name not in DEFAULT_MODULES:
            yield Flaw((*place, index), f"one of {', '.join(sorted(DEFAULT_MODULES))}", show(name))


def _in_identity(place: Place, identity: IdentityPolicy) -> Iterator[Flaw]:
    for key in ("issuer", "audience"):
        yield from _in_name((*place, key), getattr(identity, key))
    if identity.idle_seconds > identity.session_seconds:
        yield Flaw((*place, "idle_seconds"), "at most `session_seconds`", "more")
    issuers = {identity.issuer: "identity"}
    for name, provider in identity.providers.items():
        here = (*place, "providers", name)
        yield from _in_name(here, name)
        if ":" in name:
            yield Flaw(here, "a name without a colon, which ends it in its users' ids", show(name))
        yield from _in_provider(here, provider)
        if issuers.setdefault(provider.issuer, name) != name:
            yield Flaw((*here, "issuer"), "an issuer of its own", f"that of {issuers[provider.issuer]}")


def _in_provider(place: Place, provider: IdentityProvider) -> Iterator[Flaw]:
    for key in ("issuer", "audience", "keys", "user_claim", "roles_claim"):
        yield from _in_name((*place, key), getattr(provider, key))
    if not _is_key_set(provider.keys):
        yield Flaw(
            (*place, "keys"), "a file, an https URL, or an http URL of this machine", show(provider.keys)
        )
    if not provider.algorithms:
        yield Flaw((*place, "algorithms"), "at least one algorithm", "an empty list")
    for index, algorithm in enumerate(provider.algorithms):
        if algorithm not in tuple(TokenAlgorithm):
            yield Flaw((*place, "algorithms", index), f"one of {', '.join(TokenAlgorithm)}", show(algorithm))
    for value, roles in provider.roles.items():
        yield from _in_names((*place, "roles", value), roles)


def _is_key_set(keys: str) -> bool:
    """Return whether a provider's key set can be meant: what anybody on the way could exchange cannot."""
    scheme, separator, rest = keys.partition("://")
    if not separator:
        return True
    host = rest.partition("/")[0].rpartition("@")[2]
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return (scheme == "https" and bool(name)) or (scheme == "http" and name in LOOPBACK)


LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The hosts that are this very machine."""

_BY_FIELDS = {
    Capability.NETWORK: "`network` with `hosts` and `ports`",
    Capability.FILE_READ: "`read_only`",
    Capability.FILE_WRITE: "`read_write`",
    Capability.SUBPROCESS: "`subprocesses` with `commands`",
}
"""What a profile has fields of its own for."""


def _in_names(place: Place, names: Iterable[str], *, one: bool = False) -> Iterator[Flaw]:
    if isinstance(names, str):  # its characters would be taken for names, and `*` in it for every tool
        yield Flaw(place, "a list", show(names))
        return
    for index, name in enumerate(names):
        yield from _in_name((*place, index), name, one=one)


def _in_name(place: Place, name: object, *, one: bool = False) -> Iterator[Flaw]:
    """Return the flaw of a name; `one` where it may be a pattern and several in one text are a likely slip."""
    if not isinstance(name, str):
        yield Flaw(place, "text", show(name))
    elif not name:
        yield Flaw(place, "a name", "empty text")
    elif name != name.strip():
        yield Flaw(place, "a name without white space around it", f"'{printable(name)}'")
    elif not name.isprintable():
        yield Flaw(place, "a name of characters that can be seen", f"'{printable(name)}'")
    elif not is_normalized("NFC", name):
        yield Flaw(place, "a name in Unicode's composed form (NFC)", f"'{printable(ascii(name)[1:-1])}'")
    elif one and ("," in name or ";" in name):
        yield Flaw(place, "one name or pattern, each further one by itself", f"'{printable(name)}'")
