"""`lingate serve` and what goes with it, as users run them: each mistake has one clear line and an exit code."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from lingate.cli import serve_argv
from lingate.cli.app import app
from lingate.simulator import Simulator
from tests.cli.driver import COMMAND, Done, Terminal, environment, lingate
from tests.servers import until
from tests.services import free_port

_PATIENCE = 20.0


class Serving:
    """A gateway that was started as a command.

    Attributes:
        port: Where it listens.
        state: Its state directory.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None, **env: str) -> None:
        self.port = free_port() if port is None else port
        self.state = folder / "state"
        self._log = folder / f"log-{self.port}"
        command = [*COMMAND, "serve", f"--port={self.port}", f"--state-dir={self.state}", *options]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(**env)
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def until(self, text: str) -> str:
        """Wait for something in the log. Gives all of it."""
        until = time.monotonic() + _PATIENCE
        while text not in self.log:
            assert time.monotonic() < until, self.log
            assert self.process.poll() is None or text in self.log, self.log
            time.sleep(0.02)
        return self.log

    def master_key(self) -> str:
        found = re.search(r"^master key: (\S+)$", self.until("Ctrl-C ends it"), re.MULTILINE)
        assert found is not None, self.log
        return found[1]

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Send one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    def end(self, *signals: signal.Signals) -> int:
        """Send signals, and wait for its end. Gives the exit code."""
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.3 if len(signals) > 1 else 0)
        return self.process.wait(_PATIENCE)


@contextmanager
def serving(folder: Path, *options: str, **env: str) -> Iterator[Serving]:
    """A gateway that answers, for the length of a `with`."""
    gateway = Serving(folder, *options, **env)
    try:
        gateway.until("Ctrl-C ends it")
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()
            gateway.process.wait()


def one_line(done: Done) -> str:
    """What a refusal says: one line on stderr, and nothing else anywhere."""
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("lingate: ")
    return done.err


def config(folder: Path, simulator: Simulator, *names: str, more: str = "") -> str:
    """A configuration with models of the simulator."""
    models = "".join(
        f"  - {{model_name: {name}, litellm_params: {{model: openai/{name}, api_base: '{simulator.url}/v1', api_key: k}}}}\n"
        for name in names
    )
    path = folder / "gateway.yaml"
    path.write_text(f"model_list:\n{models}{more}")
    return str(path)


def chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


def test_its_help_names_its_options() -> None:
    shown = lingate("serve", "--help").out

    assert all(option in shown for option in ("--config", "--host", "--port", "--state-dir", "--no-auth", "--check"))


def _options(*arguments: str) -> dict[str, Any]:
    """What typer makes of a command line of `lingate serve`."""
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return dict(command.make_context("serve", list(arguments)).params)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--config", "a.yaml"),
        ("--port=4001", "a=b.yaml", "--no-auth"),
        ("--config=a=b.yaml", "--port=4001"),
        ("-c", "a.yaml", "-p", "4002", "--host", "::1", "--state-dir", "/tmp/x"),
        ("--port", "1", "--port=65535", "--no-auth", "--debug"),
        ("--host=0.0.0.0", "--state-dir=~/x y"),
    ],
)
def test_a_plain_command_line_means_the_same_as_to_typer(arguments: tuple[str, ...]) -> None:
    mine, theirs = serve_argv.read(arguments), _options(*arguments)

    assert mine is not None
    assert theirs.pop("check") is False
    theirs["config"] = theirs.pop("file") or theirs["config"]
    assert {**dict.fromkeys(("config", "host", "port", "state"), None), "no_auth": False, "debug": False, **mine} == {
        "state": theirs.pop("state_dir"),
        **theirs,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--check",),
        ("--port",),
        ("--port", "0"),
        ("--port=65536",),
        ("--port=4e3",),
        ("--port=\u0664\u0660\u0660\u0660",),
        ("--config=",),
        ("--config", "--port=1"),
        ("-c=a.yaml",),
        ("-p4000",),
        ("--no-auth=yes",),
        ("--nonsense", "x"),
        ("a.yaml", "b.yaml"),
        ("a.yaml", "-c", "b.yaml"),
        ("",),
        ("--",),
    ],
)
def test_what_is_not_plain_is_left_to_typer(arguments: tuple[str, ...]) -> None:
    assert serve_argv.read(arguments) is None


