# OpenAI's chat format, which most providers speak in a variation of their own (PROVIDERS.md, section 3).

# What varies is in the provider's row and traits; nothing here asks which provider it is.

from lingate._dialects._base import Dialect, Form, OperationFormat, Operations, StreamDecoder, dialect
from lingate._dialects._tool_names import ToolsOfText
from lingate._dialects.openai_chat import face
from lingate._dialects.openai_chat.request import request
from lingate._dialects.openai_chat.response import response
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Call, Head, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import as_dicts, dig

_RESPONSES = "openai_responses"


def _request(call: Call, target: Target) -> HttpRequest:
    # Elsewhere than at its own host a server may stand that has chats only, and its own way with them.
    if target.traits.get("tools_by_responses") and (target.row.url or "").partition("//")[2] in target.url:
        target = by_responses(call, target)
    return (_responses(target).request if target.row.dialect == _RESPONSES else request)(call, target)


def by_responses(call: Call, target: Target) -> Target:
    # The target, asked for a response where its chats refuse functions while the model thinks, or know no effort `max`:
    # livekit/agents#7169, BerriAI/litellm-docs#1173.
    when, thinking = target.traits.get("tools_by_responses"), dig(call.body, "thinking", "type")
    if when is None:
        return target
    off = thinking == "disabled" or (when == "asked" and thinking is None)
    effort = call.body.get("reasoning_effort") or ("none" if off else None)
    if effort == "none" and "none" in target.traits.get("efforts", ("none",)):
        return target
    functions = any(tool.get("type") in ("function", "custom") for tool in as_dicts(call.body.get("tools")))
    if not functions and (effort != "max" or when != "always"):
        return target
    return replaced(target, row=replaced(target.row, dialect=_RESPONSES))


def _responses(target: Target) -> OperationFormat:
    return dialect(_RESPONSES).operation("chat", target.row.name)


def _response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    read = _responses(sent.target).response if sent.target.row.dialect == _RESPONSES else response
    return read(sent, head, body)


def _decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    made = _responses(sent.target).decoder if sent.target.row.dialect == _RESPONSES else ChatDecoder
    return made(sent, head)


DIALECT = Dialect(
    name="openai_chat",
    operations=Operations(
        {
            "chat": ToolsOfText(
                Form(_request, _response, face.parse_call, face.render_chat, _decoder, face.ChunkEncoder)
            ),
        },
        {
            "completions": f"{__name__}.completions:FORM",
            "embeddings": f"{__name__}.embeddings:FORM",
            "images": f"{__name__}.images:FORM",
            "models": f"{__name__}.models:FORM",
            "moderations": f"{__name__}.moderations:FORM",
            "rerank": f"{__name__}.ranking:FORM",
            "speech": f"{__name__}.speech:FORM",
            "transcription": f"{__name__}.transcription:FORM",
        },
    ),
    render_error=face.render_error,
)
