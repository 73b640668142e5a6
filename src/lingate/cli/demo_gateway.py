# The gateway's part of the demonstration: `lingate serve` as a process of its own, in front of the simulator.
#
# Each step shows one thing, and checks that it happened.

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lingate._client import Lingate
from lingate._model import Fixed, JsonDict, Record
from lingate._version import __version__
from lingate.cli.admin_client import AdminClient
from lingate.cli.demo import WEATHER, City, DemoError, check, streamed, tool_result
from lingate.cli.screen import count_text, dollars, plain_table
from lingate.errors import ConnectError

# Who speaks with the gateway in the demonstration: the vendors' own packages, or Lingate's client where they are not installed.


class RefusedError(Exception):
    # The gateway refused a call; `name` is the client's own class for it, `retry_after` the seconds it asks to wait.

    def __init__(self, error: Exception, status: int, retry_after: float | None) -> None:
        super().__init__(str(error))
        self.name = type(error).__name__
        self.status = status
        self.retry_after = retry_after


def openai_side(url: str, key: str) -> OpenAISide:
    return OpenAIPackage(url, key) if find_spec("openai") else OwnOpenAISide(url, key)


def anthropic_side(url: str, key: str) -> AnthropicSide:
    return AnthropicPackage(url, key) if find_spec("anthropic") else OwnAnthropicSide(url, key)


class OpenAIPackage:
    # The openai package, as its users have it: a base URL and a key.

    def __init__(self, url: str, key: str) -> None:
        import openai

        self.name = f"openai {openai.__version__}"
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def stream(self, model: str, question: str) -> Iterator[str]:
        messages = [{"role": "user", "content": question}]
        with _refusals():
            for chunk in self._client.chat.completions.create(model=model, messages=messages, stream=True):
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        with _refusals():
            answer = self._client.chat.completions.create(model=model, messages=messages, **params)
        shown: JsonDict = answer.model_dump(exclude_unset=True)
        return shown

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        with _refusals():
            return [item.embedding for item in self._client.embeddings.create(model=model, input=texts).data]

    def close(self) -> None:
        self._client.close()


class AnthropicPackage:
    def __init__(self, url: str, key: str) -> None:
        import anthropic

        self.name = f"anthropic {anthropic.__version__}"
        self._client: Any = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def stream(self, model: str, question: str, max_tokens: int) -> Iterator[str]:
        asked = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": max_tokens}
        with _refusals(), self._client.messages.stream(**asked) as stream:
            yield from stream.text_stream

    def close(self) -> None:
        self._client.close()


class OwnOpenAISide:
    # Lingate's client, which speaks OpenAI's format with the gateway.

    face, path = "openai", "/v1"

    def __init__(self, url: str, key: str) -> None:
        self.name = f"lingate {__version__}"
        self._client = Lingate(env={}, retries=0)
        self._to: dict[str, Any] = {"api_base": url + self.path, "api_key": key}

    def stream(self, model: str, question: str, max_tokens: int | None = None) -> Iterator[str]:
        told: Any = {"stream": True, "max_tokens": max_tokens, **self._to}
        with _refusals():
            for chunk in self._client.chat(f"{self.face}/{model}", question, **told):
                yield chunk.text

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        with _refusals():
            answer: JsonDict = self._client.chat(f"{self.face}/{model}", messages, **params, **self._to).to_dict()
        return answer

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        with _refusals():
            return self._client.embed(f"{self.face}/{model}", texts, **self._to).vectors

    def close(self) -> None:
        self._client.close()


class OwnAnthropicSide(OwnOpenAISide):
    # Lingate's client, which speaks Anthropic's format with the gateway.

    face, path = "anthropic", ""


OpenAISide = OpenAIPackage | OwnOpenAISide
"""A client of the gateway's OpenAI face: pieces of streamed answers, whole answers in OpenAI's format, vectors."""
AnthropicSide = AnthropicPackage | OwnAnthropicSide
"""A client of the gateway's Anthropic face."""


@contextmanager
def _refusals() -> Iterator[None]:
    # Every client's own error about an answer as the one that the steps look at.
    try:
        yield
    except Exception as error:
        status = getattr(error, "status_code", None) or getattr(error, "status", None)
        if status is None:
            raise
        headers = getattr(getattr(error, "response", None), "headers", {})
        told = headers.get("retry-after") or getattr(error, "retry_after", None)
        raise RefusedError(error, status, None if told is None else float(told)) from error


