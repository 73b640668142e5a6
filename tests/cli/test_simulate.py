"""`lingate simulate`: the simulator as a program."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess

import lingate
from tests.cli.driver import KEY, started
from tests.cli.driver import lingate as command


def _url(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def _ended(process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGINT) -> str:
    process.send_signal(by)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 0, err
    return err.decode()


def test_it_says_where_it_listens_and_shows_each_request_and_what_there_was() -> None:
    with started("simulate", "--port", "0") as process, lingate.Lingate() as client:
        url = _url(process)
        for model, base in (("openai/sim-large", f"{url}/v1"), ("anthropic/sim-large", url)):
            assert "simulated" in client.chat(model, "Hello", api_base=base, api_key=KEY).text
        err = _ended(process)

    assert url.startswith("http://127.0.0.1:")
    assert f"base_url={url}/v1" in err
    assert "200  POST /v1/chat/completions  sim-large" in err
    assert "200  POST /v1/messages  sim-large" in err
    assert "2 requests in" in err
    assert "(2 x 200)" in err
    assert KEY not in err


def test_what_it_says_to_set_leads_every_provider_without_a_key_there() -> None:
    with started("simulate", "--port", "0") as process:
        url = _url(process)
        env = {"LINGATE_PROXY_URL": url, "LINGATE_PROXY_API_KEY": "any"}
        with lingate.Lingate(env=env) as client:
            for model in ("groq/llama-3.3-70b-versatile", "anthropic/claude-sonnet-4-6", "cohere/command-a-03-2025"):
                assert "simulated" in client.chat(model, "Hello").text
        err = _ended(process)

    assert " ".join(f"{name}={value}" for name, value in env.items()) in err


def test_quiet_shows_no_requests_and_sigterm_ends_it_too() -> None:
    with started("simulate", "--port", "0", "--quiet") as process, lingate.Lingate() as client:
        url = _url(process)
        client.chat("openai/sim-large", "Hello", api_base=f"{url}/v1", api_key=KEY)
        err = _ended(process, signal.SIGTERM)

    assert "POST" not in err
    assert "1 requests in" in err


def test_a_delay_is_waited_before_each_token() -> None:
    with started("simulate", "--port", "0", "--delay-ms", "30") as process, lingate.Lingate() as client:
        url = _url(process)
        answer = client.chat("openai/sim-words-10", "Hello", api_base=f"{url}/v1", api_key=KEY)
        _ended(process)

    assert answer.usage is not None
    assert answer.attempts[-1].seconds > 0.03 * (answer.usage.completion_tokens or 0) * 0.9


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command("simulate", "--port", str(taken.getsockname()[1]), code=2)

    assert done.err.startswith("lingate: ConfigError: cannot listen on 127.0.0.1:")
    assert done.err.endswith(f": {os.strerror(errno.EADDRINUSE)} (choose another with --port)\n")
    assert "cannot listen on a..b:8080: 'a..b' is not the name of" in command("simulate", "--host=a..b", code=2).err
