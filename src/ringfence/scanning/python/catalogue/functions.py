"""What functions do, all subjects in one table; and what methods do whose object cannot be told.

The entries of single functions are in the modules by subject. A function that is listed nowhere does nothing that matters, unless its
package is one whose functions all do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.python.catalogue.code import CODE
from ringfence.scanning.python.catalogue.files import FILES
from ringfence.scanning.python.catalogue.machine import MACHINE
from ringfence.scanning.python.catalogue.network import NETWORK
from ringfence.scanning.python.catalogue.processes import PROCESSES
from ringfence.scanning.python.catalogue.sink import READ_SELF, SENDS, WRITE, WRITE_SELF, Sink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.scanning.python.catalogue.sink import Sinks

SINKS: Mapping[str, Sinks] = {**FILES, **NETWORK, **PROCESSES, **CODE, **MACHINE}
"""What each listed function does."""

MODULES: dict[str, Kind] = {
    "cffi": Kind.NATIVE, "ctypes": Kind.NATIVE, "gc": Kind.INTROSPECT, "tracemalloc": Kind.INTROSPECT, "faulthandler": Kind.INTROSPECT,
    "psutil": Kind.ENVIRONMENT, "GPUtil": Kind.ENVIRONMENT, "wmi": Kind.ENVIRONMENT, "netifaces": Kind.ENVIRONMENT, "cpuinfo": Kind.ENVIRONMENT,
    "pyudev": Kind.ENVIRONMENT, "utmp": Kind.ENVIRONMENT, "resource": Kind.ENVIRONMENT,
    "scapy": Kind.CONNECT, "nmap": Kind.CONNECT, "paramiko": Kind.CONNECT, "boto3": Kind.CONNECT, "selenium": Kind.CONNECT,
    "twisted": Kind.CONNECT, "ftplib": Kind.CONNECT, "smtplib": Kind.CONNECT, "telnetlib": Kind.CONNECT, "imaplib": Kind.CONNECT,
    "poplib": Kind.CONNECT, "pcapy": Kind.CONNECT, "pyshark": Kind.CONNECT, "telegram": Kind.CONNECT, "slack_sdk": Kind.CONNECT,
    "tweepy": Kind.CONNECT, "wikipedia": Kind.CONNECT, "yfinance": Kind.CONNECT, "mechanize": Kind.CONNECT, "pycurl": Kind.CONNECT,
    "http.client": Kind.CONNECT, "socket": Kind.CONNECT, "httpx": Kind.CONNECT, "requests": Kind.CONNECT, "aiohttp": Kind.CONNECT,
    "watchdog": Kind.LIST, "inotify": Kind.LIST, "pyinotify": Kind.LIST,
    "pynput": Kind.CAPTURE, "pyautogui": Kind.CAPTURE, "mss": Kind.CAPTURE, "keyboard": Kind.CAPTURE, "mouse": Kind.CAPTURE,
    "pexpect": Kind.RUN, "sh": Kind.RUN, "plumbum": Kind.RUN, "multiprocessing": Kind.RUN,
}  # fmt: skip
"""What calling any function of a package does, where the function is not listed by itself."""

QUIET = frozenset(
    {
        "requests.Session", "requests.session", "requests.exceptions", "requests.Response",
        "httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession", "aiohttp.ClientTimeout",
        "socket.socket", "socket.inet_aton", "socket.inet_ntoa", "socket.htons", "socket.ntohs",
        "socket.setdefaulttimeout", "multiprocessing.cpu_count", "multiprocessing.Lock",
        "multiprocessing.Queue", "multiprocessing.set_start_method", "gc.collect", "gc.disable",
        "gc.enable", "ctypes.c_int", "ctypes.sizeof", "resource.getrusage",
        "multiprocessing.current_process", "multiprocessing.freeze_support", "gc.freeze",
        "telegram.Update", "selenium.webdriver.ChromeOptions", "selenium.webdriver.common.by.By",
        "paramiko.SSHClient", "paramiko.AutoAddPolicy",
    }
)  # fmt: skip
"""Functions of those packages that do nothing by themselves."""

METHODS: dict[str, Sinks] = {
    **dict.fromkeys([
        "to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "to_html", "to_feather", "to_hdf", "to_xml", "to_latex", "savefig",
                     "save_pretrained"], (WRITE,)),
    **dict.fromkeys(["read_text", "read_bytes"], (READ_SELF,)),
    **dict.fromkeys(["write_text", "write_bytes"], (WRITE_SELF,)),
    "urlopen": (Sink(Kind.CONNECT, 0),),
    "system": (Sink(Kind.RUN, 0, form="shell", traits=frozenset({Trait.SHELL})),),
    "check_output": (Sink(Kind.RUN, 0, form="process"),),
    "Popen": (Sink(Kind.RUN, 0, form="process"),),
    "sendall": (Sink(Kind.CONNECT, None, traits=SENDS, positions=(0,)),),
    "sendto": (Sink(Kind.CONNECT, 1, form="address", traits=SENDS, positions=(0,)),),
    "storbinary": (Sink(Kind.CONNECT, None, traits=SENDS, positions=(1,)),),
    "sendmail": (Sink(Kind.CONNECT, None, traits=SENDS, positions=(2,)),),
    "exec_command": (Sink(Kind.CONNECT, None, traits=SENDS, positions=(0,)),),
    "extractall": (Sink(Kind.WRITE, 0, "path", form="path"),),
    "rmtree": (Sink(Kind.DELETE, 0, form="path", traits=frozenset({Trait.RECURSIVE})),),
    **{name: (Sink(Kind.WEAK, 0, form="query"),) for name in ("execute", "executemany", "executescript", "read_sql", "read_sql_query", "raw")},
    **dict.fromkeys(["query", "eval"], (Sink(Kind.EVALUATE, 0, "expr", form="expression"),)),
    "load_module": (Sink(Kind.INTROSPECT, 0),),
    "tofile": (WRITE,),
    "exec_module": (Sink(Kind.EVALUATE, None),),
}  # fmt: skip
"""Methods whose name tells enough where the object cannot be told."""
