"""Amazon SageMaker endpoints: the container's own body, OpenAI's or TGI's, around which AWS puts its path and frames."""

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._frames import FrameDecoder
from lingate._dialects._replay import replay
from lingate._dialects._streamless import Streamless
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.openai_chat.embeddings import parse_call as parse_embeddings
from lingate._dialects.openai_chat.face import parse_call, render
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._dialects.sagemaker.embeddings import embed_request, read_embeddings
from lingate._dialects.sagemaker.request import STREAM_METHOD, chat_request, takes_prompts
from lingate._dialects.sagemaker.stream import Encoder, OpenAiParts, TgiParts
from lingate._dialects.sagemaker.tgi import NAME, read_generated
from lingate._model import Call, Head, HttpRequest, JsonDict, Target


class Chat:
    """`POST /endpoints/{name}/invocations` and `/invocations-response-stream`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return chat_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        if takes_prompts(sent.target):
            return read_generated(sent, head, body)
        return read_openai(sent, head, body)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        stream = TgiParts(sent, head) if takes_prompts(sent.target) else OpenAiParts(sent, head)
        return FrameDecoder(sent, head, stream, lambda body: replay(*self.response(sent, head, body)), in_json=False)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        """Read a client's request: as a face, this is OpenAI's format in AWS's frames."""
        made = parse_call(body, path_args)
        made.stream = path_args.get("method") == STREAM_METHOD
        return made

    def render(self, response: JsonDict) -> bytes:
        return render(response)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class Embeddings(Streamless):
    """`POST /endpoints/{name}/invocations` of a model that embeds."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return embed_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_embeddings(sent, head, body)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_embeddings(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render(response)


DIALECT = Dialect(name=NAME, operations={"chat": Chat(), "embeddings": Embeddings()}, render_error=render_error)
