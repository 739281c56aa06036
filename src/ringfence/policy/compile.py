"""A policy made ready to decide: everything that names, patterns and inheritance can tell is worked out before a call comes.

`CompiledPolicy.ruling(roles, tool)` is one dictionary look-up for a pair seen before, whatever the number of rules; what is left
to do for a call is to run its argument tests. Deciding and combining across checks live in `checks/` and the guard.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import UnknownName, nearest
from ringfence.policy.arguments import ArgumentTest, Around, argument_tests
from ringfence.policy.code import CodeTest, SnippetTest, code_tests
from ringfence.policy.conditions import Surroundings
from ringfence.policy.limits import FittingLimit, fitting_limits
from ringfence.policy.match import fits, is_pattern
from ringfence.policy.model import BUILT_IN_ROLES, Permission, Policy, Profile, Tier
from ringfence.policy.profiles import narrow
from ringfence.policy.roles import Rights, flatten, lineage, refuse_cycles
from ringfence.policy.rules import NO_RULES, Rules, RulesHere
from ringfence.policy.scanning import declared_code, misnamed, refuse_unknown_dialects, rule_set, terms
from ringfence.policy.schemas import schemas_of
from ringfence.policy.sound import refuse_flaws
from ringfence.policy.tallies import Tallies
from ringfence.policy.walk import argument_rules_of
from ringfence.verdict import SILENCE, Decision, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ringfence.policy.model import Role, ToolRule
    from ringfence.scanning.ruleset import RuleSet
    from ringfence.tool import Tool

CHECK = "access"
_TIERS = tuple(Tier)
_MOST_RULINGS = 8192


class Ruling(NamedTuple):
    """All that a policy says about one tool for one set of roles, before the arguments are known.

    Attributes:
        statements: one verdict for each rule that spoke, in order.
        verdict: the statements combined.
        tests: what the arguments must pass.
        rights: what the roles may do together.
        tier: where the tool runs, as plain text: the key of the runners.
        profile: what it may use there.
        code: what the arguments that hold code must pass.
        rules: the policy's rules that may speak about the call.
        opinion: the verdict, or None where the rules alone decide.
        limits: those that count a call.

    """

    statements: tuple[Verdict, ...]
    verdict: Verdict
    tests: tuple[ArgumentTest, ...]
    rights: Rights
    tier: str
    profile: Profile
    code: tuple[CodeTest | SnippetTest, ...] = ()
    rules: RulesHere = NO_RULES
    opinion: Verdict | None = None
    limits: tuple[FittingLimit, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether no call of these callers can be allowed, whatever it carries."""
        return self.opinion is not None and self.opinion.decision is Decision.DENY


