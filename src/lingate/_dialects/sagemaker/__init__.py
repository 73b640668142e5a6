# Amazon SageMaker endpoints: the container's own body, OpenAI's or TGI's, around which AWS puts its path and frames.

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._base import Dialect, Form, StreamDecoder
from lingate._dialects._frames import FrameDecoder
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.openai_chat.embeddings import parse_call as parse_embeddings
from lingate._dialects.openai_chat.face import parse_call, render
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._dialects.sagemaker.answers import NAME, Encoder, OpenAiParts, TgiParts, read_embeddings, read_generated
from lingate._dialects.sagemaker.request import STREAM_METHOD, chat_request, embed_request, takes_prompts
from lingate._model import Call, Head, HttpRequest, JsonDict


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    return (read_generated if takes_prompts(sent.target) else read_openai)(sent, head, body)


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    stream = TgiParts(sent, head) if takes_prompts(sent.target) else OpenAiParts(sent, head)
    return FrameDecoder(sent, head, stream, read_chat, in_json=False)


def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's request: as a face, this is OpenAI's format in AWS's frames.
    made = parse_call(body, path_args)
    made.stream = path_args.get("method") == STREAM_METHOD
    return made


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": Form(chat_request, read_chat, parse_chat, render, stream_decoder, Encoder),
        "embeddings": Form(embed_request, read_embeddings, parse_embeddings, render),
    },
    render_error=render_error,
)
