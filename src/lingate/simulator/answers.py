# The answers to canonical chat and completion requests: made from the request alone, so that the same has the same answer.

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from itertools import accumulate, chain, cycle, islice
from typing import Any

from lingate._model import Call, Fixed, JsonDict, Record
from lingate._wire import json
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig
from lingate.errors import BadRequestError
from lingate.simulator.options import Options
from lingate.simulator.prompt import Prompt, count, count_message, read_prompt, split
from lingate.simulator.schema import example

_FILLER = """
the answer goes on with plain words that mean little but fill the space asked for and so a reader can see each of them
arrive one after another while the stream lasts until the last one is there and all is said
"""
_MORE_FILLER = "and so the text goes on in plain words that fill the space asked for until it is enough"
_DEFAULT_MAX_TOKENS = 16  # OpenAI's own, of completions
_EFFORT_TOKENS = {"minimal": 4, "low": 12, "medium": 24, "high": 48, "xhigh": 96, "max": 128}
_MAX_CHOICES = 128


class Identity(Fixed, frozen=True):
    # What marks one answer: `salt` is empty where the same request shall have the same ids, `native` is the key under
    # which the format has fields of its own.

    prefix: str = "chatcmpl-"
    created: int = 1_750_000_000
    salt: str = ""
    native: str | None = None


class CacheHit(Fixed, frozen=True):
    # Prompt tokens read from and written to the cache; `written` is None where nobody asked for caching.

    read: int = 0
    written: int | None = None


def prompt_tokens(body: JsonDict) -> int:
    # Tokens of the messages, the tools and the schema of the answer.
    further = (json.encode_str(body[name]) for name in ("tools", "response_format") if body.get(name))
    return sum(map(count_message, as_dicts(body.get("messages")))) + sum(map(count, further))


def answer_chat(call: Call, options: Options, cached: CacheHit, identity: Identity) -> JsonDict:
    # The canonical response; a forced tool that is not there, or a broken schema, is a `BadRequestError`.
    body = call.body
    seed = _seed(call, "stream_options", "user", "metadata")
    writer = _Writer(body, options, read_prompt(body), seed + identity.salt)
    drafts = [writer.draft(index) for index in range(number_wanted(body, _MAX_CHOICES))]
    choices = [_choice(draft, body) for draft in drafts]
    prompt = prompt_tokens(body)
    details: JsonDict = {"cached_tokens": min(cached.read, prompt)}
    if cached.written is not None:
        details["cache_write_tokens"] = cached.written
    usage = {
        **usage_of(prompt, sum(draft.tokens for draft in drafts)),
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": sum(count(draft.reasoning) for draft in drafts)},
    }
    response = _response("chat.completion", call, identity, seed, choices, usage)
    if identity.native and drafts[0].stopped_by is not None:
        own = {"stop_reason": "stop_sequence", "stop_sequence": drafts[0].stopped_by}
        response["provider_specific_fields"] = {identity.native: own}
    return response


def number_wanted(body: JsonDict, most: int) -> int:
    wanted = body.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted <= most:
        raise BadRequestError(f"n must be a number from 1 to {most}")
    return wanted


def _seed(call: Call, *ignored: str) -> str:
    return digest(call.model, json.encode_str({key: call.body[key] for key in call.body if key not in ignored}))


def _response(
    kind: str, call: Call, identity: Identity, seed: str, choices: list[JsonDict], usage: JsonDict
) -> JsonDict:
    return {
        "id": identity.prefix + digest(seed, identity.salt)[:24],
        "object": kind,
        "created": identity.created,
        "model": call.model,
        "choices": [{**choice, "index": index} for index, choice in enumerate(choices)],
        "usage": usage,
    }


def usage_of(prompt: int, completion: int) -> JsonDict:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class _Draft(Record):
    # One choice before it is written as a dict.

    reasoning: str
    text: str
    calls: list[JsonDict]
    finish: str
    stopped_by: str | None = None

    @property
    def tokens(self) -> int:
        return count(self.reasoning) + count(self.text) + sum(map(count_call, self.calls))


def count_call(call: JsonDict) -> int:
    body = call[call["type"]]
    return count(body["name"]) + count(body.get("arguments") or body.get("input") or "")