class CompiledPolicy:
    """A policy that is known to be sound, with its rulings.

    Arguments:
        policy: the policy.
        folder: where the relative folders of its rule files start; None: the current folder.
        tallies: what is counted of users so far; None: nothing.

    Attributes:
        policy, folder, tallies: the same.
        version: twelve hexadecimal digits that change whenever the policy does.
        roles: the built-in roles and the policy's own.
        declares_code: whether it says of any tool that an argument holds code.
        has_rules: whether it has any rules.
        lineages: each role, and all that it inherits.

    Raises:
        UnknownName: it names a role, profile, permission, list, condition or scanner rule that nothing defines; `where` tells the key.
        UnusableValue: a schema or condition of it cannot be made ready; `where` likewise.
        PolicyError: it says what cannot be meant, such as an argument rule that sets nothing, or a rule file cannot be used.
        RoleCycle: roles inherit each other in a circle.

    """

    def __init__(
        self, policy: Policy, folder: str | Path | None = None, tallies: Tallies | None = None
    ) -> None:
        refuse_flaws(policy)
        self.policy = policy
        self.folder = folder
        self.tallies = tallies or Tallies()
        self.has_rules = bool(policy.rules)
        self._looks = any(rule.sql or rule.within for _, rule in argument_rules_of(policy))
        self.roles: Mapping[str, Role] = {**BUILT_IN_ROLES, **policy.roles}
        self.profiles: Mapping[str, Profile] = {"default": Profile(), **policy.profiles}
        refuse_cycles(self.roles)
        self._refuse_unknown_names()
        self.declares_code = any(rule.code for rule in policy.tools.values())
        self._scan_rules = rule_set(policy.scan, folder)
        self.version = _version(policy, self._scan_rules, folder)
        self._exact = {name: rule for name, rule in policy.tools.items() if not is_pattern(name)}
        self._patterns = {name: rule for name, rule in policy.tools.items() if is_pattern(name)}
        around = Around(policy.lists, folder)
        self._tests = {
            name: argument_tests(name, rule.arguments, around) for name, rule in policy.tools.items()
        }
        self.lineages = {name: frozenset(lineage([name], self.roles)) for name in self.roles}
        self._rules = Rules(
            policy.rules, Surroundings(around, policy.conditions, self.lineages, self.tallies, (), {})
        )
        self._rulings: dict[tuple[tuple[str, ...], Tool], Ruling] = {}

    def _refuse_unknown_names(self) -> None:
        for name, role in self.roles.items():
            self._refuse_unknown_roles(role.inherits, f"roles.{name}.inherits")
        for name, user in self.policy.users.items():
            self._refuse_unknown_roles(user.roles, f"users.{name}.roles")
        for name, provider in self.policy.identity.providers.items():
            for value, given in provider.roles.items():
                self._refuse_unknown_roles(given, f"identity.providers.{name}.roles.{value}")
        for name, rule in self.policy.tools.items():
            self._refuse_unknown_roles([rule.role] if rule.role is not None else [], f"tools.{name}.role")
            if rule.profile is not None and rule.profile not in self.profiles:
                raise UnknownName("profile", rule.profile, self.profiles, f"tools.{name}.profile")
        for name, limit in self.policy.limits.items():
            self._refuse_unknown_roles(limit.roles, f"limits.{name}.roles")
        self._refuse_unknown_roles(self.policy.approvals.approvers, "approvals.approvers")
        refuse_unknown_dialects(self.policy.tools)

    def _refuse_unknown_roles(self, names: Iterable[str], where: str) -> None:
        for name in names:
            if name not in self.roles:
                raise UnknownName("role", name, self.roles, where)

    def names_tool(self, name: str) -> bool:
        """Return whether the policy mentions this very name, in `tools` or in a role's lists."""
        return (
            name in self._exact
            or any(name in (*r.allow, *r.ask, *r.deny) for r in self.roles.values())
            or any(name in rule.tools for rule in self.policy.rules.values())
        )

    def rules_for(self, name: str) -> dict[str, ToolRule]:
        """Return the tool rules that fit a tool's name, the one with exactly this name first."""
        exact = {name: self._exact[name]} if name in self._exact else {}
        return exact | {pattern: rule for pattern, rule in self._patterns.items() if fits(name, pattern)}

    def ruling(self, roles: tuple[str, ...], tool: Tool) -> Ruling:
        """Return what the policy says about a tool for a caller with these roles. It never raises for an unknown role: it denies."""
        found = self._rulings.get((roles, tool))
        if found is None:
            found = self._rule(roles, tool)
            if len(self._rulings) >= _MOST_RULINGS:
                self._rulings.clear()  # frameworks that make their tools anew for each request would fill it for ever
            self._rulings[roles, tool] = found
        return found

    def scans(self, roles: tuple[str, ...], tool: Tool) -> bool:
        """Return whether judging a call may take long: the tool has arguments that hold code, or a rule looks at SQL or at folders."""
        return self._looks or (bool(tool.code or self.declares_code) and bool(self.ruling(roles, tool).code))

    def limits(self, roles: tuple[str, ...], tool: Tool) -> bool:
        """Return whether a limit counts a tool's calls by a caller with these roles."""
        return bool(self.policy.limits) and bool(self.ruling(roles, tool).limits)

    def may_ask(self, roles: tuple[str, ...], tool: Tool) -> bool:
        """Return whether a person may have to decide about a tool's calls by a caller with these roles."""
        ruling = self.ruling(roles, tool)
        return ruling.verdict.decision is Decision.ASK or bool(ruling.rules.tests)

    def _rule(self, roles: tuple[str, ...], tool: Tool) -> Ruling:
        unknown = [name for name in roles if name not in self.roles]
        rights = flatten([name for name in roles if name not in unknown], self.roles)
        rules = self.rules_for(tool.name)
        statements = [_unknown_role(name, self.roles) for name in unknown]
        statements += _access(tool, rules, rights, self.roles)
        tiers = [tool.tier, *(rule.tier for rule in rules.values() if rule.tier is not None)]
        names = [tool.profile, *(rule.profile for rule in rules.values())]
        statements += (
            [_unknown_profile(tool, self.profiles)] if tool.profile not in (None, *self.profiles) else []
        )
        profiles = [self.profiles[name] for name in names if name is not None and name in self.profiles]
        declared = declared_code(tool, rules)
        statements += misnamed(tool, declared)
        tier = max(tiers, key=_TIERS.index)
        snippet = tool.snippet if tier is Tier.RESTRICTED else None
        if tier is Tier.RESTRICTED and snippet is None:
            statements.append(_no_snippet(tool))
        rules_here = self._rules.here(tool.name, rights.roles, alone=not statements)
        statements = statements or [replace(SILENCE, check=CHECK)]
        profile = narrow(profiles or [self.profiles["default"]], rights)
        code: tuple[CodeTest | SnippetTest, ...] = ()
        if declared:
            code = code_tests(declared, terms(profile, rights, self._scan_rules))
        if snippet is not None:
            code = (*code, SnippetTest(snippet, profile.source_bytes))
        verdict = combine(statements)
        return Ruling(
            statements=tuple(statements),
            verdict=verdict,
            tests=tuple(test for name in rules for test in self._tests[name]),
            rights=rights,
            tier=str(tier),
            profile=profile,
            code=code,
            rules=rules_here,
            opinion=None if rules_here.silent else verdict,
            limits=fitting_limits(self.policy.limits, tool.name, roles, rights),
        )

    def four_eyes(self, name: str) -> bool:
        """Return whether a tool's calls may not be approved by their own caller."""
        return self.policy.approvals.four_eyes or any(
            rule.four_eyes for rule in self.rules_for(name).values()
        )

    def rights(self, roles: Iterable[str]) -> Rights:
        """Return what these roles may do together. Roles that the policy does not define give nothing."""
        return flatten([name for name in roles if name in self.roles], self.roles)

    def may_approve(self, roles: Iterable[str]) -> bool:
        """Return whether somebody with these roles may decide about calls: one of `approvers`, or who has admin_access."""
        rights = self.rights(roles)
        wanted = self.policy.approvals.approvers
        if not wanted:
            return Permission.ADMIN_ACCESS in rights.permissions
        return any(name in rights.roles for name in wanted)


