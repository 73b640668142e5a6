"""OpenAI's chat format, which most providers speak in a variation of their own (PROVIDERS.md, section 3)."""

# What varies is in the provider's row and traits; nothing here asks which provider it is.

from lingate._dialects._base import Dialect, Form, Operations
from lingate._dialects._names import ToolsOfText
from lingate._dialects.openai_chat import face
from lingate._dialects.openai_chat.request import request
from lingate._dialects.openai_chat.response import response
from lingate._dialects.openai_chat.stream import ChatDecoder


class ChatFormat(Form):
    """The `chat` operation."""


DIALECT = Dialect(
    name="openai_chat",
    operations=Operations(
        {
            "chat": ToolsOfText(
                ChatFormat(request, response, face.parse_call, face.render_chat, ChatDecoder, face.ChunkEncoder)
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
