# Last edits of a wire body, for what traits, `rename` and `unsupported` cannot say.

# An edit changes `body` in place. Messages and nested objects may still be the caller's own, so an edit replaces them
# and never writes into them. What it takes away or alters it notes in `sent.dropped`.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lingate._model import Edit, HttpRequest, JsonDict, Traits, replaced
from lingate._wire.shapes import as_dict, as_dicts, as_list, dig, not_null, without
from lingate.errors import UnsupportedError

EFFORT_RANK: Mapping[str, int] = {
    "none": 0,
    "off": 0,
    "instant": 0,
    "minimal": 1,
    "low": 2,
    "default": 3,
    "medium": 3,
    "high": 4,
    "xhigh": 5,
    "max": 6,
}
"""The words of the field for how much to reason, from not at all to without limit."""


def chat_template_args(body: JsonDict, sent: HttpRequest) -> None:
    # The chat template's arguments have another name here.
    if "chat_template_kwargs" in body:
        given = body.pop("chat_template_kwargs")
        own = body.get("chat_template_args")
        body["chat_template_args"] = {**given, **own} if isinstance(given, dict) and isinstance(own, dict) else given


def effort_null(body: JsonDict, sent: HttpRequest) -> None:
    # Reasoning is switched off with a JSON null, not with the word `none`.
    if body.get("reasoning_effort") == "none":
        body["reasoning_effort"] = None


def effort_beside_thinking(body: JsonDict, sent: HttpRequest) -> None:
    # Thinking is switched by a field, and how much by `reasoning_effort` beside it, where words for it are known (`efforts`).
    effort, thinking = sent.call.body.get("reasoning_effort"), body.get("thinking", body.get("enable_thinking"))
    on = thinking is True or dig(thinking, "type") not in (None, "disabled")
    if on and isinstance(effort, str) and effort != "none" and sent.target.traits.get("efforts"):
        body.setdefault("reasoning_effort", effort)
        _was_told(effort, sent)


def adaptive_thinking(body: JsonDict, sent: HttpRequest) -> None:
    # Thinking that is switched on has another type, and no budget.
    if dig(body, "thinking", "type") == "enabled":
        if "budget_tokens" in body["thinking"]:
            sent.dropped.append("thinking.budget_tokens")
        body["thinking"] = {"type": "adaptive"}


def _was_told(effort: Any, sent: HttpRequest) -> None:
    noted = f"reasoning_effort={effort}"
    if noted in sent.dropped:
        sent.dropped.remove(noted)


def store_false(body: JsonDict, sent: HttpRequest) -> None:
    # The Responses API answers only if it is told to remember nothing.
    if sent.call.operation == "responses":
        body.setdefault("store", False)


_THINKING_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8000, "high": 16000, "xhigh": 24000, "max": 24000}
_LEAST_BUDGET = 1024


def thinking_budget(body: JsonDict, sent: HttpRequest) -> None:
    # Thinking is switched on with a number of tokens, as in Anthropic's own format; where the model knows none it adapts to an
    # effort. What does not stop thinking is told to think little.
    thinking, traits = body.get("thinking"), sent.target.traits
    effort, off = sent.call.body.get("reasoning_effort"), traits.get("unthinking", "disabled")
    if dig(thinking, "type") == "disabled" and off != "disabled":
        body["thinking"] = {"type": off or "adaptive"}
        if not off:
            body["output_config"] = {"effort": "low"}
            sent.dropped.append("reasoning_effort=none (sent as low)")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    told = "budget_tokens" in thinking
    if traits.get("thinking") == "adaptive" and not (told and traits.get("budgets", True)):
        body["thinking"] = {**without(thinking, ("budget_tokens",)), "type": "adaptive"}
        if told:
            sent.dropped.append("thinking.budget_tokens")
        if effort:
            body["output_config"] = {"effort": effort}
            _was_told(effort, sent)
        return
    if told:
        return
    budget = _THINKING_BUDGETS.get(str(effort), _THINKING_BUDGETS["medium"])
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if isinstance(limit, int) and budget >= limit:
        budget = max(limit - 1, _LEAST_BUDGET)
    body["thinking"] = {**thinking, "budget_tokens": budget}
    _was_told(effort, sent)


def reasoning_blocks(body: JsonDict, sent: HttpRequest) -> None:
    # Reasoning goes back as blocks of the content (`reasoning_history: thinking_blocks` keeps it that far).
    _change_messages(body, _with_blocks)


def _change_messages(body: JsonDict, change: Callable[[JsonDict], JsonDict]) -> None:
    messages = body.get("messages")
    if isinstance(messages, list):
        body["messages"] = [change(item) if isinstance(item, dict) else item for item in messages]