BUDGET = 0.01
"""US dollars of the key: enough for what the steps use, and not for what the last of them asks for."""
_WAIT = 7
"""Seconds that the crowded provider asks for."""
_BIG = 4000
"""Tokens of an answer that the budget does not pay for."""
_QUESTION = "Why is the sky blue?"
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


class Gateway(Fixed, frozen=True):
    # A running gateway, and the seconds from its start to its first answer.

    url: str
    admin: AdminClient
    seconds: float

    def key(self) -> str:
        wanted = {"alias": "demo", "max_budget": BUDGET, "rpm_limit": 100}
        return str(self.admin.ask("POST", "keys", body=wanted)["token"])

    def rows(self, count: int) -> list[JsonDict]:
        # The ledger's rows, oldest first, when there are so many: they reach the database a moment after their calls.
        until = time.monotonic() + 5.0
        while len(found := self.admin.ask("GET", "spend", "rows", limit=1000)["data"]) < count:
            check(time.monotonic() < until, f"the ledger has {len(found)} rows for {count} calls")
            time.sleep(0.05)
        return sorted(found, key=lambda row: float(row["at"]))

    def sums(self, by: str) -> list[JsonDict]:
        found: list[JsonDict] = self.admin.ask("GET", "spend", by=by)["data"]
        return found


