# Towards the upstream: a canonical call as a `/responses` request. Messages and tools have files of their own.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import expect
from lingate._dialects._envelope import seal
from lingate._dialects._ignorable import is_anthropics_hint, is_anthropics_own, note_others_words
from lingate._dialects._params import refuse_for_provider, sampling, stops
from lingate._dialects.openai_chat.parameters import shorten_user
from lingate._dialects.openai_chat.tools import write_response_format
from lingate._dialects.openai_responses.draft import Draft, draft
from lingate._dialects.openai_responses.facts import ENCRYPTED, LOGPROBS, MIN_OUTPUT_TOKENS
from lingate._dialects.openai_responses.history import write_input
from lingate._dialects.openai_responses.tools import write_tool_fields
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_dict, dig, not_null, without

_NEUTRAL = {
    "n": (1,),
    "seed": (),
    "logit_bias": ({},),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "top_k": (),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
}
"""Chat fields without a counterpart, and the values that ask for what happens anyway."""

_HINTS = ("chat_template_kwargs", "cache_control")
"""Fields that do not change what the answer should be: left out and reported, never an error."""

_WRITTEN = frozenset(
    {
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "web_search_options",
        "response_format",
        "verbosity",
        "text",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "max_tokens",
        "max_completion_tokens",
        "logprobs",
        "top_logprobs",
        "include",
        "store",
        "stop",
        "stream",
        "stream_options",
        "model",
        "provider_specific_fields",
    }
)
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_SAMPLING = ("temperature", "top_p")

_BUDGETS = ((2048, "low"), (8192, "medium"))
"""Budgets of Anthropic's `thinking` as words; above the last it is `high`."""


def write_text(draft: Draft) -> None:
    # Write `text`: the format of the answer, and how long-winded it is.
    asked = {name: draft.asked[name] for name in ("response_format", "verbosity") if name in draft.asked}
    given = draft.native.get("text") if draft.exact else draft.asked.get("text")
    if draft.exact and isinstance(given, dict) and canonical_text(given) == asked:
        draft.body["text"] = given
        return
    text: JsonDict = dict(given) if isinstance(given, dict) and not draft.exact else {}
    if "response_format" in asked:
        text["format"] = _flat_format(asked["response_format"], draft)
    if "verbosity" in asked:
        text["verbosity"] = asked["verbosity"]
    if text:
        draft.body["text"] = text


def canonical_text(text: JsonDict) -> JsonDict:
    # This format's `text` as `response_format` and `verbosity`.
    # Raises Malformed: the format of the answer cannot be read.
    canonical: JsonDict = {}
    form = text.get("format")
    if form is not None:
        expect(form, dict, "text.format")
        if form.get("type") == "json_schema" and "json_schema" not in form:
            expect(form.get("schema"), dict, "text.format.schema")
            form = {"type": "json_schema", "json_schema": not_null(form, ("type",))}
        canonical["response_format"] = form
    if text.get("verbosity") is not None:
        canonical["verbosity"] = text["verbosity"]
    return canonical


def _flat_format(form: Any, draft: Draft) -> JsonDict:
    if not isinstance(form, dict):
        raise draft.broken("response_format", "must be an object such as {'type': 'json_object'}")
    inner = form.get("json_schema", form)
    if form.get("type") != "json_schema" or not isinstance(inner, dict):
        return form
    return {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, **not_null(inner)}


def write_reasoning(draft: Draft) -> None:
    # Write `reasoning`; the caller's own object stands, and `reasoning_effort` is added to it.
    given = draft.native.get("reasoning") if draft.exact else draft.asked.get("reasoning")
    made = dict(as_dict(given))
    effort = draft.asked.get("reasoning_effort")
    off = dig(draft.asked.get("thinking"), "type") == "disabled"
    if (effort is None or off) and not draft.exact:
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        effort = _budget_effort(draft)
    if isinstance(effort, dict):
        made |= effort  # `{"effort": ..., "summary": ...}`, as some clients write it
    elif effort is not None:
        made["effort"] = effort
    elif draft.exact and made.get("effort") is not None:
        del made["effort"]  # taken away since the client asked for it
    if made and not off and dig(draft.asked.get("thinking"), "display") == "summarized":
        made.setdefault("summary", "auto")
    if made or given is not None:
        draft.body["reasoning"] = made


def _budget_effort(draft: Draft) -> str | None:
    thinking = draft.asked.get("thinking")
    if not isinstance(thinking, dict):
        if thinking is not None:
            draft.note("thinking")
        return None
    budget = thinking.get("budget_tokens")
    if thinking.get("type") == "disabled":
        return "none"
    if isinstance(budget, int):
        draft.note("thinking.budget_tokens")
        return next((word for limit, word in _BUDGETS if budget <= limit), "high")
    return "medium" if thinking.get("type") == "enabled" else None


