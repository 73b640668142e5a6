# As a face: canonical answers as this format's bodies, and canonical events as lines of JSON.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects._counts import integer
from lingate._dialects._draft import native_fields
from lingate._dialects._encoders import FaceEncoder
from lingate._dialects._face_errors import openai_error
from lingate._dialects._reading import first_choice
from lingate._dialects._times import rfc3339
from lingate._dialects._tool_arguments import is_whole, shown_arguments, shown_call
from lingate._dialects.ollama.facts import COUNTS, NAME
from lingate._model import Call, Event, Finish, JsonDict, Start, Text, Thinking, ToolArgs, ToolStart
from lingate._wire.json import encode
from lingate._wire.shapes import as_dict, dig, not_null
from lingate.errors import LingateError


def render_chat(response: JsonDict) -> bytes:
    # A canonical response as an answer of `/api/chat`.
    # Only the first choice is shown: the format has one.
    choice, message = first_choice(response)
    native: JsonDict = {"role": "assistant", "content": _text(message)}
    if message.get("reasoning_content"):
        native["thinking"] = message["reasoning_content"]
    calls = [wire_call(call, n) for n, call in enumerate(message.get("tool_calls") or ())]
    if calls:
        native["tool_calls"] = calls
    native.update(native_fields(message, NAME))
    return encode({**_head(response), "message": native, **_tail(response, choice)})


def render_generate(response: JsonDict) -> bytes:
    # A canonical response as an answer of `/api/generate`.
    choice, message = first_choice(response)
    wire = {**_head(response), "response": _text(message)}
    if message.get("reasoning_content"):
        wire["thinking"] = message["reasoning_content"]
    return encode({**wire, **_tail(response, choice)})


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, body = openai_error(error)
    return status, encode({"error": body["error"]["message"]})


def wire_call(call: JsonDict, index: int) -> JsonDict:
    # A canonical tool call, whose arguments become an object.
    name, given = shown_call(call)
    wire = {"function": {"index": index, "name": name, "arguments": shown_arguments(given)}}
    return {"id": call["id"], **wire} if call.get("id") else wire


def done_reason(finish: Any, native: Any) -> str:
    if finish == "length":
        return "length"
    return native if native in ("stop", "load", "unload") else "stop"


def durations(seconds: float, first: float = 0.0) -> JsonDict:
    # How long an answer took, and how long its first token: clients of this format count on it, and compute speeds.
    total, begun = int(seconds * 1e9), int(first * 1e9)
    told = {"total_duration": total, "load_duration": 0, "prompt_eval_duration": begun}
    return {**told, "eval_duration": max(1, total - begun)}


def timed(response: JsonDict, seconds: float) -> JsonDict:
    # A canonical response with how long it took, unless its provider said so.
    fields = as_dict(response.get("provider_specific_fields"))
    own = as_dict(fields.get(NAME))
    if "total_duration" in own:
        return response
    return {**response, "provider_specific_fields": {**fields, NAME: {**durations(seconds), **own}}}


def counts(usage: Any) -> JsonDict:
    usage = as_dict(usage)
    found = (
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        dig(usage, "prompt_tokens_details", "cached_tokens"),
    )
    return not_null(dict(zip(COUNTS, map(integer, found), strict=True)))


def wire_logprobs(logprobs: Any) -> JsonDict:
    # OpenAI's `logprobs` as a field of an answer or line; nothing where there are none.
    content = dig(logprobs, "content")
    return {"logprobs": content} if isinstance(content, list) and content else {}


def _text(message: JsonDict) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content or message.get("refusal") or ""


def _head(response: JsonDict) -> JsonDict:
    return {"model": response.get("model") or "", "created_at": rfc3339(response.get("created"))}


def _tail(response: JsonDict, choice: JsonDict) -> JsonDict:
    reason = done_reason(choice.get("finish_reason"), choice.get("native_finish_reason"))
    told = {"done": True, "done_reason": reason, **counts(response.get("usage"))}
    return {**native_fields(response, NAME), **told, **wire_logprobs(choice.get("logprobs"))}


