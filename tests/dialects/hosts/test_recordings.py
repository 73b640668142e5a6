"""Every recorded exchange with these hosts: through the table's own rows, at the recorded address, both ways."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._dialects._failure import failure as failure_of
from lingate._model import Call, Failed, Head, JsonDict, Target
from lingate.errors import NotFoundError, UpstreamError
from tests.conftest import RECORDINGS
from tests.dialects.anthropic import test_recordings as anthropic
from tests.dialects.anthropic.support import normal
from tests.dialects.hosts.support import JSON, KEY, SSE, decode, events_of, form, place, read
from tests.dialects.openai_chat import test_recordings as openai
from tests.dialects.short import collect

_AZURE = {"AZURE_API_KEY": KEY}
_FILES = {
    "azure-openai": lambda item: place(f"azure/{_model(item)}", _AZURE, api_base=_root(item)),
    "azure-openai-responses": lambda item: place(f"azure/responses/{_model(item)}", _AZURE, api_base=_root(item)),
    "azure-ai-inference": lambda item: place(
        f"azure_ai/{_model(item)}",
        {"AZURE_AI_API_KEY": KEY, "AZURE_AI_API_VERSION": _version(item)},
        api_base=_root(item),
    ),
    "snowflake-cortex": lambda item: place(
        f"snowflake/{_model(item)}", {"SNOWFLAKE_ACCOUNT": "myorg-myaccount", "SNOWFLAKE_JWT": KEY}
    ),
    "huggingface": lambda item: place(
        f"huggingface/{_model(item)}",
        {"HF_TOKEN": KEY},
        api_base=item["request"]["url"].removesuffix("/chat/completions"),
    ),
    "heroku": lambda item: place(f"heroku/{_model(item)}", {"HEROKU_API_KEY": KEY}),
    "vertex-anthropic": lambda item: place(
        f"vertex_ai/{_vertex(item)}",
        {"VERTEXAI_PROJECT": "scrubbed-project", "VERTEXAI_LOCATION": "us-east5"},
        headers={"authorization": "Bearer t"},
    ),
}


def _model(item: JsonDict) -> str:
    found: str = item["request"]["body"].get("model") or "m"
    path = item["request"]["url"].partition("/deployments/")[2]
    return path.partition("/")[0] or found


def _root(item: JsonDict) -> str:
    """What a user would have as the base URL: the resource, and a version where there is one."""
    url = item["request"]["url"]
    version = _version(item)
    return url.partition("/openai/")[0].partition("/models/")[0] + (f"?api-version={version}" if version else "")


def _version(item: JsonDict) -> str:
    return str(item["request"]["url"].partition("api-version=")[2])


def _vertex(item: JsonDict) -> str:
    return str(item["request"]["url"].partition("/models/")[2].partition(":")[0])


@cache
def recorded(name: str) -> tuple[JsonDict, ...]:
    file = RECORDINGS / f"{name}.jsonl"
    if not file.is_file():
        pytest.skip(f"no recordings at {RECORDINGS}: set LINGATE_RECORDINGS")
    with file.open(encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def _operation(item: JsonDict) -> Any:
    return "embeddings" if "embeddings" in item["request"]["url"] else "chat"


def _body(item: JsonDict) -> bytes:
    body = item["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.mark.parametrize("name", _FILES)
def test_a_recorded_request_goes_out_at_the_recorded_address(name: str) -> None:
    for item in recorded(name):
        to: Target = _FILES[name](item)
        operation = _operation(item)
        given = item["request"]["body"]
        call = form(to, operation).parse_call(json.dumps(given).encode(), {"model": to.model})

        sent = form(to, operation).request(call, to)

        assert sent.url == item["request"]["url"]
        if "/rawPredict" in sent.url or name == "vertex-anthropic":
            assert normal(json.loads(sent.body)) == normal(given)


@pytest.mark.parametrize("name", ["azure-openai", "azure-ai-inference", "snowflake-cortex", "huggingface", "heroku"])
def test_a_recorded_chat_is_asked_again_as_it_was(name: str) -> None:
    for item in recorded(name):
        if _operation(item) != "chat":
            continue
        given = {**item["request"]["body"], "model": _model(item)}
        to: Target = _FILES[name](item)
        call = form(to).parse_call(json.dumps(given).encode(), {})

        again = json.loads(form(to).request(call, to).body)

        assert again.pop("model") == _model(item)
        wanted, ours = openai.level(given), openai.level({"model": "m", **again})
        for body in (wanted, ours):
            del body["model"]
            for tool in body["tools"]:
                tool["function"].pop("strict", None)  # refused at one of these hosts
            # These hosts take it back under its own name, which the plain format does not know.
            for at, message in enumerate(given["messages"]):
                if "reasoning_details" in message:
                    assert again["messages"][at]["reasoning_details"] == message["reasoning_details"]
        if name in ("azure-ai-inference", "huggingface"):
            _forget_what_a_template_says(ours, wanted)
        assert ours == wanted


def _forget_what_a_template_says(ours: JsonDict, wanted: JsonDict) -> None:
    """Reasoning that was sent back where the host has no field for it."""
    for message in (*ours["messages"], *wanted["messages"]):
        message.pop("reasoning_content", None)


@pytest.mark.parametrize("name", ["azure-openai", "azure-ai-inference", "snowflake-cortex", "huggingface", "heroku"])
def test_a_recorded_answer_says_what_the_host_said(name: str) -> None:
    for item in recorded(name):
        to: Target = _FILES[name](item)
        body = item["response"]["body"]
        if _operation(item) != "chat" or isinstance(body, str):
            continue
        if item["response"]["status"] >= 400:
            head = Head(item["response"]["status"], item["response"]["headers"])
            assert isinstance(failure_of(head, _body(item), to), UpstreamError)
            continue
        if "error" in body:
            with pytest.raises(UpstreamError):
                read(to, _body(item))
            continue
        response = read(to, body)
        for choice, given in zip(response["choices"], body["choices"], strict=True):
            if not to.traits.get("think_tags"):
                openai.check_choice(choice, [given["message"]], given.get("finish_reason"))
        openai.check_usage(response["usage"], openai.expected_usage([body]))


@pytest.mark.parametrize("name", ["azure-openai", "azure-ai-inference", "snowflake-cortex", "huggingface"])
def test_a_recorded_stream_says_what_the_host_said_however_it_is_cut(name: str) -> None:
    for item in recorded(name):
        body = item["response"]["body"]
        if not isinstance(body, str) or item["response"]["status"] >= 400:
            continue
        to: Target = _FILES[name](item)
        data = body.encode()
        events = events_of(to, data) if len(data) < 20_000 else decode(to, [data])
        chunks = list(openai.documents(body))
        if not chunks:
            assert isinstance(events[-1], Failed)
            continue
        response = collect(events)
        for choice in response["choices"]:
            mine = [part for chunk in chunks for part in chunk.get("choices") or ()]
            reasons = [part.get("finish_reason") for part in mine]
            told = [part.get("delta", {}) for part in mine]
            if not (to.traits.get("think_tags") and "<think>" in openai.joined(told)["content"]):
                openai.check_choice(choice, told, next(filter(None, reasons), None))
        openai.check_usage(response["usage"], openai.expected_usage(chunks))
        if len(data) < 4000:
            for cut in range(1, len(data)):
                decode(to, [data[:cut], data[cut:]])
        assert isinstance(decode(to, [data[: len(data) // 2]])[-1], Failed)


def test_claude_s_recorded_answers_on_vertex_say_what_they_said() -> None:
    for item in recorded("vertex-anthropic"):
        to: Target = _FILES["vertex-anthropic"](item)
        body = item["response"]["body"]
        if isinstance(body, str):
            data = body.encode()
            response = collect(events_of(to, data) if len(data) < 20_000 else decode(to, [data]))
            blocks = anthropic._blocks_of_stream(item)
            wire = anthropic._events_on_the_wire(item)
            last = next(event for event in wire if event["type"] == "message_delta")
            usage = {**wire[0]["message"]["usage"], **last["usage"]}
            anthropic._check(response, blocks, last["delta"]["stop_reason"], usage)
            assert isinstance(decode(to, [data[: len(data) // 2]])[-1], Failed)
        else:
            anthropic._check(read(to, body), body["content"], body["stop_reason"], body["usage"])


def test_recorded_responses_on_azure_say_what_they_said() -> None:
    for item in recorded("azure-openai-responses"):
        to: Target = _FILES["azure-openai-responses"](item)
        body = item["response"]["body"]
        if isinstance(body, str):
            response = collect(decode(to, [body.encode()], SSE))
            body = next(doc["response"] for doc in openai.documents(body) if doc["type"] == "response.completed")
        else:
            response = read(to, body)
        texts = [part["text"] for output in body["output"] if output["type"] == "message" for part in output["content"]]
        calls = [
            (output["name"], output["arguments"]) for output in body["output"] if output["type"] == "function_call"
        ]
        choice = response["choices"][0]
        made = [call["function"] for call in choice["message"].get("tool_calls") or ()]
        assert (choice["message"]["content"] or "") == "".join(texts)
        assert [(call["name"], call["arguments"]) for call in made] == calls
        assert choice["finish_reason"] == ("tool_calls" if calls else "stop")
        assert response["usage"]["total_tokens"] == body["usage"]["total_tokens"]


def test_recorded_embeddings_on_azure_are_vectors() -> None:
    for item in recorded("azure-openai"):
        if _operation(item) != "embeddings":
            continue
        to: Target = _FILES["azure-openai"](item)
        operation = form(to, "embeddings")
        sent = operation.request(operation.parse_call(json.dumps(item["request"]["body"]).encode(), {}), to)
        if item["response"]["status"] >= 400:
            assert isinstance(failure_of(Head(401, {}), _body(item), to), UpstreamError)
            continue
        response, raw = operation.response(sent, JSON, _body(item))
        assert raw == item["response"]["body"]
        assert [one["embedding"] for one in response["data"]] == [one["embedding"] for one in raw["data"]]


def test_the_recorded_answer_of_watsonx_s_text_generation() -> None:
    to = place("watsonx/m", {"WATSONX_TOKEN": "t", "WATSONX_REGION": "us-south", "WATSONX_PROJECT_ID": "p"})
    reasons = {"eos_token": "stop", "stop_sequence": "stop", "max_tokens": "length", "token_limit": "length"}

    for item in recorded("watsonx"):
        body = item["response"]["body"]
        response = read(to, body)
        (result,) = body["results"]
        choice = response["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == (
            result["generated_text"],
            reasons[result["stop_reason"]],
        )
        counted = {"prompt_tokens": result["input_token_count"], "completion_tokens": result["generated_token_count"]}
        assert response["usage"] == {**counted, "total_tokens": sum(counted.values())}
        assert response["system"] == body["system"]


def test_the_recorded_exchanges_of_tgi() -> None:
    own = {
        "mine": {"dialect": "tgi_generate", "url": "https://example-endpoint.us-east-1.aws.endpoints.huggingface.cloud"}
    }
    to = place("mine/m", config=own)
    chat: Any = dialect("tgi_generate").operations["chat"]

    for item in recorded("huggingface-tgi"):
        body = item["request"]["body"]
        asked = {
            "max_tokens": body["parameters"].get("max_new_tokens"),
            "temperature": body["parameters"].get("temperature"),
        }
        sent = chat.request(Call("chat", "m", {"messages": [{"role": "user", "content": body["inputs"]}], **asked}), to)
        wire = json.loads(sent.body)
        assert wire["inputs"] == body["inputs"]
        assert {**body["parameters"], **wire["parameters"]} == {
            **body["parameters"],
            **wire["parameters"],
            "details": True,
        }
        if item["response"]["status"] >= 400:
            head = Head(item["response"]["status"], item["response"]["headers"])
            assert isinstance(failure_of(head, _body(item), to), NotFoundError)
            continue
        assert sent.url == item["request"]["url"]
        [answer] = item["response"]["body"]
        response = read(to, item["response"]["body"])
        assert response["choices"][0]["message"]["content"] == answer["generated_text"]
        assert response["choices"][0]["native_finish_reason"] == answer["details"]["finish_reason"]
        assert response["usage"]["completion_tokens"] == answer["details"]["generated_tokens"]
