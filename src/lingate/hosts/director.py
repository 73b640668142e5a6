"""Director's LLM interface, answered by Lingate: `DEFAULT_LLM=lingate` and `LINGATE_CHAT_MODEL=provider/model`."""

# `LingateLLM` and `LingateConfig` are subclasses of `director.llm.base`'s classes, made when they are first asked for, so
# that this module imports where Director is not installed. See docs/hosts/director.md.

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import lingate
from lingate.errors import ProtocolError
from lingate.hosts._shared import CUT, DEFAULT_MODEL, load, note_dropped, sentence, words

__all__ = ["LingateConfig", "LingateLLM"]  # noqa: F822

_OPENINGS = re.compile(r"[{\[]")
_MOST_OPENINGS = 100

logger = logging.getLogger(__name__)

FAILED = "Error: LLM completion failed"
"""How every text begins that stands for a failed call. What the provider said is in the log."""

_WHERE = "run this in its backend folder, where the package `director` is, with its Python"
_NO_AGENT = "The model asked for an agent that does not exist."
_CUT = {**CUT, "length": "The answer hit the size limit (LINGATE_MAX_TOKENS) before it said anything."}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _classes(load("director.llm.base", of="Director", hint=_WHERE))[name]


@lru_cache(maxsize=1)
def _classes(base: Any) -> dict[str, type]:
    class LingateConfig(base.BaseLLMConfig):  # type: ignore[misc]
        """Settings, read from variables that begin with `LINGATE_` (`LINGATE_CHAT_MODEL`, `LINGATE_TEMPERATURE`, ...).

        Attributes:
            chat_model: `provider/model`. The provider's own variable (`ANTHROPIC_API_KEY`, ...) holds its key.
            api_key: Instead of the provider's variable.
            api_base: Instead of the provider's address.
            top_p: Sent if it is set, or is not 1.
        """

        model_config = {"env_prefix": "LINGATE_", "env_ignore_empty": True, "extra": "ignore"}

        llm_type: str = "lingate"
        api_key: str = ""
        api_base: str = ""
        chat_model: str = DEFAULT_MODEL

    class LingateLLM(base.BaseLLM):  # type: ignore[misc]
        """Any provider, as Director asks for it. Never raises, and keeps nothing from one call to the next."""

        def __init__(self, config: Any = None) -> None:
            super().__init__(config=LingateConfig() if config is None else config)

        def chat_completions(
            self,
            messages: Sequence[Mapping[str, Any]],
            tools: Sequence[Mapping[str, Any]] | None = None,
            stop: Any = None,
            response_format: Any = None,
        ) -> Any:
            # Ask the model.
            # messages: In Director's form.
            # tools: In Director's form: `name`, `description`, `parameters`.
            # stop: Where the answer is to end.
            # response_format: As at OpenAI; with `json_object` or `json_schema` the content is bare JSON.
            # Returns: An `LLMResponse`. Its status says whether the call went well; the content of one that did not is a text
            # Returns: for Director's user.
            return _answered(base, self, messages, tools or (), stop, response_format)

    for made in (LingateConfig, LingateLLM):
        made.__module__, made.__qualname__ = __name__, made.__name__
    return {"LingateConfig": LingateConfig, "LingateLLM": LingateLLM}


def _answered(base: Any, llm: Any, messages: Any, tools: Any, stop: Any, response_format: Any) -> Any:
    # An `LLMResponse`, whatever happens: Director's engine does not catch.
    try:
        options = _options(llm, tools, stop, response_format)
        answer = lingate.chat(llm.chat_model, list(map(_message, messages)), **options)
        note_dropped(llm.chat_model, answer.dropped)
        calls = _calls(answer, {item.get("name") or item["function"]["name"] for item in tools})
        # Not of an answer that was cut: a part of it would be taken for the whole.
        bare = wants_json(response_format) and answer.finish_reason != "length"
        text = bare_json(words(answer)) if bare else words(answer)
        if not (text or calls):
            # Empty if the model just said nothing.
            why = _NO_AGENT if answer.tool_calls else _CUT.get(answer.finish_reason, "")
            if why:
                return _response(base, f"{FAILED}. {why}", failed=True)
        return _response(base, text, calls, answer.usage)
    except Exception as error:
        # The boundary to an engine that lets exceptions end the user's turn without a word.
        logger.exception("the call of %s failed", llm.chat_model)
        return _response(base, f"{FAILED}. {sentence(error)}", failed=True)


