"""An AWS service on loopback that says what a test wants and remembers what it was asked; and AWS's own client for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass
class Asked:
    """A request as it arrived; the path with its query and encoding, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class AwsServer:
    """Answers with `reply`, or with what it returns for the request if it is a function."""

    def __init__(self, reply: Reply | Callable[[Asked], Reply]) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                owner.asked.append(asked)
                said = owner.reply(asked) if callable(owner.reply) else owner.reply
                self.send_response(said.status)
                for name, value in {**said.headers, "content-length": str(len(said.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_PUT = do_POST

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@lru_cache
def _session() -> Any:
    session = botocore.session.get_session()
    session.set_credentials(ACCESS_KEY, SECRET_KEY)
    return session


def authorization(
    method: str, url: str, headers: Mapping[str, str], body: bytes, service: str, region: str, secret: str = SECRET_KEY
) -> str:
    """The header that AWS's own code makes of a request with these headers, all of which it signs."""
    request = AWSRequest(method, url, dict(headers), body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(ACCESS_KEY, secret, headers.get("x-amz-security-token")), service, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return str(request.headers["Authorization"])


def is_signed(asked: Asked, service: str, region: str, secret: str = SECRET_KEY) -> bool:
    """Whether AWS would take a request's signature."""
    given = asked.headers["authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = {name: asked.headers[name] for name in names}
    url = f"http://{asked.headers['host']}{asked.path}"
    made = authorization(asked.method, url, signed, asked.body, service, region, secret)
    return "host" in names and made.partition("/")[2] == given.partition("/")[2]


def client(service: str, url: str) -> BaseClient:
    """AWS's own client for a service, pointed at a server of ours."""
    config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=5)
    return _session().create_client(service, region_name="us-east-1", endpoint_url=url, config=config)
