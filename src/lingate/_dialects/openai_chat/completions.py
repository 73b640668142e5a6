# Completions in OpenAI's format, both directions: a prompt goes out, text that goes on from it comes back.

# The canonical response is OpenAI's, whose choices have a `text`. Streams are told in the events of chats.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import (
    ERROR,
    canonical_reason,
    hidden_error,
    malformed,
    new_id,
    provider_failed,
    read_object,
    settle,
)
from lingate._dialects._base import Form, OperationFormat
from lingate._dialects._counts import integer, unix
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._envelope import note, seal
from lingate._dialects._failure import body_failure
from lingate._dialects._replay import replay
from lingate._dialects.openai_chat.completion_chunks import CompletionEncoder, completion_of
from lingate._dialects.openai_chat.face import render_chat
from lingate._dialects.openai_chat.parameters import begin, limit_sampling, limit_stop, set_stream
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._dialects.openai_chat.validation import (
    check_fields,
    check_stop,
    decode_request,
    expect_bool,
    expect_object,
    expect_text,
    fail,
    flag,
    number,
)
from lingate._model import Call, Event, Failed, Head, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import dig, without


def request(call: Call, target: Target) -> HttpRequest:
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
    raw = read_object(sent, head, body)
    return canonical_completion(raw, sent, head), raw


def canonical_completion(raw: JsonDict, sent: HttpRequest, head: Head) -> JsonDict:
    # The canonical form of a decoded completion, which is not changed.
    # Raises UpstreamError: a choice says that it failed; ProtocolError: it is not a completion.
    target = sent.target
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no choices")
    canonical = dict(raw)
    canonical["id"] = raw.get("id") or new_id("cmpl-")
    canonical["object"] = "text_completion"
    canonical["created"] = unix(raw.get("created"))
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
    rest = without(raw, ("message",))
    choice = {**rest, "text": text, "index": at if index is None else index, "logprobs": raw.get("logprobs")}
    choice["finish_reason"] = settle(reason, calls=False)
    if native and native != choice["finish_reason"]:
        choice.setdefault("native_finish_reason", native)
    return choice


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's completion request.
    # A model in the path stands in for one in the body.
    fields, model = decode_request(body, path_args)
    _check_prompt(fields.get("prompt"))
    check_fields(fields, _FIELDS)
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

_FIELDS = {
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


class CompletionDecoder(ChatDecoder):
    # Decodes one stream: a chat's, but for where the text stands; see `StreamDecoder`.

    __slots__ = ("_head",)

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(_without_tags(sent), head)
        self._head = head

    def _read_whole(self, body: bytes, events: list[Event]) -> None:
        events.extend(replay(*response(self._sent, self._head, body)))
        self.done = True

    def _chunk(self, chunk: Any, name: str, events: list[Event]) -> None:
        before = len(events)
        super()._chunk(_as_chat(chunk), name, events)
        for event in events[before:]:
            if not isinstance(event, Failed):
                event.raw = chunk


def _without_tags(sent: HttpRequest) -> HttpRequest:
    # What goes on from a prompt is the model's text as it is, tags of reasoning included.
    if not sent.target.traits.get("think_tags"):
        return sent
    return replaced(sent, target=replaced(sent.target, traits={**sent.target.traits, "think_tags": False}))


def _as_chat(chunk: Any) -> Any:
    # The chunk with its text where chats have it; what is not such a chunk stays as it is.
    choices = dig(chunk, "choices")
    if not isinstance(choices, list):
        return chunk
    return {**chunk, "choices": list(map(_chat_choice, choices))}


def _chat_choice(choice: Any) -> Any:
    if not isinstance(choice, dict) or "text" not in choice:
        return choice
    rest = without(choice, ("text", "delta", "message"))
    return {**rest, "delta": {"content": choice["text"]}}


_NEUTRAL = {"best_of": (1,), "echo": (False,), "suffix": ("",), "logprobs": ()}
"""Fields that chats have no counterpart for, and the values that ask for what happens anyway."""


class Prompted(Form):
    # The `completions` operation by way of another format's `chat`: the prompt goes out as a user's message.

    def __init__(self, chat: OperationFormat) -> None:
        super().__init__(self._request, self._response, parse_call, render_chat, chat.decoder, CompletionEncoder)
        self._chat = chat

    def _request(self, call: Call, target: Target) -> HttpRequest:
        made = Draft(call, target, asked_of(call), {})
        body: JsonDict = {"messages": [{"role": "user", "content": _prompt(made)}]}
        for name, value in made.asked.items():
            if name != "prompt" and not made.left_out(name, value, _NEUTRAL, ()):
                body[name] = value
        sent = self._chat.request(replaced(call, operation="chat", body=body), target)
        sent.call = call
        sent.dropped.extend(what for what in made.dropped if what not in sent.dropped)
        return sent

    def _response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        canonical, raw = self._chat.response(sent, head, body)
        return completion_of(canonical), raw


def _prompt(made: Draft) -> Any:
    prompt = made.asked.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        made.refuse("prompt", "the provider has chats only, which take one text and no tokens")
        raise made.broken("prompt", "must be text")
    return prompt


FORM = Form(request, response, parse_call, render_chat, CompletionDecoder, CompletionEncoder)
