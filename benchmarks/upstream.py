"""The provider that everybody calls: nginx on loopback with a fixed answer, so that its speed is never the limit."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import exchange, processors

PACE_MS = 2
_ECHO = "ngx_http_echo_module.so"
_CHAT = "/v1/chat/completions"


class UpstreamError(RuntimeError):
    """nginx is absent or does not start; the message says what to do."""


@dataclass(frozen=True)
class Upstream:
    """A running nginx.

    Attributes:
        version: nginx's own name and version.
        bases: Base URL (`.../v1`) of each way of answering: `whole`; `burst`, a stream sent in one go; `flushed`, one
            write per event; `paced`, one write per event and a pause after each. The last two need the echo module.
    """

    version: str
    bases: dict[str, str]


@contextlib.contextmanager
def serve() -> Iterator[Upstream]:
    """Run nginx on a free port of 127.0.0.1 for as long as the block lasts.

    Raises:
        UpstreamError: nginx is not installed or does not start.
    """
    binary = find_nginx()
    about = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stderr
    echo = find_echo(about)
    with tempfile.TemporaryDirectory(prefix="lingate-bench-") as folder:
        root = Path(folder)
        _write_answers(root)
        with processors.provider():
            process, port = start(binary, root, lambda port: _config(root, port, echo))
        try:
            ways = ["whole", "burst", *(["flushed", "paced"] if echo else [])]
            bases = {way: f"http://127.0.0.1:{port}/{way}/v1" for way in ways}
            yield Upstream(version=about.splitlines()[0].removeprefix("nginx version: "), bases=bases)
        finally:
            process.terminate()
            process.wait(timeout=10)


def find_nginx() -> str:
    """nginx's program.

    Raises:
        UpstreamError: There is none.
    """
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if found is None:
        raise UpstreamError(
            "The benchmarks need nginx as their upstream and found none on PATH or in /usr/sbin.\n"
            "Install it with `apt-get install nginx-light libnginx-mod-http-echo` (Debian, Ubuntu), "
            "`dnf install nginx` (Fedora) or `brew install nginx` (macOS)."
        )
    return found


def find_echo(about: str) -> Path | None:
    """The module that writes event by event, given what `nginx -V` says; None if it is not installed."""
    configured = re.search(r"--modules-path=(\S+)", about)
    folders = [configured.group(1)] if configured else []
    folders += ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"]
    return next((Path(folder) / _ECHO for folder in folders if (Path(folder) / _ECHO).is_file()), None)


def _write_answers(root: Path) -> None:
    (root / "whole.json").write_bytes(exchange.completion())
    (root / "burst.sse").write_bytes(b"".join(exchange.events()) + exchange.DONE)


def start(
    binary: str, root: Path, configuration: Callable[[int], str], tries: int = 5
) -> tuple[subprocess.Popen[bytes], int]:
    """Run nginx on a free port, with the configuration for that.

    Raises:
        UpstreamError: It does not start.
    """
    for _ in range(tries):
        port = free_port()
        (root / "nginx.conf").write_text(configuration(port))
        command = [binary, "-p", str(root), "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if _answers(process, port):
            return process, port
        process.terminate()
        process.wait(timeout=10)
    log = (root / "error.log").read_text() if (root / "error.log").exists() else "it wrote no log"
    raise UpstreamError(f"nginx did not start: {log.strip()}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.02)
    return False


def _config(root: Path, port: int, echo: Path | None) -> str:
    # As root, nginx would serve as `nobody`, who cannot read a private temporary folder.
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temp = "\n".join(f"  {kind}_temp_path {root}/{kind};" for kind in kinds)
    return f"""{f"load_module {echo};" if echo else ""}
{user}
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
{temp}
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 16m;
  server {{
    listen 127.0.0.1:{port};
{_static(root, "whole", "whole.json", "application/json")}
{_static(root, "burst", "burst.sse", "text/event-stream")}
{_echoed("flushed", "") + _echoed("paced", f"echo_sleep {PACE_MS / 1000:.3f};") if echo else ""}
  }}
}}
"""


def _static(root: Path, way: str, file: str, content_type: str) -> str:
    # nginx refuses POST for a file with 405; naming the file as that error's page serves it with status 200.
    return f"""
    location = /{way}{_CHAT} {{ error_page 405 =200 /{file}; root {root}; try_files /{file} =404; }}
    location = /{file} {{ root {root}; types {{ }} default_type {content_type}; }}"""


def _echoed(way: str, pause: str) -> str:
    lines = [
        f"      echo -n '{event.decode().rstrip()}\\n\\n'; echo_flush; {pause}"
        for event in [*exchange.events(), exchange.DONE]
    ]
    body = "\n".join(lines)
    return f"\n    location = /{way}{_CHAT} {{\n      default_type text/event-stream;\n{body}\n    }}\n"
