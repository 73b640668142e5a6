# Everything that can go wrong on request.

# `FAULTS` is the table; its order is the order of the documentation.
#
# A fault is one of three things: an error that is answered in the dialect's own form, an edit of the answer, or an edit
# of the steps that send it.

from __future__ import annotations

from collections.abc import Callable

from lingate._model import Fixed, JsonDict
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilterError,
    ContextLengthError,
    InternalServerError,
    LingateError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTimeoutError,
)
from lingate.simulator import edits
from lingate.simulator.edits import EditSteps, Scene
from lingate.simulator.prompt import count, split
from lingate.simulator.steps import Drop, Hang

MakeError = Callable[[Scene, float | None], LingateError]
EditAnswer = Callable[[JsonDict, float], None]


class Fault(Fixed, frozen=True):
    # One row of the table: exactly one of `error`, `answer` and `steps` is given.

    about: str
    """What the client sees."""
    arg: float = 0.0
    """Default of the argument, whose meaning `about` explains."""
    status: int | None = None
    """HTTP status of an error; None where dialects differ in it."""
    error: MakeError | None = None
    """Makes the error to answer with."""
    answer: EditAnswer | None = None
    """Changes the canonical response in place."""
    steps: EditSteps | None = None
    """Changes the steps."""


def _refusal(about: str, status: int | None, kind: type[LingateError], message: str) -> Fault:
    def make(scene: Scene, arg: float | None) -> LingateError:
        # No status and no provider: faces show the words of errors that were raised about a request of their own.
        return kind(message.format(model=scene.model, key=scene.key or "(none)"), retry_after=arg)

    return Fault(about, status=status, error=make)


def _edit_texts(response: JsonDict, change: Callable[[str], str], finish: str | None) -> None:
    # Change the text of each choice of a chat or a completion, and leave nothing else in it.
    for choice in response.get("choices") or ():
        holder, name = (choice, "text") if "text" in choice else (choice["message"], "content")
        holder[name] = change(holder.get(name) or "")
        choice.pop("logprobs", None)
        if finish is not None:
            choice["finish_reason"] = finish


