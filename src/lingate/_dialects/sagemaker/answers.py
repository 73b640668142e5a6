# Answers of containers: text generation's (https://huggingface.github.io/text-generation-inference), and all streams.

# AWS frames (`PayloadPart`) are around whatever the container writes, cut anywhere.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import ERROR, canonical_reason, decoded, garbage, provider_failed
from lingate._dialects._counts import integer, usage_beside_caches
from lingate._dialects._draft import keep
from lingate._dialects._face_errors import aws_error
from lingate._dialects._failure import body_failure
from lingate._dialects._frames import exception_frame
from lingate._dialects.bedrock_converse.response import whole_answer
from lingate._dialects.bedrock_converse.stream import HeadedAnswer
from lingate._dialects.bedrock_invoke.answers import OpenAiEvents
from lingate._dialects.openai_chat.embeddings import response as read_openai
from lingate._dialects.openai_chat.face import ChunkEncoder
from lingate._model import Call, Event, Extra, Finish, Head, HttpRequest, JsonDict, Target, Text, Usage
from lingate._wire import eventstream
from lingate._wire.json import decode, encode
from lingate._wire.json_streams import NdjsonDecoder
from lingate._wire.shapes import as_dict, as_str, dig
from lingate.errors import LingateError

NAME = "sagemaker"
PART = "PayloadPart"


class OpenAiParts(OpenAiEvents):
    # A container that streams in OpenAI's format.

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        if name == PART:
            out += self._inner.feed(payload)
            self._note(out)


class TgiParts(HeadedAnswer):
    # A text-generation container: server-sent events or lines of JSON, a token each; the last holds the whole text.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent, head)
        self._lines = NdjsonDecoder()

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        # Take the next bytes and append what they mean.
        # Raises ValueError: they are no events.
        if name == PART:
            self._take(self._lines.feed(payload), out)

    def cut(self, out: list[Event]) -> None:
        try:
            self._take(self._lines.finish(), out)
        except ValueError:
            pass  # half a line: the stream was cut
        super().cut(out)

    def _take(self, lines: list[bytes], out: list[Event]) -> None:
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if self.over or data == b"[DONE]" or line.startswith((b":", b"event:", b"id:", b"retry:")):
                continue
            self._event(decode(data), out)

    def _event(self, raw: Any, out: list[Event]) -> None:
        if not isinstance(raw, dict):
            raise ValueError("an event must be an object")
        failure = _failure(raw, self._sent.target)
        if failure is not None:
            self.fail(failure, out)
            return
        self._begin(raw, out)
        text = as_str(dig(raw, "token", "text"))
        if text and not raw["token"].get("special"):
            out.append(Text(text, 0, raw))
        if raw.get("generated_text") is not None:
            self._end(raw, out)

    def _end(self, raw: JsonDict, out: list[Event]) -> None:
        details = as_dict(raw.get("details"))
        usage = counted(details)
        if usage:
            out.append(Usage(usage, raw))
        if details:
            out.append(Extra({"provider_specific_fields": {NAME: {"details": details}}}, None, raw))
        reason = details.get("finish_reason")
        out.append(Finish(canonical_reason(reason) or "stop", 0, as_str(reason) or None, raw))
        self.done = self.over = True


class Encoder:
    # Canonical events -> frames with OpenAI's chunks in them.

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, call: Call) -> None:
        self._inner = ChunkEncoder(call)

    def event(self, event: Event) -> bytes:
        return _part(self._inner.event(event))

    def end(self) -> bytes:
        return _part(self._inner.end())

    def error(self, error: LingateError) -> bytes:
        return eventstream.encode(*exception_frame("InternalStreamFailure", aws_error(error)[2]))


def _part(data: bytes) -> bytes:
    if not data:
        return b""
    headers = {":event-type": PART, ":content-type": "application/octet-stream", ":message-type": "event"}
    return eventstream.encode(headers, data)


_TEXTS = ("generated_text", "generation", "generated_texts")


def read_generated(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A whole answer as a canonical response, and as it came (a bare list as `{"generations": [...]}`).
    target = sent.target
    raw = decoded(body, target)
    first = raw[0] if isinstance(raw, list) and raw else raw
    if not isinstance(first, dict):
        raise garbage(target, "must be an object or a list of them")
    text = next((text for name in _TEXTS if (text := _text(first.get(name))) is not None), None)
    failure = _failure(first, target)
    if failure is not None or text is None:
        raise failure or garbage(target, "there is no generated text in it")
    kept = raw if isinstance(raw, dict) else {"generations": raw}
    details = first.get("details")
    reason = dig(details, "finish_reason")
    message = {"role": "assistant", "content": without_prompt(text, sent)}
    response = whole_answer(sent, head, message, canonical_reason(reason) or "stop", reason, counted(details) or None)
    return keep(response, NAME, {"details": details} if isinstance(details, dict) else None), kept


def _text(given: Any) -> str | None:
    # The text of an answer: JumpStart's containers have it in a message, or in a list of which the first was asked for.
    if isinstance(given, list) and given:
        given = given[0]
    if isinstance(given, dict):
        given = given.get("content")
    return given if isinstance(given, str) else None


def without_prompt(text: str, sent: HttpRequest) -> str:
    # The text without the prompt, which some containers repeat before it.
    prompt = decode(sent.body).get("inputs") if sent.body else None
    return text.removeprefix(prompt) if isinstance(prompt, str) else text


def _failure(raw: JsonDict, target: Target) -> LingateError | None:
    # The error that an answer or event is, be it by its reason to end alone.
    if canonical_reason(dig(raw, "details", "finish_reason")) == ERROR:
        return provider_failed(target, "generation that failed")
    return body_failure(raw, target)


def counted(details: Any) -> JsonDict:
    # Token counts, as far as the container tells them.
    details = as_dict(details)
    prefill, written = details.get("prefill"), integer(details.get("generated_tokens"))
    read = len(prefill) if isinstance(prefill, list) and prefill else integer(details.get("input_length"))
    return usage_beside_caches(read, written, None, None)


def read_embeddings(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Vectors as an OpenAI list, and the decoded body (a bare list as `{"embeddings": [...]}`).
    target = sent.target
    raw = decoded(body, target)
    kept: Any = raw if isinstance(raw, dict) else {"embeddings": raw}
    found = kept.get("embeddings", kept.get("embedding"))
    if not isinstance(found, list) or not found:
        return read_openai(sent, head, body)
    vectors = [found] if isinstance(found[0], (int, float)) else found
    if not all(isinstance(vector, list) for vector in vectors):
        raise garbage(target, "there are no embeddings in it")
    data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    return read_openai(sent, head, encode({"data": data}))[0], kept
