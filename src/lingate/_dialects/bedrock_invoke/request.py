# Towards the upstream: a canonical call as the body that the model's maker made up.

from __future__ import annotations

import base64
from typing import Any

from lingate._dialects._bedrock import begin_request
from lingate._dialects._claude import asked_betas
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._envelope import seal
from lingate._dialects._params import CHAT_FIELDS, answer_limit, begun, sampling, stops, write_rest
from lingate._dialects._prompts import turns_of
from lingate._dialects.anthropic.request import write_body as write_anthropic
from lingate._dialects.bedrock_converse.facts import foundation_model
from lingate._dialects.bedrock_converse.request import write_body as write_converse
from lingate._dialects.bedrock_invoke.facts import ANTHROPIC_VERSION, format_of
from lingate._dialects.bedrock_invoke.texts import TEXT_FORMATS, TextFormat, write_text_body
from lingate._dialects.openai_chat.request import request as openai_request
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate._wire.json import decode
from lingate._wire.shapes import as_list, not_null, without
from lingate.errors import UnsupportedError

INVOKE, INVOKE_STREAM = "invoke", "invoke-with-response-stream"

_NOVA_FIELDS = ("messages", "system", "inferenceConfig", "toolConfig")


def chat_request(call: Call, target: Target) -> HttpRequest:
    call, headers = _headers_apart(call)
    draft = _write(call, target)
    sent = begin_request(draft, INVOKE_STREAM if call.stream else INVOKE, target.model)
    sent.headers = {**sent.headers, **headers}
    return seal(sent, draft.body)


def count_request(call: Call, target: Target) -> HttpRequest:
    draft = _write(call, target)
    draft.answer_tool, draft.stop = None, ()
    sent = begin_request(draft, "count-tokens", foundation_model(target.model))
    sent.body = b'{"input":{"invokeModel":{"body":"%b"}}}' % base64.b64encode(seal(sent, draft.body).body)
    return sent


def text_format(target: Target) -> TextFormat | None:
    # The row of the target's body format, where that is a prompt and a text.
    return TEXT_FORMATS.get(format_of(target))


def _write(call: Call, target: Target) -> Draft:
    form = format_of(target)
    write = _WRITERS.get(form)
    if write is not None:
        return write(call, target)
    text = TEXT_FORMATS.get(form)
    if text is None:
        raise UnsupportedError(
            f"it is not known which body {target.model} takes",
            param="model",
            provider=target.provider,
            model=target.model,
            hint="use Converse, or set the trait body_format",
        )
    return _write_text(call, target, text)


def _write_claude(call: Call, target: Target) -> Draft:
    made = write_anthropic(call, target)
    body = made.body = {"anthropic_version": ANTHROPIC_VERSION, **made.body}
    given = body.get("anthropic_beta")
    features = [*as_list(given), *asked_betas(call, target, made.note), *made.betas]
    if features:
        body["anthropic_beta"] = list(dict.fromkeys(features))
    return made


def _write_nova(call: Call, target: Target) -> Draft:
    made = write_converse(call, target)
    body: JsonDict = {"schemaVersion": "messages-v1"}
    body |= {name: made.body[name] for name in _NOVA_FIELDS if name in made.body}
    for name, value in made.body.get("additionalModelRequestFields", {}).items():
        own = body.get(name)
        body[name] = {**own, **value} if isinstance(own, dict) and isinstance(value, dict) else value
    made.body = body
    return made


def _write_openai(call: Call, target: Target) -> Draft:
    draft = openai_draft(call, target)
    # The path says both.
    draft.body = without(draft.body, ("model", "stream", "stream_options"))
    return draft


def openai_draft(call: Call, target: Target) -> Draft:
    # A chat call in OpenAI's format, before the row's edits and the caller's own fields.
    sent = openai_request(replaced(call, extra_body=None), replaced(target, edits=()))
    draft = Draft(call, target, asked_of(call), target.traits, dropped=sent.dropped)
    draft.answer_tool, draft.stop = sent.answer_tool, sent.stop
    draft.body = decode(sent.body)
    return draft


def _write_text(call: Call, target: Target, form: TextFormat) -> Draft:
    draft = begun(call, target)
    turns = turns_of(draft)
    body = write_text_body(draft, form, turns)
    values: dict[str, Any] = {**sampling(draft), "max_tokens": answer_limit(draft)}
    values["stop"] = stops(draft, None if "stop" in form.fields else 0) or None
    values |= {name: draft.asked[name] for name in form.fields if name not in values and name in draft.asked}
    for name, value in not_null(values).items():
        if name in form.fields:
            _put(body, form.fields[name], value)
        else:
            draft.refuse(name, "the model's format has no counterpart")
    draft.body = body
    write_text_rest(draft, "model", {"parallel_tool_calls", *form.fields})
    if call.stream and form.streams:
        body[form.streams] = True
    return draft


def write_text_rest(draft: Draft, who: str, written: set[str]) -> None:
    # Refuse what is no text, and pass on what has not been written.
    for name in ("tools", "response_format", "reasoning_effort", "thinking"):
        if draft.asked.get(name) and draft.asked[name] != {"type": "text"}:
            draft.refuse(name, f"the {who} takes text, and gives text")
    write_rest(draft, _TEXT_FIELDS | written)


_TEXT_FIELDS = CHAT_FIELDS - {"functions", "function_call"} | {"temperature", "top_p", "top_k"}

_WRITERS = {
    "anthropic": _write_claude,
    "nova": _write_nova,
    "openai_chat": _write_openai,
}


def _put(body: JsonDict, path: str, value: Any) -> None:
    *outer, name = path.split(".")
    for key in outer:
        body = body.setdefault(key, {})
    body[name] = value


def _headers_apart(call: Call) -> tuple[Call, dict[str, str]]:
    # What Converse has fields for and InvokeModel has headers for: guardrails, latency and tier, of any model.
    body, headers = dict(call.body), {}
    guard = body.get("guardrailConfig")
    if isinstance(guard, dict):
        del body["guardrailConfig"]
        for key in ("guardrailIdentifier", "guardrailVersion"):
            if isinstance(guard.get(key), str):
                headers[f"x-amzn-bedrock-{key.lower()}"] = guard[key]
        if isinstance(guard.get("trace"), str):
            headers["x-amzn-bedrock-trace"] = guard["trace"].upper()
        if (mode := guard.get("streamProcessingMode")) in ("sync", "async"):  # in the body, in longer words
            body["amazon-bedrock-guardrailConfig"] = {"streamProcessingMode": f"{mode.upper()}HRONOUS"}
    speed = body.get("performanceConfig")
    if isinstance(speed, dict) and isinstance(speed.get("latency"), str):
        del body["performanceConfig"]
        headers["x-amzn-bedrock-performanceconfig-latency"] = speed["latency"]
    tier = body.get("service_tier")
    if tier in ("priority", "default", "flex", "reserved"):
        del body["service_tier"]
        headers["x-amzn-bedrock-service-tier"] = tier
    return (replaced(call, body=body) if headers else call), headers