def test_typer_knows_no_option_that_a_plain_command_line_does_not() -> None:
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {name for option in command.params for name in option.opts} - {"--check", "file"}

    assert {
        name for name in known if serve_argv.read((name, "1")) is not None or serve_argv.read((name,)) is not None
    } == known


def test_a_wrong_option_is_explained_by_typer() -> None:
    assert "--nonsense" in lingate("serve", "--nonsense", code=2).err
    assert "Usage: lingate serve" in lingate("serve", "--port=0", code=2).err


@pytest.mark.parametrize(("given", "found"), [({}, "0"), ({"MIMALLOC_ALLOW_THP": "1"}, "1")])
def test_the_gateway_asks_for_no_huge_pages_unless_its_owner_does(given: dict[str, str], found: str) -> None:
    code = "import os, lingate.cli.serve; print(os.environ['MIMALLOC_ALLOW_THP'])"

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(**given), capture_output=True, text=True, check=True
    )

    assert done.stdout == f"{found}\n"


def test_check_says_what_is_in_a_configuration_and_what_is_wrong_with_it(tmp_path: Path, simulator: Simulator) -> None:
    path = config(tmp_path, simulator, "small")
    assert "1 of 1 deployments are ready" in lingate("serve", "--check", "-c", path).out

    Path(path).write_text("model_lst: []\nlingate: {prot: 1}\n")
    wrong = lingate("serve", "--check", "-c", path, code=2).out
    assert "model_lst is unknown; did you mean 'model_list'?" in wrong
    assert "lingate.prot is unknown; did you mean 'port'?" in wrong


def test_check_says_which_models_budgets_refuse_for_want_of_a_price(tmp_path: Path, simulator: Simulator) -> None:
    refused = "warning: models without a price, which keys with a budget may not use: small (openai/small)"
    assert refused in lingate("serve", "--check", "-c", config(tmp_path, simulator, "gpt-4o", "small")).out

    half = "input_cost_per_token: 0"
    for more, told in (
        ("lingate: {unpriced: allow}", False),
        (f"router_settings: {{default_litellm_params: {{{half}}}}}", True),
        (f"router_settings: {{default_litellm_params: {{{half}, output_cost_per_token: 0}}}}", False),
    ):
        path = config(tmp_path, simulator, "small", more=more)
        assert ("without a price" in lingate("serve", "--check", "-c", path).out) == told


def test_a_configuration_may_be_named_without_an_option_but_only_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("model_lists: []")

    assert "model_lists" in lingate("serve", str(tmp_path / "a.yaml"), "--check", code=2).out
    assert "one configuration" in lingate("serve", "a.yaml", "-c", "b.yaml", code=2).err


def test_each_error_of_a_configuration_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("model_lst: []\nlingate: {prot: 1}\n")

    told = lingate("serve", "-c", str(path), "--state-dir", str(tmp_path / "state"), code=2).err.splitlines()

    assert told == [
        f"error: {path}:1: model_lst is unknown; did you mean 'model_list'?",
        f"error: {path}:2: lingate.prot is unknown; did you mean 'port'?",
        f"lingate: ConfigError: {path} has 2 errors",
    ]
    path.write_text("lingate: {prot: 1}\n")
    assert "lingate.prot is unknown" in one_line(lingate("serve", "-c", str(path), code=2))


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_configuration_that_is_not_there_is_refused(options: tuple[str, ...]) -> None:
    done = lingate("serve", "-c", "nowhere.yaml", *options, code=2)

    assert "nowhere.yaml: cannot be read: No such file or directory" in done.out + done.err


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = one_line(lingate("serve", f"--port={port}", f"--state-dir={tmp_path / 'state'}", code=2))

    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert "--port" in said
    assert list((tmp_path / "state").glob("*")) == []


