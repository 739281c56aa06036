"""Functions whose result comes from somewhere: the network, the command line, an encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_ORIGIN: Mapping[Origin, str] = {
    Origin.ARGUMENT:
        "builtins.input sys.stdin.read sys.stdin.readline sys.stdin.readlines "
        "argparse.ArgumentParser().parse_args getpass.getpass click.prompt sys.stdin.buffer.read",
    Origin.ENVIRONMENT:
        "os.getenv os.environ.get os.environ.pop os.environb.get platform.uname platform.node os.uname "
        "getpass.getuser socket.gethostname os.getlogin psutil.users psutil.net_if_addrs",
    Origin.PROCESSES:
        "psutil.process_iter psutil.pids psutil.pid_exists",
    Origin.DECODED:
        "base64.b64decode base64.b32decode base64.b16decode base64.b85decode base64.a85decode "
        "base64.urlsafe_b64decode base64.standard_b64decode base64.decodebytes binascii.unhexlify "
        "binascii.a2b_base64 bytes.fromhex codecs.decode zlib.decompress gzip.decompress bz2.decompress "
        "lzma.decompress bytearray.fromhex quopri.decodestring cryptography.fernet.Fernet().decrypt "
        "zlib.decompressobj().decompress builtins.chr",
    Origin.NETWORK:
        "urllib.request.urlopen urllib2.urlopen requests.get requests.post requests.put requests.patch "
        "requests.delete requests.request requests.Session().get requests.Session().post "
        "requests.Session().request httpx.get httpx.post httpx.Client().get httpx.Client().post "
        "httpx.AsyncClient().get aiohttp.ClientSession().get socket.socket().recv socket.socket().recvfrom "
        "socket.socket().recv_into socket.socket().makefile socket.create_connection().recv "
        "urllib.request.build_opener().open urllib3.PoolManager().request "
        "http.client.HTTPSConnection().getresponse http.client.HTTPConnection().getresponse "
        "websocket.create_connection().recv dns.resolver.resolve dns.resolver.query "
        "paramiko.SSHClient().exec_command imaplib.IMAP4_SSL().fetch urllib.request.urlretrieve "
        "ftplib.FTP().retrbinary asyncio.open_connection socket.gethostbyname telnetlib.Telnet().read_until "
        "telnetlib.Telnet().read_all telnetlib.Telnet().read_some websocket.WebSocket().recv "
        "zmq.Context().socket().recv multiprocessing.connection.Client().recv redis.Redis().get "
        "redis.Redis().lpop pika.BlockingConnection().channel().basic_get "
        "paho.mqtt.client.Client().subscribe",
}  # fmt: skip
SOURCES: Mapping[str, Origin] = {
    name: origin for origin, names in _BY_ORIGIN.items() for name in names.split()
}
"""Where the result of each listed function comes from."""

METHOD_SOURCES: dict[str, Origin] = {
    "recv": Origin.NETWORK,
    "recvfrom": Origin.NETWORK,
    "urlopen": Origin.NETWORK,
}
"""The same for methods of objects that cannot be told."""
