# What formats share that know texts only: one prompt in, one text out.

# They have no face: nobody's clients speak them. Requests go out with the whole conversation in the prompt.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lingate._dialects._answers import ERROR, canonical_reason, malformed, new_id, provider_failed
from lingate._dialects._base import Form, Reader
from lingate._dialects._counts import integer, unix, usage_beside_caches
from lingate._dialects._draft import Draft
from lingate._dialects._envelope import merge_headers, seal
from lingate._dialects._failure import body_failure
from lingate._dialects._legacy_functions import modern
from lingate._dialects._params import begun
from lingate._dialects._prompts import PLAIN, system_and_rest, turns_of
from lingate._dialects._replay import replay
from lingate._dialects._sse_stream import StreamedAnswer
from lingate._model import Call, Event, Finish, Head, HttpRequest, JsonDict, Start, Target, Text, Usage
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_str, without
from lingate._wire.sse import SseDecoder, SseEvent
from lingate.errors import LingateError, UnsupportedError

_REFUSED = ("tools", "response_format", "reasoning_effort", "thinking")


def begin(call: Call, target: Target) -> Draft:
    # Begin a request, without what no such format can express.
    draft = begun(call, target, read=modern)
    for name in _REFUSED:
        value = draft.asked.pop(name, None)
        if value and value not in ("none", {"type": "text"}, {"type": "disabled"}):
            draft.refuse(name, "the format knows texts only")
    draft.asked.pop("parallel_tool_calls", None)
    return draft


def refuse_limits(draft: Draft, why: str) -> None:
    # Leave out what is not the caller's to decide.
    for name in ("max_tokens", "max_completion_tokens", "stop", "temperature", "top_p"):
        if name in draft.asked:
            draft.refuse(name, why)
            del draft.asked[name]


def prompt_of(draft: Draft) -> tuple[str, str]:
    # The system text, and everything else as one prompt: a transcript, unless there is nothing but one question.
    # Raises ConfigError: there are no messages.
    system, rest = system_and_rest(turns_of(draft, tell_tools=True))
    return system, PLAIN(rest)


def question_of(draft: Draft) -> str:
    # All of it as one text.
    # Raises as `prompt_of`.
    system, prompt = prompt_of(draft)
    return f"{system}\n\n{prompt}" if system else prompt


def send(draft: Draft, url: str, body: JsonDict, headers: Mapping[str, str] | None = None) -> HttpRequest:
    # The request, with the last word for the row's edits and the caller's own fields.
    call, target = draft.call, draft.target
    own = merge_headers({**target.headers, **(headers or {})}, call.extra_headers or {})
    sent = HttpRequest("POST", url, own, b"", call, target)
    sent.dropped, sent.stop = draft.dropped, draft.stop
    return seal(sent, body)


def choice_of(text: Any, native: Any, at: int = 0) -> JsonDict:
    # One answer in OpenAI's shape, its finish reason still the host's.
    message = {"role": "assistant", "content": text if isinstance(text, str) else encode_str(text)}
    return {"index": at, "message": message, "finish_reason": native}


def generated(results: list[Any], raw: JsonDict) -> JsonDict:
    # An answer of watsonx's text generation in OpenAI's shape.
    found = [item for item in results if isinstance(item, dict)]
    rest = without(raw, ("results",))
    choices = [choice_of(item.get("generated_text", ""), item.get("stop_reason"), at) for at, item in enumerate(found)]
    first = found[0] if found else {}
    return {
        **rest,
        "model": raw.get("model_id"),
        "choices": choices,
        "usage": counts(first.get("input_token_count"), first.get("generated_token_count")),
    }


def counts(prompt: Any, completion: Any) -> JsonDict | None:
    # Canonical usage of two counts, either of which may be missing.
    return usage_beside_caches(integer(prompt), integer(completion), None, None) or None


def answer(
    sent: HttpRequest, choices: list[JsonDict], usage: JsonDict | None, facts: JsonDict | None = None
) -> JsonDict:
    # A canonical response.
    # `facts`: `id`, `created`, `model` as far as the host told them, and whatever else it said.
    # Raises UpstreamError: a choice ended because the model failed.
    facts = facts or {}
    return {
        **facts,
        "id": facts.get("id") or new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": unix(facts.get("created")),
        "model": facts.get("model") or sent.target.model,
        "choices": [_settled(choice, sent.target) for choice in choices],
        "usage": usage,
    }


