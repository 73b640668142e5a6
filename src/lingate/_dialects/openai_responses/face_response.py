# As a face: canonical answers as response objects.

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import asked_of
from lingate._dialects._reading import first_choice
from lingate._dialects.openai_responses.draft import native_fields
from lingate._dialects.openai_responses.face_items import output_items
from lingate._dialects.openai_responses.facts import ANSWERED, ASKED, INCOMPLETE_REASON, NAME, PENDING
from lingate._dialects.openai_responses.history import original_items
from lingate._dialects.openai_responses.response import canonical_usage, finish_reason, native_usage
from lingate._model import Call, JsonDict
from lingate._wire.json import encode
from lingate._wire.shapes import as_dict, as_str

_SHAPE: JsonDict = {
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": None,
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "usage": None,
    "user": None,
}
"""What clients expect to find in a response, and what it holds where nobody said."""


def render_response(response: JsonDict) -> bytes:
    return encode(response_object(response))


def response_object(response: JsonDict) -> JsonDict:
    # A canonical response as a response object.
    # The format has one answer, so only the first choice is shown.
    # A response of this very format is given back as it came, but for what was changed since.
    choice, message = first_choice(response)
    native = native_fields(response)
    given = response.get("id") or native.get("id") or "resp_unknown"
    finish = choice.get("finish_reason")
    status = status_of(finish, native)
    if finish is None and choice.get("native_finish_reason") in PENDING:
        status = choice["native_finish_reason"]
    wire = frame(given, response.get("created"), response.get("model"), status, native)
    kept = original_items(message, native.get("tools"))
    if kept is not None:
        wire["output"] = kept
    else:
        # What has not been said whole must not be taken for it.
        part = "in_progress" if status in PENDING else "incomplete" if status == "incomplete" else "completed"
        wire["output"] = output_items(message, choice.get("logprobs"), given, part)
    if status == "incomplete" and not wire.get("incomplete_details"):
        wire["incomplete_details"] = {"reason": INCOMPLETE_REASON.get(str(finish), "max_output_tokens")}
    wire["usage"] = usage_of(response.get("usage"), native)
    if response.get("service_tier") is not None:
        wire["service_tier"] = response["service_tier"]
    return wire


def frame(given: str, created: Any, model: Any, status: str, native: JsonDict) -> JsonDict:
    # A response object without its output: the provider's own if it was one, in the usual shape otherwise.
    own = native if "object" in native else {**_SHAPE, **native}
    at = created if isinstance(created, int) and created else own.get("created_at") or 0
    if isinstance(own.get("created_at"), float) and 0 <= own["created_at"] - at < 1:
        at = own["created_at"]
    return {
        **own,
        "id": given,
        "object": "response",
        "created_at": at,
        "status": status,
        "model": as_str(model) or own.get("model") or "",
    }


def status_of(finish: Any, native: JsonDict) -> str:
    # The format's word for where an answer stands: its own provider's if it means the same.
    status = native.get("status")
    if isinstance(status, str) and finish_reason(native, finish == "tool_calls") == finish:
        return status
    if finish in INCOMPLETE_REASON:
        return "incomplete"
    return "in_progress" if finish is None else "completed"


def usage_of(usage: Any, native: JsonDict) -> JsonDict | None:
    # Token counts: the provider's own if they say the same.
    own = native.get("usage")
    return own if isinstance(own, dict) and canonical_usage(own) == usage else native_usage(usage)


def echo_of(call: Call) -> JsonDict:
    # What a response repeats of its request, for providers that repeat nothing.
    asked, native = asked_of(call), native_fields(call.body)
    echo = {name: value for name, value in asked.items() if name in ASKED and name not in ANSWERED}
    for name in ("instructions", "tools", "tool_choice", "reasoning"):
        echo.pop(name, None)
        if name in native:
            echo[name] = native[name]
    if "text" in native:
        echo["text"] = {"format": {"type": "text"}, **native["text"]}
    if "max_completion_tokens" in asked:
        echo["max_output_tokens"] = asked["max_completion_tokens"]
    echo.pop("previous_response_id", None)
    echo["store"] = False  # nobody keeps it
    return echo


def with_echo(response: JsonDict, call: Call) -> JsonDict:
    # The response with what it repeats of the request beside it.
    fields = as_dict(response.get("provider_specific_fields"))
    return {**response, "provider_specific_fields": {**fields, NAME: echo_of(call)}}
