"""An OTLP/HTTP collector on loopback that keeps what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was sent to it.

    Attributes:
        url: Where it listens.
        spans: All spans.
        resources: Attributes of what sent them.
        raw: Everything, as it came.
    """

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def wait(self, count: int) -> list[Span]:
        """The spans, once there are so many."""
        deadline = time.monotonic() + 10
        while len(self.spans) < count:
            assert time.monotonic() < deadline, f"{len(self.spans)} spans came, not {count}"
            time.sleep(0.02)
        return self.spans


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    found = {}
    for item in attributes:
        kind = item.value.WhichOneof("value")
        value = getattr(item.value, kind)
        found[item.key] = [part.string_value for part in value.values] if kind == "array_value" else value
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the length of a `with`."""
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            sent = ExportTraceServiceRequest.FromString(data)
            assert self.path == "/v1/traces"
            collected.raw.append(data)
            for resource in sent.resource_spans:
                collected.resources.append(values(resource.resource.attributes))
                for scope in resource.scope_spans:
                    collected.spans += scope.spans
            body = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield collected
        server.shutdown()
        thread.join()
