"""The answer to a canonical completion request: text that goes on from each prompt, the same for the same request."""

from __future__ import annotations

from itertools import accumulate, cycle, islice
from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate.errors import BadRequestError
from lingate.simulator.answers import Identity, digest
from lingate.simulator.options import Options
from lingate.simulator.tokens import count, split

_DEFAULT_MAX_TOKENS = 16  # OpenAI's own
_MOST_CHOICES = 128
_FILLER_TEXT = "and so the text goes on in plain words that fill the space asked for until it is enough"
_FILLER = _FILLER_TEXT.split()


def answer_completion(call: Call, options: Options, identity: Identity) -> JsonDict:
    """The canonical response.

    Raises:
        BadRequestError: The request asks for more choices than any provider gives.
    """
    body = call.body
    seed = digest(
        call.model, json.encode_str({key: body[key] for key in body if key not in ("stream_options", "user")})
    )
    prompts = _prompts(body.get("prompt"))
    wanted = body.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted * len(prompts) <= _MOST_CHOICES:
        raise BadRequestError(f"a completion has at most {_MOST_CHOICES} choices")
    choices = [_choice(prompt, turn, body, options) for prompt in prompts for turn in range(wanted)]
    completion = sum(count(made["text"]) for made in choices)
    read = sum(map(count, prompts))
    return {
        "id": identity.prefix + digest(seed, identity.salt)[:24],
        "object": "text_completion",
        "created": identity.created,
        "model": call.model,
        "choices": [{**made, "index": index} for index, made in enumerate(choices)],
        "usage": {"prompt_tokens": read, "completion_tokens": completion, "total_tokens": read + completion},
    }


def _prompts(given: Any) -> list[str]:
    """Each prompt as text; a list of numbers is one prompt that is tokens already."""
    if not isinstance(given, list):
        return [str(given)]
    if given and all(isinstance(item, int) for item in given):
        return [" ".join(map(str, given))]
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in given]


def _choice(prompt: str, turn: int, body: JsonDict, options: Options) -> JsonDict:
    words = ["", *f'goes on from "{prompt[-200:]}".'.split()]
    if turn:
        words += ["This", "is", "choice", f"{turn + 1}."]
    if options.words is not None:
        words = [*words[: options.words + 1], *islice(cycle(_FILLER), max(0, options.words + 1 - len(words)))]
    text, finish = " ".join(words), "stop"
    given = body.get("stop")
    for stop in [given] if isinstance(given, str) else given or ():
        if isinstance(stop, str) and stop and stop in text:
            text = text[: text.index(stop)]
    cap = body.get("max_tokens")
    limit = cap if isinstance(cap, int) else None if options.words is not None else _DEFAULT_MAX_TOKENS
    tokens = split(text)
    if limit is not None and len(tokens) > limit:
        text, finish = "".join(tokens[:limit]), "length"
    if body.get("echo") is True:
        text = prompt + text
    return {"text": text, "logprobs": _logprobs(text, body.get("logprobs")), "finish_reason": finish}


def _logprobs(text: str, top: Any) -> JsonDict | None:
    if not isinstance(top, int) or isinstance(top, bool):
        return None
    tokens = split(text)
    values = [-0.01 * (1 + at % 9) for at in range(len(tokens))]
    offsets = [0, *accumulate(map(len, tokens))][: len(tokens)]
    return {
        "tokens": tokens,
        "token_logprobs": values,
        "top_logprobs": [
            {token: value, **{f"{token}{other}": value - other for other in range(1, top)}}
            for token, value in zip(tokens, values, strict=True)
        ],
        "text_offset": offsets,
    }
