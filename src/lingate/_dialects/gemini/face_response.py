"""As a face: canonical answers as this format's bodies."""

from __future__ import annotations

from typing import Any

from lingate._dialects._arguments import shown_arguments
from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._dates import rfc3339
from lingate._dialects._draft import native_fields
from lingate._dialects._luggage import luggage_of
from lingate._dialects.gemini.assistant import original_parts
from lingate._dialects.gemini.checks import objects
from lingate._dialects.gemini.content import content_text
from lingate._dialects.gemini.facts import FINISH, FINISH_REASON, MEDIA_TYPES, NAME
from lingate._dialects.gemini.grounding import grounding_metadata
from lingate._dialects.gemini.logprobs import native_logprobs
from lingate._dialects.gemini.parts import call_signature, sealed_signatures, wire_id
from lingate._dialects.gemini.passport import foreign_part, is_foreign_block
from lingate._dialects.gemini.response import finish_reason
from lingate._dialects.gemini.sound import native_sound
from lingate._dialects.gemini.usage import native_usage
from lingate._model import JsonDict
from lingate._wire.json import encode


def render_answer(response: JsonDict) -> bytes:
    """A canonical response as a whole answer."""
    native = native_fields(response, NAME)
    choices = response.get("choices") or ()
    wire: JsonDict = {}
    if not is_blocked(native, choices):
        wire["candidates"] = [_candidate(choice) for choice in choices]
    if response.get("usage"):
        wire["usageMetadata"] = native_usage(response["usage"])
    wire.update(answer_fields(response.get("id"), response.get("model"), response.get("created")))
    wire.update(native)
    return encode(wire)


def is_blocked(native: JsonDict, choices: Any) -> bool:
    """Whether the prompt was refused by this format's own provider, which then gives no candidates."""
    feedback = native.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    said = any((choice.get("message") or {}).get("content") for choice in choices)
    return reason is not None and not said


def answer_fields(identity: Any, model: Any, created: Any) -> JsonDict:
    """What every answer and event has at its top."""
    fields: JsonDict = {"modelVersion": model or "", "responseId": identity or ""}
    if isinstance(created, int) and created > 0:
        fields["createTime"] = rfc3339(created)
    return fields


def finish_word(reason: Any, native: Any) -> str:
    """The format's word for a finish reason: its own provider's if it means the same."""
    called = reason in ("tool_calls", "function_call")
    if (
        isinstance(native, str)
        and native in FINISH
        and finish_reason(native, called) == ("tool_calls" if called else reason)
    ):
        return native
    return FINISH_REASON.get(reason, "STOP") if isinstance(reason, str) else "STOP"


def message_parts(message: JsonDict) -> list[JsonDict]:
    """Parts of a canonical message: the ones it was read from, or new ones in the usual order."""
    kept = original_parts(message)
    if kept is not None:
        return kept
    sealed = sealed_signatures(message.get("thinking_blocks"))
    parts = _thoughts(message)
    luggage = luggage_of(message, NAME)
    parts += [foreign_part(luggage)] if luggage else []
    text = content_text(message.get("content"))
    if text:
        parts.append({"text": text})
    if "" in sealed:
        if parts and not parts[-1].get("thought"):
            parts[-1]["thoughtSignature"] = sealed[""]
        else:
            parts.append({"text": "", "thoughtSignature": sealed[""]})
    parts += [made for made in map(image_part, objects(message.get("images"))) if made]
    sound = native_sound(message.get("audio"))
    parts += [sound] if sound else []
    return parts + [call_part(call, sealed) for call in objects(message.get("tool_calls"))]


def image_part(image: JsonDict) -> JsonDict | None:
    """A picture of an answer as a part."""
    holder = image.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or not url:
        return None
    signature = call_signature(image)
    signed = {"thoughtSignature": signature} if signature else {}
    if is_data_url(url) and "," in url:
        kind, data = split_data_url(url)
        return {"inlineData": {"mimeType": kind or "image/png", "data": data}, **signed}
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return {"fileData": {"mimeType": MEDIA_TYPES.get(ending, "image/png"), "fileUri": url}, **signed}


def call_part(call: JsonDict, sealed: dict[str, str]) -> JsonDict:
    """A tool call as a part."""
    function = call.get("function") or call.get("custom") or {}
    given = call.get("id")
    wire: JsonDict = {"name": function.get("name") or ""}
    if isinstance(given, str) and given and wire_id(given) is not None:
        wire = {"id": given, **wire}
    wire["args"] = shown_arguments(function.get("arguments", function.get("input")))
    part: JsonDict = {"functionCall": wire}
    signature = call_signature(call) or (sealed.get(given) if isinstance(given, str) else None)
    if signature:
        part["thoughtSignature"] = signature
    return part


def candidate_fields(message: JsonDict) -> JsonDict:
    """What a candidate has beside its content."""
    fields = {name: value for name, value in native_fields(message, NAME).items() if name != "parts"}
    if "groundingMetadata" not in fields and "citationMetadata" not in fields:
        made = grounding_metadata(message.get("annotations"), content_text(message.get("content")))
        if made:
            fields["groundingMetadata"] = made
    return fields


def render_count(response: JsonDict) -> bytes:
    """A token count."""
    rest = {name: value for name, value in response.items() if name not in ("input_tokens", "object")}
    return encode({"totalTokens": response.get("input_tokens", 0), **rest})


def _candidate(choice: JsonDict) -> JsonDict:
    message = choice.get("message") or {}
    reason = finish_word(choice.get("finish_reason"), choice.get("native_finish_reason"))
    parts, refusal = message_parts(message), message.get("refusal")
    if reason == "STOP" and isinstance(refusal, str) and refusal:
        parts.append({"text": refusal})
    candidate: JsonDict = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": reason,
        "index": choice.get("index") or 0,
    }
    if reason != "STOP" and isinstance(refusal, str):
        candidate["finishMessage"] = refusal
    logprobs = native_logprobs(choice.get("logprobs"))
    if logprobs:
        candidate["logprobsResult"] = logprobs
    return {**candidate, **candidate_fields(message)}


def _thoughts(message: JsonDict) -> list[JsonDict]:
    """Reasoning as thought parts; blocks with another provider's proof travel whole."""
    blocks = list(objects(message.get("thinking_blocks")))
    if not blocks:
        reasoning = message.get("reasoning_content")
        return [{"text": reasoning, "thought": True}] if isinstance(reasoning, str) and reasoning else []
    parts: list[JsonDict] = []
    for block in blocks:
        text = block.get("thinking")
        if isinstance(text, str) and text:
            parts.append({"text": text, "thought": True})
        if is_foreign_block(block):
            parts.append(foreign_part(block))
    return parts