class _Writer:
    def __init__(self, body: JsonDict, options: Options, prompt: Prompt, seed: str) -> None:
        self.body = body
        self.options = options
        self.prompt = prompt
        self.seed = seed
        self.tools = _tools_to_call(body, options, prompt)

    def draft(self, index: int) -> _Draft:
        reasoning = self._reasoning()
        calls = [self._call(tool, f"{self.seed}/{index}/{at}") for at, tool in enumerate(self.tools)]
        text, stopped_by = _until_stop("" if calls else self._text(index), self.body)
        draft = _Draft(reasoning, text, calls, "tool_calls" if calls else "stop", stopped_by)
        return _capped(draft, self.body.get("max_completion_tokens") or self.body.get("max_tokens"))

    def _reasoning(self) -> str:
        tokens = _reasoning_tokens(self.body)
        if not tokens:
            return ""
        thought = split(f"The user wrote {self.prompt.text!r}. Let me think about it step by step before I answer. ")
        return "".join(islice(cycle(thought), tokens)).rstrip()

    def _text(self, index: int) -> str:
        format_ = as_dict(self.body.get("response_format"))
        kind = format_.get("type")
        if kind == "json_schema":
            schema = as_dict(format_.get("json_schema")).get("schema", True)
            return json.encode_str(self._example(schema, f"{self.seed}/{index}", "response_format"))
        text = self._plain(index)
        return json.encode_str({"answer": text}) if kind == "json_object" else text

    def _example(self, schema: Any, seed: str, of: str) -> Any:
        try:
            return example(schema, seed=seed, words=self.prompt.words)
        except ValueError as error:
            raise BadRequestError(f"Invalid schema for {of}: {error}") from error

    def _plain(self, index: int) -> str:
        prompt = self.prompt
        if prompt.results:
            parts = [f'The tool {name} answered: "{text}".' for name, text in prompt.results]
        elif prompt.text:
            parts = [f'You said: "{prompt.text}".']
        else:
            parts = ["You said nothing."]
        if prompt.media:
            parts.append(f"I see {len(prompt.media)} attachment(s): {'; '.join(prompt.media)}.")
        if index:
            parts.append(f"This is choice {index + 1}.")
        if self.options.words is None:
            return " ".join([*parts, "This is a simulated answer."])
        return " ".join(_sized(" ".join(parts).split(), self.options.words, _FILLER))

    def _call(self, tool: JsonDict, seed: str) -> JsonDict:
        made: JsonDict = {"id": "call_" + digest(seed)[:24], "type": tool["type"]}
        body = tool[tool["type"]]
        if tool["type"] == "custom":
            return {**made, "custom": {"name": body["name"], "input": self.prompt.text}}
        schema = body.get("parameters") or {"type": "object"}
        arguments = self._example(schema, seed, f"function {body['name']!r}")
        text = json.encode_str(arguments if isinstance(arguments, dict) else {})
        return {**made, "function": {"name": body["name"], "arguments": text}}


def _sized(words: list[str], size: int, filler: str) -> list[str]:
    return list(islice(chain(words, cycle(filler.split())), size))


def _tools_to_call(body: JsonDict, options: Options, prompt: Prompt) -> list[JsonDict]:
    tools = [tool for tool in body.get("tools") or () if _name_of(tool)]
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        choice, tools = _narrowed(choice, tools)
    forced = choice in ("required", "any")
    if choice == "none" or not tools or (not forced and (prompt.results or not options.tools)):
        return []
    text = prompt.text.lower()
    tools.sort(key=lambda tool: _name_of(tool).lower() not in text)
    many = options.parallel or (max(2, len(tools)) if "in parallel" in text else 1)
    return list(islice(cycle(tools), 1 if body.get("parallel_tool_calls") is False else many))


def _narrowed(choice: Mapping[str, Any], tools: list[JsonDict]) -> tuple[str, list[JsonDict]]:
    # A tool choice that names tools: how strict it is, and the tools it leaves.
    kind = str(choice.get("type") or "function")
    inner = as_dict(choice.get(kind)) or choice
    if kind == "allowed_tools":
        names = {_name_of(tool) for tool in inner.get("tools") or ()}
        return str(inner.get("mode") or "auto"), [tool for tool in tools if _name_of(tool) in names]
    name = inner.get("name")
    found = [tool for tool in tools if _name_of(tool) == name]
    if not found:
        raise BadRequestError(f"tool_choice names the tool {name!r}, which is not among the tools")
    return "required", found


def _name_of(tool: Any) -> str:
    # Name of a tool that the caller runs; empty for a provider's own tools and for what is malformed.
    kind = as_dict(tool).get("type")
    return str((dig(tool, kind, "name") if kind in ("function", "custom") else None) or "")


def _reasoning_tokens(body: JsonDict) -> int:
    effort = body.get("reasoning_effort")
    reasoning, thinking = body.get("reasoning"), body.get("thinking")
    if isinstance(reasoning, Mapping):
        effort = effort or reasoning.get("effort") or ("none" if reasoning.get("enabled") is False else "medium")
    limit = None
    if isinstance(thinking, Mapping):
        effort = "none" if thinking.get("type") == "disabled" else effort or "medium"
        limit = thinking.get("budget_tokens")
    if not effort or effort == "none":
        return 0
    tokens = _EFFORT_TOKENS.get(str(effort), _EFFORT_TOKENS["medium"])
    return min(tokens, limit) if isinstance(limit, int) else tokens