def _response(
    base: Any, text: str, calls: Sequence[dict[str, Any]] = (), usage: Any = None, *, failed: bool = False
) -> Any:
    # An answer as Director reads it: nothing is None, and the finish reason is `stop` or `tool_calls`.
    return base.LLMResponse(
        content=text,
        tool_calls=list(calls),
        send_tokens=(usage and usage.prompt_tokens) or 0,
        recv_tokens=(usage and usage.completion_tokens) or 0,
        total_tokens=(usage and usage.total_tokens) or 0,
        # The engine goes on asking, up to its last iteration, until it reads "stop".
        finish_reason="" if failed else "tool_calls" if calls else "stop",
        status=base.LLMResponseStatus.ERROR if failed else base.LLMResponseStatus.SUCCESS,
    )


def _options(llm: Any, tools: Sequence[Mapping[str, Any]], stop: Any, response_format: Any) -> dict[str, Any]:
    # The parameters. Every tunable goes along; what a provider does not take is left out by Lingate.
    options: dict[str, Any] = {
        "temperature": llm.temperature,
        "max_tokens": llm.max_tokens,
        "timeout": llm.timeout,
        "stop": stop or None,
        "api_key": llm.api_key or None,
        "api_base": llm.api_base or None,
        "response_format": response_format or None,
        "drop_params": True,
    }
    # 1 is Director's default and every provider's: only a value that says something can be in temperature's way.
    if llm.top_p != 1 or "top_p" in getattr(llm.config, "model_fields_set", ()):
        options["top_p"] = llm.top_p
    if tools:
        options["tools"] = list(map(_tool, tools))
        options["tool_choice"] = "auto"
    return options


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if "function" in tool:
        return dict(tool)
    named = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
    return {"type": "function", "function": named}


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    # A message in OpenAI's form: Director writes an empty text as `[]`, and arguments as dicts.
    role = message["role"]
    sent = {**message, "role": getattr(role, "value", role)}
    calls = message.get("tool_calls")
    if not message.get("content"):
        sent["content"] = None if calls else ""
    if calls:
        sent["tool_calls"] = list(map(_call_sent, calls))
    return sent


def _call_sent(call: Mapping[str, Any]) -> dict[str, Any]:
    if "function" in call:
        return dict(call)
    arguments = call["tool"].get("arguments")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"id": call["id"], "type": "function", "function": {"name": call["tool"]["name"], "arguments": written}}


def _calls(answer: Any, offered: set[str]) -> list[dict[str, Any]]:
    # The calls of agents that exist: one of any other would end the run with an AttributeError.
    found = []
    for call in answer.tool_calls:
        name = call.function.name
        if name not in offered:
            logger.warning("the model called %r, which is no agent: left out", name)
            continue
        tool = {"name": name, "arguments": _arguments(call)}
        found.append({"id": call.id, "tool": tool, "type": "function"})
    return found


def _arguments(call: Any) -> dict[str, Any]:
    # Arguments as keywords for the agent; none where what the model wrote is no JSON object.
    try:
        return dict(call.arguments)
    except ProtocolError:
        logger.warning("the arguments of a tool call are no JSON object: taken as none")
        return {}


def wants_json(response_format: Any) -> bool:
    kind = response_format.get("type") if isinstance(response_format, Mapping) else response_format
    return kind not in (None, "", "text")


def bare_json(text: str) -> str:
    # The JSON in a text, without the fence and the words that models without a JSON mode put around it.
    #
    # A text without JSON comes back as it is, and the agent that reads it reports that.
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        found = (_json_at(text, match.start()) for match in islice(_OPENINGS.finditer(text), _MOST_OPENINGS))
        return next(filter(None, found), text.strip())
    return text.strip()


def _json_at(text: str, start: int) -> str | None:
    # The object, or list of objects, that begins here; a bracket in a sentence begins none.
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    first = value[0] if isinstance(value, list) and value else value
    return text[start:end] if isinstance(first, dict) else None