def _filtered(response: JsonDict, arg: float) -> None:
    response.pop("provider_specific_fields", None)
    for choice in response.get("choices") or ():
        choice.get("message", {}).pop("tool_calls", None)
    _edit_texts(response, lambda text: "".join(split(text)[: count(text) // 2]), "content_filter")


def _empty_answer(response: JsonDict, arg: float) -> None:
    for choice in response.get("choices") or ():
        if "message" in choice:
            choice["message"] = {"role": "assistant", "content": ""}
    _edit_texts(response, lambda text: "", "stop")


def _huge(response: JsonDict, arg: float) -> None:
    _edit_texts(response, lambda text: f"{text} {'x' * int(arg)}", None)


_TOO_LONG = (
    "This model's maximum context length is 200000 tokens. However, your messages resulted in 250001 tokens: "
    "the prompt is too long: 250001 tokens > 200000 maximum"
)

FAULTS = {
    "bad_request": _refusal("400, invalid request.", 400, BadRequestError, "Invalid value"),
    "auth": _refusal(
        "401 that repeats the key it was given, as real providers do.",
        401,
        AuthenticationError,
        "Incorrect API key provided: {key}.",
    ),
    "payment": _refusal("402, payment required.", 402, PaymentRequiredError, "Your account has no credit left"),
    "permission": _refusal("403, not allowed.", 403, PermissionDeniedError, "Your key may not use the model {model}"),
    "not_found": _refusal("404, no such model.", 404, NotFoundError, "The model `{model}` does not exist"),
    "timeout": _refusal("408, the provider gave up.", 408, RequestTimeoutError, "The request timed out"),
    "conflict": _refusal("409, conflict.", 409, ConflictError, "Another request is under way"),
    "payload_too_large": _refusal(
        "413, too many bytes.", 413, PayloadTooLargeError, "Request exceeds the maximum size"
    ),
    "rate_limit": _refusal(
        "429 with rate-limit headers; the argument is Retry-After in seconds (none: no such header).",
        429,
        RateLimitError,
        "Rate limit reached for {model}: 60 requests per min",
    ),
    "quota": _refusal(
        "The dialect's error for an account without credit, so waiting does not help.",
        None,
        QuotaExceededError,
        "You exceeded your current quota, check your billing",
    ),
    "server_error": _refusal("500, internal error.", 500, InternalServerError, "The server had an error"),
    "bad_gateway": _refusal("502, JSON.", 502, InternalServerError, "Bad gateway"),
    "unavailable": _refusal(
        "503, out of capacity; the argument is Retry-After in seconds.",
        503,
        OverloadedError,
        "The server is overloaded, try again later",
    ),
    "gateway_timeout": _refusal("504, a part of the provider gave up.", 504, RequestTimeoutError, "Gateway timeout"),
    "overloaded": _refusal(
        "529, overloaded; the argument is Retry-After in seconds.", 529, OverloadedError, "Overloaded"
    ),
    "context": _refusal("The dialect's error for a prompt that does not fit.", 400, ContextLengthError, _TOO_LONG),
    "content_filter": _refusal(
        "400, the prompt was refused by a content policy.",
        400,
        ContentFilterError,
        "Your request was rejected by our safety system",
    ),
    "filtered": Fault("An answer cut half-way with the finish reason of a content filter.", answer=_filtered),
    "empty_answer": Fault("A proper answer without text or tool calls.", answer=_empty_answer),
    "huge_event": Fault("One event of so many bytes of text.", 1 << 20, answer=_huge),
    "error_in_200": Fault("Status 200 whose body, or only event, is an error.", steps=edits.error_in_200),
    "empty_body": Fault("Status 200 without a body.", steps=edits.empty_body),
    "html": Fault("An HTML page; the argument is its status.", 502, steps=edits.html),
    "malformed_json": Fault(
        "A body that stops in the middle of its JSON, announced as complete.",
        steps=lambda steps, scene, _: edits.malformed(steps, scene, 1),
    ),
    "slow_head": Fault("Nothing at all for so many milliseconds.", 2000, steps=edits.slow_head),
    "slow_first": Fault("Status and headers, then nothing for so many milliseconds.", 2000, steps=edits.slow_first),
    "hang_head": Fault("Nothing at all, ever; the connection stays open.", steps=edits.instead(Hang())),
    "reset_head": Fault("The connection is reset (RST) instead of an answer.", steps=edits.instead(Drop(reset=True))),
    "close_head": Fault("The connection is closed (FIN) instead of an answer.", steps=edits.instead(Drop())),
    "stall": Fault("After N events nothing more; the connection stays open.", 3, steps=edits.ending(Hang())),
    "cut": Fault("After N events the connection is closed (FIN) in mid-body.", 3, steps=edits.ending(Drop())),
    "reset": Fault("After N events the connection is reset (RST).", 3, steps=edits.ending(Drop(reset=True))),
    "eof": Fault("After N events the body ends as if it were complete.", 3, steps=edits.eof),
    "error_event": Fault("After N events an error event, then the end.", 3, steps=edits.error_event),
    "malformed_event": Fault("After N events one whose JSON is broken, then the rest.", 3, steps=edits.malformed),
    "no_usage": Fault("Token counts are missing.", steps=edits.no_usage),
    "no_finish": Fault("Finish reasons are null; the stream's end is still there.", steps=edits.no_finish),
    "no_terminal": Fault("Everything but the stream's terminal event.", steps=edits.no_terminal),
    "no_tool_index": Fault("Tool-call deltas have no index (OpenAI streams).", steps=edits.no_tool_index),
    "duplicate_finish": Fault("Each event with a finish reason comes twice.", steps=edits.duplicate_finish),
    "empty_choices": Fault("Events whose list of choices is empty (OpenAI streams).", steps=edits.empty_choices),
    "comments": Fault("A comment (SSE) or an empty line (NDJSON) before each event.", steps=edits.comments),
    "crlf": Fault("Lines of the stream end in CR LF.", steps=edits.crlf),
    "drip": Fault("The body is written byte by byte.", steps=edits.drip),
}
"""Every fault, by the name it is asked for."""

_BY_STATUS = {str(fault.status): name for name, fault in reversed(FAULTS.items()) if fault.status}
"""The first fault of each status."""

FAULT_NAMES = {**{name: name for name in FAULTS}, **_BY_STATUS}
"""Names and aliases under which faults are asked for, to the name in `FAULTS`."""
