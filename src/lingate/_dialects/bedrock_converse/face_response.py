"""As a face: canonical answers as this format's bodies."""

from __future__ import annotations

from typing import Any

from lingate._dialects._arguments import shown_arguments
from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._draft import native_fields
from lingate._dialects._luggage import luggage_of
from lingate._dialects._prompts import content_text
from lingate._dialects.bedrock_converse.assistant import original_blocks, redacted_content
from lingate._dialects.bedrock_converse.facts import FINISH, IMAGES, NAME, STOP_REASON
from lingate._dialects.bedrock_converse.usage import native_usage
from lingate._model import JsonDict
from lingate._wire.json import encode


def render_message(response: JsonDict) -> bytes:
    """A canonical response as an answer. The format has one, so only the first choice is shown."""
    choices = response.get("choices") or [{}]
    choice = choices[0]
    message = choice.get("message") or {}
    native = native_fields(response, NAME)
    wire: JsonDict = {
        "output": {"message": {"role": "assistant", "content": message_blocks(message)}},
        "stopReason": stop_reason(choice.get("finish_reason"), choice.get("native_finish_reason")),
        "usage": native_usage(response.get("usage")),
        "metrics": native.get("metrics") or {"latencyMs": 0},
    }
    wire.update((name, value) for name, value in native.items() if name not in wire)
    return encode(wire)


def message_blocks(message: JsonDict) -> list[JsonDict]:
    """Content blocks of a canonical message: the ones it was read from, or new ones in the usual order."""
    kept = original_blocks(message)
    if kept is not None:
        return kept
    luggage = luggage_of(message, NAME)
    blocks = [reasoning_block(block) for block in (*_thoughts(message), *([luggage] if luggage else ()))]
    text = content_text(message.get("content")) or message.get("refusal")
    if text:
        blocks.append({"text": text})
    citations = [citation(item) for item in message.get("annotations") or ()]
    citations = [item for item in citations if item]
    if citations:
        blocks.append({"citationsContent": {"citations": citations}})
    blocks += [{"image": image} for image in map(image_of, message.get("images") or ()) if image]
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        name = function.get("name") or ""
        given = shown_arguments(function.get("arguments", function.get("input")))
        blocks.append({"toolUse": {"toolUseId": call.get("id") or name, "name": name, "input": given}})
    return blocks


def reasoning_block(block: JsonDict) -> JsonDict:
    """A canonical thinking block as this format's."""
    if block.get("type") == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": redacted_content(str(block.get("data") or ""))}}
    told: JsonDict = {"text": block.get("thinking") or ""}
    if block.get("signature"):
        told["signature"] = block["signature"]
    return {"reasoningContent": {"reasoningText": told}}


def stop_reason(finish: Any, native: Any) -> str:
    """The format's word for a finish reason: the provider's own if it means the same here."""
    if isinstance(native, str) and FINISH.get(native) == finish:
        return native
    return STOP_REASON.get(finish, "end_turn") if isinstance(finish, str) else "end_turn"


def citation(item: Any) -> JsonDict | None:
    """OpenAI's url citation as this format's; None for other kinds."""
    cited = item.get("url_citation") if isinstance(item, dict) else None
    if not isinstance(cited, dict) or not isinstance(cited.get("url"), str):
        return None
    made: JsonDict = {"location": {"web": {"url": cited["url"]}}}
    return {"title": cited["title"], **made} if cited.get("title") else made


def image_of(item: Any) -> JsonDict | None:
    """An image of a canonical message as format and source; None if it is not inside the message."""
    holder = item.get("image_url") if isinstance(item, dict) else None
    url = holder.get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or not is_data_url(url) or "," not in url:
        return None
    media_type, data = split_data_url(url)
    return {"format": IMAGES.get(media_type, "png"), "source": {"bytes": data}}


def render_count(response: JsonDict) -> bytes:
    """A token count."""
    return encode({"inputTokens": response.get("input_tokens", 0)})


def _thoughts(message: JsonDict) -> list[JsonDict]:
    given = message.get("thinking_blocks")
    if given:
        return [block for block in given if isinstance(block, dict)]
    reasoning = message.get("reasoning_content")
    return [{"type": "thinking", "thinking": reasoning}] if reasoning else []
