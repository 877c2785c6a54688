"""A receiver on loopback that keeps what it is sent, and checks signatures as a stranger would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(frozen=True)
class Arrived:
    """One request."""

    path: str
    headers: Message
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def id(self) -> str:
        return str(self.headers["webhook-id"])

    def signed_with(self, secret: str) -> bool:
        """Whether one of its signatures is that of Standard Webhooks with this secret."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.content])
        wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return any(each == f"v1,{wanted}" for each in self.headers["webhook-signature"].split(" "))

    def check_certificate(self, pem: bytes) -> None:
        """Raises InvalidSignature unless Partner Center's signature is that of this certificate's key over the body."""
        scheme, _blank, signature = self.headers["Authorization"].partition(" ")
        assert scheme == "Signature"
        assert self.headers["X-MS-Signature-Algorithm"] == "rsa-sha256"
        public = x509.load_pem_x509_certificate(pem).public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        public.verify(base64.b64decode(signature), self.content, padding.PKCS1v15(), hashes.SHA256())


class Receiver:
    """Listens on 127.0.0.1. `answer(arrived)` is the status (200); `headers` go with it; `before` runs before the answer."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.arrived: list[Arrived] = []
        self.answer: Callable[[Arrived], int] = lambda _arrived: 200
        self.headers: dict[str, str] = {}
        self.before: Callable[[Arrived], None] = lambda _arrived: None
        outer = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                arrived = Arrived(self.path, self.headers, content)
                outer.arrived.append(arrived)
                outer.before(arrived)
                self.send_response(outer.answer(arrived))
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    @property
    def target(self) -> str:
        """How the operator lists it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