def _in_a_line(value: Any) -> bytes:
    # JSON in what is one line to Python's `splitlines` too: Ollama's package reads by that.
    text = encode(value)
    if not text.isascii():
        for char in "\x85\u2028\u2029":
            text = text.replace(char.encode(), b"\\u%04x" % ord(char))
    return text


class Encoder(FaceEncoder, dialect=NAME):
    # Canonical events -> NDJSON.

    # `flat`: write lines of `/api/generate`, which have the message's fields at the top.

    content_type = "application/x-ndjson"

    def __init__(self, call: Call, flat: bool = False) -> None:
        super().__init__(call)
        self._started = True  # there is no line for a beginning
        self._flat = flat
        self._base: JsonDict = {"model": call.model, "created_at": rfc3339(0)}
        self._before, self._after = self._frame()
        self._tools: dict[int, tuple[ToolStart, list[str]]] = {}
        self._told = 0
        self.took: Callable[[], JsonDict] = dict
        """Tells at the end how long it took, as `durations` writes it."""

    def event(self, event: Event) -> bytes:
        if type(event) is Text and not event.choice and event.logprobs is None and not self._tools:
            # The path of nearly every event.
            return self._before + _in_a_line(event.text) + self._after
        return super().event(event)

    def end(self) -> bytes:
        # The last line: why the answer ended and what it cost.
        finish = self._finish
        reason = done_reason(finish.reason, finish.native) if finish else "stop"
        last = {"done": True, "done_reason": reason, **counts(self._usage)}
        took = {} if "total_duration" in self._native else self.took()
        return self._tell_tools(complete=True) + self._line({}, {**took, **self._native, **last})

    def error(self, error: LingateError) -> bytes:
        return render_error(error)[1] + b"\n"

    def _line(self, message: JsonDict, rest: JsonDict) -> bytes:
        if self._flat:
            return _in_a_line({**self._base, "response": "", **message, **rest}) + b"\n"
        return _in_a_line({**self._base, "message": {"role": "assistant", "content": "", **message}, **rest}) + b"\n"

    def _frame(self) -> tuple[bytes, bytes]:
        # What stands around the text in a line of text: it is the same in all of them, so it is encoded once.
        line = self._line({"response" if self._flat else "content": ""}, {"done": False})
        before, _, after = line.rpartition(b'""')
        return before, after

    def _begin(self, event: Start) -> bytes:
        self._base = {"model": event.model or self._base["model"], "created_at": rfc3339(event.created)}
        self._before, self._after = self._frame()
        return super()._begin(event)

    def _on_text(self, event: Text) -> bytes:
        name = "response" if self._flat else "content"
        return self._tell_tools() + self._line({name: event.text}, {"done": False, **wire_logprobs(event.logprobs)})

    def _on_thinking(self, event: Thinking) -> bytes:
        return self._line({"thinking": event.text}, {"done": False}) if event.text else b""

    def _on_tool(self, event: ToolStart) -> bytes:
        self._tools[event.tool] = (event, [])
        return b""

    def _on_args(self, event: ToolArgs) -> bytes:
        if event.tool in self._tools:
            self._tools[event.tool][1].append(event.text)
        return b""

    def _tell_tools(self, complete: bool = False) -> bytes:
        # The calls that are whole, each in a line as clients know it. A provider may add to one that is not, after text too.
        lines = b""
        for tool, (start, pieces) in [*self._tools.items()]:
            if not complete and not is_whole(pieces):
                break
            del self._tools[tool]
            function = {"name": start.name, "arguments": "".join(pieces)}
            call = wire_call({"id": start.id, "function": function}, self._told)
            lines += self._line({"tool_calls": [call]}, {"done": False})
            self._told += 1
        return lines

    def _on_finish(self, event: Finish) -> bytes:
        return super()._on_finish(event) + self._tell_tools(complete=True)