def test_two_gateways_do_not_share_a_port_by_mistake(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        done = lingate("serve", f"--port={first.port}", f"--state-dir={tmp_path / 'other'}", code=2)

    assert "Address already in use" in one_line(done)


@pytest.mark.parametrize("most", [24, 40])
def test_too_few_open_files_are_refused_before_they_end_the_process(most: int, tmp_path: Path) -> None:
    command = [*COMMAND, "serve", f"--port={free_port()}", f"--state-dir={tmp_path / 'state'}"]

    done = subprocess.run(
        ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=_PATIENCE,
    )

    assert done.returncode == 2
    assert f"{most} open files are too few for a gateway" in done.stderr
    assert "ulimit -n" in done.stderr


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    said = one_line(lingate("serve", "--host=203.0.113.7", f"--state-dir={tmp_path / 'state'}", code=2))

    assert "cannot listen on 203.0.113.7:4000: " in said
    said = one_line(lingate("serve", "--host=a..b", f"--state-dir={tmp_path / 'state'}", code=2))
    assert "cannot listen on a..b:4000: 'a..b' is not the name of a host" in said


def test_an_address_of_ipv6_and_a_name_are_listened_on(tmp_path: Path) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 on this machine")
    with serving(tmp_path, "--host=::1") as gateway:
        assert f"http://[::1]:{gateway.port};" in gateway.log
    with serving(tmp_path, "--host=localhost") as gateway:
        assert gateway.ask("GET", "/health/live") == (200, {"status": "alive"})


def _without_rights(*arguments: str) -> Done:
    """Run a command as a user who may not do everything, also where the tests are run by root."""
    command = [*COMMAND, *arguments]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("run by root, and there is no setpriv to give up root's rights")
        rights = "-dac_override,-dac_read_search,-net_bind_service"
        command = [setpriv, f"--inh-caps={rights}", f"--bounding-set={rights}", *command]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=_PATIENCE, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_port_without_permission_is_refused(tmp_path: Path) -> None:
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not first.exists() or int(first.read_text()) <= 81:
        pytest.skip("on this machine anybody may listen on any port")

    done = _without_rights("serve", "--port=81", f"--state-dir={tmp_path / 'state'}")

    assert done.code == 2
    assert "cannot listen on 127.0.0.1:81: Permission denied" in one_line(done)


def test_a_state_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    (tmp_path / "file").touch()
    port = f"--port={free_port()}"

    below = _without_rights("serve", port, f"--state-dir={tmp_path / 'closed' / 'state'}")
    itself = _without_rights("serve", port, f"--state-dir={tmp_path / 'closed'}")
    no_directory = lingate("serve", port, f"--state-dir={tmp_path / 'file'}", code=2)

    assert (below.code, itself.code) == (2, 2)
    assert "closed/state cannot be made: Permission denied" in one_line(below)
    assert "closed/journal cannot be made: Permission denied" in one_line(itself)
    assert "cannot be made: " in one_line(no_directory)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gateway.db", "the database URL cannot be read"),
        ("mysql://me:hunter2@h/x", "no support for databases of kind 'mysql'"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?sslmod=require", "unknown parameter 'sslmod'"),
        ("sqlite:///{folder}/text.db", "text.db cannot be used: DatabaseError: file is not a database"),
        ("sqlite:///{folder}/text.db/below.db", "cannot be opened: "),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "text.db").write_text("no database at all " * 100)
    options = (f"--port={free_port()}", f"--state-dir={tmp_path / 'state'}")

    done = lingate("serve", *options, code=2, LINGATE_DATABASE_URL=url.format(folder=tmp_path))

    assert said in one_line(done)
    assert "hunter2" not in done.err


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "redis://:hunter2/x@127.0.0.1:6379", "http://127.0.0.1:6379"])
def test_an_address_of_redis_that_cannot_be_read_is_refused(tmp_path: Path, url: str) -> None:
    options = (f"--port={free_port()}", f"--state-dir={tmp_path / 'state'}")

    done = lingate("serve", *options, code=2, LINGATE_REDIS_URL=url)

    assert "the Redis URL cannot be read" in one_line(done)
    assert "hunter2" not in done.err


def test_it_starts_without_a_redis_that_is_away_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, LINGATE_REDIS_URL="redis://:hunter2@127.0.0.1:1") as gateway:
        gateway.until("Redis does not answer")
        assert gateway.ask("GET", "/health/live") == (200, {"status": "alive"})
        assert gateway.end(signal.SIGTERM) == 0
        assert "hunter2" not in gateway.log


