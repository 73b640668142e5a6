"""The gateway of the demonstration: `lingate serve` as a process of its own, in front of the simulator."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lingate._model import JsonDict
from lingate.cli.admin_line import AdminLine
from lingate.cli.demo_steps import DemoError
from lingate.cli.screen import count_text, dollars, plain_table
from lingate.errors import ConnectError

BUDGET = 0.01
"""US dollars of the key: enough for what the steps use, and not for what the last of them asks for."""
_PATIENCE = 20.0
_PASSED_ON = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMPDIR", "LANG", "LC_ALL")
"""Variables of the user's that the gateway gets: no credential, proxy or database among them."""
_CONFIG = """\
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{base}/v1", api_key: os.environ/DEMO_KEY}}
  - model_name: claude
    litellm_params: {{model: anthropic/claude-sonnet-4-6, api_base: "{base}", api_key: os.environ/DEMO_KEY}}
  - model_name: embedder
    litellm_params: {{model: openai/text-embedding-3-small, api_base: "{base}/v1", api_key: os.environ/DEMO_KEY}}
  - model_name: shaky # nobody listens there
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{closed}/v1", api_key: os.environ/DEMO_KEY}}
  - model_name: crowded # refuses everything, and says when to come back
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: "{base}/v1"
      api_key: os.environ/DEMO_KEY
      num_retries: 0
      extra_headers: {{x-sim-fault: rate_limit=7}}
litellm_settings:
  fallbacks: [{{shaky: [claude]}}]
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and the seconds from its start to its first answer."""

    url: str
    admin: AdminLine
    seconds: float

    def key(self) -> str:
        wanted = {"alias": "demo", "max_budget": BUDGET, "rpm_limit": 100}
        return str(self.admin.ask("POST", "keys", body=wanted)["token"])

    def rows(self, count: int) -> list[JsonDict]:
        """The ledger's rows, oldest first, when there are so many: they reach the database a moment after their calls."""
        until = time.monotonic() + 5.0
        while True:
            found = self.admin.ask("GET", "spend", "rows", limit=1000)["data"]
            if len(found) >= count:
                break
            if time.monotonic() > until:
                raise DemoError(f"the ledger has {len(found)} rows for {count} calls")
            time.sleep(0.05)
        return sorted(found, key=lambda row: float(row["at"]))

    def sums(self, by: str) -> list[JsonDict]:
        found: list[JsonDict] = self.admin.ask("GET", "spend", by=by)["data"]
        return found


@contextmanager
def running(simulator: str) -> Iterator[Gateway]:
    """Run `lingate serve` on SQLite in a directory that is gone afterwards; `simulator` stands for all providers."""
    with TemporaryDirectory(prefix="lingate-demo-") as folder:
        directory, port = Path(folder), _free_port()
        config, log = directory / "gateway.yaml", directory / "log"
        config.write_text(_CONFIG.format(base=simulator, closed=_free_port()), encoding="utf-8")
        command = [sys.executable, "-m", "lingate.cli", "serve", f"--config={config}", f"--port={port}"]
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [*command, f"--state-dir={directory / 'state'}"],
                env=_environment(os.environ, folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            admin = AdminLine(url, _master_key(process, log))
            _answering(process, log, admin)
            yield Gateway(url, admin, time.monotonic() - began)
            _stop(process)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _environment(env: Mapping[str, str], home: str) -> dict[str, str]:
    kept = {name: env[name] for name in _PASSED_ON if name in env}
    return {**kept, "HOME": home, "DEMO_KEY": f"key-{secrets.token_hex(8)}"}


def _master_key(process: subprocess.Popen[bytes], log: Path) -> str:
    """The key that a gateway makes and shows at its first start."""
    until = time.monotonic() + _PATIENCE
    while True:
        found = re.search(r"^master key: (\S+)$", log.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return found[1]
        _expect_alive(process, log, until)


def _answering(process: subprocess.Popen[bytes], log: Path, admin: AdminLine) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            admin.ask("GET", "keys")
        except ConnectError:
            _expect_alive(process, log, until)
        else:
            return


def _expect_alive(process: subprocess.Popen[bytes], log: Path, until: float) -> None:
    if process.poll() is not None or time.monotonic() > until:
        raise DemoError(f"the gateway did not start: {' '.join(log.read_text('utf-8', 'replace').split())[-500:]}")
    time.sleep(0.01)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        raise DemoError("the gateway did not stop when it was told to") from None
    if code:
        raise DemoError(f"the gateway ended with {code}")


def ledger(rows: Sequence[JsonDict]) -> Any:
    table = plain_table(
        "face", "asked for", "answered by", right=("tries", "tokens in", "out", "cost", "time", "status")
    )
    for row in rows:
        by = f"{row['provider']}/{row['provider_model']}" if row.get("attempts") and not row.get("error") else "-"
        cost = row.get("cost")
        table.add_row(
            str(row["face"]),
            str(row["model"]),
            by,
            str(row.get("attempts") or 0),
            count_text(row.get("prompt_tokens")),
            count_text(row.get("completion_tokens")),
            "-" if cost is None else dollars(cost),
            f"{row['seconds'] * 1000:.0f} ms",
            f"{row['status']} {row.get('error') or 'ok'}",
        )
    return table


def summary(title: str, sums: Mapping[str, JsonDict]) -> Any:
    table = plain_table(title, right=("calls", "failed", "tokens in", "out", "cost"))
    for name, one in sorted(sums.items(), key=lambda item: -float(item[1]["cost"] or 0)):
        table.add_row(
            name,
            str(one["calls"]),
            count_text(one["errors"]),
            count_text(one["prompt_tokens"]),
            count_text(one["completion_tokens"]),
            dollars(one["cost"] or 0.0),
        )
    return table