@contextmanager
def running(simulator: str) -> Iterator[Gateway]:
    # Run `lingate serve` on SQLite in a directory that is gone afterwards; `simulator` stands for all providers.
    with TemporaryDirectory(prefix="lingate-demo-") as folder:
        directory, port = Path(folder), _free_port()
        config, log = directory / "gateway.yaml", directory / "log"
        config.write_text(_CONFIG.format(base=simulator, closed=_free_port()), encoding="utf-8")
        command = [sys.executable, "-m", "lingate", "serve", f"--config={config}", f"--port={port}"]
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [*command, f"--state-dir={directory / 'state'}"],
                env={**kept, "HOME": folder, "DEMO_KEY": f"key-{secrets.token_hex(8)}"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            admin = _answering(process, log, url)
            yield Gateway(url, admin, time.monotonic() - began)
            process.send_signal(signal.SIGTERM)
            code = process.wait(_PATIENCE)
            check(not code, f"the gateway ended with {code}")
        except subprocess.TimeoutExpired:
            raise DemoError("the gateway did not stop when it was told to") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answering(process: subprocess.Popen[bytes], log: Path, url: str) -> AdminClient:
    # The line to a gateway that has shown the key that it makes at its first start, and that answers.
    until = time.monotonic() + _PATIENCE
    while True:
        told = log.read_text("utf-8", "replace")
        found = re.search(r"^master key: (\S+)$", told, re.MULTILINE)
        if found:
            admin = AdminClient(url, found[1])
            with suppress(ConnectError):
                admin.ask("GET", "keys")
                return admin
        if process.poll() is not None or time.monotonic() > until:
            raise DemoError(f"the gateway did not start: {' '.join(told.split())[-500:]}")
        time.sleep(0.01)


def ledger(rows: Sequence[JsonDict]) -> Any:
    # As much as 80 columns have room for.
    table = plain_table("face", "asked for", "answered by", right=("cost", "status"))
    for row in rows:
        table.add_row(
            row["face"],
            row["model"],
            row["provider_model"] if row.get("attempts") and not row.get("error") else "-",
            _sums(row)[-1],
            f"{row['status']} {row.get('error') or 'ok'}",
        )
    return table


def _sums(row: JsonDict) -> tuple[str, str, str]:
    cost = row.get("cost")
    spent = "-" if cost is None else dollars(cost)
    return count_text(row.get("prompt_tokens")), count_text(row.get("completion_tokens")), spent


def summary(title: str, sums: Mapping[str, JsonDict]) -> Any:
    table = plain_table(title, right=("calls", "failed", "tokens in", "out", "cost"))
    for name, one in sorted(sums.items(), key=lambda item: -float(item[1]["cost"] or 0)):
        table.add_row(name, str(one["calls"]), count_text(one["errors"]), *_sums(one))
    return table


class Visit(Record):
    # What the steps work with: `upstream` counts requests that the provider has had, `calls` those that were made.

    openai: OpenAISide
    anthropic: AnthropicSide
    upstream: Callable[[], int]
    say: Callable[[str], None]
    write: Callable[[str], None]
    calls: int = 0

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        self.calls += 1
        return self.openai.ask(model, messages, **params)


def _user(text: str) -> list[JsonDict]:
    return [{"role": "user", "content": text}]


def _text(answer: JsonDict) -> str:
    return str(answer["choices"][0]["message"]["content"])


def _streamed(visit: Visit, client: str, model: str, pieces: Iterator[str]) -> None:
    visit.say(f"> {_QUESTION} ({client}, model {model})")
    visit.calls += 1
    visit.say(streamed(visit.write, _QUESTION, pieces, time.perf_counter())[1])


def _openai_stream(visit: Visit) -> None:
    _streamed(visit, visit.openai.name, "claude", visit.openai.stream("claude", _QUESTION))


def _anthropic_stream(visit: Visit) -> None:
    _streamed(visit, visit.anthropic.name, "gpt", visit.anthropic.stream("gpt", _QUESTION, 200))


def _tool(visit: Visit) -> None:
    messages = _user("Is it warm in Lisbon?")
    visit.say(f"> {messages[0]['content']} (model claude)")
    first = visit.ask("claude", messages, tools=[WEATHER])["choices"][0]
    check(first["finish_reason"] == "tool_calls", f"it ended with {first['finish_reason']}")
    call = first["message"]["tool_calls"][0]
    function = call["function"]
    city = json.loads(function["arguments"]).get("city")
    result = tool_result(visit.say, function["name"], function["arguments"], city)
    messages += [first["message"], {"role": "tool", "tool_call_id": call["id"], "content": result}]
    text = _text(visit.ask("claude", messages, tools=[WEATHER]))
    visit.say(text)
    check(result in text, "the answer does not use the tool's result")


def _structured(visit: Visit) -> None:
    described = {"name": "City", "strict": True, "schema": City.model_json_schema()}
    visit.say("> tell me about Lisbon (model gpt)")
    wanted = {"type": "json_schema", "json_schema": described}
    text = _text(visit.ask("gpt", _user("tell me about Lisbon"), response_format=wanted))
    found = City(**json.loads(text))
    check(found.fits, "the answer does not fit the schema")
    visit.say(f"{text} becomes {found}")


def _embedding(visit: Visit) -> None:
    visit.calls += 1
    vectors = visit.openai.embed("embedder", ["the cat sleeps on the sofa", "interest rates rose again"])
    check(len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 1, "the vectors have the wrong size")
    visit.say(f"2 texts, {len(vectors[0])} dimensions")


def _fallback(visit: Visit) -> None:
    visit.say("> model shaky, at whose address nobody listens; its fallback is claude")
    answer = visit.ask("shaky", _user("Still there?"))
    check("Still there?" in _text(answer), "there is no answer")
    check("claude" in answer["model"], f"{answer['model']} has answered")
    visit.say(f"{answer['model']} answers: {_text(answer)}")


def _refusal(call: Callable[[], object]) -> RefusedError:
    try:
        call()
    except RefusedError as error:
        return error
    raise DemoError("what was to be refused was answered")


def _limited(visit: Visit) -> None:
    visit.say(f"> model crowded: its provider says 429, come back in {_WAIT} seconds")
    error = _refusal(lambda: visit.ask("crowded", _user("Now?")))
    check(error.status == 429 and error.retry_after == _WAIT, f"the client is told {error.status}, {error.retry_after}")
    visit.say(f"{error.name}, status {error.status}, Retry-After {error.retry_after:g} s")


def _budget(visit: Visit) -> None:
    before = visit.upstream()
    visit.say(f"> model claude, up to {_BIG} tokens: more than what is left of the key's {dollars(BUDGET)} pays for")
    visit.calls += 1
    error = _refusal(lambda: list(visit.anthropic.stream("claude", "Tell me everything.", _BIG)))
    visit.say(f"{error.name}: {error}")
    check(error.status == 402, f"the status is {error.status}")
    check(visit.upstream() == before, "the provider was asked although the budget had refused")


GATEWAY_STEPS = (
    ("streamed, OpenAI face", _openai_stream),
    ("streamed, Anthropic face", _anthropic_stream),
    ("tool call", _tool),
    ("structured answer", _structured),
    ("embeddings", _embedding),
    ("fallback", _fallback),
    ("rate limit passed on", _limited),
    ("budget refuses", _budget),
)
