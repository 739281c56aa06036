"""Ringfence: one gate between an LLM agent and its tools.

It decides who may call a tool, with what, where the tool runs and what may come back, and it keeps a record that can be
trusted. Start with `secure_tool` and `Guard`; the errors stand in `ringfence.errors`, the hooks in `ringfence.hookspecs`.
"""

from ringfence.admission import Admission
from ringfence.call import Outcome, Output, Principal, ToolCall, Usage
from ringfence.decorator import secure_tool
from ringfence.default import configure, default_guard
from ringfence.errors import (
    AdapterUnavailable,
    ApprovalRefused,
    ArgumentsInvalid,
    CallDenied,
    ClockJumped,
    GuardBroken,
    NoGuard,
    PluginError,
    PolicyError,
    PolicyFileError,
    RecordError,
    RingfenceError,
    RunFailed,
    ToolError,
    ToolExists,
    UnknownName,
)
from ringfence.events import SecurityEvent, ThreatLevel
from ringfence.guard import Guard
from ringfence.policy.model import (
    ArgumentRule,
    Audit,
    Durability,
    Mode,
    Permission,
    Policy,
    Profile,
    Role,
    SecurityLevel,
    StoreKind,
    Tier,
    ToolRule,
    User,
)
from ringfence.session import Session, acting_in, current_session
from ringfence.tool import Kind, Signature, Tool
from ringfence.unsafe import UnsafeWarning
from ringfence.verdict import Decision, Reason, Verdict, combine

__all__ = [
    "AdapterUnavailable",
    "Admission",
    "ApprovalRefused",
    "ArgumentRule",
    "ArgumentsInvalid",
    "Audit",
    "CallDenied",
    "ClockJumped",
    "Decision",
    "Durability",
    "Guard",
    "GuardBroken",
    "Kind",
    "Mode",
    "NoGuard",
    "Outcome",
    "Output",
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
    "RunFailed",
    "SecurityEvent",
    "SecurityLevel",
    "Session",
    "Signature",
    "StoreKind",
    "ThreatLevel",
    "Tier",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolExists",
    "ToolRule",
    "UnknownName",
    "UnsafeWarning",
    "Usage",
    "User",
    "Verdict",
    "acting_in",
    "combine",
    "configure",
    "current_session",
    "default_guard",
    "secure_tool",
]
