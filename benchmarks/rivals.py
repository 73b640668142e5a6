"""The gateways that are measured: what each needs, how it is set up and started, and how it is asked.

All are pinned to what the published comparison used; `prepare` gives each a place of its own under `.bench/`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.exchange import MESSAGES, MODEL, conversation
from benchmarks.peers import BENCH, ROOT, Environment, Peer, prepare

MASTER_KEY = "sk-Benchmark-9c1f0a7d53e84b26"
"""Strong enough for the gateways that refuse a weak one."""

DIRECT = "direct"
NGINX = "nginx"
OURS = "lingate"
_NPM_SECONDS = 600
_FAR = 2_000_000_000
"""A limit that is looked at and never reached."""


@dataclass(frozen=True)
class Place:
    """Where one gateway runs.

    Attributes:
        folder: Its own, for configuration and state.
        port: Where it is to listen.
        bases: Base URL of each way in which the upstream answers.
        home: What `prepare` made: the interpreter, or the folder of node's packages.
    """

    folder: Path
    port: int
    bases: Mapping[str, str]
    home: Path


@dataclass(frozen=True)
class Rival:
    """One gateway.

    Attributes:
        name: Key of its results.
        label: How tables call it.
        note: What is switched on in it.
        package: The distribution whose version stands for it.
        requires: What pip installs; empty for those of node.
        node: What npm installs, as the text of `package.json`.
        files: Its configuration: file name and text.
        command: How it is started.
        env: Its environment, beside the plain one.
        model: The name under which a way of answering is asked for.
        headers: What a request carries, given the way and the key.
        prefix: What is before `/chat/completions` in its paths.
        flight: How many requests it is given at once.
        lanes: How many streams it is given at once.
        crowd: It is given the many streams as well.
        announces: It says its address, since the port cannot be chosen.
        key: The request that makes a key, and the name of the key in its answer; None where there are none.
    """

    name: str
    label: str
    note: str
    package: str
    command: Callable[[Place], list[str]]
    files: Callable[[Place], dict[str, str]]
    model: Callable[[str], str]
    headers: Callable[[Place, str, str], dict[str, str]]
    requires: tuple[str, ...] = ()
    node: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    prefix: str = "/v1"
    flight: int = 32
    lanes: int = 40
    crowd: bool = True
    announces: bool = False
    key: tuple[str, dict[str, Any], str] | None = None


def _bearer(_place: Place, _way: str, key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _lingate_files(place: Place) -> dict[str, str]:
    # Two deployments behind each name, so that there is something to choose.
    models = "\n".join(
        f"  - model_name: {way}\n"
        f'    litellm_params: {{model: openai/{MODEL}, api_base: "{base}", api_key: sk-{number}, rpm: {_FAR}}}'
        for way, base in place.bases.items()
        for number in (1, 2)
    )
    # No line for each request, as nginx is told too.
    quiet = "litellm_settings:\n  log_level: WARNING\n"
    return {"lingate.yaml": f"model_list:\n{models}\ngeneral_settings:\n  master_key: {MASTER_KEY}\n{quiet}"}


def _lingate_command(place: Place) -> list[str]:
    program = str(place.home.parent / "lingate")
    config, state = place.folder / "lingate.yaml", place.folder / "state"
    return [program, "serve", f"--config={config}", f"--port={place.port}", f"--state-dir={state}"]


def _tensorzero_files(place: Place) -> dict[str, str]:
    models = "\n".join(
        f'[models.{way}]\nrouting = ["up"]\n[models.{way}.providers.up]\ntype = "openai"\nmodel_name = "{MODEL}"\n'
        f'api_base = "{base}/"\napi_key_location = "env::OPENAI_API_KEY"\n'
        for way, base in place.bases.items()
    )
    quiet = "disable_pseudonymous_usage_analytics = true\nobservability.enabled = false"
    return {"tensorzero.toml": f"[gateway]\n{quiet}\n{models}", "start.py": _TENSORZERO_START}


_TENSORZERO_START = """\
import signal, sys, threading
from tensorzero.tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
print(gateway.base_url, flush=True)
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
ended.wait()
"""
"""The wheel holds the whole gateway, and no program that starts it."""


def _portkey_command(place: Place) -> list[str]:
    server = place.home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    guard = place.folder / "loopback-only.cjs"
    return ["node", "-r", str(guard), str(server), "--headless", f"--port={place.port}"]


def _portkey_headers(place: Place, way: str, _key: str) -> dict[str, str]:
    own = {"x-portkey-provider": "openai", "x-portkey-custom-host": place.bases[way]}
    return {"Authorization": "Bearer sk-unused", **own}


_LOOPBACK_ONLY = """\
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...a) {
  if (a[0] && typeof a[0] === 'object') a[0].host = '127.0.0.1';
  else if (typeof a[0] === 'number') a.splice(1, typeof a[1] === 'string' ? 1 : 0, '127.0.0.1');
  return listen.apply(this, a);
};
"""
"""The server has no option for its address and would listen on all of them."""

_PORTKEY_PACKAGES = json.dumps(
    {
        "name": "portkey-pinned",
        "private": True,
        "dependencies": {"@portkey-ai/gateway": "1.15.2", "@hono/node-server": "1.13.5", "hono": "4.9.7"},
        "overrides": {"@hono/node-server": "1.13.5", "hono": "4.9.7"},
    }
)
"""What npm resolves by itself gives a gateway in which every stream fails."""


def _litellm_files(place: Place) -> dict[str, str]:
    models = "\n".join(
        f'  - model_name: {way}\n    litellm_params: {{model: openai/{MODEL}, api_base: "{base}", api_key: sk-1}}'
        for way, base in place.bases.items()
    )
    return {"litellm.yaml": f"model_list:\n{models}\ngeneral_settings:\n  master_key: {MASTER_KEY}\n"}


def _litellm_command(place: Place) -> list[str]:
    program = str(place.home.parent / "litellm")
    own = ["--config", str(place.folder / "litellm.yaml"), "--telemetry", "False"]
    return [program, *own, "--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]


# Its configuration knows one address for each provider: four of them that speak the same format.
_ANY_LLM_PROVIDERS = {"whole": "openai", "soon": "inception", "token": "nebius", "flow": "moonshot"}


def _any_llm_files(place: Place) -> dict[str, str]:
    providers = "\n".join(
        f'  {name}: {{api_key: sk-1, api_base: "{place.bases[way]}"}}' for way, name in _ANY_LLM_PROVIDERS.items()
    )
    database = place.folder / "any-llm.db"
    return {
        "any-llm.yaml": f"database_url: sqlite:///{database}\nmaster_key: {MASTER_KEY}\nhost: 127.0.0.1\n"
        f"port: {place.port}\nproviders:\n{providers}\n"
    }


def _any_llm_command(place: Place) -> list[str]:
    return [str(place.home.parent / "any-llm-gateway"), "serve", "--config", str(place.folder / "any-llm.yaml")]


FLOOR = Path(__file__).with_name("bare_gateway.py")
"""A program, not a module: it runs in an environment that knows nothing of the benchmarks."""

RIVALS: tuple[Rival, ...] = (
    Rival(
        name=OURS,
        label="Lingate",
        note="virtual key with request and token limits, routing over two deployments, ledger on SQLite, no access log",
        package="lingate",
        requires=(f"{ROOT}[cli,prices,server]",),
        command=_lingate_command,
        files=_lingate_files,
        model=str,
        headers=_bearer,
        key=("/admin/keys", {"alias": "bench", "rpm_limit": _FAR, "tpm_limit": _FAR}, "token"),
    ),
    Rival(
        name="floor",
        label="granian + pyreqwest",
        note="Lingate's server and its client for all but plain HTTP, with nothing between: bytes in, bytes out",
        package="granian",
        requires=("granian", "pyreqwest", "uvloop"),
        command=lambda place: [str(place.home), str(FLOOR), str(place.port)],
        files=lambda _place: {},
        model=str,
        headers=lambda place, way, _key: {"x-base": place.bases[way]},
    ),
    Rival(
        name="tensorzero",
        label="TensorZero",
        note="no keys, no limits, no ledger, telemetry off",
        package="tensorzero",
        requires=("tensorzero==2026.6.0",),
        command=lambda place: [str(place.home), str(place.folder / "start.py"), str(place.folder / "tensorzero.toml")],
        files=_tensorzero_files,
        env={"TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS": "1"},
        model=lambda way: f"tensorzero::model_name::{way}",
        headers=_bearer,
        prefix="/openai/v1",
        announces=True,
    ),
    Rival(
        name="portkey",
        label="Portkey",
        note="no keys, no limits, no ledger",
        package="@portkey-ai/gateway",
        node=_PORTKEY_PACKAGES,
        command=_portkey_command,
        files=lambda _place: {"loopback-only.cjs": _LOOPBACK_ONLY},
        env={"NODE_ENV": "production"},
        model=lambda _way: MODEL,
        headers=_portkey_headers,
    ),
    Rival(
        name="litellm",
        label="LiteLLM proxy",
        note="master key, one worker, no database",
        package="litellm",
        requires=("litellm[proxy]",),
        command=_litellm_command,
        files=_litellm_files,
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        model=str,
        headers=_bearer,
        lanes=8,
        crowd=False,
    ),
    Rival(
        name="any_llm",
        label="any-llm gateway",
        note="API key, usage log on SQLite; under ten at once, since it hangs for good at 32",
        package="any-llm-sdk",
        requires=("any-llm-sdk[gateway,openai,anthropic]==1.14.0",),
        command=_any_llm_command,
        files=_any_llm_files,
        model=lambda way: f"{_ANY_LLM_PROVIDERS[way]}:{MODEL}",
        headers=_bearer,
        key=("/v1/keys", {"key_name": "bench"}, "key"),
        flight=8,
        lanes=8,
        crowd=False,
    ),
)


def body(rival: Rival | None, way: str, *, stream: bool, long: bool = False) -> bytes:
    """The request's body; without a rival as the upstream gets it."""
    model = MODEL if rival is None else rival.model(way)
    asked: dict[str, Any] = {"model": model, "messages": conversation() if long else MESSAGES}
    if stream:
        asked["stream"] = True
    return json.dumps(asked).encode()


