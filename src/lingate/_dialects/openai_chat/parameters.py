# Request parameters other than messages and tools: what they are called at this provider and how far they go.

from __future__ import annotations

from typing import Any

from lingate._dialects._envelope import new_request, note, refuse
from lingate._dialects._refusals import take_out
from lingate._model import Call, HttpRequest, JsonDict, Operation, Target
from lingate._wire.shapes import as_dict, not_null

# Left out and reported, never an error.
_HINTS = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier")


def apply_refusals(wire: JsonDict, sent: HttpRequest) -> None:
    # Take out what the row says the provider refuses.
    def refused(what: str) -> None:
        (note if what in _HINTS else refuse)(sent, what)

    take_out(wire, sent.target.row.unsupported, refused)


_MAX_STOP = 4
"""OpenAI's own limit; most clones share it."""

_INCLUDE_USAGE = {"include_usage": True}


def tidy(wire: JsonDict) -> None:
    # Leave out what says nothing: nulls, empty tool lists, and what is only allowed beside tools.
    if None in wire.values():
        for name in [name for name, value in wire.items() if value is None]:
            del wire[name]
    if "tools" in wire and not wire["tools"]:
        del wire["tools"]
    if "tools" not in wire:
        # OpenAI refuses both without tools.
        wire.pop("tool_choice", None)
        wire.pop("parallel_tool_calls", None)
    if "functions" in wire and not wire["functions"]:
        del wire["functions"]
        wire.pop("function_call", None)


def shorten_user(wire: JsonDict, sent: HttpRequest, longest: int = 128) -> None:
    # Name the end user by a hash where the name is longer than providers take: coding agents put whole objects there.
    for name in ("user", "safety_identifier"):
        given = wire.get(name)
        if isinstance(given, str) and len(given) > longest:
            from hashlib import sha256  # hardly ever needed

            wire[name] = sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
            note(sent, f"{name} (its SHA-256 instead: {len(given)} characters)")


def rename_values(wire: JsonDict, sent: HttpRequest) -> None:
    # Row entries of the form `field=value`: one word of a field is another word here.
    for old, new in sent.target.row.rename.items():
        name, equals, value = old.partition("=")
        if equals and name in wire and str(wire[name]).lower() == value.lower():
            wire[name] = new.removeprefix(f"{name}=")


def rename_fields(wire: JsonDict, sent: HttpRequest) -> None:
    # Row entries `old` -> `new` or `old` -> `outer.new`.
    # A value already under the new name wins.
    for old, new in sent.target.row.rename.items():
        if "=" in old or old not in wire:
            continue
        value = wire.pop(old)
        holder = wire
        *outer, name = new.split(".")
        for key in outer:
            inner = holder.get(key)
            holder[key] = dict(as_dict(inner))
            holder = holder[key]
        holder.setdefault(name, value)


def name_max_tokens(wire: JsonDict, sent: HttpRequest) -> None:
    # Send the cap on the answer under the name this provider knows.
    traits = sent.target.traits
    wanted = traits.get("max_tokens_param", "max_tokens")
    other = "max_completion_tokens" if wanted == "max_tokens" else "max_tokens"
    if other in wire:
        value = wire.pop(other)
        if wire.setdefault(wanted, value) != value:
            note(sent, f"{other}={value}")
    if wanted not in wire and "default_max_tokens" in traits:
        wire[wanted] = traits["default_max_tokens"]


def limit_stop(wire: JsonDict, sent: HttpRequest) -> None:
    # Cut the stop sequences to what the wire takes.
    # All of them stay on the request, to be enforced on the way back.
    stop = wire.get("stop")
    if not stop:
        wire.pop("stop", None)
        return
    limit = 0 if "stop" in sent.target.row.unsupported else sent.target.traits.get("max_stop", _MAX_STOP)
    sequences = [stop] if isinstance(stop, str) else stop
    if not isinstance(sequences, list | tuple) or len(sequences) <= limit:
        return
    sent.stop = tuple(sequences)
    if limit:
        wire["stop"] = list(sequences[:limit])
        note(sent, f"stop[{limit}:]")
    else:
        del wire["stop"]
        note(sent, "stop")


def limit_sampling(wire: JsonDict, sent: HttpRequest) -> None:
    # Temperature and top_p as far as this model takes them.
    traits = sent.target.traits
    mode = traits.get("sampling", "any")
    if mode == "one" and "temperature" in wire and "top_p" in wire:
        del wire["top_p"]
        note(sent, "top_p")
    elif mode == "none":
        for name in ("temperature", "top_p", "top_k"):
            if name in wire:
                if name == "top_k" or wire[name] != 1:
                    refuse(sent, name, ": this model takes no sampling parameters")
                del wire[name]
    highest = traits.get("max_temperature")
    temperature = wire.get("temperature")
    if highest is not None and isinstance(temperature, int | float) and temperature > highest:
        wire["temperature"] = highest
        note(sent, f"temperature={temperature} -> {highest}")