def compile_policy(
    policy: Policy, folder: str | Path | None = None, tallies: Tallies | None = None
) -> CompiledPolicy:
    """Return the policy made ready to decide. Arguments and errors as for `CompiledPolicy`."""
    return CompiledPolicy(policy, folder, tallies)


def _access(
    tool: Tool, rules: Mapping[str, ToolRule], rights: Rights, known: Mapping[str, Role]
) -> list[Verdict]:
    """Return what each rule says about the caller, in the order in which `ringfence explain` shows it."""
    name = tool.name
    said = [
        _deny(f"roles.{role}.deny", f"role {role!r} forbids tools like {pattern!r}", "Use another tool.")
        for role, pattern in rights.deny
        if fits(name, pattern)
    ]
    if Permission.EXECUTE_TOOL not in rights.permissions:
        said.append(_lacks("execute-tool", [Permission.EXECUTE_TOOL]))
    said += _requirements(f"@{name}", tool.role, tool.permissions, rights, known)
    for key, rule in rules.items():
        said += _requirements(f"tools.{key}", rule.role, rule.permissions, rights, known)
        if rule.ask:
            said.append(_ask(f"tools.{key}.ask", f"a person must approve each call of {name}"))
    said += [
        _ask(f"roles.{r}.ask", f"a person must approve what {r!r} does with {p!r}")
        for r, p in rights.ask
        if fits(name, p)
    ]
    said += [_allow(f"roles.{r}.allow", f"role {r!r} allows {p!r}") for r, p in rights.allow if fits(name, p)]
    return said


