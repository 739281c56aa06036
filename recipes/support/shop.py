"""The world of `langchain_agent.py`: a shop with a folder, a database and a web server of its own on this machine."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def open_shop(folder: Path) -> Iterator[str]:
    """Set the shop up in a folder: a note, a database and a web server, whose address is given."""
    (folder / "notes.txt").write_text("A-17 waits for its refund")
    with closing(sqlite3.connect(folder / "shop.db")) as database, database:
        database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, paid REAL)")
        database.execute("INSERT INTO orders VALUES ('A-17', 120)")

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"this is {self.path}: 3 left".encode())

        def do_POST(self) -> None:
            with (folder / "messages.log").open("ab") as log:
                log.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
            self.do_GET()

        def log_message(self, *args: object) -> None:
            """Keep the console for the table."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def messages(folder: Path) -> list[str]:
    """Return the messages that were posted to the web server, in order."""
    return (folder / "messages.log").read_text().splitlines()
