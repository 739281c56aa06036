"""`CedarPlugin`: reads Cedar policies once, and asks them about each call.

The one idea: Cedar skips a policy that it cannot evaluate, also one that forbids, so here any such fault denies the call.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence import Decision, Reason, Verdict
from ringfence.errors import AdapterUnavailable, PluginInvalid
from ringfence.hookspecs import hookimpl
from ringfence_cedar.context import NotPlain, arguments_of

try:
    import cedarpy
except ImportError as error:
    raise AdapterUnavailable("cedar", "cedar") from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence import Principal, ToolCall

NAME = "cedar"
_VARIABLES = ("RINGFENCE_CEDAR_POLICIES", "RINGFENCE_CEDAR_SCHEMA", "RINGFENCE_CEDAR_ENTITIES")
_ENDING = ".cedar"
_MOST_CALLERS = 1024
_POLICY = re.compile(r"policy `([\w-]+)`")


class CedarPlugin:
    """A judge that asks Cedar.

    A call is the request `principal: User::"ana"` (in each of the caller's `Role::"..."`, which are in the roles that they inherit),
    `action: Action::"call"`, `resource: Tool::"refund"`, with the context `arguments` (as a record), `decimals` (those that are numbers, as
    decimals), `address` (text) and `at` (whole seconds since the epoch).

    Arguments:
        policies: Cedar policies, as text.
        schema: a Cedar schema, in Cedar's syntax or JSON: policies and requests must fit it. None: any.
        entities: further entities in Cedar's JSON form, such as tools with attributes, but no users and roles. None: none.

    Raises:
        PluginInvalid: one of them cannot be read, a policy does not fit the schema, or there is no policy.

    """

    def __init__(self, policies: str, schema: str | None = None, entities: str | None = None) -> None:
        try:
            self._policies = cedarpy.PolicySet.from_str(policies)
            self._schema = None if schema is None else cedarpy.Schema.from_str(schema)
            self._entities = cedarpy.Entities.from_json_str(entities or "[]")
            validated = None if schema is None else cedarpy.validate_policies(policies, schema)
        except ValueError as error:
            raise _invalid(f"was given what Cedar cannot read: {error}") from error
        if validated is not None and not validated.validation_passed:
            raise _invalid(
                f"has a policy that does not fit the schema: {'; '.join(map(str, validated.errors))}"
            )
        static = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
        if not static:
            raise _invalid("was given no policy, so it would deny every call")
        self._names = {key: each.get("annotations", {}).get("id") or key for key, each in static.items()}
        _refuse_callers(entities or "[]")
        self._roles: tuple[str, Any] = ("", None)
        self._callers: dict[tuple[str, Principal], Any] = {}

    @classmethod
    def from_files(
        cls, policies: str | Path, schema: str | Path | None = None, entities: str | Path | None = None
    ) -> CedarPlugin:
        """Return a plugin over files.

        Arguments:
            policies: a file, or a folder whose files that end in `.cedar` are read in the order of their names.
            schema: a file with the schema.
            entities: a file with further entities.

        Raises:
            PluginInvalid: a file cannot be read, or as for `CedarPlugin`.

        """
        path = Path(policies)
        files = sorted(path.glob(f"*{_ENDING}")) if path.is_dir() else [path]
        text = "\n".join(map(_read, files))
        further = (None if file is None else _read(Path(file)) for file in (schema, entities))
        return cls(text, *further)

    @classmethod
    def from_environment(cls) -> CedarPlugin:
        """Return a plugin over the files that RINGFENCE_CEDAR_POLICIES, RINGFENCE_CEDAR_SCHEMA and RINGFENCE_CEDAR_ENTITIES name.

        Raises:
            PluginInvalid: the first of them is not set, or as for `from_files`.

        """
        policies, schema, entities = (os.environ.get(name) or None for name in _VARIABLES)
        if policies is None:
            raise _invalid(f"does not know its policies: {_VARIABLES[0]} is not set")
        return cls.from_files(policies, schema, entities)

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall, policy: Any) -> Verdict:
        """Answer with what Cedar says. Its permit allows no call that the rest of the policy does not allow."""
        try:
            arguments, decimals = arguments_of(call.arguments)
        except NotPlain as error:
            return _deny(
                "not-plain", f"Cedar cannot hold the arguments: {error}", "Call it with plain values."
            )
        request = {
            "principal": {"type": "User", "id": call.principal.user},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": call.tool.name},
            "context": {
                "arguments": arguments,
                "decimals": decimals,
                "address": call.principal.address,
                "at": int(call.at),
            },
        }
        entities = self._entities_of(call.principal, policy)
        return _verdict(cedarpy.is_authorized(request, self._policies, entities, self._schema), self._names)

    def _entities_of(self, principal: Principal, policy: Any) -> Any:
        """Return all entities of a caller, parsed: the roles once for a policy, the caller once among the last thousand."""
        key = (policy.version, principal)
        found = self._callers.get(key)
        if found is None:
            parents = [_role(name) for name in principal.roles]
            user = {"uid": {"type": "User", "id": principal.user}, "attrs": {}, "parents": parents}
            found = self._with_roles(policy).with_added_json_str(json.dumps([user]))
            if len(self._callers) >= _MOST_CALLERS:
                self._callers.clear()
            self._callers[key] = found
        return found

    def _with_roles(self, policy: Any) -> Any:
        version, found = self._roles
        if version != policy.version:
            roles: Mapping[str, Any] = policy.roles
            listed = [
                {"uid": _role(name), "attrs": {}, "parents": [_role(parent) for parent in role.inherits]}
                for name, role in roles.items()
            ]
            found = self._entities.with_added_json_str(json.dumps(listed))
            self._roles = (policy.version, found)
        return found


def _refuse_callers(entities: str) -> None:
    """Check that a file of entities makes nobody a member of anything: who calls, and in which roles, is told by the guard."""
    for entity in json.loads(entities):
        uid = entity["uid"]
        kind = uid.get("__entity", uid)["type"] if isinstance(uid, dict) else str(uid).partition("::")[0]
        if kind in ("User", "Role"):
            raise _invalid(f"was given an entity of the type {kind}, which the guard makes itself")


def _role(name: str) -> dict[str, str]:
    return {"type": "Role", "id": name}


def _verdict(result: Any, names_of: Mapping[str, str]) -> Verdict:
    """Return Cedar's answer as a verdict. Of its faults only the policies' names are told: they can hold values."""
    diagnostics = result.diagnostics
    if diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
        failed = set(_POLICY.findall(" ".join(diagnostics.errors)))
        ids = sorted(names_of.get(each, each) for each in failed) or ["the request"]
        told = (
            f"Cedar could not evaluate {', '.join(ids)}, and a policy that it skips may be one that forbids"
        )
        return _deny("error", told, "Test with `has` for arguments that may be absent, and for their type.")
    names = sorted(
        diagnostics.id_annotations_by_reason.get(reason) or reason for reason in diagnostics.reasons
    )
    rule = f"{NAME}.{names[0]}" if names else NAME
    if result.allowed:
        return Verdict(Decision.ALLOW, f"Cedar permits it by {', '.join(names)}", rule=rule)
    if names:
        return _deny(
            names[0], f"Cedar forbids it by {', '.join(names)}", "Use another tool, or other arguments."
        )
    return _deny("default", "no Cedar policy permits it", "Write a Cedar policy that permits it.")


def _deny(rule: str, message: str, hint: str) -> Verdict:
    return Verdict(Decision.DENY, message, rule=f"{NAME}.{rule}", reason=Reason.POLICY, hint=hint)


def _invalid(what: str) -> PluginInvalid:
    return PluginInvalid(
        NAME,
        what,
        f"Set {_VARIABLES[0]} to a file or folder of Cedar policies, and {_VARIABLES[1]} to their schema, if any.",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _invalid(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _invalid(f"cannot read {path}: it is no UTF-8 text") from error
