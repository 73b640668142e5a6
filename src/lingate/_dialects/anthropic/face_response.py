"""As a face: canonical answers as this format's bodies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from lingate._dialects._arguments import shown_arguments
from lingate._dialects._luggage import luggage_of
from lingate._dialects._prompts import content_text
from lingate._dialects.anthropic.assistant import original_blocks
from lingate._dialects.anthropic.draft import native_fields
from lingate._dialects.anthropic.facts import FINISH, NAME, STOP_REASON
from lingate._dialects.anthropic.usage import native_usage
from lingate._model import JsonDict
from lingate._wire.json import encode


def render_message(response: JsonDict) -> bytes:
    """A canonical response as a message. The format has one answer, so only the first choice is shown."""
    choices = response.get("choices") or [{}]
    choice = choices[0]
    message = choice.get("message") or {}
    native = native_fields(response)
    wire: JsonDict = {
        "id": response.get("id") or "msg_unknown",
        "type": "message",
        "role": "assistant",
        "model": response.get("model") or "",
        "content": message_blocks(message),
        "stop_reason": stop_reason(choice.get("finish_reason"), native.get("stop_reason"), message.get("refusal")),
        "stop_sequence": native.get("stop_sequence"),
        "usage": native_usage(response.get("usage")),
    }
    details = native.get("stop_details") or stop_details(wire["stop_reason"], message.get("refusal"))
    if details:
        wire["stop_details"] = details
    wire.update((name, value) for name, value in native.items() if name not in wire)
    return encode(wire)


def message_blocks(message: JsonDict) -> list[JsonDict]:
    """Content blocks of a canonical message: the ones it was read from, or new ones in the usual order."""
    kept = original_blocks(message)
    if kept is not None:
        return kept
    blocks = thinking_blocks(message)
    luggage = luggage_of(message, NAME)
    blocks += [luggage] if luggage else []
    text = content_text(message.get("content")) or message.get("refusal")
    if text:
        block: JsonDict = {"type": "text", "text": text}
        citations = citations_of(message.get("annotations"), text)
        if citations:
            block["citations"] = citations
        blocks.append(block)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input"))
        name = function.get("name") or ""
        blocks.append(
            {"type": "tool_use", "id": call.get("id") or name, "name": name, "input": shown_arguments(arguments)}
        )
    return blocks


def thinking_blocks(message: JsonDict) -> list[JsonDict]:
    """Thinking with signatures where there are any; other providers' reasoning is shown with an empty one."""
    given = message.get("thinking_blocks")
    if given:
        return [{"signature": "", **block} if block.get("type") == "thinking" else block for block in given]
    reasoning = message.get("reasoning_content")
    return [{"type": "thinking", "thinking": reasoning, "signature": ""}] if reasoning else []


def stop_reason(finish: Any, native: Any, refusal: Any = None) -> str:
    """The format's word for a finish reason: its own provider's if it means the same."""
    if isinstance(native, str) and FINISH.get(native, "stop") == finish:
        return native
    if finish == "stop" and refusal:
        return "refusal"
    return STOP_REASON.get(finish, "end_turn") if isinstance(finish, str) else "end_turn"


def stop_details(reason: str, refusal: Any) -> JsonDict | None:
    """What is known about a refusal that the format's own provider did not describe."""
    if reason != "refusal" or not isinstance(refusal, str):
        return None
    return {"type": "refusal", "category": None, "explanation": refusal}


def citations_of(items: Any, text: str) -> list[JsonDict]:
    """OpenAI's url citations as this format's. The empty index tells them from the provider's own."""
    made = []
    for item in items if isinstance(items, list) else ():
        cited = item.get("url_citation") if isinstance(item, dict) else None
        if isinstance(cited, dict) and isinstance(cited.get("url"), str):
            made.append(
                {
                    "type": "web_search_result_location",
                    "url": cited["url"],
                    "title": cited.get("title"),
                    "cited_text": _slice(text, cited.get("start_index"), cited.get("end_index")),
                    "encrypted_index": "",
                }
            )
    return made


def render_count(response: JsonDict) -> bytes:
    """A token count."""
    return encode({"input_tokens": response.get("input_tokens", 0)})


def render_models(response: JsonDict) -> bytes:
    """An OpenAI list of models as a page of this format, or one of them."""
    if "data" not in response and "id" in response:
        return encode(_model(response))
    data = [_model(model) for model in response.get("data") or ()]
    paging = {
        "has_more": bool(response.get("has_more")),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }
    return encode({"data": data, **paging})


def _model(model: JsonDict) -> JsonDict:
    created = model.get("created")
    at = datetime.fromtimestamp(created if isinstance(created, int) else 0, UTC)
    others: Iterable[tuple[str, Any]] = (
        (key, value) for key, value in model.items() if key not in ("object", "created", "owned_by")
    )
    basics = {"type": "model", "display_name": model["id"], "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {**basics, **dict(others)}


def _slice(text: str, start: Any, end: Any) -> str:
    return text[start:end] if isinstance(start, int) and isinstance(end, int) else ""
