"""nginx for the gateways: the provider behind all of them, and a second one that shows what is possible in their place."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import exchange
from benchmarks.upstream import UpstreamError, find_echo, find_nginx, start

FIRST_TOKEN_MS = 20
FLOW_EVENTS, FLOW_PAUSE_MS = 200, 10
CROWD_EVENTS, CROWD_PAUSE_MS = {"crowd": 1200, "crowd-short": 200}, 50
"""What the many streams are made of: 60 and 10 seconds at 20 events a second."""

_UNEVEN = 0.3
"""Part of a pause by which it is longer or shorter at random, as a model's are. nginx counts pauses from a time that all
timers of one turn share: of one length, two streams that once fall together stay together, and after eight seconds the
events of all 500 were sent within the same millisecond."""

TOKEN_EVENTS = 6
WAYS = ("whole", "soon", "token", "flow", "apart", *CROWD_EVENTS)
FIRST_WORD = b"Sunlight"
_CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Nginx:
    """The two of them, running.

    Attributes:
        version: Their own name and version.
        pid: First process of the provider.
        port: Where the provider answers.
        proxy_pid: First process of the proxy, which does nothing else: what it costs is what a proxy costs.
        proxy: Where the proxy passes everything on.
        bases: Base URL of each way of answering: `whole`; `soon`, a short stream; `token`, the same after 20 ms; `flow`, a
            longer one sent event by event, in step with all others; `apart`, the same at its own pace; `crowd` and
            `crowd-short`, streams at the pace of a model.
    """

    version: str
    pid: int
    port: int
    proxy_pid: int
    proxy: int
    bases: dict[str, str]


def path(way: str) -> str:
    """Where a way of answering is."""
    return f"/{way}{_CHAT}"


@contextlib.contextmanager
def serve() -> Iterator[Nginx]:
    """Run both for as long as the block lasts.

    Raises:
        UpstreamError: nginx or its echo module is not installed, or it does not start.
    """
    binary = find_nginx()
    about = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stderr
    echo = find_echo(about)
    if echo is None:
        raise UpstreamError("nginx has no echo module (libnginx-mod-http-echo)")
    with contextlib.ExitStack() as stack:
        provider, port = _run(stack, binary, lambda root, port: _config(root, _provider(root, port), load=echo))
        proxy, proxy_port = _run(stack, binary, lambda root, own: _config(root, _proxy(own, port)))
        bases = {way: f"http://127.0.0.1:{port}/{way}/v1" for way in WAYS}
        version = about.splitlines()[0].removeprefix("nginx version: ")
        yield Nginx(version, provider, port, proxy, proxy_port, bases)


def _run(stack: contextlib.ExitStack, binary: str, configuration: Callable[[Path, int], str]) -> tuple[int, int]:
    """One nginx in a folder of its own, with its first process and its port."""
    root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lingate-bench-")))
    (root / "whole.json").write_bytes(exchange.completion())
    process, port = start(binary, root, lambda port: configuration(root, port))
    stack.callback(process.wait, timeout=10)
    stack.callback(process.terminate)
    return process.pid, port


def _config(root: Path, servers: str, *, load: Path | None = None) -> str:
    # As root, nginx would serve as `nobody`, who cannot read a private temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temp = "\n".join(f"  {kind}_temp_path {root}/{kind};" for kind in kinds)
    return f"""{"" if load is None else f"load_module {load};"}
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
{temp}
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
{servers}
}}
"""


def _provider(root: Path, port: int) -> str:
    streams = _stream("soon", TOKEN_EVENTS, 0) + _stream("token", TOKEN_EVENTS, 0, first=FIRST_TOKEN_MS)
    streams += _stream("flow", FLOW_EVENTS, FLOW_PAUSE_MS) + _stream(
        "apart", FLOW_EVENTS, FLOW_PAUSE_MS, uneven=_UNEVEN
    )
    streams += "".join(_stream(way, events, CROWD_PAUSE_MS, uneven=_UNEVEN) for way, events in CROWD_EVENTS.items())
    return f"""
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location = {path("whole")} {{ error_page 405 =200 /whole.json; root {root}; try_files /whole.json =404; }}
    location = /whole.json {{ root {root}; types {{ }} default_type application/json; }}
{streams}
  }}"""


def _proxy(port: int, provider: int) -> str:
    return f"""
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 120s;
    location / {{ proxy_buffering off; proxy_pass http://provider; }}
    location /whole/ {{ proxy_pass http://provider; }}
  }}"""


def _stream(way: str, events: int, pause_ms: int, *, first: int = 0, uneven: float = 0.0) -> str:
    """A location that writes one event after the other, each with the time at which that was done as its text."""
    lines = [f"      echo_sleep {first / 1000:.3f};"] if first else []
    chance = random.Random(way)
    for event in [*(_event(FIRST_WORD.decode() if n == 0 else "t$msec;") for n in range(events)), *_end()]:
        pause = pause_ms / 1000 * (1 + chance.uniform(-uneven, uneven))
        lines.append(f"      echo -n '{event}\\n\\n'; echo_flush;" + (f" echo_sleep {pause:.3f};" if pause else ""))
    text = "\n".join(lines)
    return f"\n    location = {path(way)} {{\n      default_type text/event-stream;\n{text}\n    }}\n"


def _event(text: str) -> str:
    piece = exchange.events()[1].decode().strip()
    mark = '"content":"'
    before, _, rest = piece.partition(mark)
    return f'{before}{mark}{text}"{rest.partition(chr(34))[2]}'


def _end() -> list[str]:
    return [exchange.events()[-2].decode().strip(), exchange.DONE.decode().strip()]
