# Transcription in OpenAI's format, both directions: a form with a file goes out, JSON or plain text comes back.

# The canonical response is OpenAI's JSON. Plain text (`text`, `srt`, `vtt`) is `{"text": text, "content_type": type}`;
# the second key marks it, so that it is rendered as it came.

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import Form, no_stream
from lingate._dialects._envelope import join_url
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.forms import check_upload, decode_form, seal_form
from lingate._dialects.openai_chat.parameters import begin, refuse_stream
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._dialects.openai_chat.validation import expect_text, fail, number
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire import json
from lingate._wire.shapes import without

PLAIN = frozenset({"text", "srt", "vtt"})
"""Values of `response_format` whose answer is no JSON."""

_PATH = "/audio/transcriptions"
_PLAIN_TYPE = "text/plain; charset=utf-8"
_TEXTS = ("text/plain", "text/vtt", "text/srt", "application/x-subrip")
_LISTS = ("timestamp_granularities", "include", "languages", "keywords")


def request(call: Call, target: Target) -> HttpRequest:
    sent, wire = begin(call, target, "transcription", _PATH)
    if wire.pop("translate", False):
        path = target.row.paths.get("transcription", _PATH).replace("transcriptions", "translations")
        sent.url = join_url(target.url, path, target.model)
    refuse_stream(wire, sent)
    return seal_form(sent, wire)


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Gives the canonical response, and the decoded body (plain text as in the canonical response).
    target = sent.target
    said = head.headers.get("content-type", "").lower()
    form = sent.call.body.get("response_format")
    if form in PLAIN:
        text = _plain_text(sent, said, body)
        if text is not None:
            plain: JsonDict = {"text": text, "content_type": said if said.startswith(_TEXTS) else _PLAIN_TYPE}
            return plain, plain
    raw = read_object(sent, head, body)
    if not isinstance(raw.get("text"), str):
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no text")
    canonical = without(raw, ("content_type",))
    length = raw.get("duration")
    if isinstance(length, str) and length.replace(".", "", 1).isdecimal():
        canonical["duration"] = float(length)
    usage = canonical_usage(raw.get("usage"))
    if usage is not None:
        canonical["usage"] = usage
    if form == "text":
        canonical["content_type"] = _PLAIN_TYPE
    return canonical, raw


def _plain_text(sent: HttpRequest, said: str, body: bytes) -> str | None:
    # The transcript, where it is the whole body or a JSON string; None if the body is another JSON value.
    # Raises ProtocolError: it is no text.
    target = sent.target
    if "html" in said:
        raise malformed(target, "the answer is a web page, not a transcript")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise malformed(target, "the answer is neither text nor JSON") from None
    if said.startswith(("text/", "application/x-subrip")) and not text.startswith("{"):
        return text
    try:
        value = json.decode(body)
    except ValueError:
        return text
    if isinstance(value, str):
        return value
    return None if isinstance(value, dict) or said.startswith("application/json") else text


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's transcription request.
    # `translate` in the path arguments asks for English.
    fields, model = decode_form(body, path_args)
    check_upload(fields.get("file"), "file")
    for name in ("language", "prompt", "response_format"):
        if name in fields:
            expect_text(fields[name], name)
    if "temperature" in fields:
        number(0, 1)(fields["temperature"], "temperature")
    for name in _LISTS:
        if isinstance(fields.get(name), str):
            fields[name] = [fields[name]]
        elif not isinstance(fields.get(name, []), list):
            fail(name, "expected a list")
    if fields.pop("stream", False):
        raise no_stream("transcription")
    if path_args.get("translate"):
        fields["translate"] = True
    return Call("transcription", model, fields)


def render(response: JsonDict) -> bytes:
    # Write a canonical response: as the text it is, or as JSON.
    if "content_type" in response:
        text: str = response["text"]
        return text.encode("utf-8", "replace")
    return json.encode(response)


FORM = Form(request, response, parse_call, render)
