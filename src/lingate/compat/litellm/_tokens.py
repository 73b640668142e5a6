# Token counts without a tokenizer's vocabulary, and the provider's own where it has them.

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
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
_MOST_CUTS = 10


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
    # Estimate how many tokens a text or a conversation has. Nothing is downloaded and nobody is asked.
    # model: Not looked at: the estimate is the same for all, and so are images.
    # custom_tokenizer: An object with `encode()`, or LiteLLM's dict with one under `tokenizer`; it is used instead.
    # messages: Counted with their framing and tool calls; `text` as an answer, without framing, if count_response_tokens.
    # default_token_count: Answered instead of counting.
    if default_token_count is not None:
        return default_token_count
    own = _own(custom_tokenizer)

    def count(text: str) -> int:
        return len(_ids(own, text)) if hasattr(own, "encode") else sum(1 for _ in _TOKEN.finditer(text))

    if text is not None:
        return sum(map(count, [text] if isinstance(text, str) else text))
    total = sum(_message(plain(message, "messages"), count) for message in messages or ())
    if messages and not count_response_tokens:
        total += _PRIMING
    return total + sum(count(encode_str(plain(tool, "tools"))) for tool in tools or ())


async def acount_tokens(model: str, messages: Sequence[Any], **kwargs: Any) -> Any:
    # Ask the provider how many tokens a conversation has; `.total_tokens` is the answer.
    from lingate.compat.litellm._calls import count_tokens

    return await count_tokens(model, messages, kwargs)


def encode(model: str = "", text: str = "", custom_tokenizer: Any = None) -> list[int]:
    # A text as numbers that `decode` reads: as many as `token_counter` counts.
    # They are no model's: without `custom_tokenizer`, there is no vocabulary here.
    own = _own(custom_tokenizer)
    if own is not None:
        return list(_ids(own, text))
    ends = [match.end() for match in _TOKEN.finditer(text)] or [len(text)]
    ends[-1] = len(text)
    pieces = (text[start:end] for start, end in pairwise((0, *ends)))
    # The one in front keeps what begins with a zero.
    return [int.from_bytes(b"\1" + piece.encode(errors="surrogatepass")) for piece in pieces if piece]


def decode(model: str = "", tokens: Sequence[int] = (), custom_tokenizer: Any = None, **_: Any) -> str:
    # The text of numbers that `encode` gave.
    own = _own(custom_tokenizer)
    if own is not None:
        return str(own.decode(list(tokens)))
    pieces = (number.to_bytes((number.bit_length() + 7) // 8)[1:] for number in tokens)
    return b"".join(pieces).decode(errors="surrogatepass")


def create_tokenizer(json: str) -> dict[str, Any]:
    # A tokenizer of the `tokenizers` package, where that is installed, for `token_counter`, `encode` and `decode`.
    return {"type": "huggingface_tokenizer", "tokenizer": import_module("tokenizers").Tokenizer.from_str(json)}


def create_pretrained_tokenizer(
    identifier: str, revision: str = "main", auth_token: str | None = None
) -> dict[str, Any]:
    # The same, of a model on the Hugging Face Hub, from where the package fetches it.
    kind = import_module("tokenizers").Tokenizer
    made = kind.from_pretrained(identifier, revision=revision, token=auth_token)
    return {"type": "huggingface_tokenizer", "tokenizer": made}


def _own(tokenizer: Any) -> Any:
    return tokenizer.get("tokenizer") if isinstance(tokenizer, Mapping) else tokenizer


def _ids(tokenizer: Any, text: str) -> Any:
    made = tokenizer.encode(text)
    return getattr(made, "ids", made)


def usage_of(asked: Any, answered: str | list[str]) -> dict[str, int]:
    # The counts of a prompt, which is texts, tokens or messages, and of an answer.
    listed = [asked] if isinstance(asked, str) else asked if isinstance(asked, list) else []
    bare = isinstance(next(iter(listed), ""), (str, int, list))
    prompt = token_counter(messages=listed, count_response_tokens=bare)
    completion = token_counter(text=answered)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _message(message: Any, count: Callable[[str], int]) -> int:
    if not isinstance(message, dict):
        return 1 if isinstance(message, int) else count(str(message))
    total = _PER_MESSAGE
    for name, value in message.items():
        if isinstance(value, str):
            total += count(value) + (1 if name == "name" else 0)
        elif name == "content" and isinstance(value, list):
            total += sum(_part(part, count) for part in value)
        elif value:
            total += count(encode_str(value))
    return total


def _part(part: Any, count: Callable[[str], int]) -> int:
    text = part.get("text") if isinstance(part, Mapping) else part
    if isinstance(text, str):
        return count(text)
    return _PER_IMAGE if isinstance(part, Mapping) else 0


def trim_messages(
    messages: Sequence[Any],
    model: str | None = None,
    trim_ratio: float = 0.75,
    return_response_tokens: bool = False,
    max_tokens: int | None = None,
) -> Any:
    # The newest messages that fit, behind those of the system, which become one. A text that does not fit loses its middle.
    # What a tool answered stays with the call that it answers, and what was answered last stays whatever its size.
    #
    # model: Whose context window is meant, unless max_tokens says. Of a model that is not known, everything fits.
    if max_tokens is None:
        from lingate.compat.litellm._models import get_model_info
        from lingate.compat.litellm.exceptions import ModelNotMappedError

        with suppress(ModelNotMappedError):
            info = get_model_info(model or "")
            window = info["max_input_tokens"] or info["max_tokens"]
            max_tokens = None if window is None else int(window * trim_ratio)
    kept = copy.deepcopy(list(messages))
    if max_tokens is not None and token_counter(messages=kept) >= max_tokens:
        kept = _newest(kept, max_tokens)
    return (kept, (max_tokens or 0) - token_counter(messages=kept)) if return_response_tokens else kept


def _newest(messages: list[Any], room: int) -> list[Any]:
    system = [message for message in messages if message["role"] == "system"]
    if system and all(isinstance(message["content"], str) for message in system):
        text = "\n".join(message["content"] for message in system)
        system = [_shortened({**plain(system[0], "messages"), "content": text}, room - _PRIMING)]
    turns: list[list[Any]] = []
    for message in messages:
        if message["role"] in ("tool", "function") and turns:
            turns[-1].append(message)
        elif message["role"] != "system":
            turns.append([message])
    kept = [turns.pop()] if turns and len(turns[-1]) > 1 else []
    left = room - _PRIMING - sum(map(_size, (system, *kept)))
    for turn in reversed(turns):
        if _size(turn) > left and len(turn) == 1 and isinstance(turn[0].get("content"), str):
            turn = [_shortened(copy.copy(turn[0]), left)]
        left -= _size(turn)
        if left < 0:
            break
        kept.append(turn)
    return [*system, *(message for turn in reversed(kept) for message in turn)]


def _size(messages: list[Any]) -> int:
    return token_counter(messages=messages, count_response_tokens=True)


def _shortened(message: Any, room: int) -> Any:
    for _ in range(_MOST_CUTS):
        count, text = _size([message]), message["content"]
        if count <= room:
            break
        half = max(0, int(len(text) * room / count) - 1) // 2
        message["content"] = f"{text[:half]}..{text[len(text) - half :]}"
    return message
