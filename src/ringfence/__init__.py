"""Ringfence: one gate between an LLM agent and its tools.

It decides who may call a tool, with what, where the tool runs and what may come back, and it keeps a record that can be
trusted. Start with `secure_tool` and `Guard`; the errors stand in `ringfence.errors`, the hooks in `ringfence.hookspecs`.

Each name is loaded from its module when it is first asked for (PEP 562), so a program pays only for the parts that it uses:
`ringfence scan` loads no guard, and a guard without code in arguments no scanner.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not typing's, which a zygote of the sandbox would have to load
if TYPE_CHECKING:
    from ringfence.admission import Admission
    from ringfence.approvals.queue import Approval, ApprovalQueue
    from ringfence.approvals.request import ApprovalAnswer, ApprovalRequest
    from ringfence.call import Outcome, Output, Principal, ToolCall, Usage
    from ringfence.decorator import secure_tool
    from ringfence.default import configure, default_guard
    from ringfence.errors import (
        AdapterUnavailable,
        ApprovalClosed,
        ApprovalError,
        ApprovalRefused,
        ApprovalUnknown,
        ApproverRefused,
        ArgumentsInvalid,
        CallDenied,
        ClockJumped,
        GuardBroken,
        IdentityError,
        LoginFailed,
        NoGuard,
        PluginError,
        PolicyError,
        PolicyFileError,
        RecordError,
        RingfenceError,
        RunFailed,
        SessionEnded,
        StateError,
        TokenRefused,
        ToolError,
        ToolExists,
        UnknownName,
    )
    from ringfence.events import SecurityEvent
    from ringfence.guard import Guard
    from ringfence.identity import Account, Identity, LoginSession, Passwords, TokenFacts
    from ringfence.policy.model import (
        Approvals,
        ArgumentRule,
        AtMost,
        Audit,
        Budget,
        CallRule,
        Channel,
        CodeRule,
        Condition,
        Day,
        Durability,
        IdentityPolicy,
        IdentityProvider,
        Limit,
        Mode,
        Per,
        Permission,
        Policy,
        Profile,
        Role,
        RuleException,
        RuleLevel,
        Scan,
        SecurityLevel,
        SqlRule,
        State,
        StoreKind,
        Tier,
        TokenAlgorithm,
        ToolRule,
        User,
        ValueType,
    )
    from ringfence.scanning import Capability, Finding, Language, ScanReport, scan
    from ringfence.session import Session, acting_in, current_session
    from ringfence.threat import ThreatLevel
    from ringfence.tool import Kind, Signature, Tool
    from ringfence.unsafe import UnsafeWarning
    from ringfence.verdict import Decision, Reason, Verdict, combine

__all__ = [
    "Account",
    "AdapterUnavailable",
    "Admission",
    "Approval",
    "ApprovalAnswer",
    "ApprovalClosed",
    "ApprovalError",
    "ApprovalQueue",
    "ApprovalRefused",
    "ApprovalRequest",
    "ApprovalUnknown",
    "Approvals",
    "ApproverRefused",
    "ArgumentRule",
    "ArgumentsInvalid",
    "AtMost",
    "Audit",
    "Budget",
    "CallDenied",
    "CallRule",
    "Capability",
    "Channel",
    "ClockJumped",
    "CodeRule",
    "Condition",
    "Day",
    "Decision",
    "Durability",
    "Finding",
    "Guard",
    "GuardBroken",
    "Identity",
    "IdentityError",
    "IdentityPolicy",
    "IdentityProvider",
    "Kind",
    "Language",
    "Limit",
    "LoginFailed",
    "LoginSession",
    "Mode",
    "NoGuard",
    "Outcome",
    "Output",
    "Passwords",
    "Per",
    "Permission",
    "PluginError",
    "Policy",
    "PolicyError",
    "PolicyFileError",
    "Principal",
    "Profile",
    "Reason",
    "RecordError",
    "RingfenceError",
    "Role",
    "RuleException",
    "RuleLevel",
    "RunFailed",
    "Scan",
    "ScanReport",
    "SecurityEvent",
    "SecurityLevel",
    "Session",
    "SessionEnded",
    "Signature",
    "SqlRule",
    "State",
    "StateError",
    "StoreKind",
    "ThreatLevel",
    "Tier",
    "TokenAlgorithm",
    "TokenFacts",
    "TokenRefused",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolExists",
    "ToolRule",
    "UnknownName",
    "UnsafeWarning",
    "Usage",
    "User",
    "ValueType",
    "Verdict",
    "acting_in",
    "combine",
    "configure",
    "current_session",
    "default_guard",
    "scan",
    "secure_tool",
]

_HOMES = {
    "admission": ("Admission",),
    "approvals.queue": (
        "Approval",
        "ApprovalQueue",
    ),
    "approvals.request": (
        "ApprovalAnswer",
        "ApprovalRequest",
    ),
    "call": (
        "Outcome",
        "Output",
        "Principal",
        "ToolCall",
        "Usage",
    ),
    "decorator": ("secure_tool",),
    "default": (
        "configure",
        "default_guard",
    ),
    "errors": (
        "AdapterUnavailable",
        "ApprovalClosed",
        "ApprovalError",
        "ApprovalRefused",
        "ApprovalUnknown",
        "ApproverRefused",
        "ArgumentsInvalid",
        "CallDenied",
        "ClockJumped",
        "GuardBroken",
        "IdentityError",
        "LoginFailed",
        "NoGuard",
        "PluginError",
        "PolicyError",
        "PolicyFileError",
        "RecordError",
        "RingfenceError",
        "RunFailed",
        "SessionEnded",
        "StateError",
        "TokenRefused",
        "ToolError",
        "ToolExists",
        "UnknownName",
    ),
    "events": ("SecurityEvent",),
    "guard": ("Guard",),
    "identity": ("Account", "Identity", "LoginSession", "Passwords", "TokenFacts"),
    "policy.model": (
        "Approvals",
        "ArgumentRule",
        "AtMost",
        "Audit",
        "Budget",
        "CallRule",
        "Channel",
        "CodeRule",
        "Condition",
        "Day",
        "Durability",
        "IdentityPolicy",
        "IdentityProvider",
        "Limit",
        "Mode",
        "Per",
        "Permission",
        "Policy",
        "Profile",
        "Role",
        "RuleException",
        "RuleLevel",
        "Scan",
        "SecurityLevel",
        "SqlRule",
        "State",
        "StoreKind",
        "Tier",
        "TokenAlgorithm",
        "ToolRule",
        "User",
        "ValueType",
    ),
    "scanning": (
        "Capability",
        "Finding",
        "Language",
        "ScanReport",
        "scan",
    ),
    "session": (
        "Session",
        "acting_in",
        "current_session",
    ),
    "threat": ("ThreatLevel",),
    "tool": (
        "Kind",
        "Signature",
        "Tool",
    ),
    "unsafe": ("UnsafeWarning",),
    "verdict": (
        "Decision",
        "Reason",
        "Verdict",
        "combine",
    ),
}
"""The public names by the module that they live in."""
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name."""
    home = _HOME_OF.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # noqa: PLC0415 - as above

    value: object = getattr(import_module(f"ringfence.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
