# Text Generation Inference's own format, for containers without its Messages API (PROVIDERS.md, 4.9).

# https://huggingface.github.io/text-generation-inference. The answer continues the prompt: the server applies no template.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import malformed
from lingate._dialects._base import Dialect
from lingate._dialects._draft import Draft
from lingate._dialects._envelope import join_url
from lingate._dialects._failure import body_failure
from lingate._dialects._params import CHAT_FIELDS, answer_limit, generation_sampling, stops, write_rest
from lingate._dialects._prompts import PLAIN, Turn, script_for, turns_of
from lingate._dialects._texts import TextForm, TextStream, answer, begin, choice_of, counts, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Event, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import decode
from lingate._wire.shapes import as_dict, dig

_SAMPLING = ("temperature", "top_p", "top_k", "seed", "repetition_penalty", "frequency_penalty")
_MAX_STOP = 4
_REASON = ("details", "finish_reason")


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST /`, which answers whole or as a stream as it is asked.
    draft = begin(call, target)
    inputs = _inputs(draft)
    parameters: JsonDict = {"return_full_text": False, "details": True, **generation_sampling(draft, _SAMPLING)}
    limit = answer_limit(draft)
    if limit is not None:
        parameters["max_new_tokens"] = limit
    if wire := stops(draft, draft.traits.get("max_stop", _MAX_STOP)):
        parameters["stop"] = wire
        draft.stop = draft.stop or tuple(wire)  # it stays in the text
    write_rest(draft, CHAT_FIELDS.union(_SAMPLING))
    parameters.update(draft.body)
    body = {"inputs": inputs, "parameters": parameters, "stream": call.stream}
    return send(draft, join_url(target.url, target.row.paths.get("chat", "/"), ""), body)


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    try:
        value = decode(body)
    except ValueError as error:
        raise malformed(sent.target, f"the answer is {error}") from None
    failure = body_failure(value, sent.target, headers=head.headers)
    if failure is not None:
        raise failure
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) and isinstance(item.get("generated_text"), str) for item in items):
        raise malformed(sent.target, "the answer has no generated_text")
    choices = [choice_of(item["generated_text"], dig(item, *_REASON), at) for at, item in enumerate(items)]
    raw = value if isinstance(value, dict) else items[0] if len(items) == 1 else {"data": items}
    return answer(sent, choices, _usage(items, head)), raw


class _Stream(TextStream):
    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        value = self.value(data)
        token = dig(value, "token")
        if not isinstance(token, dict):
            raise malformed(self._sent.target, "a stream event has no token")
        if not token.get("special"):
            self.say(token.get("text"), value, out)
        if value.get("generated_text") is not None:
            self.count(_usage([value], self._head), value, out)
            self.complete(dig(value, *_REASON), value, out)


def _inputs(draft: Draft) -> str:
    # The conversation as the model was trained to read it, as far as its name tells.
    script = script_for(draft.target.model)
    turns = turns_of(draft, tell_tools=True)
    if script is not PLAIN:
        turns = [Turn("user", f"Tool: {turn.text}") if turn.role == "tool" else turn for turn in turns]
    return script(turns)


def _usage(items: list[JsonDict], head: Head) -> JsonDict | None:
    # Counts from the details of the answer, or from headers, which whole answers have.
    details = [as_dict(item.get("details")) for item in items]
    generated = [count for item in details if type(count := item.get("generated_tokens")) is int]
    prefill = details[0].get("prefill")
    prompt: Any = details[0].get("input_length") or (len(prefill) if isinstance(prefill, list) and prefill else None)
    told = head.headers.get
    return counts(prompt or told("x-prompt-tokens"), sum(generated) or told("x-generated-tokens"))


DIALECT = Dialect(
    name="tgi_generate", operations={"chat": TextForm(chat_request, read_chat, _Stream)}, render_error=render_error
)