def test_a_database_that_does_not_know_us_is_refused(tmp_path: Path, postgres: str) -> None:
    url = postgres.replace("lingate@", "stranger:hunter2@")
    options = (f"--port={free_port()}", f"--state-dir={tmp_path / 'state'}")

    done = lingate("serve", *options, code=2, LINGATE_DATABASE_URL=url)

    assert 'cannot be used: Error: role "stranger" does not exist' in one_line(done)
    assert "hunter2" not in done.err


def test_it_starts_without_a_database_that_is_away_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, LINGATE_DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x") as gateway:
        gateway.until("started without the database, rows wait in the journal")
        assert gateway.ask("GET", "/health/live") == (200, {"status": "alive"})

        assert gateway.end(signal.SIGTERM) == 0
        assert "hunter2" not in gateway.log


@pytest.mark.parametrize(
    ("package", "command"),
    [("granian", ["serve"]), ("yaml", ["serve"]), ("yaml", ["serve", "--check"]), ("yaml", ["migrate", "theirs.yaml"])],
)
def test_without_its_packages_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, command: list[str]
) -> None:
    (tmp_path / "theirs.yaml").touch()
    error = f"ModuleNotFoundError(\"No module named '{package}'\", name='{package}')"
    (tmp_path / f"{package}.py").write_text(f"raise {error}\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    monkeypatch.chdir(tmp_path)

    said = one_line(lingate(*command, code=2, PYTHONPATH=path))

    assert f"needs {package}: pip install 'lingate[server]'" in said


def test_calls_without_keys_are_for_loopback_only() -> None:
    assert "loopback" in one_line(lingate("serve", "--no-auth", "--host=0.0.0.0", code=2))


def test_without_a_configuration_it_says_whose_models_are_served(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        gateway.until("is served as provider/model (none; set one of the variables that `lingate providers` lists)")
    with serving(tmp_path, OPENAI_API_KEY="sk-a", GROQ_API_KEY="gsk-b") as gateway:
        gateway.until("is served as provider/model (groq, openai)")
        assert "Prices are not installed" not in gateway.log


def test_without_the_prices_it_says_what_to_install_before_a_budget_refuses_everything(tmp_path: Path) -> None:
    hidden = "import importlib.util as util\nfind = util.find_spec\n"
    hidden += "util.find_spec = lambda name, *more: None if name == 'genai_prices' else find(name, *more)\n"
    (tmp_path / "sitecustomize.py").write_text(hidden)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))

    with serving(tmp_path, PYTHONPATH=path) as gateway:
        gateway.until("pip install 'lingate[prices]'")
    done = lingate("demo", patience=60.0, PYTHONPATH=path)
    assert "left out: it needs pip install 'lingate[server,prices]'" in done.out


def test_the_master_key_is_shown_at_the_first_start_and_never_again(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        key = gateway.master_key()
        assert gateway.ask("GET", "/admin/keys", key=key)[0] == 200
        assert gateway.ask("GET", "/v1/models")[0] == 401
        assert gateway.end(signal.SIGINT) == 0

    with serving(tmp_path) as gateway:
        assert "master key" not in gateway.log
        assert gateway.ask("GET", "/admin/keys", key=key)[0] == 200
    for file in gateway.state.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_streams_under_way(
    tmp_path: Path, simulator: Simulator, number: signal.Signals
) -> None:
    with serving(tmp_path, "--no-auth", "-c", config(tmp_path, simulator, "sim-words-20-delay-40")) as gateway:
        events = _stream(gateway, "sim-words-20-delay-40")
        assert gateway.end(number) == 0
        assert "stopping: 1 calls may go on for 30 s" in gateway.log

    assert events()[-1] == "data: [DONE]"


def test_a_second_signal_cuts_streams_and_they_say_so(tmp_path: Path, simulator: Simulator) -> None:
    with serving(tmp_path, "--no-auth", "-c", config(tmp_path, simulator, "sim-words-500-delay-100")) as gateway:
        events = _stream(gateway, "sim-words-500-delay-100")
        assert gateway.end(signal.SIGINT, signal.SIGINT) == 0  # which has less patience than the 30 s after one signal

    assert "the gateway is shutting down" in events()[-1]
    assert "data: [DONE]" not in events()


def _stream(gateway: Serving, model: str) -> Any:
    """Begin a stream, and give what gives all its lines when it has ended."""
    lines: list[str] = []
    first = threading.Event()

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=_PATIENCE)
        body = json.dumps({**chat(model), "stream": True})
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        for line in connection.getresponse():
            if line.strip():
                lines.append(line.decode().strip())
                first.set()
        connection.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert first.wait(_PATIENCE)

    def ended() -> list[str]:
        thread.join(_PATIENCE)
        return lines

    return ended


