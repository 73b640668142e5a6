"""Answers of text-generation containers: https://huggingface.github.io/text-generation-inference."""

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import integer
from lingate._dialects._dates import created_at
from lingate._dialects._failure import body_failure, garbage
from lingate._dialects.bedrock_converse.response import identity
from lingate._model import Head, HttpRequest, JsonDict
from lingate._wire.json import decode

NAME = "sagemaker"

_TEXTS = ("generated_text", "generation", "generated_texts")


def read_generated(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """A whole answer as a canonical response, and as it came (a bare list as `{"generations": [...]}`).

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: It is not an answer.
    """
    target = sent.target
    try:
        raw = decode(body)
    except ValueError as error:
        raise garbage(target, str(error)) from None
    first = raw[0] if isinstance(raw, list) and raw else raw
    if not isinstance(first, dict):
        raise garbage(target, "must be an object or a list of them")
    text = next((text for name in _TEXTS if (text := _text(first.get(name))) is not None), None)
    if text is None:
        raise body_failure(first, target, headers=head.headers) or garbage(target, "there is no generated text in it")
    kept = raw if isinstance(raw, dict) else {"generations": raw}
    details = first.get("details")
    reason = details.get("finish_reason") if isinstance(details, dict) else None
    choice: JsonDict = {
        "index": 0,
        "message": {"role": "assistant", "content": without_prompt(text, sent)},
        "finish_reason": finish_word(reason),
    }
    if isinstance(reason, str):
        choice["native_finish_reason"] = reason
    response: JsonDict = {
        "id": identity(head),
        "object": "chat.completion",
        "created": created_at(head),
        "model": target.model,
        "choices": [choice],
    }
    usage = counted(details)
    if usage:
        response["usage"] = usage
    if isinstance(details, dict):
        response["provider_specific_fields"] = {NAME: {"details": details}}
    return response, kept


def _text(given: Any) -> str | None:
    """The text of an answer: JumpStart's containers have it in a message, or in a list of which the first was asked for."""
    if isinstance(given, list) and given:
        given = given[0]
    if isinstance(given, dict):
        given = given.get("content")
    return given if isinstance(given, str) else None


def without_prompt(text: str, sent: HttpRequest) -> str:
    """The text without the prompt, which some containers repeat before it."""
    prompt = decode(sent.body).get("inputs") if sent.body else None
    return text.removeprefix(prompt) if isinstance(prompt, str) else text


def finish_word(native: Any) -> str:
    """OpenAI's word for a reason to end; the others are `eos_token` and `stop_sequence`."""
    return "length" if native == "length" else "stop"


def counted(details: Any) -> JsonDict:
    """Token counts, as far as the container tells them."""
    details = details if isinstance(details, dict) else {}
    prefill, written = details.get("prefill"), integer(details.get("generated_tokens"))
    read = len(prefill) if isinstance(prefill, list) and prefill else integer(details.get("input_length"))
    usage: JsonDict = {}
    if read is not None:
        usage["prompt_tokens"] = read
    if written is not None:
        usage["completion_tokens"] = written
    if read is not None and written is not None:
        usage["total_tokens"] = read + written
    return usage
