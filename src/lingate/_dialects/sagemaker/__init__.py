# Amazon SageMaker endpoints: the container's own body, OpenAI's or TGI's, around which AWS puts its path and frames.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._base import Dialect, Form, StreamDecoder
from lingate._dialects._bedrock import begin_request
from lingate._dialects._draft import Draft
from lingate._dialects._envelope import seal
from lingate._dialects._frames import FrameDecoder
from lingate._dialects._params import answer_limit, begun, generation_sampling, stops
from lingate._dialects._prompts import script_for, turns_of
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.bedrock_invoke.request import openai_draft, write_text_rest
from lingate._dialects.openai_chat.embeddings import parse_call as parse_embeddings
from lingate._dialects.openai_chat.face import parse_call, render
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._dialects.sagemaker.answers import NAME, Encoder, OpenAiParts, TgiParts, read_embeddings, read_generated
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import not_null, without

METHOD, STREAM_METHOD = "invocations", "invocations-response-stream"

_NOT_SAID = frozenset({"input", "user", "model", "encoding_format", "provider_specific_fields"})
"""Fields of a call for embeddings that Hugging Face's containers do not take, or by another name."""

_PARAMETERS = ("seed", "frequency_penalty", "repetition_penalty")


def takes_prompts(target: Target) -> bool:
    # Whether the container is one of those that take a prompt and give text (TGI), not messages.
    return target.traits.get("body_format") == "prompt"


def chat_request(call: Call, target: Target) -> HttpRequest:
    if takes_prompts(target):
        draft = _write_prompt(call, target)
    else:
        draft = openai_draft(call, target)
        # The endpoint is the model; some containers refuse a name that is not theirs.
        del draft.body["model"]
    return _sealed(draft, STREAM_METHOD if call.stream else METHOD, draft.body)


def _sealed(draft: Draft, method: str, body: JsonDict) -> HttpRequest:
    return seal(begin_request(draft, method, draft.target.model, "endpoints"), body)


def _write_prompt(call: Call, target: Target) -> Draft:
    draft = begun(call, target)
    inputs = script_for(target.model)(turns_of(draft))
    values: dict[str, Any] = generation_sampling(draft, ("temperature", "top_p", "top_k"))
    values["max_new_tokens"] = answer_limit(draft)
    values["stop"] = stops(draft, draft.traits.get("max_stop")) or None
    draft.stop = draft.stop or tuple(values["stop"] or ())  # it stays in the text
    values |= {name: draft.asked.get(name) for name in _PARAMETERS}
    write_text_rest(draft, "container", {*_PARAMETERS})
    parameters = {**not_null(values), **draft.body}
    draft.body = {"inputs": inputs, "parameters": parameters}
    if call.stream:
        draft.body["stream"] = True
    return draft


def embed_request(call: Call, target: Target) -> HttpRequest:
    # An embeddings call, ready to be sent: Hugging Face's `inputs`, or OpenAI's format.
    draft = begun(call, target)
    if takes_prompts(target):
        given = draft.asked.get("input")
        body: JsonDict = {"inputs": [given] if isinstance(given, str) else given}
        body.update(without(draft.asked, _NOT_SAID))
    else:
        body = without(draft.asked, ("model",))
    return _sealed(draft, METHOD, body)


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