def _settled(choice: JsonDict, target: Target) -> JsonDict:
    native = choice["finish_reason"]
    reason = _reason(native, target)
    return {
        **choice,
        "finish_reason": reason,
        **({"native_finish_reason": native} if native not in (None, reason) else {}),
    }


def _reason(native: Any, target: Target) -> str:
    reason = canonical_reason(native) or "stop"
    if reason == ERROR:
        raise provider_failed(target, f"the stop reason {native!r}")
    return reason


class TextStream(StreamedAnswer):
    # Base of the decoders: cuts the stream, reports errors, and says how it ended. See `StreamDecoder`.

    # A subclass reads one event at a time with `read`, and calls `say`, `count` and `complete`.
    # `whole`: reads an answer in one piece, for hosts that ignore that a stream was asked for.

    def __init__(self, sent: HttpRequest, head: Head, whole: Reader) -> None:
        super().__init__(sent)
        self.spoken = False
        self._head = head
        self._whole = whole
        self._sse = SseDecoder()
        self._started = False
        self._body: list[bytes] | None = [] if "json" in head.headers.get("content-type", "") else None

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        """Take one event, in a subclass."""
        # Raises LingateError: it makes no sense, or reports a failure.

    def feed(self, data: bytes) -> list[Event]:
        out: list[Event] = []
        if self.over:
            return out
        if self._body is not None:
            self._body.append(data)
            return out
        try:
            self._take(self._sse.feed(data), out)
        except ValueError as error:
            self.fail(malformed(self._sent.target, str(error)), out)
        return out

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self.over:
            return out
        if self._body:
            try:
                out += replay(*self._whole(self._sent, self._head, b"".join(self._body)))
            except LingateError as error:
                self.fail(error, out)
            else:
                self.done = self.over = True
            return out
        self._take(self._sse.finish(), out, last=True)
        self.cut(out)
        return out

    def start(self, raw: Any, out: list[Event], identity: Any = None) -> None:
        # The answer begins, unless it has begun.
        if not self._started:
            self._started = True
            known = as_str(identity) or new_id("chatcmpl-")
            out.append(Start(known, self._sent.target.model, 0, None, raw))

    def say(self, text: Any, raw: Any, out: list[Event]) -> None:
        self.start(raw, out)
        if isinstance(text, str) and text:
            self.spoken = True
            out.append(Text(text, 0, raw))

    def count(self, usage: JsonDict | None, raw: Any, out: list[Event]) -> None:
        if usage:
            out.append(Usage(usage, raw))

    def complete(self, native: Any, raw: Any, out: list[Event]) -> None:
        # The stream is whole, unless it ended because the model failed.
        self.start(raw, out)
        try:
            reason = _reason(native, self._sent.target)
        except LingateError as error:
            self.fail(error, out)
            return
        out.append(Finish(reason, 0, native if isinstance(native, str) else None, raw))
        self.done = self.over = True

    def value(self, data: bytes) -> Any:
        # The data of an event as JSON.
        # Raises ProtocolError: it is not; UpstreamError: it is an error.
        try:
            found = decode(data)
        except ValueError as error:
            raise malformed(self._sent.target, f"a stream event is {error}") from None
        failure = body_failure(found, self._sent.target, headers=self._head.headers)
        if failure is not None:
            raise failure
        return found

    def failed(self, value: Any) -> LingateError:
        # The error that an event reports which says no more than that it is one.
        found = body_failure({"error": value}, self._sent.target, headers=self._head.headers)
        return found or provider_failed(self._sent.target, "an error event")

    def _take(self, frames: list[SseEvent], out: list[Event], last: bool = False) -> None:
        for name, data in frames:
            try:
                self.read(name, data, out)
            except LingateError as error:
                if last and error.kind == "protocol":
                    return  # half an event: the stream was cut
                self.fail(error, out)
            if self.over:
                return


class WholeStream(TextStream):
    # For hosts without streams: what they send is one answer, whatever it is called.

    def __init__(self, sent: HttpRequest, head: Head, whole: Reader) -> None:
        super().__init__(sent, head, whole)
        self._body = []


class TextForm(Form):
    # An operation without the half that a server would need.

    def __init__(
        self,
        request: Callable[[Call, Target], HttpRequest],
        response: Reader,
        stream: Callable[[HttpRequest, Head, Reader], TextStream] = WholeStream,
    ) -> None:
        super().__init__(
            request, response, _no_face, _no_face, lambda sent, head: stream(sent, head, response), _no_face
        )


def _no_face(*_: Any) -> Any:
    raise UnsupportedError("this format is spoken to upstreams only", param="format")
