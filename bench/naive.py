"""The regular expressions that people write today to keep an agent's code in check, as a peer for the scanner.

They are what a search for "dangerous patterns" in agents' repositories finds: lists of words, each with a level, matched against
the text as it stands, comments and strings included. The one idea: a list that blocks on its critical patterns alone misses
nearly everything, and one that blocks on any pattern also blocks honest code, so both readings are reported.
"""

from __future__ import annotations

import re

CRITICAL = (
    r"rm\s+-(?:rf|fr|r\s+-f|f\s+-r)\s+/",
    r":\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}",  # the fork bomb in its one spelling
    r"\bmkfs(?:\.\w+)?\s",
    r"\bdd\s+if=/dev/(?:zero|u?random)\s+of=/dev/",
    r">\s*/dev/sd[a-z]",
    r"\b(?:curl|wget)\b[^\n|;]*\|\s*(?:sudo\s+)?(?:ba)?sh\b",
    r"\bchmod\s+(?:-R\s+)?0?777\s+/",
    r"/dev/tcp/",
    r"\bnc\b[^\n]*\s-e\s",
    r"\bshutil\.rmtree\(\s*[\"']/",
    r"\bos\.dup2\(",
    r"\bDROP\s+(?:TABLE|DATABASE)\b",
)
"""Patterns of critical kind: nobody who writes such a list lets these pass."""

SUSPICIOUS = (
    r"\bos\.(?:system|popen|exec[lv]p?e?|spawn\w*|remove|unlink|rmdir|removedirs|kill|killpg|environ|chmod|chown|walk|listdir)\b",
    r"\bsubprocess\b",
    r"\bshutil\.(?:rmtree|move|copy\w*)\b",
    r"\beval\s*\(",
    r"\bexec\s*\(",
    r"\bcompile\s*\(",
    r"__import__\s*\(",
    r"\bimportlib\b",
    r"\b(?:pickle|marshal|shelve|dill)\b",
    r"\bctypes\b",
    r"\bsocket\b",
    r"\b(?:requests|urllib|httpx|aiohttp|ftplib|smtplib|telnetlib|paramiko)\b",
    r"\bpsutil\b",
    r"\bopen\s*\([^)\n]*[\"'][wa]b?\+?[\"']",
    r"\bopen\s*\(\s*[\"']/",
    r"\bbase64\b",
    r"/etc/(?:passwd|shadow|sudoers|hosts)",
    r"\.ssh/|id_rsa|authorized_keys|\.aws/credentials",
    r"\.\./\.\.",
    r"\bsudo\s",
    r"\bchmod\s|\bchown\s",
    r"\brm\s+-rf?\b",
    r"\b(?:kill|pkill|killall)\s+-?\w",
    r"\b(?:curl|wget)\s",
    r"\bcrontab\b|\.bashrc|\.profile\b",
    r"__(?:globals|builtins|subclasses|code|bases|mro)__",
    r"\bchild_process\b|\bprocess\.(?:env|binding|mainModule)\b",
    r"\bnew\s+Function\s*\(",
    r"\brequire\s*\(\s*[\"'](?:fs|net|http|vm)[\"']",
    r"\bUNION\s+SELECT\b|;\s*(?:DELETE|UPDATE|INSERT|ALTER)\b|\bOR\s+1\s*=\s*1\b",
)
"""Patterns that a careful author adds: what may be harm, and is ordinary work as often."""

# One search for each pattern, as such lists are applied: an alternation of all would be faster for no author we know of.
_CRITICAL = tuple(re.compile(pattern, re.IGNORECASE) for pattern in CRITICAL)
_SUSPICIOUS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in SUSPICIOUS)


def critical(code: str) -> bool:
    """Return whether a critical pattern matches."""
    return any(pattern.search(code) for pattern in _CRITICAL)


def matches(code: str) -> bool:
    """Return whether any pattern matches."""
    return critical(code) or any(pattern.search(code) for pattern in _SUSPICIOUS)


def count(code: str) -> int:
    """Return how many patterns match, which is what a scan with such a list reports: every pattern is tried."""
    return sum(1 for pattern in (*_CRITICAL, *_SUSPICIOUS) if pattern.search(code))
