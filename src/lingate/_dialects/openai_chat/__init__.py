"""OpenAI's chat format, which most providers speak in a variation of their own (PROVIDERS.md, section 3).

What varies is in the provider's row and traits; nothing here asks which provider it is.
"""

from __future__ import annotations

from lingate._dialects._base import Dialect, Operations, StreamDecoder, StreamEncoder
from lingate._dialects.openai_chat import face
from lingate._dialects.openai_chat.embeddings import EmbeddingsFormat
from lingate._dialects.openai_chat.models import ModelsFormat
from lingate._dialects.openai_chat.request import request
from lingate._dialects.openai_chat.response import response
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Call, Head, HttpRequest


class ChatFormat:
    """The `chat` operation."""

    request = staticmethod(request)
    response = staticmethod(response)
    parse_call = staticmethod(face.parse_call)
    render = staticmethod(face.render)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return ChatDecoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return face.ChunkEncoder(call)


DIALECT = Dialect(
    name="openai_chat",
    operations=Operations(
        {"chat": ChatFormat(), "embeddings": EmbeddingsFormat(), "models": ModelsFormat()},
        {
            "completions": f"{__name__}.completions:CompletionsFormat",
            "images": f"{__name__}.images:ImagesFormat",
            "moderations": f"{__name__}.moderations:ModerationsFormat",
            "rerank": f"{__name__}.rerank:RerankFormat",
            "speech": f"{__name__}.speech:SpeechFormat",
            "transcription": f"{__name__}.transcription:TranscriptionFormat",
        },
    ),
    render_error=face.render_error,
)
