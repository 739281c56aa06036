"""Rules about ways out of what code was given: attributes that climb, modules reached by detours, memory, the interpreter itself."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python
from ringfence.threat import ThreatLevel

_PY = Language.PYTHON
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

RULES: tuple[Rule, ...] = (
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
        found=python(
            "().__class__.__base__.__subclasses__()",
            "getattr(print, '__glo' + 'bals__')",
            "'{0.__class__.__init__}'.format(x)",
            "import sys\nsys.modules['os']",
        ),
        ignored=python(
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
        found=python("import random\nrandom._os.system('ls')", "import queue\nqueue.threading._sys.modules"),
        ignored=python(
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
        found=python(
            "import warnings\nlist(map(getattr, [warnings], ['sys']))",
            "from functools import partial\nimport os\nf = partial(getattr, os)",
        ),
        ignored=python(
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
        found=python(
            "import jinja2\njinja2.Template(\"{{ ''.__class__.__mro__[1].__subclasses__() }}\").render()",
            "from mako.template import Template\nTemplate('${__import__(\"os\").getcwd()}').render()",
        ),
        ignored=python(
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
        found=python(
            "from os import system\nclass A:\n    __class_getitem__ = system\nA['id']",
            "import os\nclass A: pass\nA.__add__ = os.popen",
        ),
        ignored=python(
            "import os\nclass A:\n    __str__ = object.__repr__",
            "class A:\n    def __getitem__(self, key):\n        return key",
        ),
        tags=("CWE-653", "T1027", "ASI05"),
        hint="Call the function by its own name.",
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
        found=python(
            "import ctypes\nctypes.string_at(id(x), 16)",
            "import ctypes\nctypes.windll.kernel32.VirtualAlloc(0, 9, 0x3000, 0x40)",
        ),
        ignored=python(
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
        found=python("a = 1\nb = a.__class__", "class A:\n    x = 1\nA().__dict__"),
        ignored=python("a = 1\nb = type(a)", "class A:\n    def __init__(self):\n        self.x = 1"),
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
        found=python("import sys\nsys._getframe()", "import tracemalloc\ntracemalloc.start()"),
        ignored=python("import gc\ngc.collect()", "import inspect\ninspect.signature(print)"),
        tags=("CWE-653",),
        hint="Leave the interpreter alone, or have the introspection capability granted.",
    ),
)
