"""Rules about habits that weaken a program: checks that are off, weak protocols and ciphers."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python
from ringfence.threat import ThreatLevel

RULES: tuple[Rule, ...] = (
    Rule(
        "weak-certificate-check",
        "Certificate not checked",
        Family.PRACTICE,
        ThreatLevel.MEDIUM,
        "{name} connects without checking who answers.",
        (
            When(Kind.CONNECT, traits=(Trait.UNVERIFIED,)),
            When(
                Kind.WEAK,
                names=(
                    "ssl._create_unverified_context",
                    "ssl.wrap_socket",
                    "paramiko.SSHClient().set_missing_host_key_policy",
                ),
            ),
        ),
        found=python(
            "import requests\nrequests.get('https://example.org', verify=False)",
            "import ssl\nssl._create_unverified_context()",
        ),
        ignored=python(
            "import requests\nrequests.get('https://example.org', verify=True)",
            "import ssl\nssl.create_default_context()",
        ),
        tags=("CWE-295",),
        hint="Leave certificate checks on.",
    ),
    Rule(
        "weak-query",
        "Query put together at run time",
        Family.DATABASE,
        ThreatLevel.MEDIUM,
        "{name} runs a query whose text is put together at run time: a value in it can change what it does.",
        (When(Kind.WEAK, names=("*execute*", "*read_sql*", "*raw"), traits=(Trait.UNRESOLVED,)),),
        found=python(
            "def find(db, name):\n    db.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
            "import sqlite3\ndef find(name):\n    sqlite3.connect('x.db').cursor().execute('DELETE FROM t WHERE n = ' + name)",
        ),
        ignored=python(
            "def find(db, name):\n    db.execute('SELECT * FROM users WHERE name = ?', (name,))",
            "def run(task, name):\n    task.execute(f'job {name}')",
        ),
        tags=("CWE-89",),
        hint="Use placeholders and pass the values apart.",
    ),
    Rule(
        "weak-protocol",
        "Protocol without encryption",
        Family.PRACTICE,
        ThreatLevel.LOW,
        "{name} sends passwords and data in the clear.",
        (
            When(
                Kind.CONNECT,
                names=(
                    "telnetlib.*",
                    "ftplib.FTP",
                    "ftplib.FTP()*",
                    "poplib.POP3",
                    "imaplib.IMAP4",
                    "nntplib.*",
                ),
            ),
        ),
        found=python(
            "import telnetlib\ntelnetlib.Telnet('example.org')", "from ftplib import FTP\nFTP('example.org')"
        ),
        ignored=python(
            "from ftplib import FTP_TLS\nFTP_TLS('example.org')",
            "import imaplib\nimaplib.IMAP4_SSL('example.org')",
        ),
        tags=("CWE-319",),
    ),
    Rule(
        "weak-cryptography",
        "Weak hash or cipher",
        Family.PRACTICE,
        ThreatLevel.LOW,
        "{name} is a hash or cipher that is broken; it is fine for checksums and nothing else.",
        (
            When(Kind.WEAK, names=("hashlib.md5", "hashlib.sha1", "Crypto.*")),
            When(Kind.WEAK, names=("hashlib.new",), values=("md5", "md4", "sha1", "sha")),
        ),
        found=python("import hashlib\nhashlib.md5(b'x')", "import hashlib\nhashlib.new('sha1', b'x')"),
        ignored=python("import hashlib\nhashlib.sha256(b'x')", "import hashlib\nhashlib.new('sha256', b'x')"),
        tags=("CWE-327",),
    ),
    Rule(
        "weak-practice",
        "Weak practice",
        Family.PRACTICE,
        ThreatLevel.LOW,
        "{name} is known for making programs attackable.",
        (
            When(
                Kind.WEAK,
                names=(
                    "tempfile.mktemp",
                    "markupsafe.Markup",
                    "django.*",
                    "logging.config.listen",
                ),
            ),
        ),
        found=python("import tempfile\ntempfile.mktemp()", "from markupsafe import Markup\nMarkup(text)"),
        ignored=python("import tempfile\ntempfile.mkstemp()", "from string import Template\nTemplate('hi')"),
        tags=("CWE-377",),
    ),
)
