"""Every recorded exchange of this format: what providers really sent, read and written again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from lingate._dialects.openai_chat import DIALECT
from lingate._model import Call, Failed, Finish, Head, JsonDict, Start, Target, Usage
from lingate.errors import LingateError, UpstreamError
from tests.conftest import RECORDINGS
from tests.dialects.openai_chat.support import CHAT, decode, events_of, only, target
from tests.dialects.short import collect

CHAT_DIALECTS = [
    "openai-chat",
    "azure-openai",
    "groq",
    "mistral",
    "deepseek",
    "xai",
    "openrouter",
    "together",
    "cerebras",
    "vllm",
    "llamacpp",
    "perplexity",
    "huggingface",
    "ollama-openai",
    "zai",
    "vercel-ai-gateway",
    "avian",
    "crusoe",
    "gpustack",
    "heroku",
    "bedrock-mantle",
    "gemini-openai",
    "azure-ai-inference",
    "snowflake-cortex",
]

_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
_REASONING = ("reasoning_content", "reasoning")


@cache
def exchanges(dialect: str, path: str, success: bool = True) -> tuple[JsonDict, ...]:
    file = RECORDINGS / f"{dialect}.jsonl"
    if not file.is_file():
        pytest.skip(f"no recordings at {RECORDINGS}: set LINGATE_RECORDINGS")
    with file.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return tuple(
        item for item in found if path in item["request"]["url"] and (item["response"]["status"] < 300) is success
    )


def documents(body: Any) -> Iterator[JsonDict]:
    """The JSON objects of an answer, read without any code of ours."""
    if isinstance(body, dict):
        yield body
        return
    for line in body.splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            yield json.loads(data)


def has_failed(document: Any) -> bool:
    """It is no answer, or an error, or one of its choices is."""
    return not isinstance(document, dict) or any(
        part.get("error") for part in (document, *(document.get("choices") or ()))
    )


def ends_of(body: str) -> Target:
    """Who sent this stream: one that ends as OpenAI's do, or one that only says why the answer ended."""
    return target() if "[DONE]" in body else target(traits={"stream_end": "finish"})


def expected_usage(documents: list[JsonDict]) -> JsonDict | None:
    """The last counts that the provider sent."""
    found = [doc.get("usage") or (doc.get("x_groq") or {}).get("usage") for doc in documents]
    return next((usage for usage in reversed(found) if usage), None)


def check_usage(usage: JsonDict | None, raw: JsonDict | None) -> None:
    if raw is None:
        assert usage is None
        return
    assert usage is not None
    details = raw.get("completion_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") or raw.get("reasoning_tokens") or 0  # Together has it beside
    said = raw["prompt_tokens"] + raw.get("completion_tokens", 0)
    hidden = raw.get("total_tokens", said) - said
    audio = (raw.get("prompt_tokens_details") or {}).get("audio_tokens")
    prompt, completion = raw["prompt_tokens"], raw.get("completion_tokens", 0)
    if hidden and (hidden == audio or "prompt_audio_seconds" in raw):
        prompt += hidden
    elif hidden:
        completion += hidden
    if reasoning > completion * 1.5:
        completion += reasoning
    reasoning = min(reasoning, completion)  # a little more is an estimate of it
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, completion)
    assert usage["total_tokens"] == prompt + completion
    assert (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0) == reasoning <= completion
    given = raw.get("prompt_tokens_details") or {}
    cached = max(given.get("cached_tokens") or 0, *(raw.get(name) or 0 for name in _CACHED))
    ours = usage.get("prompt_tokens_details") or {}
    assert ours.get("cached_tokens", 0) == min(cached, prompt)
    assert ours.get("cache_write_tokens", 0) == (given.get("cache_write_tokens") or 0)
    changed = {
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    }
    assert {name: value for name, value in usage.items() if name not in changed} == {
        name: value for name, value in raw.items() if name not in changed
    }


