"""Completions in OpenAI's format, both directions: a prompt goes out, text that goes on from it comes back.

The canonical response is OpenAI's, whose choices have a `text`. Streams are told in the events of chats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lingate._dialects._base import StreamDecoder, StreamEncoder
from lingate._dialects._counts import integer
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.completion_chunks import CompletionEncoder
from lingate._dialects.openai_chat.completion_stream import CompletionDecoder
from lingate._dialects.openai_chat.envelope import note, seal
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.parameters import limit_sampling, limit_stop, set_stream
from lingate._dialects.openai_chat.reading import hidden_error, malformed, new_id, provider_failed
from lingate._dialects.openai_chat.reasons import ERROR, canonical_reason, settle
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._dialects.openai_chat.validation import (
    check_stop,
    decode_request,
    expect_bool,
    expect_object,
    expect_text,
    fail,
    flag,
    number,
)
from lingate._dialects.openai_chat.whole import begin, read_object
from lingate._model import Call, Head, HttpRequest, JsonDict, Target


def request(call: Call, target: Target) -> HttpRequest:
    """Write a completion call.

    Raises:
        UnsupportedError: It asks for something the provider cannot express and `drop_params` is off.
    """
    sent, wire = begin(call, target, "completions", "/completions")
    if "max_completion_tokens" in wire:
        # The name is of chats only.
        value = wire.pop("max_completion_tokens")
        if wire.setdefault("max_tokens", value) != value:
            note(sent, f"max_completion_tokens={value}")
    limit_stop(wire, sent)
    limit_sampling(wire, sent)
    set_stream(wire, sent)
    return seal(sent, wire)


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Read a 2xx answer.

    Raises:
        UpstreamError: The body is an error, or a choice says that it failed.
        ProtocolError: The body is not a completion.
    """
    raw = read_object(sent, head, body)
    return canonical_completion(raw, sent, head), raw


def canonical_completion(raw: JsonDict, sent: HttpRequest, head: Head) -> JsonDict:
    """The canonical form of a decoded completion, which is not changed.

    Raises:
        UpstreamError: A choice says that it failed.
        ProtocolError: It is not a completion.
    """
    target = sent.target
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no choices")
    canonical = dict(raw)
    canonical["id"] = raw.get("id") or new_id("cmpl-")
    canonical["object"] = "text_completion"
    canonical["created"] = integer(raw.get("created")) or 0
    canonical["model"] = raw.get("model") or target.model
    canonical["choices"] = [_choice(choice, at, target) for at, choice in enumerate(choices)]
    canonical["usage"] = canonical_usage(raw.get("usage"))
    return canonical


def _choice(raw: Any, at: int, target: Target) -> JsonDict:
    if not isinstance(raw, dict):
        raise malformed(target, f"choices[{at}] is not an object")
    native = raw.get("finish_reason")
    reason = canonical_reason(native)
    if raw.get("error") or reason == ERROR:
        raise hidden_error(raw, target) or provider_failed(target, f"finish_reason {native!r}")
    message = raw.get("message")
    # Mistral answers what stands between two texts as a chat.
    text = message.get("content") if isinstance(message, dict) else raw.get("text")
    if text is None and reason is not None:
        text = ""  # a filter left nothing of it
    if not isinstance(text, str):
        raise malformed(target, f"choices[{at}] has no text")
    index = integer(raw.get("index"))
    rest = {name: value for name, value in raw.items() if name != "message"}
    choice = {**rest, "text": text, "index": at if index is None else index, "logprobs": raw.get("logprobs")}
    choice["finish_reason"] = settle(reason, calls=False)
    if native and native != choice["finish_reason"]:
        choice.setdefault("native_finish_reason", native)
    return choice


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a client's completion request. A model in the path stands in for one in the body.

    Raises:
        BadRequestError: It is not valid; the message says where.
    """
    fields, model = decode_request(body, path_args)
    _check_prompt(fields.get("prompt"))
    for name, check in _FIELDS.items():
        if name in fields:
            check(fields[name], name)
    return Call("completions", model, fields, stream=flag(fields, "stream"))


def _check_prompt(given: Any) -> None:
    if isinstance(given, str):
        return
    if not isinstance(given, list) or not given:
        fail("prompt", "expected text, or a list of texts, token numbers or token lists, that is not empty")
    kind = type(given[0])
    for at, item in enumerate(given):
        tokens = not isinstance(item, list) or (item and all(type(token) is int for token in item))
        if type(item) is not kind or kind not in {str, int, list} or not tokens:
            fail(
                f"prompt[{at}]", "expected text, a token number or a list of token numbers, the same in the whole list"
            )


_MANY = 1e9

_FIELDS: dict[str, Callable[[Any, str], None]] = {
    "best_of": number(1, 128, int),
    "echo": expect_bool,
    "frequency_penalty": number(-2, 2),
    "logit_bias": expect_object,
    "logprobs": number(0, 100, int),
    "max_tokens": number(0, _MANY, int),
    "n": number(1, 128, int),
    "presence_penalty": number(-2, 2),
    "seed": number(-(2.0**63), 2.0**64, int),
    "stop": check_stop,
    "stream_options": expect_object,
    "suffix": expect_text,
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "user": expect_text,
}


class CompletionsFormat:
    """The `completions` operation."""

    request = staticmethod(request)
    response = staticmethod(response)
    parse_call = staticmethod(parse_call)
    render = staticmethod(render)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return CompletionDecoder(sent, head, canonical_completion)

    def encoder(self, call: Call) -> StreamEncoder:
        return CompletionEncoder(call)
