"""The record: a log of every call, chained with a key so that no later change goes unseen.

`log` is what the guard writes to, `verify` and `query` are what people read with; the stores are imported when one is opened.
"""

from ringfence.audit.keys import load_key
from ringfence.audit.log import AuditLog, open_log
from ringfence.audit.verify import Problem, Verification, verify

__all__ = ["AuditLog", "Problem", "Verification", "load_key", "open_log", "verify"]
