"""Token counts without a tokenizer's vocabulary, and the provider's own where it has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lingate._endpoints._arguments import plain
from lingate._wire.json import encode_str

# What byte-pair vocabularies of 100,000 and more entries make of text, about: a short word with the space before it, six
# letters of a long one, three digits, one sign, one Chinese character, two of kana or Hangul.
_TOKEN = re.compile(
    r"[\u3040-\u30ff]{1,2}|[\u3400-\u9fff]|[\uac00-\ud7af]{1,2}"
    r"|\s?[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,6}|\d{1,3}|[^\w\s]|_|\n+"
)
_PER_MESSAGE = 3
_PRIMING = 3
_PER_IMAGE = 250


def token_counter(
    model: str = "",
    custom_tokenizer: Any = None,
    text: str | list[str] | None = None,
    messages: Sequence[Any] | None = None,
    count_response_tokens: bool = False,
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    use_default_image_token_count: bool = False,
    default_token_count: int | None = None,
) -> int:
    """Estimate how many tokens a text or a conversation has. Nothing is downloaded and nobody is asked.

    Args:
        model: Not looked at: the estimate is the same for all.
        custom_tokenizer: An object with `encode()`, or LiteLLM's dict with one under `tokenizer`; it is used instead.
        text: A text or several.
        messages: OpenAI message dicts, counted with their framing and tool calls.
        count_response_tokens: Count `text` as an answer, without framing.
        tools: Tool definitions, counted too.
        tool_choice: Not counted.
        use_default_image_token_count: Not looked at: images always count the same.
        default_token_count: Answered instead of counting.
    """
    if default_token_count is not None:
        return default_token_count
    count: Callable[[str], int] = _counter(custom_tokenizer)
    if text is not None:
        return sum(count(item) for item in ([text] if isinstance(text, str) else text))
    total = sum(_message(plain(message, "messages"), count) for message in messages or ())
    if messages and not count_response_tokens:
        total += _PRIMING
    return total + sum(count(encode_str(plain(tool, "tools"))) for tool in tools or ())


async def acount_tokens(model: str, messages: Sequence[Any], **kwargs: Any) -> Any:
    """Ask the provider how many tokens a conversation has; `.total_tokens` is the answer."""
    from lingate.compat.litellm._calls import count_tokens

    return await count_tokens(model, messages, kwargs)


def _counter(tokenizer: Any) -> Any:
    if isinstance(tokenizer, Mapping):
        tokenizer = tokenizer.get("tokenizer")
    encode = getattr(tokenizer, "encode", None)
    if encode is None:
        return lambda text: sum(1 for _ in _TOKEN.finditer(text))

    def count(text: str) -> int:
        made = encode(text)
        return len(getattr(made, "ids", made))

    return count


def _message(message: Any, count: Any) -> int:
    total = _PER_MESSAGE
    for name, value in message.items():
        if isinstance(value, str):
            total += count(value) + (1 if name == "name" else 0)
        elif name == "content" and isinstance(value, list):
            total += sum(_part(part, count) for part in value)
        elif value:
            total += count(encode_str(value))
    return total


def _part(part: Any, count: Any) -> int:
    if isinstance(part, str):
        return int(count(part))
    if not isinstance(part, Mapping):
        return 0
    text = part.get("text")
    return int(count(text)) if isinstance(text, str) else _PER_IMAGE