def write_limit(draft: Draft) -> None:
    asked = draft.asked.get("max_completion_tokens", draft.asked.get("max_tokens"))
    if asked is None:
        return
    if not draft.exact and isinstance(asked, int) and asked < MIN_OUTPUT_TOKENS:
        draft.note(f"max_tokens={asked} (sent as {MIN_OUTPUT_TOKENS}, the least that is taken)")
        asked = MIN_OUTPUT_TOKENS
    draft.body["max_output_tokens"] = asked


def write_sampling(draft: Draft) -> None:
    # Write `temperature` and `top_p`.
    # There are no stop sequences here: all of them are enforced on the way back.
    draft.body.update(sampling(draft, _SAMPLING))
    stops(draft, 0)
    draft.sent.stop = draft.stop


def write_storage(draft: Draft) -> None:
    # Write `store` and `include`.
    # A chat is not remembered unless the caller wants to go on by id or to fetch the answer later. What is not
    # remembered must hold its reasoning in itself, in encrypted form, for the turns to come.
    asked = draft.asked
    later = any(asked.get(name) for name in ("background", "conversation", "previous_response_id"))
    if "store" in asked or not later:
        draft.body["store"] = asked.get("store", False)
    draft.stateless = draft.body.get("store") is False


def write_include(draft: Draft) -> None:
    # Write `include` and `top_logprobs`.
    # Call when `reasoning` and `store` are written.
    asked = draft.asked
    given = asked.get("include")
    if given is not None and not isinstance(given, list):
        raise draft.broken("include", "must be a list")
    include = list(given or ())
    if asked.get("logprobs") is True and LOGPROBS not in include:
        include.append(LOGPROBS)
    if given is None and draft.stateless and _reasons(draft):
        include.append(ENCRYPTED)
    if include or given is not None:
        draft.body["include"] = include
    if asked.get("top_logprobs") is not None and asked.get("logprobs") is not False:
        draft.body["top_logprobs"] = asked["top_logprobs"]


def _reasons(draft: Draft) -> bool:
    # Whether the model will reason, as far as the request and the facts about its family tell.
    # A model that does not refuses the word: 400 "Encrypted content is not supported with this model".
    effort = dig(draft.body, "reasoning", "effort")
    if effort is not None:
        return bool(effort != "none")
    sampling = draft.traits.get("sampling")
    return sampling == "none" or (sampling == "effort_none" and draft.traits.get("default_effort") != "none")


def write_rest(draft: Draft) -> None:
    # Leave out what has no counterpart, and pass on everything else.
    for name, value in draft.asked.items():
        if name in _WRITTEN or name in _SAMPLING:
            continue
        if name in _NEUTRAL:
            if value not in _NEUTRAL[name]:
                draft.refuse(name, "the format has no counterpart")
        elif name in _HINTS or is_anthropics_hint(name, value):
            draft.note(name)
        elif is_anthropics_own(name, value):
            draft.refuse(name, "only its client's own format has it")
        else:
            draft.body[name] = value
    note_others_words(draft.asked, draft.note)


def write_stream(draft: Draft) -> None:
    # Write `stream`.
    # Usage comes in every stream without asking.
    options = without(as_dict(draft.asked.get("stream_options")), ("include_usage",))
    if draft.call.stream:
        draft.body["stream"] = True
        if options:
            draft.body["stream_options"] = options


def write_exact_rest(draft: Draft) -> None:
    # What a client of this very format asked for, as it asked for it.
    asked, native, body = draft.asked, draft.native, draft.body
    include = native.get("include")
    wanted = [LOGPROBS] if asked.get("logprobs") is True else []
    if isinstance(include, list):
        kept = include if wanted or LOGPROBS not in include else [word for word in include if word != LOGPROBS]
        body["include"] = kept if LOGPROBS in kept else [*kept, *wanted]
    elif wanted:
        body["include"] = wanted
    for name in ("top_logprobs", "store"):
        if name in asked:
            body[name] = asked[name]
    body.update(without(asked, _WRITTEN))
    if draft.call.stream:
        body["stream"] = True
    if "stream_options" in native:
        body["stream_options"] = native["stream_options"]


def write_request(call: Call, target: Target) -> HttpRequest:
    # A call, ready to be sent.
    # A call of the `responses` operation goes out as its client wrote it.
    made = write_body(call, target)
    return seal(made.sent, {"model": target.model, **made.body})


def write_body(call: Call, target: Target) -> Draft:
    # The wire body of a call, without `model`.
    made = draft(call, target)
    if made.exact:
        _write_both(made)
        write_exact_rest(made)
    else:
        _translate(made)
    return made


def _write_both(made: Draft) -> None:
    write_input(made)
    write_limit(made)
    write_tool_fields(made)
    write_text(made)
    write_reasoning(made)


def _translate(made: Draft) -> None:
    # The row and the model's family speak of chat fields, so they come before anything is renamed.
    refuse_for_provider(made)
    write_response_format(made.asked, made.sent)
    write_storage(made)
    _write_both(made)
    write_include(made)
    write_sampling(made)
    write_rest(made)
    shorten_user(made.body, made.sent, longest=64)
    write_stream(made)
