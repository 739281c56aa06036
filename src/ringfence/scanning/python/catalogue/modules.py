"""Names of modules: which are the same, which are dangerous, and which only share a dangerous one's name."""

from __future__ import annotations

ALIASES: dict[str, str] = {
    "posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path", "_io": "io", "_pickle": "pickle", "cPickle": "pickle", "_socket": "socket",
    "__builtin__": "builtins", "__builtins__": "builtins", "_thread": "threading", "_ctypes": "ctypes", "pathlib2": "pathlib", "_imp": "imp",
    "pathlib.PosixPath": "pathlib.Path", "pathlib.PurePath": "pathlib.Path", "pathlib.WindowsPath": "pathlib.Path", "pathlib.PurePosixPath": "pathlib.Path",
    "requests.api": "requests", "requests.sessions": "requests", "urllib.urlopen": "urllib.request.urlopen", "subprocess32": "subprocess",
    "importlib._bootstrap._gcd_import": "importlib.import_module", "importlib.__import__": "builtins.__import__", "imp.find_module": "importlib.import_module",
    "Crypto.Cipher": "Crypto.Cipher", "Cryptodome": "Crypto", "np": "np", "get_ipython": "IPython.get_ipython", "multiprocessing.popen_fork": "multiprocessing",
    "socket.SocketType": "socket.socket", "_socket.socket": "socket.socket", "io.FileIO": "io.FileIO", "_posixsubprocess": "_posixsubprocess",
    "code.InteractiveConsole().runsource": "code.InteractiveInterpreter().runsource", "psutil.process_iter().*": "psutil.process_iter()*",
    "argparse.ArgumentParser().parse_known_args": "argparse.ArgumentParser().parse_args", "pandas.io.pickle.read_pickle": "pandas.read_pickle",
    "ssl.create_default_context().wrap_socket()": "socket.socket()", "ssl.wrap_socket()": "socket.socket()", "ssl.SSLContext().wrap_socket()": "socket.socket()",
    "socket.create_connection()": "socket.socket()", "socket.socket().accept()[0]": "socket.socket()", "socket.socket().__enter__()": "socket.socket()",
    "socket.socket().dup()": "socket.socket()", "socket.fromfd()": "socket.socket()",
    "psutil.Process().parent()": "psutil.process_iter()*", "psutil.Process().children()*": "psutil.Process()", "psutil.pids()*": "psutil.process_iter()*",
    "builtins.bytes.fromhex": "bytes.fromhex", "builtins.bytearray.fromhex": "bytearray.fromhex", "io.open": "builtins.open",
}  # fmt: skip
"""Other names of the same thing, longest prefix first where they overlap."""

HARD_MODULES = frozenset(
    {"os", "sys", "subprocess", "builtins", "importlib", "ctypes", "posix", "nt", "pty", "shutil", "socket"}
)
"""Modules that no package of others offers under this name as something of its own."""

DANGEROUS_MODULES = frozenset(
    {
        "os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "ctypes", "posix", "nt",
        "pty", "inspect", "types", "marshal", "pickle", "code", "codeop", "signal", "multiprocessing",
        "threading", "gc", "runpy", "imp", "io",
    }
)  # fmt: skip
"""Modules that are never reached through another module by honest code (the standard library's own imports of them)."""

STANDARD_PATHS = frozenset(
    {
        "os.path", "asyncio.subprocess", "importlib.util", "importlib.machinery", "importlib.resources",
        "importlib.metadata", "importlib.abc", "concurrent.futures.thread", "multiprocessing.managers",
        "multiprocessing.pool", "email.errors", "curses.ascii", "tf.io", "tensorflow.io",
        "torch.multiprocessing", "six.moves.builtins", "django.core.signals", "importlib.import_module",
        "multiprocessing.connection", "multiprocessing.shared_memory", "asyncio.signals", "scipy.io",
        "skimage.io", "torchvision.io", "pandas.io", "pandas.api.types", "numpy.core.multiarray",
        "sys.modules", "os.environ", "astropy.io", "tensorflow.python.platform", "joblib.parallel",
        "matplotlib.rcsetup", "IPython.core", "pydantic.types", "sqlalchemy.types", "google.genai.types",
        "anthropic.types", "copyreg.pickle", "wsgiref.types", "openai.types", "google.generativeai.types", "asyncio.threads", "Bio.io",
        "ray.util.multiprocessing", "pyspark.sql.types", "rich.traceback", "plotly.io", "discord.ui",
        "telebot.types", "aiogram.types", "cv2.gapi", "mcp.types", "jax.tree_util",
    }
)  # fmt: skip
"""Attributes of modules whose name is that of a dangerous module and which are something else."""