def _with_blocks(message: JsonDict) -> JsonDict:
    blocks = as_dicts(message.get("thinking_blocks"))
    rest = without(message, ("thinking_blocks", "reasoning_content"))
    if not blocks:
        return rest
    summaries = [
        {"type": "summary_text", "text": block.get("thinking", ""), "signature": block.get("signature", "")}
        if block.get("type") == "thinking"
        else {"type": "summary_encrypted_text", "data": block.get("data", "")}
        for block in blocks
    ]
    content = rest.get("content")
    spoken = content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []
    return {**rest, "content": [{"type": "reasoning", "summary": summaries}, *spoken]}


def bare_media(body: JsonDict, sent: HttpRequest) -> None:
    # A document goes by its address, be it a data URL, a file that was uploaded by its id, and sound as base64 alone.
    _change_parts(body, _bare)


def address_as_data(body: JsonDict, sent: HttpRequest) -> None:
    # The address of a file stands where its data would.
    _change_parts(body, _addressed)


def _change_parts(body: JsonDict, change: Callable[[Any], Any]) -> None:
    def changed(message: JsonDict) -> JsonDict:
        content = message.get("content")
        return {**message, "content": list(map(change, content))} if isinstance(content, list) else message

    _change_messages(body, changed)


def _addressed(part: Any) -> Any:
    file = as_dict(dig(part, "file"))
    url = file.get("file_url")
    return {**part, "file": {"file_data": url, **without(file, ("file_url",))}} if url else part


def _bare(part: Any) -> Any:
    sound = dig(part, "input_audio", "data")
    if sound is not None:
        return {"type": "input_audio", "input_audio": sound}
    file = as_dict(dig(part, "file"))
    if file.get("file_id"):
        return {"type": "file", "file_id": file["file_id"]}
    made = {"document_url": file.get("file_data") or file.get("file_url"), "document_name": file.get("filename")}
    return {"type": "document_url", **not_null(made)} if file else part


def listed_texts(body: JsonDict, sent: HttpRequest) -> None:
    # What is to be embedded is a list, and has another name.
    if sent.call.operation == "embeddings":
        given = body.pop("input", None)
        body["text"] = [given] if isinstance(given, str) else given


def width_and_height(body: JsonDict, sent: HttpRequest) -> None:
    # The size of an image is two numbers.
    width, cross, height = str(body.get("size", "")).partition("x")
    if cross and width.isdecimal() and height.isdecimal():
        del body["size"]
        body.update(width=int(width), height=int(height))


_MARK = "pat/"


def marked_token(body: JsonDict, sent: HttpRequest) -> None:
    # A key with the mark of a programmatic access token goes out without it, and is called what it is.
    held = sent.headers.get("authorization", "")
    word, _, key = held.partition(" ")
    if not key.startswith(_MARK):
        return
    token = key.removeprefix(_MARK)
    sent.target = replaced(sent.target, secrets=(*sent.target.secrets, token))
    sent.headers = {
        **sent.headers,
        "authorization": f"{word} {token}",
        "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN",
    }


def marked_prefill(body: JsonDict, sent: HttpRequest) -> None:
    # An answer is continued only where its beginning, the last message, says that it is one.
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return
    last = messages[-1]
    if isinstance(last, dict) and last.get("role") == "assistant" and not last.get("tool_calls"):
        body["messages"] = [*messages[:-1], {"prefix": True, **last}]


def forced_call_alone(body: JsonDict, sent: HttpRequest) -> None:
    # No answer, but a call is to come: "`json_schema` response type with tools is only compatible with `tool_choice: auto`"
    # (0xPlaygrounds/rig#2337).
    if body.get("tool_choice") not in (None, "auto", "none") and body.pop("response_format", None):
        sent.dropped.append("response_format (a tool is to be called)")


QUIRKS: Mapping[str, Edit] = {
    edit.__name__: edit
    for edit in (
        chat_template_args,
        effort_null,
        effort_beside_thinking,
        adaptive_thinking,
        store_false,
        thinking_budget,
        reasoning_blocks,
        address_as_data,
        bare_media,
        listed_texts,
        width_and_height,
        marked_token,
        marked_prefill,
        forced_call_alone,
    )
}
"""The edits a row may list, by name."""


def defaults(fields: Mapping[str, Any]) -> Edit:
    # An edit that adds a row's own `body` fields to chat requests which do not set them.

    def fill(body: JsonDict, sent: HttpRequest) -> None:
        if sent.call.operation == "chat":
            for name, value in fields.items():
                body.setdefault(name, value)

    return fill


