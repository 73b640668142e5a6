"""A server on loopback that gives tokens, over HTTP or TLS, and remembers who asked for them."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


class TokenServer:
    """Answers with what `answer` makes of a request: a status and a body, as JSON unless it is the bytes of a stream."""

    def __init__(
        self, answer: Callable[[Asked], tuple[int, Any]], folder: Path | None = None, *, authority: bool = True
    ) -> None:
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, form)
                with owner._lock:
                    owner.asked.append(asked)
                status, value = answer(asked)
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                kind = "text/event-stream" if isinstance(value, bytes) else "application/json"
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _respond

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if folder is not None:
            self.scheme = "https"
            certificate, key = _certificate(authority)
            (folder / "cert.pem").write_bytes(certificate)
            (folder / "key.pem").write_bytes(key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    return (
        private_key()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@cache
def _certificate(authority: bool) -> tuple[bytes, bytes]:
    """A certificate for this machine, signed by itself, of an authority's kind or of a server's, and its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(private_key(), hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private_pem().encode()