def _until_stop(text: str, body: JsonDict) -> tuple[str, str | None]:
    # The text up to a stop sequence, and which it was.
    given, stopped_by = body.get("stop"), None
    for stop in map(as_str, [given] if isinstance(given, str) else as_list(given)):
        if stop and stop in text:
            text, stopped_by = text[: text.index(stop)], stop
    return text, stopped_by


def _capped(draft: _Draft, cap: Any) -> _Draft:
    # The draft within `max_tokens`. A tool call that does not fit is left out whole, not handed over in half.
    if not isinstance(cap, int) or draft.tokens <= cap:
        return draft
    reasoning = split(draft.reasoning)[:cap]
    left = cap - len(reasoning)
    text = split(draft.text)[:left]
    left -= len(text)
    calls: list[JsonDict] = []
    for call in draft.calls:
        left -= count_call(call)
        if left < 0:
            break
        calls.append(call)
    return _Draft("".join(reasoning), "".join(text), calls, "length")


def _choice(draft: _Draft, body: JsonDict) -> JsonDict:
    message: JsonDict = {"role": "assistant", "content": None if draft.calls and not draft.text else draft.text}
    if draft.reasoning:
        signature = b64encode(sha256(draft.reasoning.encode("utf-8", "surrogatepass")).digest()).decode()
        message["reasoning_content"] = draft.reasoning
        message["thinking_blocks"] = [{"type": "thinking", "thinking": draft.reasoning, "signature": signature}]
    if draft.calls:
        message["tool_calls"] = draft.calls
    choice: JsonDict = {"message": message, "finish_reason": draft.finish}
    if body.get("logprobs") is True and draft.text:
        choice["logprobs"] = {"content": _logprobs(draft.text, body.get("top_logprobs")), "refusal": None}
    return choice


def _logprobs(text: str, top: Any) -> list[JsonDict]:
    others = top if isinstance(top, int) else 0
    entries = []
    for at, token in enumerate(split(text)):
        value = -0.01 * (1 + at % 9)
        words = [token, *(f"{token}{number}" for number in range(1, max(others, 1)))]
        ranked: list[JsonDict] = [
            {"token": word, "logprob": value - rank, "bytes": list(word.encode("utf-8", "replace"))}
            for rank, word in enumerate(words)
        ]
        entries.append({**ranked[0], "top_logprobs": ranked[:others]})
    return entries


def digest(*parts: str) -> str:
    # What ids and other arbitrary choices are made of: the same for the same texts.
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def answer_completion(call: Call, options: Options, identity: Identity) -> JsonDict:
    body = call.body
    prompts = _prompts(body.get("prompt"))
    wanted = body.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted * len(prompts) <= _MAX_CHOICES:
        raise BadRequestError(f"a completion has at most {_MAX_CHOICES} choices")
    choices = [_continuation(prompt, turn, body, options) for prompt in prompts for turn in range(wanted)]
    usage = usage_of(sum(map(count, prompts)), sum(count(made["text"]) for made in choices))
    return _response("text_completion", call, identity, _seed(call, "stream_options", "user"), choices, usage)


def _prompts(given: Any) -> list[str]:
    # Each prompt as text; a list of numbers is one prompt that is tokens already.
    if not isinstance(given, list):
        return [str(given)]
    if given and all(isinstance(item, int) for item in given):
        return [" ".join(map(str, given))]
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in given]


def _continuation(prompt: str, turn: int, body: JsonDict, options: Options) -> JsonDict:
    words = ["", *f'goes on from "{prompt[-200:]}".'.split()]
    if turn:
        words += ["This", "is", "choice", f"{turn + 1}."]
    if options.words is not None:
        words = _sized(words, options.words + 1, _MORE_FILLER)
    text, finish = _until_stop(" ".join(words), body)[0], "stop"
    cap = body.get("max_tokens")
    limit = cap if isinstance(cap, int) else None if options.words is not None else _DEFAULT_MAX_TOKENS
    tokens = split(text)
    if limit is not None and len(tokens) > limit:
        text, finish = "".join(tokens[:limit]), "length"
    if body.get("echo") is True:
        text = prompt + text
    return {"text": text, "logprobs": _plain_logprobs(text, body.get("logprobs")), "finish_reason": finish}


def _plain_logprobs(text: str, top: Any) -> JsonDict | None:
    if not isinstance(top, int) or isinstance(top, bool):
        return None
    tokens = split(text)
    values = [-0.01 * (1 + at % 9) for at in range(len(tokens))]
    return {
        "tokens": tokens,
        "token_logprobs": values,
        "top_logprobs": [
            {token: value, **{f"{token}{other}": value - other for other in range(1, top)}}
            for token, value in zip(tokens, values, strict=True)
        ],
        "text_offset": [0, *accumulate(map(len, tokens))][: len(tokens)],
    }
