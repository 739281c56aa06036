"""Functions that start, end and raise processes."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.python.catalogue.sink import Sink, listed

PROCESSES = listed(
    # Starting
    ("""os.system os.popen subprocess.getoutput subprocess.getstatusoutput commands.getoutput
        commands.getstatusoutput popen2.popen2 popen2.popen3 popen2.popen4 platform.popen
        asyncio.create_subprocess_shell pexpect.run pexpect.spawnu invoke.run IPython.get_ipython().system
        IPython.get_ipython().getoutput os.startfile nt.startfile""",
     Sink(Kind.RUN, 0, "cmd", form="shell", traits=frozenset({Trait.SHELL}))),
    ("pexpect.spawn pexpect.popen_spawn.PopenSpawn", Sink(Kind.RUN, form="program")),
    ("""subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen
        psutil.Popen _posixsubprocess.fork_exec pty.spawn asyncio.subprocess.Popen trio.run_process
        anyio.run_process""", Sink(Kind.RUN, 0, "args", form="process")),
    ("os.execv os.execve os.execvp os.execvpe os.posix_spawn os.posix_spawnp",
     Sink(Kind.RUN, 0, "path", form="image")),
    ("os.spawnv os.spawnve os.spawnvp os.spawnvpe", Sink(Kind.RUN, 1, "file", form="image")),
    ("asyncio.create_subprocess_exec", Sink(Kind.RUN, form="words")),
    ("os.execl os.execle os.execlp os.execlpe", Sink(Kind.RUN, form="image words")),
    ("os.spawnl os.spawnle os.spawnlp os.spawnlpe", Sink(Kind.RUN, 1, form="image words")),
    ("IPython.get_ipython().run_cell_magic IPython.get_ipython().run_line_magic",
     Sink(Kind.RUN, form="magic")),
    ("""invoke.Context().run invoke.Context().sudo fabric.Connection().local fabric.Connection().sudo
        IPython.utils.process.system IPython.utils.process.getoutput IPython.get_ipython().magic os.popen2
        os.popen3 os.popen4 webbrowser.get pydoc.tempfilepager plumbum.local.session().run""",
     Sink(Kind.RUN, form="shell", traits=frozenset({Trait.SHELL}))),
    ("pydoc.pipepager", Sink(Kind.RUN, 1, form="shell", traits=frozenset({Trait.SHELL}))),
    ("distutils.spawn.spawn setuptools._distutils.spawn.spawn", Sink(Kind.RUN, form="process")),
    ("multiprocessing.util.spawnv_passfds", Sink(Kind.RUN, 1, form="process")),
    ("subprocess.Popen().communicate subprocess.Popen().stdin.write", Sink(Kind.RUN, 0, "input", form="stdin")),
    ("""pip.main pip._internal.main pip._internal.main.main pip._internal.cli.main.main
        pip._internal.cli.main pip._internal.main_entry_point""", Sink(Kind.RUN, 0, "args", form="pip")),
    # Ending
    ("os.kill os.killpg signal.pidfd_send_signal", Sink(Kind.KILL)),
    ("""psutil.Process().kill psutil.Process().terminate psutil.Process().suspend
        psutil.Process().send_signal""", Sink(Kind.KILL, -1)),
    ("""psutil.process_iter()*.kill psutil.process_iter()*.terminate psutil.process_iter()*.suspend
        psutil.process_iter()*.send_signal psutil.pids()*.kill psutil.wait_procs()*.kill""",
     Sink(Kind.KILL, -1, traits=frozenset({Trait.OTHERS}))),
    # Rights
    ("""os.setuid os.setgid os.seteuid os.setegid os.setreuid os.setresuid os.setgroups os.chroot
        os.unshare os.setns""", Sink(Kind.PRIVILEGE)),
)  # fmt: skip