def set_stream(wire: JsonDict, sent: HttpRequest) -> None:
    # Ask for the stream, and for usage in it where the provider knows how to ask.
    if not sent.call.stream:
        wire.pop("stream_options", None)
        return
    wire["stream"] = True
    asked = sent.target.traits.get("stream_usage", True) and "stream_options" not in sent.target.row.unsupported
    given = wire.pop("stream_options", None)
    if asked:
        wire["stream_options"] = {**given, "include_usage": True} if isinstance(given, dict) else _INCLUDE_USAGE
    elif isinstance(given, dict) and given.keys() - _INCLUDE_USAGE.keys():
        note(sent, "stream_options")


# Budgets of Anthropic's `thinking` as effort words; the steps are those that the words stand for at most hosts.
_EFFORTS = ((2048, "low"), (8192, "medium"))


def write_reasoning(wire: JsonDict, sent: HttpRequest) -> None:
    # Write `reasoning_effort`, or an Anthropic-style `thinking`, the way this provider switches reasoning.
    # What cannot be said exactly (a budget where there are only words, a word where there is only a switch) is noted.
    if "reasoning_effort" not in wire and "thinking" not in wire:
        return
    param = sent.target.traits.get("reasoning_param", "reasoning_effort")
    thinking = wire.get("thinking")
    if param == "none":
        for name in ("reasoning_effort", "thinking"):
            if name in wire:
                refuse(sent, name)
                del wire[name]
        return
    if thinking is not None and not isinstance(thinking, dict):
        return  # not Anthropic's object but a switch of the provider's own
    effort = wire.pop("reasoning_effort", None)
    if effort is not None and _switch(thinking) is False:
        effort = None
        note(sent, "reasoning_effort (thinking is given)")
    traits = sent.target.traits
    if param == "thinking" and thinking is not None and (thinking.get("type") != "adaptive" or "thinking" in traits):
        expressed = {"budget"}  # the provider's own object: as the caller wrote it
        on: bool | None = True
    else:
        wire.pop("thinking", None)
        on = effort != "none" if effort is not None else _switch(thinking)
        never = traits.get("default_effort") == "none" and traits.get("sampling") != "effort_none"
        if never and (on is False or sent.call.drop_params):
            # A model that never reasons is told to, or not to, by clients all the same, and refuses the word.
            if on:
                note(sent, "reasoning_effort" if thinking is None else "thinking")
            on = None
        expressed = set() if on is None else _WRITERS[param](wire, on, effort, (thinking or {}).get("budget_tokens"))
    if on and effort is not None and "effort" not in expressed:
        note(sent, f"reasoning_effort={effort}")
    if on and thinking and "budget_tokens" in thinking and "budget" not in expressed:
        note(sent, "thinking.budget_tokens")


def _switch(thinking: JsonDict | None) -> bool | None:
    # On, off, or None for `adaptive`, which leaves it to the model as saying nothing does.
    kind = thinking.get("type") if thinking else None
    return False if kind == "disabled" else True if kind == "enabled" else None


# Writers return which of `effort` and `budget` they could express.


def _write_effort(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    if on and effort is None:
        effort = (
            next((word for limit, word in _EFFORTS if budget <= limit), "high") if isinstance(budget, int) else "medium"
        )
    wire["reasoning_effort"] = effort if on else "none"
    return {"effort"}


def _write_object(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    asked: JsonDict = {"enabled": on}
    if on and effort is not None:
        asked = {"effort": effort}
    elif on and isinstance(budget, int):
        asked = {"max_tokens": budget}
    given = wire.get("reasoning")
    wire["reasoning"] = {**asked, **given} if isinstance(given, dict) else asked
    return {"effort"} if "effort" in asked else {"budget"}


def _write_type(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    wire["thinking"] = {"type": "enabled" if on else "disabled"}
    return set()


def _write_bool(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    wire["thinking"] = on
    return set()


def _write_enable(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    wire["enable_thinking"] = on
    if on and isinstance(budget, int):
        wire.setdefault("thinking_budget", budget)
    return {"budget"}


def _write_template(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    wire["chat_template_kwargs"] = {"enable_thinking": on, **as_dict(wire.get("chat_template_kwargs"))}
    return set()


def _write_think(wire: JsonDict, on: bool, effort: Any, budget: Any) -> set[str]:
    graded = on and effort in {"low", "medium", "high"}
    wire["think"] = effort if graded else on
    return {"effort"} if graded else set()


_WRITERS = {
    "reasoning_effort": _write_effort,
    "reasoning": _write_object,
    "thinking": _write_type,
    "thinking_bool": _write_bool,
    "enable_thinking": _write_enable,
    "chat_template_kwargs": _write_template,
    "think": _write_think,
}


def begin(call: Call, target: Target, operation: Operation, path: str) -> tuple[HttpRequest, JsonDict]:
    # A request without a body, and its body as far as the row decides on it.
    sent = new_request(call, target, operation, path)
    wire = {"model": target.model, **not_null(call.body)}
    wire.pop("provider_specific_fields", None)
    rename_values(wire, sent)
    apply_refusals(wire, sent)
    rename_fields(wire, sent)
    return sent, wire


def refuse_stream(wire: JsonDict, sent: HttpRequest) -> None:
    # Take `stream` out of an operation whose streams are not spoken here.
    if wire.pop("stream", None):
        refuse(sent, "stream", f": streams of {sent.call.operation} are not spoken here")
