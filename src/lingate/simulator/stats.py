# What has happened: counters, and the last requests, without their credentials. Read from other threads than written from.

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from lingate._model import JsonDict
from lingate.simulator.steps import Send

_BARE = ("x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_SCHEMED = ("authorization", "proxy-authorization")
_SIGNATURE = "AWS4-HMAC-SHA256"
_OTHER = frozenset({"cookie", "x-amz-security-token"})
_QUERY = frozenset({"key", "api_key", "api-key", "access_token"})


def credential_of(headers: Mapping[str, str], query: str) -> str:
    # The credential, from whichever place it came in; empty if there is none.
    for name in _BARE:
        if headers.get(name, "").strip():
            return headers[name].strip()
    scheme, _, value = headers.get("authorization", "").strip().partition(" ")
    if scheme.upper() == _SIGNATURE:
        # Signatures differ from request to request; the key's id stays.
        return value.partition("Credential=")[2].partition("/")[0]
    if value.strip():
        return value.strip()
    from_query = next((value for name, value in parse_qsl(query) if name in _QUERY and value), "")
    return from_query or ("" if scheme.lower() in ("", "bearer", "basic") else scheme)


def fingerprint(credential: str) -> str:
    # What stands for a credential in recorded requests: equal for equal ones, and of no other use.
    return "sha256:" + sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()[:16] if credential else ""


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    # Headers with fingerprints in the place of credentials; the scheme of `Authorization` stays.
    shown = {}
    for name, value in headers.items():
        if name in _SCHEMED:
            scheme, space, rest = value.partition(" ")
            value = f"{scheme} {fingerprint(rest.strip())}" if space else fingerprint(scheme)
        elif name in _BARE or name in _OTHER:
            value = fingerprint(value.strip())
        shown[name] = value
    return shown


def redacted_query(query: str) -> str:
    # The query string with fingerprints in the place of credentials; as it was if it holds none.
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(name in _QUERY for name, _ in pairs):
        return query
    return urlencode([(name, fingerprint(value) if name in _QUERY else value) for name, value in pairs])


Outcome = Literal["open", "complete", "disconnected", "dropped", "closed"]
"""`disconnected`: the client left; `dropped`: a fault closed the connection; `closed`: the simulator was shut down."""


@dataclass(slots=True, kw_only=True)
class RecordedRequest:
    """One request and what became of it."""

    method: str
    """HTTP method."""
    path: str
    """Path as it was asked for."""
    query: str = ""
    """Query string; credentials in it are fingerprints."""
    headers: dict[str, str] = field(default_factory=dict)
    """Lower-case names; credentials are fingerprints (see `lingate.simulator.fingerprint`)."""
    raw: bytes = b""
    """The body's bytes."""
    body: Any = None
    """The body's JSON, None if it is not JSON."""
    at: float = field(default_factory=time.monotonic)
    """`time.monotonic()` of its arrival."""
    dialect: str = ""
    """Wire format it was understood as, empty if the path is unknown."""
    operation: str = ""
    """What was asked for."""
    model: str = ""
    """Model as the client wrote it."""
    stream: bool = False
    """Whether a stream was asked for."""
    faults: tuple[str, ...] = ()
    """Names of the faults that hit it."""
    status: int | None = None
    """Status it was answered with, None if no head went out."""
    events: int = 0
    """Events sent."""
    bytes_out: int = 0
    """Bytes of the body sent, as the operating system took them."""
    prompt_tokens: int = 0
    """Prompt tokens billed."""
    completion_tokens: int = 0
    """Completion tokens billed: those that were sent."""
    outcome: Outcome = "open"
    """How it ended."""

    def to_dict(self) -> JsonDict:
        # Everything but the raw bytes, for JSON.
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "raw"}