def test_sighup_takes_a_new_configuration_over_and_a_wrong_one_not(tmp_path: Path, simulator: Simulator) -> None:
    never = "lingate: {reload: 0}\n"
    path = config(tmp_path, simulator, "old", more=never)
    with serving(tmp_path, "--no-auth", "-c", path) as gateway:
        config(tmp_path, simulator, "old", "new", more=never)
        assert gateway.ask("POST", "/v1/chat/completions", chat("new"))[0] == 404
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: gateway.ask("GET", "/health/ready")[1]["config"]["reloads"] == 1)
        assert gateway.ask("POST", "/v1/chat/completions", chat("new"))[0] == 200

        Path(path).write_text("model_lst: []\n")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until("the new configuration is not used, the old one stays")
        assert "did you mean 'model_list'?" in gateway.ask("GET", "/health/ready")[1]["config"]["error"]
        assert gateway.ask("POST", "/v1/chat/completions", chat("new"))[0] == 200


@pytest.mark.skipif(os.name != "posix", reason="no terminals here")
def test_a_gateway_whose_terminal_is_closed_ends(tmp_path: Path) -> None:
    port = str(free_port())
    with Terminal("serve", "--port", port, "--state-dir", str(tmp_path)) as terminal:
        terminal.until("listening on")

        assert terminal.hang_up() == 0


def test_two_gateways_on_one_state_directory_share_keys_and_ledger(tmp_path: Path, simulator: Simulator) -> None:
    path = config(tmp_path, simulator, "small")
    with serving(tmp_path, "-c", path) as first, serving(tmp_path, "-c", path) as second:
        master = first.master_key()
        assert "master key" not in second.log
        key = first.ask("POST", "/admin/keys", {"alias": "both"}, key=master)[1]["token"]

        for gateway in (first, second):
            assert gateway.ask("POST", "/v1/chat/completions", chat("small"), key=key)[0] == 200

        until(lambda: len(second.ask("GET", "/admin/spend/rows", key=master)[1]["data"]) == 2)
        assert first.end(signal.SIGTERM) == 0
        assert second.ask("POST", "/v1/chat/completions", chat("small"), key=key)[0] == 200


def test_keys_go_once_around_with_the_key_that_was_printed(tmp_path: Path, simulator: Simulator) -> None:
    with serving(tmp_path, "-c", config(tmp_path, simulator, "gpt-4o-mini")) as gateway:
        env = {"LINGATE_URL": f"http://127.0.0.1:{gateway.port}", "LINGATE_MASTER_KEY": gateway.master_key()}

        key = lingate("keys", "create", "--alias", "app", "--budget", "1", "-m", "gpt-4o-mini", **env).out.strip()

        def call() -> int:
            return gateway.ask("POST", "/v1/chat/completions", chat("gpt-4o-mini"), key=key)[0]

        assert call() == 200
        lingate("keys", "block", "app", **env)
        assert call() in (401, 403)
        lingate("keys", "delete", "app", "--yes", **env)
        assert call() == 401


def test_a_configuration_of_litellms_is_migrated_and_served(tmp_path: Path, simulator: Simulator) -> None:
    theirs = config(
        tmp_path, simulator, "small", more="litellm_settings: {set_verbose: true, drop_params: true, num_retries: 1}\n"
    )
    ours = tmp_path / "ours.yaml"

    report = lingate("migrate", theirs, "--write", str(ours))

    assert "set_verbose" in report.out
    assert "set_verbose" not in ours.read_text()
    with serving(tmp_path, "--no-auth", "-c", str(ours)) as gateway:
        assert gateway.ask("POST", "/v1/chat/completions", chat("small"))[0] == 200
    Path(theirs).write_text("model_list: 7\n")
    assert "model_list" in lingate("migrate", theirs, code=2).out
    assert "there is no file nowhere.yaml" in one_line(lingate("migrate", "nowhere.yaml", code=2))