def nearest_effort(body: JsonDict, sent: HttpRequest) -> None:
    # Replace a word for the effort that this host or model does not know by the nearest one it does (`efforts`).
    words = sent.target.traits.get("efforts", ())
    fields = body.get("additionalModelRequestFields")  # where Bedrock's Converse has what is the model's own
    if isinstance(fields, dict):
        body["additionalModelRequestFields"] = fields = {**fields}
        nearest_effort(fields, sent)
    if "reasoning_effort" in body:
        body["reasoning_effort"] = _nearest(body["reasoning_effort"], words, sent)
    for outer in ("reasoning", "output_config"):
        inner = body.get(outer)
        if isinstance(inner, dict) and "effort" in inner:
            body[outer] = {**inner, "effort": _nearest(inner["effort"], words, sent)}


def _nearest(wanted: Any, words: tuple[str, ...], sent: HttpRequest) -> Any:
    if not isinstance(wanted, str) or wanted in words:
        return wanted
    rank = EFFORT_RANK.get(wanted)
    known = [word for word in words if word in EFFORT_RANK]
    # A wish to reason, however little, never becomes a wish not to.
    fit = [word for word in known if bool(EFFORT_RANK[word]) == bool(rank)] or known
    if rank is None or not fit:
        return wanted
    best = min(fit, key=lambda word: (abs(EFFORT_RANK[word] - rank), EFFORT_RANK[word]))
    if not (rank == EFFORT_RANK[best] == 0):
        sent.dropped.append(f"reasoning_effort={wanted} (sent as {best})")
    return best


_LOGPROBS = "message.output_text.logprobs"


def sampling_without_effort(body: JsonDict, sent: HttpRequest) -> None:
    # Refuse sampling, and what tells of it, while the model reasons (`sampling: effort_none`).
    # A value that is the default is left out.
    reasoning = body.get("reasoning")
    effort = body.get("reasoning_effort", reasoning.get("effort") if isinstance(reasoning, dict) else None)
    if (sent.target.traits.get("default_effort") if effort is None else effort) == "none":
        return
    if _LOGPROBS in (told := as_list(body.get("include"))):
        body["include"] = [item for item in told if item != _LOGPROBS]
        body["logprobs"] = True  # as chats ask for them
    never = "none" not in sent.target.traits.get("efforts", ("none",))
    for name, usual in (("temperature", 1), ("top_p", 1), ("logprobs", 0), ("top_logprobs", 0)):
        if body.pop(name, usual) == usual:
            continue
        if not sent.call.drop_params:
            raise UnsupportedError(
                f"{sent.target.model} does not take `{name}`{'' if never else ' unless reasoning_effort is `none`'}",
                provider=sent.target.provider,
                model=sent.target.model,
                param=name,
                hint="leave it out, or pass drop_params=True to have it left out",
            )
        sent.dropped.append(name)


_NAMED_ROLES: Mapping[str, tuple[str, ...]] = {"user": ("user",), "tool": ("tool",), "none": ()}


def message_names(body: JsonDict, sent: HttpRequest) -> None:
    # Take `name` off the messages that may not carry it (`names`).
    messages = body.get("messages")
    roles = _NAMED_ROLES.get(sent.target.traits.get("names", "any"))
    if roles is None or not isinstance(messages, list):
        return
    kept: list[Any] = []
    for index, message in enumerate(messages):
        if isinstance(message, dict) and "name" in message and message.get("role") not in roles:
            message = without(message, ("name",))
            sent.dropped.append(f"messages[{index}].name")
        kept.append(message)
    body["messages"] = kept


def thinking_off_unless_streamed(body: JsonDict, sent: HttpRequest) -> None:
    # Say that a whole answer is to be made without thinking, which is on by default (`thinking_needs_stream`).
    if sent.call.operation == "chat" and not sent.call.stream:
        body.setdefault("enable_thinking", False)


def owed_reasoning(body: JsonDict, sent: HttpRequest) -> None:
    # Send a space as the reasoning of a turn that came without (`reasoning_owed`).
    every = sent.target.traits.get("reasoning_owed") == "beside_tools" and body.get("tools")

    def paid(message: JsonDict) -> JsonDict:
        owed = message.get("tool_calls") or (every and message.get("role") == "assistant")
        return {**message, "reasoning_content": " "} if owed and not message.get("reasoning_content") else message

    if dig(body, "thinking", "type") != "disabled":
        _change_messages(body, paid)


def edits_for(quirks: tuple[str, ...], fields: Mapping[str, Any], traits: Traits) -> tuple[Edit, ...]:
    # Everything that edits the wire body of one target, in order: named quirks, the row's fields, then traits.
    edits = [QUIRKS[name] for name in quirks]
    if fields:
        edits.append(defaults(fields))
    if traits.get("efforts"):
        edits.append(nearest_effort)
    if traits.get("sampling") == "effort_none":
        edits.append(sampling_without_effort)
    if traits.get("names", "any") != "any":
        edits.append(message_names)
    if traits.get("thinking_needs_stream"):
        edits.append(thinking_off_unless_streamed)
    if traits.get("reasoning_owed"):
        edits.append(owed_reasoning)
    return tuple(edits)
