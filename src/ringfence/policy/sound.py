"""What is well-formed in a policy and cannot be meant: rules that set nothing, bounds that cross, names that deceive the eye.

`shape.py` notes these flaws for a file, with their lines, and `compile.py` refuses them in a policy that is built in code. Names
that nothing defines are found by `compile.py`. The one idea: a policy must not be weaker than it looks to a person who reads it.
"""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import is_normalized

from ringfence.errors import PolicyError
from ringfence.policy.document import dotted, printable, show
from ringfence.policy.model import ArgumentRule
from ringfence.scanning.effects import Language
from ringfence.scanning.findings import Capability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.policy.document import Place
    from ringfence.policy.model import CodeRule, Policy, Profile, Role, ToolRule


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
    for name in policy.scan.levels:
        yield from _in_name(("scan", "levels", name), name)
    yield from _in_names(("scan", "folders"), policy.scan.folders)
    yield from _in_names(("audit", "redact"), policy.audit.redact, one=True)


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
        yield from _in_name(here, argument)
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
    if rule.one_of is not None and not rule.one_of:
        yield Flaw((*place, "one_of"), "at least one value", "an empty list")
    if rule.matches == "":
        yield Flaw((*place, "matches"), "a pattern", "empty text (`equals` tests for that)")
    for key, number in (("equals", rule.equals), ("min", rule.min), ("max", rule.max)):
        if isinstance(number, float) and not isfinite(number):
            yield Flaw((*place, key), "a finite number", "infinity or NaN")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield Flaw((*place, "max"), "a number that is not smaller than `min`", "a smaller one")


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


def _in_modules(place: Place, modules: Iterable[str]) -> Iterator[Flaw]:
    """Return the modules that the restricted tier has no view of: granting one would look like a grant and be none."""
    from ringfence.restricted import DEFAULT_MODULES  # noqa: PLC0415 - few policies say it

    yield from _in_names(place, modules)
    for index, name in enumerate(() if isinstance(modules, str) else modules):
        if name not in DEFAULT_MODULES:
            yield Flaw((*place, index), f"one of {', '.join(sorted(DEFAULT_MODULES))}", show(name))


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