def install(rival: Rival, *, refresh: bool, say: Callable[[str], None]) -> Environment:
    """Make or reuse what the gateway runs from. A failure is an answer with its reason."""
    if rival.node:
        return _install_node(rival, refresh=refresh, say=say)
    peer = Peer(f"gateway-{rival.name}", f"{rival.label} (gateway)", rival.requires, rival.package, ("", "", ""))
    return prepare(peer, refresh=refresh, say=say)


def _install_node(rival: Rival, *, refresh: bool, say: Callable[[str], None]) -> Environment:
    home = BENCH / "node" / rival.name
    manifest = home / "package.json"
    if shutil.which("node") is None or shutil.which("npm") is None:
        return Environment(None, skip="there is no node or no npm (Debian: nodejs, npm)")
    installed = home / "node_modules" / rival.package / "package.json"
    if refresh or not installed.is_file() or manifest.read_text() != rival.node:
        say(f"{rival.label}: installing with npm")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        manifest.write_text(rival.node)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        try:
            subprocess.run(
                command,
                cwd=home,
                capture_output=True,
                text=True,
                check=True,
                timeout=_NPM_SECONDS,
                env=dict(os.environ),
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            told = str(getattr(error, "stderr", "") or error).strip().splitlines()
            shutil.rmtree(home, ignore_errors=True)
            return Environment(None, skip=f"npm: {told[0] if told else 'failed'}")
    version = json.loads(installed.read_text())["version"]
    return Environment(home, {"versions": {rival.package: version}})
