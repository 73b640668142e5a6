# GigaChat: OpenAI's chat format of 2023, with functions whose arguments are objects (PROVIDERS.md, 4.9).

# https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lingate._dialects._adapted import edited
from lingate._dialects._base import Dialect
from lingate._dialects._counts import integer
from lingate._dialects._envelope import note, refuse
from lingate._dialects._legacy_functions import modern
from lingate._dialects._reshaped import Reshaped
from lingate._dialects._tool_arguments import shown_arguments
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_list, dig, without

_REASONS = {"function_call": "tool_calls", "blacklist": "content_filter"}


class _Chat(Reshaped):
    # Requests are in the words of today up to the last edit, so that rows and traits mean what they do elsewhere.

    def __init__(self) -> None:
        super().__init__(OPENAI_CHAT.operations["chat"], _target, _rewrite)
        write = self.request
        self.request = lambda call, target: write(replaced(call, body=modern(call.body)), target)


def _target(call: Call, target: Target) -> Target:
    return edited(replaced(target, traits={"late_system": "user", **target.traits}), _write)


def _write(body: JsonDict, sent: HttpRequest) -> None:
    body["messages"] = _joined(_messages(body.get("messages") or [], sent))
    if body.get("temperature") == 0:
        # The least it takes is above 0; always the likeliest token is asked for in this way.
        del body["temperature"]
        body["top_p"] = 0
    tools = body.pop("tools", None)
    if isinstance(tools, list):
        body["functions"] = [made for tool in tools if isinstance(tool, dict) and (made := _function(tool, sent))]
    choice = body.pop("tool_choice", None)
    if isinstance(choice, dict):
        body["function_call"] = {"name": (choice.get("function") or {}).get("name")}
    elif choice == "required":
        _must_call(body, sent)
    elif choice in ("auto", "none"):
        body["function_call"] = choice


def _must_call(body: JsonDict, sent: HttpRequest) -> None:
    functions = body.get("functions") or []
    if len(functions) == 1:
        body["function_call"] = {"name": functions[0].get("name")}
    else:
        note(sent, "tool_choice=required")


def _function(tool: JsonDict, sent: HttpRequest) -> JsonDict:
    function = tool.get("function")
    if not isinstance(function, dict):
        refuse(sent, "tools", ": only functions are tools here")
        return {}
    rest = without(function, ("strict",))
    return {"parameters": {"type": "object", "properties": {}}, **rest}


def _messages(messages: list[Any], sent: HttpRequest) -> Iterator[JsonDict]:
    # One call a turn: calls that were made at once are told one after the other, each with its result.
    names: dict[Any, Any] = {}
    told: set[int] = set()
    for at, message in enumerate(messages):
        if at in told or not isinstance(message, dict):
            continue
        message = without(message, ("name",))
        calls = message.pop("tool_calls", None) or ()
        message["content"] = _text(message.get("content"), at, sent)
        if message.get("role") == "tool":
            yield _result(message, names)
            continue
        if not calls:
            yield message
        for number, call in enumerate(calls):
            function = call.get("function") or {}
            names[call.get("id")] = function.get("name")
            spoken = message if number == 0 else {"role": "assistant", "content": ""}
            given = shown_arguments(function.get("arguments"))
            yield {**spoken, "function_call": {"name": function.get("name"), "arguments": given}}
            found = _answer(messages, at, call.get("id")) if len(calls) > 1 else None
            if found is not None:
                told.add(found)
                yield _result({**messages[found], "content": _text(messages[found].get("content"), found, sent)}, names)


def _answer(messages: list[Any], after: int, call_id: Any) -> int | None:
    for at in range(after + 1, len(messages)):
        if messages[at].get("role") != "tool":
            break
        if messages[at].get("tool_call_id") == call_id:
            return at
    return None


def _result(message: JsonDict, names: dict[Any, Any]) -> JsonDict:
    # The result of a function, which must be JSON.
    text = message["content"]
    try:
        decode(text)
    except ValueError:
        text = encode_str({"result": text})
    return {"role": "function", "name": names.get(message.get("tool_call_id"), "function"), "content": text}


def _text(content: Any, at: int, sent: HttpRequest) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts: list[str] = []
    for part in as_list(content):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            refuse(
                sent, f"messages[{at}].content", ": media must be uploaded there before, and is named in `attachments`"
            )
    return "\n".join(texts)


def _joined(messages: Iterator[JsonDict]) -> list[JsonDict]:
    # Turns of a user that follow one another as one, and all of the system's text too.
    out: list[JsonDict] = []
    for message in messages:
        last = out[-1] if out else {}
        plain = message.keys() == last.keys() == {"role", "content"}
        if plain and message["role"] == last["role"] and message["role"] in ("user", "system"):
            out[-1] = {**last, "content": f"{last['content']}\n{message['content']}"}
        else:
            out.append(message)
    return out


def _rewrite(raw: JsonDict) -> JsonDict:
    out = dict(raw)
    choices = raw.get("choices")
    if isinstance(choices, list):
        out["choices"] = [_choice(choice) if isinstance(choice, dict) else choice for choice in choices]
    if isinstance(raw.get("usage"), dict):
        out["usage"] = _usage(raw["usage"])
    return out


def _choice(raw: JsonDict) -> JsonDict:
    out = dict(raw)
    reason = raw.get("finish_reason")
    if isinstance(reason, str) and reason in _REASONS:
        out |= {"finish_reason": _REASONS[reason], "native_finish_reason": reason}
    for holder in ("message", "delta"):
        inner = raw.get(holder)
        if dig(inner, "role") == "function_in_progress":
            out[holder] = {}  # what a tool of the host says while it works
        called = dig(inner, "function_call")
        if isinstance(inner, dict) and isinstance(called, dict) and called.get("name"):
            given = called.get("arguments")
            text = given if isinstance(given, str) else encode_str(given or {})
            call = {"type": "function", "function": {"name": called["name"], "arguments": text}}
            rest = without(inner, ("function_call",))
            out[holder] = {**rest, "tool_calls": [call]}
    return out


def _usage(raw: JsonDict) -> JsonDict:
    # Tokens from the cache are not among those of the prompt here.
    cached, prompt, total = (
        integer(raw.get(name)) for name in ("precached_prompt_tokens", "prompt_tokens", "total_tokens")
    )
    if not cached or prompt is None:
        return raw
    counts: JsonDict = {"prompt_tokens": prompt + cached, "prompt_tokens_details": {"cached_tokens": cached}}
    if total is not None:
        counts["total_tokens"] = total + cached
    return {**raw, **counts}


DIALECT = Dialect(
    name="gigachat_chat",
    operations={
        "chat": _Chat(),
        "embeddings": OPENAI_CHAT.operations["embeddings"],
        "models": OPENAI_CHAT.operations["models"],
    },
    render_error=OPENAI_CHAT.render_error,
)
