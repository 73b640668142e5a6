"""Towards the upstream: a canonical call in the body of the endpoint's container."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from lingate._dialects._bedrock import finish_request
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._params import answer_limit, refuse_for_provider, sampling, stops, write_rest
from lingate._dialects._prompts import script_for, turns_of
from lingate._dialects.openai_chat.envelope import join_url, merge_headers
from lingate._dialects.openai_chat.request import request as openai_request
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.json import decode

METHOD, STREAM_METHOD = "invocations", "invocations-response-stream"

_WRITTEN = frozenset(
    {
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "thinking",
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "repetition_penalty",
        "stream",
        "stream_options",
        "model",
        "provider_specific_fields",
    }
)


def takes_prompts(target: Target) -> bool:
    """Whether the container is one of those that take a prompt and give text (TGI), not messages."""
    return target.traits.get("body_format") == "prompt"


def chat_request(call: Call, target: Target) -> HttpRequest:
    """A chat call, ready to be sent.

    Raises:
        UnsupportedError: It asks for something the container's format cannot express and `drop_params` is off.
    """
    if takes_prompts(target):
        draft = _write_prompt(call, target)
        body = draft.body
    else:
        draft, body = _write_messages(call, target)
    return finish_request(begin_request(draft, STREAM_METHOD if call.stream else METHOD), body)


def begin_request(made: Draft, method: str) -> HttpRequest:
    """The request around a body that is written."""
    call, target = made.call, made.target
    url = join_url(target.url, f"/endpoints/{quote(target.model, safe='')}/{method}", target.model)
    headers = {"content-type": "application/json", **target.headers}
    extra = call.extra_headers
    sent = HttpRequest("POST", url, merge_headers(headers, extra) if extra else headers, b"", call, target)
    sent.dropped, sent.answer_tool, sent.stop = made.dropped, made.answer_tool, made.stop
    return sent


def _write_messages(call: Call, target: Target) -> tuple[Draft, JsonDict]:
    sent = openai_request(replace(call, extra_body=None), replace(target, edits=()))
    draft = Draft(call, target, asked_of(call), target.traits, dropped=sent.dropped)
    draft.answer_tool, draft.stop = sent.answer_tool, sent.stop
    body = decode(sent.body)
    # The endpoint is the model; some containers refuse a name that is not theirs.
    del body["model"]
    return draft, body


def _write_prompt(call: Call, target: Target) -> Draft:
    draft = Draft(call, target, asked_of(call), target.traits)
    refuse_for_provider(draft)
    inputs = script_for(target.model)(turns_of(draft))
    values: dict[str, Any] = sampling(draft, ("temperature", "top_p", "top_k"))
    if values.get("temperature") == 0:
        # "`temperature` must be strictly positive": this is how to ask for the same.
        del values["temperature"]
        values["do_sample"] = False
    values["max_new_tokens"] = answer_limit(draft)
    values["stop"] = stops(draft, draft.traits.get("max_stop")) or None
    values |= {name: draft.asked.get(name) for name in ("seed", "frequency_penalty", "repetition_penalty")}
    for name in ("tools", "response_format", "reasoning_effort", "thinking"):
        if draft.asked.get(name) and draft.asked[name] != {"type": "text"}:
            draft.refuse(name, "the container takes text, and gives text")
    write_rest(draft, _WRITTEN)
    parameters = {**{name: value for name, value in values.items() if value is not None}, **draft.body}
    draft.body = {"inputs": inputs, "parameters": parameters}
    if call.stream:
        draft.body["stream"] = True
    return draft
