# Speech in OpenAI's format, both directions. The answer is the sound itself.

# The canonical response is `{"audio": bytes, "content_type": text, "model": text}`.

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import Form, no_stream
from lingate._dialects._dataurl import decoded
from lingate._dialects._envelope import refuse, seal
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.parameters import begin, refuse_stream
from lingate._dialects.openai_chat.validation import decode_request, expect_filled, expect_text, fail, number
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.media import OCTETS, TYPES, extension_of
from lingate._wire.shapes import without

_DEFAULT_FORM = "mp3"  # OpenAI's own
_JSON_FIELDS = ("audio", "audio_data")
"""Where hosts that answer in JSON (Mistral) have the sound, in base64."""


def request(call: Call, target: Target) -> HttpRequest:
    sent, wire = begin(call, target, "speech", "/audio/speech")
    refuse_stream(wire, sent)
    if wire.get("stream_format") == "sse":
        refuse(sent, "stream_format", ": streams of speech are not spoken here")
        del wire["stream_format"]
    return seal(sent, wire)


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Gives the canonical response twice: there is no JSON to show besides, unless the host answered in JSON.
    target = sent.target
    said = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said.startswith("text/"):
        raise malformed(target, f"the answer is {said}, not sound")
    if said == "application/json" or (body[:1] == b"{" and not said.startswith("audio/")):
        return _from_json(sent, head, body)
    if not body:
        raise malformed(target, "the answer has an empty body")
    canonical = {"audio": body, "content_type": _content_type(sent, said, body), "model": target.model}
    return canonical, canonical


def _from_json(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(sent, head, body)
    name = next((name for name in _JSON_FIELDS if isinstance(raw.get(name), str) and raw[name]), None)
    if name is None:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer is JSON without sound")
    try:
        audio = decoded(raw[name])
    except ValueError as error:
        raise malformed(target, f"{name}: {error}") from None
    rest = without(raw, (name,))
    kind = _content_type(sent, "", audio)
    return {**rest, "audio": audio, "content_type": kind, "model": raw.get("model") or target.model}, raw


def _content_type(sent: HttpRequest, said: str, audio: bytes) -> str:
    # What the sound is: by the host's own word, by how it begins, or by what was asked for.
    if said.startswith(("audio/", "video/")):  # a browser could take other types for a page
        return said
    asked = sent.call.body.get("response_format") or _DEFAULT_FORM
    return TYPES.get(extension_of(audio) or str(asked).lower(), OCTETS)


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, path_args)
    expect_filled(fields.get("input"), "input")
    voice = fields.get("voice")
    if voice is not None and not isinstance(voice, str | dict):
        fail("voice", "expected the name of a voice")
    for name in ("response_format", "instructions", "stream_format"):
        if name in fields:
            expect_text(fields[name], name)
    if "speed" in fields:
        number(0.25, 4)(fields["speed"], "speed")
    if fields.get("stream_format") == "sse":
        raise no_stream("speech")
    return Call("speech", model, fields)


def render(response: JsonDict) -> bytes:
    audio: bytes = response["audio"]
    return audio


FORM = Form(request, response, parse_call, render)
