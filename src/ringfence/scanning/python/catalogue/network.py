"""Functions that reach the network, container services included."""

from __future__ import annotations

from ringfence.scanning.effects import Kind
from ringfence.scanning.python.catalogue.sink import READ, SENDS, Sink, listed

BODY = ("data", "json", "files", "params", "content", "body")
"""Arguments that HTTP clients send."""
_CLIENTS = (
    "requests", "requests.Session()", "requests.session()", "httpx", "httpx.Client()", "httpx.AsyncClient()", "aiohttp.ClientSession()",
    "requests_html.HTMLSession()", "cloudscraper.create_scraper()",
)  # fmt: skip
_ASKING = " ".join(
    f"{client}.{verb}" for client in _CLIENTS for verb in ("get", "delete", "head", "options", "stream")
)
_SENDING = " ".join(f"{client}.{verb}" for client in _CLIENTS for verb in ("post", "put", "patch"))
_EITHER = " ".join(f"{client}.request" for client in _CLIENTS)

NETWORK = listed(
    # HTTP clients, all of one shape
    (_ASKING, Sink(Kind.CONNECT, 0, "url", data=BODY, positions=(1,))),
    (_SENDING, Sink(Kind.CONNECT, 0, "url", traits=SENDS, data=BODY, positions=(1,))),
    (_EITHER, Sink(Kind.CONNECT, 1, "url", data=BODY, positions=(1,))),
    # Uploading
    ("""ftplib.FTP().storbinary paramiko.SFTPClient().put paramiko.SFTPClient.from_transport().put
        paramiko.SSHClient().open_sftp().put boto3.client().upload_file
        boto3.resource().meta.client.upload_file dropbox.Dropbox().files_upload""",
     READ, Sink(Kind.CONNECT, None, form="upload")),
    # Connecting
    ("""urllib.request.urlopen urllib.request.build_opener().open urllib.request.OpenerDirector().open
        urllib2.urlopen""", Sink(Kind.CONNECT, 0, "url", data=("data",), positions=(1,))),
    ("urllib3.PoolManager().request urllib3.PoolManager().urlopen urllib3.request",
     Sink(Kind.CONNECT, 1, "url", data=(*BODY, "fields"))),
    ("urllib.request.urlretrieve wget.download",
     Sink(Kind.CONNECT, 0, "url"), Sink(Kind.WRITE, 1, "filename", form="path")),
    ("aiohttp.request", Sink(Kind.CONNECT, 1, "url", data=BODY, positions=(1,))),
    ("http.client.HTTPConnection().request http.client.HTTPSConnection().request",
     Sink(Kind.CONNECT, -1, traits=SENDS, data=("body",), positions=(1, 2))),
    ("""http.client.HTTPConnection http.client.HTTPSConnection smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP
        ftplib.FTP_TLS telnetlib.Telnet imaplib.IMAP4 imaplib.IMAP4_SSL poplib.POP3 nntplib.NNTP
        xmlrpc.client.ServerProxy paramiko.SSHClient().connect paramiko.Transport
        websocket.create_connection websocket.WebSocketApp websockets.connect
        websockets.sync.client.connect redis.Redis redis.StrictRedis redis.from_url pymongo.MongoClient
        psycopg2.connect psycopg.connect pymysql.connect mysql.connector.connect cx_Oracle.connect
        sqlalchemy.create_engine elasticsearch.Elasticsearch kafka.KafkaProducer pika.ConnectionParameters
        grpc.insecure_channel grpc.secure_channel asyncio.open_connection webbrowser.open
        socket.gethostbyname socket.gethostbyname_ex socket.getaddrinfo socket.gethostbyaddr
        dns.resolver.resolve dns.resolver.query feedparser.parse zmq.Context().socket().connect
        torch.hub.download_url_to_file gdown.download fabric.Connection selenium.webdriver.Chrome().get
        selenium.webdriver.Firefox().get playwright.sync_api.Page().goto telnetlib3.open_connection""",
     Sink(Kind.CONNECT, 0, "host")),
    ("git.Repo.clone_from", Sink(Kind.CONNECT, 0, "url"), Sink(Kind.WRITE, 1, "to_path", form="path")),
    ("socket.socket().connect socket.socket().connect_ex socket.create_connection ssl.SSLSocket().connect",
     Sink(Kind.CONNECT, 0, "address", form="address")),
    ("socket.socket().sendto", Sink(Kind.CONNECT, 1, form="address", traits=SENDS, positions=(0,))),
    ("""socket.socket().send socket.socket().sendall socket.create_connection().sendall
        socket.create_connection().send paramiko.SSHClient().exec_command fabric.Connection().run""",
     Sink(Kind.CONNECT, None, traits=SENDS, positions=(0,))),
    ("smtplib.SMTP().sendmail smtplib.SMTP_SSL().sendmail",
     Sink(Kind.CONNECT, None, traits=SENDS, data=("msg",), positions=(2,))),
    ("ftplib.FTP().storlines", Sink(Kind.CONNECT, None, traits=SENDS, positions=(1,))),
    ("docker.from_env docker.DockerClient docker.APIClient", Sink(Kind.CONNECT, None, form="container")),
    ("multiprocessing.connection.Client", Sink(Kind.CONNECT, form="address")),
    ("pycurl.Curl().setopt", Sink(Kind.CONNECT, 1)),
    # Listening
    ("""socket.socket().bind socketserver.TCPServer socketserver.UDPServer socketserver.ThreadingTCPServer
        http.server.HTTPServer http.server.ThreadingHTTPServer xmlrpc.server.SimpleXMLRPCServer
        socket.create_server""", Sink(Kind.LISTEN, form="address")),
    ("asyncio.start_server websockets.serve", Sink(Kind.LISTEN, 1, "host")),
    ("flask.Flask().run uvicorn.run aiohttp.web.run_app waitress.serve bottle.run",
     Sink(Kind.LISTEN, 99, "host")),
    # Rights
    ("""docker.from_env().containers.run docker.from_env().containers.create
        docker.DockerClient().containers.run docker.DockerClient().containers.create""",
     Sink(Kind.PRIVILEGE, form="container")),
)  # fmt: skip
