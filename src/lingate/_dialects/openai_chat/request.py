# A canonical chat call as the bytes this provider takes.

from __future__ import annotations

from functools import partial

from lingate._dialects._envelope import new_request, note, refuse, seal
from lingate._dialects._ignorable import KEPT_ELSEWHERE, note_others_words, without_anthropics
from lingate._dialects.openai_chat import parameters
from lingate._dialects.openai_chat.content import NAME
from lingate._dialects.openai_chat.messages import write_messages
from lingate._dialects.openai_chat.parameters import apply_refusals
from lingate._dialects.openai_chat.tools import offer_allowed, write_response_format, write_tool_choice, write_tools
from lingate._model import ORDINARY, Call, HttpRequest, JsonDict, Target


def request(call: Call, target: Target) -> HttpRequest:
    sent = new_request(call, target, "chat", "/chat/completions")
    wire = {"model": target.model, **call.body}
    differs = target.differs
    if differs or None in wire.values() or not ORDINARY.issuperset(call.body):
        _translate(wire, sent)
    if "user" in wire or "safety_identifier" in wire:
        parameters.shorten_user(wire, sent)
    if "messages" in wire and (differs or wire["messages"] is not call.texts):
        wire["messages"] = write_messages(wire["messages"], sent)
    if call.stream or "stream_options" in wire:
        parameters.set_stream(wire, sent)
    if differs:
        parameters.rename_fields(wire, sent)
    return seal(sent, wire)


def _translate(wire: JsonDict, sent: HttpRequest) -> None:
    # What the provider calls differently, or does not take.
    # Value renames come first and field renames last, so that everything between them sees canonical names. Structured
    # output comes before tools, because it may add one, and refusals after what can turn a parameter into another.
    parameters.tidy(wire)
    if not sent.target.traits.get("canonical_history"):
        note_others_words(wire, partial(note, sent), NAME)
    wire.pop("provider_specific_fields", None)
    if sent.target.row.rename:
        parameters.rename_values(wire, sent)
    parameters.name_max_tokens(wire, sent)
    write_response_format(wire, sent)
    parameters.write_reasoning(wire, sent)
    if not sent.target.traits.get("canonical_history"):
        for name in wire.keys() & KEPT_ELSEWHERE:
            refuse(sent, name, ": it names a part of the prompt that its own provider keeps")
            del wire[name]
    if "cache_control" in wire and not sent.target.traits.get("cache_control"):
        del wire["cache_control"]
        note(sent, "cache_control")
    if not sent.target.traits.get("cache_control"):
        without_anthropics(wire, partial(note, sent), partial(refuse, sent))
    write_tools(wire, sent)
    offer_allowed(wire, sent)
    write_tool_choice(wire, sent)
    if sent.target.row.unsupported:
        apply_refusals(wire, sent)
    parameters.limit_stop(wire, sent)
    parameters.limit_sampling(wire, sent)