def joined(messages: list[JsonDict]) -> JsonDict:
    """Text, reasoning and calls of one choice, from deltas or from a message, in the plainest way."""
    out: JsonDict = {"content": "", "reasoning": "", "refusal": "", "calls": {}}
    for message in messages:
        content = message.get("content")
        if isinstance(content, dict):  # JSON that was asked for, decoded
            content = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        for part in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
            if part["type"] == "thinking":
                out["reasoning"] += "".join(item["text"] for item in part["thinking"])
            else:
                out["content"] += part["text"]
        told = next((message[name] for name in _REASONING if message.get(name)), "")
        details = message.get("reasoning_details") or []
        out["reasoning"] += told or "".join(item.get("text") or item.get("summary") or "" for item in details)
        out["refusal"] += message.get("refusal") or ""
        for at, piece in enumerate(message.get("tool_calls") or ()):
            call = out["calls"].setdefault(piece.get("index", at), {"name": "", "text": "", "id": ""})
            function = piece.get("function") or piece.get("custom")
            call["name"] += function.get("name") or ""
            call["text"] += function.get("arguments") or function.get("input") or ""
            call["id"] = call["id"] or piece.get("id") or ""  # some say it with every piece
    return out


def check_choice(choice: JsonDict, raw: list[JsonDict], native: Any) -> None:
    message = choice["message"]
    want = joined(raw)
    assert (message["content"] or "") == want["content"]
    assert (message.get("reasoning_content") or "") == want["reasoning"]
    assert (message.get("refusal") or "") == want["refusal"]
    calls = [call.get("function") or call.get("custom") for call in message.get("tool_calls") or ()]
    texts = [call.get("arguments", call.get("input")) for call in calls]
    assert [call["name"] for call in calls] == [call["name"] for call in want["calls"].values()]
    assert texts == ["{}" if call["text"] in ("", "null") else call["text"] for call in want["calls"].values()]
    for call, given in zip(message.get("tool_calls") or (), want["calls"].values(), strict=True):
        assert call["id"] == given["id"] or (not given["id"] and call["id"].startswith("call_"))
    known = {"eos": "stop", "end_turn": "stop", "tool_calls": "stop", "": "stop", None: "stop"}
    wanted = (
        ("length", "tool_calls")
        if calls and native == "length"
        else ("tool_calls" if calls else known.get(native, native),)
    )
    assert choice["finish_reason"] in wanted


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_a_recorded_answer_reads_as_what_the_provider_said(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions"):
        body = item["response"]["body"]
        if isinstance(body, str):
            continue
        sent = CHAT.request(Call("chat", "m", {"messages": []}), target())
        if has_failed(body):
            with pytest.raises(UpstreamError):
                CHAT.response(sent, Head(200, {}), json.dumps(body).encode())
            continue
        canonical, raw = CHAT.response(sent, Head(200, {}), json.dumps(body).encode())
        assert raw == body
        for choice, given in zip(canonical["choices"], body["choices"], strict=True):
            check_choice(choice, [given["message"]], given.get("finish_reason"))
            assert {name: choice[name] for name in given if name not in {"message", "finish_reason"}} == {
                name: given[name] for name in given if name not in {"message", "finish_reason"}
            }
        check_usage(canonical["usage"], expected_usage([body]))
        unchanged = set(body) - {"choices", "usage", "object", "id"}
        assert {name: canonical[name] for name in unchanged} == {name: body[name] for name in unchanged}


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_a_recorded_stream_reads_as_what_the_provider_said_however_it_is_cut(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions"):
        body = item["response"]["body"]
        if not isinstance(body, str):
            continue
        to, data = ends_of(body), body.encode()
        events = events_of(data, to) if len(data) < 20_000 else decode(data, to)
        chunks = list(documents(body))
        if not chunks or any(map(has_failed, chunks)):
            assert isinstance(events[-1], Failed)
            continue
        assert type(events[0]) is Start
        response = collect(events)
        for choice in response["choices"]:
            mine = [part for chunk in chunks for part in chunk.get("choices") or () if part["index"] == choice["index"]]
            reasons = [part.get("finish_reason") for part in mine]
            told = [part.get("delta") or part.get("message") or {} for part in mine]
            check_choice(choice, told, next(filter(None, reasons), None))
        assert len(only(events, Finish)) == len(response["choices"])
        check_usage(response["usage"], expected_usage(chunks))
        if response["usage"] is not None:
            assert only(events, Usage)[-1].usage == response["usage"]


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_a_recorded_stream_that_is_cut_anywhere_says_so(dialect: str) -> None:
    to = target()
    for item in exchanges(dialect, "chat/completions")[:40]:
        body = item["response"]["body"]
        if not isinstance(body, str):
            continue
        data = body.encode()
        end = data.index(b"[DONE]") if b"[DONE]" in data else data.rindex(b"data:")
        for cut in {0, 1, end // 3, end // 2, end - 40, end - 1, end + 3}:
            assert isinstance(decode(data[:cut], to)[-1], Failed)


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_a_recorded_error_is_one_of_our_errors(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions", success=False):
        sent = CHAT.request(Call("chat", "m", {"messages": []}), target())
        with pytest.raises(LingateError):
            CHAT.response(sent, Head(200, {}), json.dumps(item["response"]["body"]).encode())


def level(body: JsonDict) -> JsonDict:
    """A request without what says nothing, and without what the plain format does not know."""
    out = {name: value for name, value in body.items() if value is not None and value != []}
    if "tools" not in out:
        out.pop("tool_choice", None)
        out.pop("parallel_tool_calls", None)
    if not out.get("stream"):
        out.pop("stream", None)
    out.pop("stream_options", None)
    out["max_tokens"] = out.pop("max_completion_tokens", out.get("max_tokens"))
    if isinstance(out.get("stop"), list):
        out["stop"] = out["stop"][:4]
    out["messages"] = [_level_message(message) for message in body["messages"]]
    out["tools"] = [
        {name: value for name, value in tool.items() if name != "cache_control"} for tool in out.get("tools", ())
    ]
    return out


def _level_message(message: JsonDict) -> JsonDict:
    dropped = {*_REASONING, "reasoning_details", "annotations", "cache_control"}
    out = {name: value for name, value in message.items() if value is not None and name not in dropped}
    if out["role"] == "developer":
        out["role"] = "system"
    out["content"] = out.get("content") or ""
    if isinstance(out["content"], list):
        parts = [{key: value for key, value in part.items() if value is not None} for part in out["content"]]
        out["content"] = [{key: value for key, value in part.items() if key != "cache_control"} for part in parts]
        for part in out["content"]:
            if part.get("file"):
                part["file"] = {"filename": "file.pdf", **part["file"]}  # which OpenAI requires
            if isinstance(part.get("image_url"), str):
                part["image_url"] = {"url": part["image_url"]}
    if not out.get("tool_calls"):
        out.pop("tool_calls", None)
    else:
        out["tool_calls"] = [
            {key: value for key, value in call.items() if key != "cache_control"} for call in out["tool_calls"]
        ]
    return out


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_a_recorded_request_comes_out_of_the_server_as_it_went_in(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions"):
        body = item["request"]["body"]
        thinking = {"reasoning_param": "thinking"} if "thinking" in body else {}
        to = target(traits={"custom_tools": True, **thinking})
        call = CHAT.parse_call(json.dumps(body).encode(), {"model": "m"})
        before = json.dumps(call.body)
        again = json.loads(CHAT.request(call, to).body)

        wanted = {**level(body), "model": to.model}
        if "thinking" in wanted:
            wanted.pop("reasoning_effort", None)
        assert level(again) == wanted
        assert json.dumps(call.body) == before
        assert call.stream is bool(body.get("stream"))


@pytest.mark.parametrize("dialect", ["openai-embeddings", "azure-openai", "mistral", "openrouter", "perplexity"])
def test_recorded_embeddings_read_as_they_were_sent(dialect: str) -> None:
    embeddings: Any = DIALECT.operations["embeddings"]
    for item in exchanges(dialect, "embeddings"):
        body = item["response"]["body"]
        call = embeddings.parse_call(json.dumps(item["request"]["body"]).encode(), {})
        sent = embeddings.request(call, target(model=item["request"]["body"]["model"]))
        assert json.loads(sent.body) == {
            name: value for name, value in item["request"]["body"].items() if value is not None
        }
        canonical, raw = embeddings.response(sent, Head(200, {}), json.dumps(body).encode())
        assert raw == body
        assert [one["embedding"] for one in canonical["data"]] == [one["embedding"] for one in body["data"]]
        assert canonical["usage"]["prompt_tokens"] == body["usage"]["prompt_tokens"]
        assert canonical["usage"]["total_tokens"] == body["usage"]["total_tokens"]
