"""The way out of the sandbox: an HTTP proxy in the host's process, through which sandboxed code reaches granted hosts and no others.

Naming a host (`names.py`) and judging addresses (`addresses.py`) decide, `requests.py`, `bodies.py`, `answers.py` and `hello.py` read
what either side says, `connection.py` carries one client, `proxy.py` all of them. The one idea: it decides before it resolves,
resolves once, and dials the very address that it judged.
"""

from ringfence.sandbox.egress.proxy import EgressProxy
from ringfence.sandbox.egress.refusing import Refusal

__all__ = ["EgressProxy", "Refusal"]
