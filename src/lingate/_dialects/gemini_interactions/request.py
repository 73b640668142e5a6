# Towards the upstream: a request of `generateContent` in the words of interactions.

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from lingate._dialects._envelope import join_url
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.params import canonical_effort
from lingate._dialects.gemini.request import finish_request, write_body
from lingate._dialects.gemini.tools import FORMAT_FIELDS, text_form
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate._wire.json import encode_str
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, without

_REVISION = "2026-05-20"
"""The schema with steps, as the vendor's own client asks for it."""

_ABSENT = {
    "topK": "top_k",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
}
"""Settings of `generateContent` that interactions do not have, and OpenAI's words for them."""

_LEVELS = {"none": "minimal", "max": "xhigh"}
"""`reasoning_effort` -> `thinking_level`, where the words are not the same."""

_RETOLD = FORMAT_FIELDS | {"candidateCount", "responseModalities", "speechConfig", "thinkingConfig"}
_BODY = frozenset({"contents", "generationConfig", "safetySettings", "systemInstruction", "toolConfig", "tools"})
_FAMILIES = ("image", "audio", "video")
_INNER = re.compile(r"(?<=[a-z0-9])[A-Z]")


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST .../interactions`.
    # A chat is not remembered unless the caller wants to go on by id or to fetch the answer later, as elsewhere.
    target = replaced(target, headers={"api-revision": _REVISION, **target.headers})
    made = write_body(replaced(call, body=without(call.body, ("store",))), target)
    agent = made.traits.get("agent", False)
    body = {"agent" if agent else "model": target.model, **_body(made)}
    if agent:
        body.setdefault("background", True)
    store = call.body.get("store")
    if store is not None or not (body.get("background") or body.get("previous_interaction_id") or agent):
        body["store"] = bool(store)
    if call.stream:
        body["stream"] = True
    made.call = replaced(call, extra_body=made.call.extra_body)
    return finish_request(made, join_url(target.url, target.row.paths.get("chat", "/interactions"), ""), body)


def question(sent: HttpRequest, identity: str) -> HttpRequest:
    # The question how an interaction is getting on.
    url, mark, query = sent.url.partition("?")
    url = url if sent.method == "GET" else f"{url}/{quote(identity, safe='')}"
    headers = {name: value for name, value in sent.headers.items() if name.lower() != "content-type"}
    return replaced(sent, method="GET", url=url + mark + query, headers=headers, body=b"")


def _body(made: Draft) -> JsonDict:
    wire = made.body
    body: JsonDict = {"input": _steps(made)}
    system = dig(wire, "systemInstruction", "parts")
    if system:
        body["system_instruction"] = "\n\n".join(as_str(part.get("text")) for part in as_dicts(system))
    tools = [tool for given in as_dicts(wire.get("tools")) for tool in _tools(given)]
    if tools:
        body["tools"] = tools
    config = _config(made)
    if config:
        body["generation_config"] = config
    formats = _formats(wire.get("generationConfig", {}))
    if formats:
        body["response_format"] = formats[0] if len(formats) == 1 else formats
    if wire.get("safetySettings"):
        body["safety_settings"] = list(map(_safety, as_dicts(wire["safetySettings"])))
    for name, value in without(wire, _BODY).items():
        body[_snake(name)] = value
    return body


def _steps(made: Draft) -> list[JsonDict]:
    # The conversation. Thoughts, calls and results are steps of their own; what is said stands together.
    steps: list[JsonDict] = []
    waiting: list[tuple[str, str]] = []  # name and id of the calls without a result so far
    for content in made.body["contents"]:
        kind = "model_output" if content["role"] == "model" else "user_input"
        for part in content["parts"]:
            _add_thought(part, steps)
            if (called := part.get("functionCall")) is not None:
                identity = called.get("id") or f"call_{len(steps)}"
                waiting.append((as_str(called.get("name")), identity))
                arguments = called.get("args") or {}
                steps.append({"type": "function_call", "id": identity, "name": waiting[-1][0], "arguments": arguments})
            elif (result := part.get("functionResponse")) is not None:
                steps.append(_result(result, waiting))
            elif not part.get("thought") and (said := _content(part)) is not None:
                if not steps or steps[-1]["type"] != kind:
                    steps.append({"type": kind, "content": []})
                steps[-1]["content"].append(said)
            elif "text" not in part:
                made.note(f"messages[].{next(iter(part), 'parts')}")
    return steps


def _add_thought(part: JsonDict, steps: list[JsonDict]) -> None:
    # What was thought before a part, of which the part has the signature.
    signature = part.get("thoughtSignature")
    if not signature and not part.get("thought"):
        return
    if not steps or steps[-1]["type"] != "thought" or "signature" in steps[-1]:
        steps.append({"type": "thought"})
    if part.get("thought") and part.get("text"):
        steps[-1].setdefault("summary", []).append({"type": "text", "text": part["text"]})
    if signature:
        steps[-1]["signature"] = signature


def _result(result: JsonDict, waiting: list[tuple[str, str]]) -> JsonDict:
    name, response = result["name"], as_dict(result.get("response"))
    found = next((call for call in waiting if call[0] == name and result.get("id") in (None, call[1])), None)
    if found is not None:
        waiting.remove(found)
    failed = response.keys() == {"error"}
    value = response["error"] if failed else response["result"] if response.keys() == {"result"} else response
    if isinstance(value, list):
        value = encode_str(value)  # a list would be one of contents
    media = [made for part in as_dicts(result.get("parts")) if (made := _content(part)) is not None]
    if media:
        value = [{"type": "text", "text": value if isinstance(value, str) else encode_str(value)}, *media]
    identity = result.get("id") or (found[1] if found else name)
    step: JsonDict = {"type": "function_result", "call_id": identity, "name": name, "result": value}
    return {**step, "is_error": True} if failed else step


def _content(part: JsonDict) -> JsonDict | None:
    # A text or a medium as content; None for what is neither.
    if part.get("text"):
        return {"type": "text", "text": part["text"]}
    holder = part.get("inlineData") or part.get("fileData")
    if not isinstance(holder, dict):
        return None
    kind = as_str(holder.get("mimeType"))
    family = kind.partition("/")[0]
    made: JsonDict = {"type": family if family in _FAMILIES else "document"}
    made |= {"data": holder["data"]} if "data" in holder else {"uri": holder.get("fileUri")}
    if kind:
        made["mime_type"] = kind
    level = as_str(dig(part, "mediaResolution", "level"))
    return {**made, "resolution": level.removeprefix("MEDIA_RESOLUTION_").lower()} if level else made


def _tools(given: JsonDict) -> list[JsonDict]:
    made: list[JsonDict] = []
    for declared in as_dicts(given.get("functionDeclarations")):
        tool: JsonDict = {
            "type": "function",
            **{name: declared[name] for name in ("name", "description") if name in declared},
        }
        schema = declared.get("parametersJsonSchema")
        made.append(tool if schema is None else {**tool, "parameters": schema})
    servers = without(given, ("functionDeclarations",))
    return [*made, *({"type": _snake(name), **snaked(as_dict(value))} for name, value in servers.items())]


def _config(made: Draft) -> JsonDict:
    wire = made.body.get("generationConfig", {})
    config: JsonDict = {}
    for name, value in without(wire, _RETOLD).items():
        if name in _ABSENT:
            if value:
                made.has_none(_ABSENT[name])
        else:
            config[_snake(name)] = snaked(value)
    if wire.get("candidateCount", 1) != 1:
        made.has_none("n")
    thinking = as_dict(wire.get("thinkingConfig"))
    level = canonical_effort(thinking)
    if "thinkingBudget" in thinking:
        if made.asked.get("thinking") is None:
            level = made.asked.get("reasoning_effort", level)
        else:
            made.note("thinking (a budget was sent as a level)")
    if level is not None:
        config["thinking_level"] = _LEVELS.get(level, level)
    if thinking.get("includeThoughts"):
        config["thinking_summaries"] = "auto"
    voice = dig(wire, "speechConfig", "voiceConfig", "prebuiltVoiceConfig", "voiceName")
    if voice is not None:
        config["speech_config"] = [{"voice": voice}]
    choice = _choice(as_dict(dig(made.body, "toolConfig", "functionCallingConfig")))
    return config if choice is None else {**config, "tool_choice": choice}


def _choice(calling: JsonDict) -> Any:
    mode, names = as_str(calling.get("mode")).lower(), calling.get("allowedFunctionNames")
    if names:
        return {"allowed_tools": {"mode": mode or "auto", "tools": names}}
    return mode or None


def _formats(config: JsonDict) -> list[JsonDict]:
    # What the answer is to be: JSON, and of which kinds besides text.
    kinds = [as_str(kind).lower() for kind in as_list(config.get("responseModalities"))]
    made: list[JsonDict] = [{"type": kind} for kind in kinds] if kinds != ["text"] else []
    kind, schema = text_form(config)
    if kind is None:
        return made
    text: JsonDict = {"type": "text", "mime_type": kind}
    schema = config.get("responseSchema") if schema is None else schema
    if schema is not None:
        text["schema"] = schema
    return [text, *(one for one in made if one["type"] != "text")]


def _safety(setting: JsonDict) -> JsonDict:
    kind = as_str(setting.get("category")).removeprefix("HARM_CATEGORY_").lower()
    return {"type": kind, "threshold": as_str(setting.get("threshold")).lower()}


def _snake(name: str) -> str:
    return _INNER.sub(lambda found: f"_{found[0]}", name).lower()


def snaked(value: Any) -> Any:
    # A copy with all field names in snake_case.
    if isinstance(value, list):
        return list(map(snaked, value))
    if isinstance(value, dict):
        return {_snake(name): snaked(item) for name, item in value.items()}
    return value
