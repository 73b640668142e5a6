# Moderations in OpenAI's format, both directions.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import malformed, new_id, read_object
from lingate._dialects._base import Form
from lingate._dialects._envelope import seal
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.parameters import begin
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, Head, HttpRequest, JsonDict, Target

DEFAULT_MODEL = "omni-moderation-latest"
"""What OpenAI takes where a request names none."""


def request(call: Call, target: Target) -> HttpRequest:
    return seal(*begin(call, target, "moderations", "/moderations"))


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(sent, head, body)
    results = raw.get("results")
    if not isinstance(results, list) or not results:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no results")
    canonical = {**raw, "results": [_result(item, at, target) for at, item in enumerate(results)]}
    canonical["id"] = raw.get("id") or new_id("modr-")
    canonical["model"] = raw.get("model") or target.model
    return canonical, raw


def _result(raw: Any, at: int, target: Target) -> JsonDict:
    if not isinstance(raw, dict) or not isinstance(raw.get("categories"), dict):
        raise malformed(target, f"results[{at}] has no categories")
    scores = raw.get("category_scores")
    if scores is not None and not isinstance(scores, dict):
        raise malformed(target, f"results[{at}].category_scores is not an object")
    flagged = raw.get("flagged")
    # Mistral leaves the sum of it to the reader.
    return {**raw, "flagged": flagged if isinstance(flagged, bool) else any(raw["categories"].values())}


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, {"model": DEFAULT_MODEL, **path_args})
    given = fields.get("input")
    if isinstance(given, list):
        kind = type(given[0]) if given else None
        for at, item in enumerate(given):
            if type(item) is not kind or kind not in (str, dict):
                fail(f"input[{at}]", "expected text or an object with a type, the same in the whole list")
    if not isinstance(given, str | list) or not given:
        fail("input", "expected text, or a list of texts or parts, that is not empty")
    return Call("moderations", model, fields)


FORM = Form(request, response, parse_call, render)
