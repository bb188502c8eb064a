"""Receivers of alerts on this machine: a webhook and a mail server, which keep what they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from typing import Any, cast

PATH = "/services/T000/B000/not-for-logs"
"""Where the webhook is: who knows it may post."""


class Webhook(ThreadingHTTPServer):
    """Answers every POST with `status`; `posts` are the bodies, from JSON, by path."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.status = status
        self.posts: list[tuple[str, Any]] = []

    @property
    def connection(self) -> str:
        """The variable that makes this webhook the receiver."""
        return json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{self.server_port}{PATH}"})


class _Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        webhook = cast(Webhook, self.server)
        webhook.posts.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(webhook.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests say what they saw."""


class MailServer(ThreadingTCPServer):
    """Takes every mail; `mails` are those that it took."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mails: list[EmailMessage] = []

    def connection(self, **extra: str) -> str:
        """The variable that makes this server the receiver."""
        plain = {"disable_ssl": True, "disable_tls": True, "retry_limit": 1, "from_email": "mendel@example.com"}
        port = self.server_address[1]
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {**plain, **extra}})


class _Mail(StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            match line.split()[0].upper():
                case b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    cast(MailServer, self.server).mails.append(message_from_bytes(body, policy=policy.default))
                    self.wfile.write(b"250 taken\r\n")
                case b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                case _:
                    self.wfile.write(b"250 yes\r\n")


@contextmanager
def served(server: TCPServer) -> Iterator[None]:
    """Answer from a thread, as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