def _requirements(
    where: str, role: str | None, permissions: Iterable[Permission], rights: Rights, known: Mapping[str, Role]
) -> list[Verdict]:
    """Return what one source of requirements, the decorator or a tool rule, says."""
    said = []
    if role is not None:
        said.append(
            _allow(f"{where}.role", f"the caller is {role!r}")
            if role in rights.roles
            else _wants_role(where, role, known)
        )
    permissions = tuple(permissions)
    if permissions:
        missing = [permission for permission in permissions if permission not in rights.permissions]
        held = _allow(f"{where}.permissions", f"the caller has {', '.join(permissions)}")
        said.append(_lacks(f"{where}.permissions", missing) if missing else held)
    return said


def _allow(rule: str, message: str) -> Verdict:
    return Verdict(Decision.ALLOW, message, rule=rule, check=CHECK)


def _ask(rule: str, message: str) -> Verdict:
    return Verdict(
        Decision.ASK, message, rule=rule, check=CHECK, hint="Wait for the approval; do not repeat the call."
    )


def _deny(rule: str, message: str, hint: str) -> Verdict:
    return Verdict(Decision.DENY, message, rule=rule, check=CHECK, hint=hint)


def _wants_role(where: str, role: str, known: Mapping[str, Role]) -> Verdict:
    if role not in known:
        close = nearest(role, known)
        hint = f"Did you mean {close!r}?" if close else "Define it in the policy, under roles."
        return _deny(f"{where}.role", f"it needs the role {role!r}, which the policy does not define", hint)
    hint = f"Only callers with the role {role!r}, or one that inherits it, may call it."
    return _deny(f"{where}.role", f"it needs the role {role!r}, which the caller does not have", hint)


def _lacks(rule: str, missing: Iterable[Permission]) -> Verdict:
    names = ", ".join(missing)
    return _deny(rule, f"the caller lacks the permission {names}", f"Only callers with {names} may call it.")


def _unknown_role(name: str, known: Iterable[str]) -> Verdict:
    close = nearest(name, known)
    hint = f"Did you mean {close!r}?" if close else "Define it in the policy, under roles."
    return _deny("unknown-role", f"the caller has a role {name[:80]!r} that the policy does not define", hint)


def _unknown_profile(tool: Tool, known: Iterable[str]) -> Verdict:
    close = nearest(str(tool.profile), known)
    hint = f"Did you mean {close!r}?" if close else "Define it in the policy, under profiles."
    return _deny(
        "unknown-profile", f"the tool names a profile {tool.profile!r} that the policy does not define", hint
    )


def _no_snippet(tool: Tool) -> Verdict:
    return _deny(
        "no-snippet",
        f"{tool.name} runs in the restricted tier, and does not declare exactly one argument that holds Python",
        'Declare the snippet where the tool is written: secure_tool(code={"source": "python"}).',
    )


def _version(policy: Policy, scan_rules: RuleSet | None, folder: str | Path | None) -> str:
    """Return digits that change with the policy, and with the rule files and JSON Schemas that it names."""
    import hashlib  # noqa: PLC0415 - loads a large library; only a process that has a policy pays for it

    text = _canonical(policy)
    if policy.scan.folders and scan_rules is not None:
        text += _canonical(scan_rules.rules)
    text += "".join(f"{name}:{content}" for name, content in schemas_of(policy, folder))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _canonical(value: object) -> str:
    """Return a text that is equal for equal policies: mappings and nested sections in a fixed order."""
    if is_dataclass(value):
        return "{" + ",".join(f"{f.name}:{_canonical(getattr(value, f.name))}" for f in fields(value)) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return f"{type(value).__name__}:{value!s:}" if not isinstance(value, str) else repr(str(value))
