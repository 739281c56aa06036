"""Ringfence for LangChain: the gate before the tools of an agent, a tool node or a chain.

`RingfenceMiddleware` is for `create_agent`, `secure_tools` for tools that are called in any other way, `RingfenceCallback` for what
cannot be rebuilt. Without LangChain the import raises `AdapterUnavailable`, which names the command that installs it.
"""

from ringfence_langchain.callback import RingfenceCallback
from ringfence_langchain.middleware import RingfenceMiddleware
from ringfence_langchain.tools import secure_tools

__all__ = ["RingfenceCallback", "RingfenceMiddleware", "secure_tools"]