class Stats:
    def __init__(self, keep: int, on_end: Callable[[RecordedRequest], None] | None = None) -> None:
        self.lock = threading.RLock()
        self._on_end = on_end
        self._records: deque[RecordedRequest] = deque(maxlen=keep)
        self._open_connections = 0
        self._in_flight = 0
        self._clear()

    def _clear(self) -> None:
        self._records.clear()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._billed: dict[str, Counter[str]] = {"completed": Counter(), "aborted": Counter()}
        self._disconnects: list[JsonDict] = []
        self._connections = 0
        self._max_connections = self._open_connections
        self._max_in_flight = self._in_flight

    def reset(self) -> None:
        with self.lock:
            self._clear()

    def connected(self) -> None:
        with self.lock:
            self._connections += 1
            self._open_connections += 1
            self._max_connections = max(self._max_connections, self._open_connections)

    def disconnected(self) -> None:
        with self.lock:
            self._open_connections -= 1

    def started(self, record: RecordedRequest) -> None:
        with self.lock:
            self._records.append(record)
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            self._counts["requests"]["total"] += 1
            self._counts["by_path"][f"{record.method} {record.path}"] += 1
            self._counts["bytes"]["in"] += len(record.raw)
            if record.model:
                self._counts["by_model"][record.model] += 1
            self._counts["by_fault"].update(record.faults)

    def answering(self, record: RecordedRequest, status: int) -> None:
        with self.lock:
            record.status = status
            self._counts["by_status"][str(status)] += 1
            if record.stream and status < 300:
                self._counts["streams"]["started"] += 1

    def sent(self, record: RecordedRequest, step: Send, prompt_tokens: int) -> None:
        # The operating system took bytes of the body.
        # The prompt is billed with the first bytes of an answer.
        with self.lock:
            record.bytes_out += len(step.data)
            record.events += step.event
            record.completion_tokens += step.tokens
            if step.billed:
                record.prompt_tokens = prompt_tokens
            self._counts["bytes"]["out"] += len(step.data)

    def ended(self, record: RecordedRequest, outcome: Outcome, *, last_write: float | None = None) -> None:
        now = time.monotonic()
        with self.lock:
            record.outcome = outcome
            self._in_flight -= 1
            self._counts["requests"][outcome] += 1
            if record.stream and record.status is not None and record.status < 300:
                self._counts["streams"]["finished" if outcome == "complete" else "aborted"] += 1
            billed = self._billed["completed" if outcome == "complete" else "aborted"]
            billed["prompt"] += record.prompt_tokens
            billed["completion"] += record.completion_tokens
            if outcome == "disconnected":
                self._disconnects.append(
                    {
                        "model": record.model,
                        "path": record.path,
                        "stream": record.stream,
                        "after_events": record.events,
                        "at": now,
                        "since_request": now - record.at,
                        "latency": None if last_write is None else now - last_write,
                    }
                )

    def report(self, record: RecordedRequest) -> None:
        # Tell whoever asked to be told that a request is over.
        # Not called under the lock.
        if self._on_end is not None:
            self._on_end(replace(record))

    def records(self) -> list[RecordedRequest]:
        with self.lock:
            return list(map(replace, self._records))

    def snapshot(self) -> JsonDict:
        with self.lock:
            billed = {name: _with_total(counter) for name, counter in self._billed.items()}
            return {
                "requests": self._named("requests", "total", "complete", "disconnected", "dropped", "closed"),
                "in_flight": {"now": self._in_flight, "max": self._max_in_flight},
                **{name: dict(self._counts[name]) for name in ("by_path", "by_model", "by_status", "by_fault")},
                "bytes": self._named("bytes", "in", "out"),
                "streams": self._named("streams", "started", "finished", "aborted"),
                "billed": {**_with_total(sum(self._billed.values(), Counter())), **billed},
                "connections": {
                    "open": self._open_connections,
                    "max": self._max_connections,
                    "total": self._connections,
                },
                "disconnects": list(map(dict, self._disconnects)),
            }

    def _named(self, kind: str, *names: str) -> dict[str, int]:
        return {name: self._counts[kind][name] for name in names}


def _with_total(counts: Counter[str]) -> dict[str, int]:
    prompt, completion = counts["prompt"], counts["completion"]
    return {"prompt": prompt, "completion": completion, "total": prompt + completion}
