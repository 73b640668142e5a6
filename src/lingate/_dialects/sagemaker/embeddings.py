"""Embeddings by containers: Hugging Face's `inputs`, or OpenAI's format."""

from __future__ import annotations

from typing import Any

from lingate._dialects._bedrock import finish_request
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._failure import garbage
from lingate._dialects._params import refuse_for_provider
from lingate._dialects.openai_chat.embeddings import response as read_openai
from lingate._dialects.sagemaker.request import METHOD, begin_request, takes_prompts
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import decode, encode

_TAKEN = frozenset({"input", "user", "model", "encoding_format", "provider_specific_fields"})


def embed_request(call: Call, target: Target) -> HttpRequest:
    """An embeddings call, ready to be sent."""
    draft = Draft(call, target, asked_of(call), target.traits)
    refuse_for_provider(draft)
    if takes_prompts(target):
        given = draft.asked.get("input")
        body: JsonDict = {"inputs": [given] if isinstance(given, str) else given}
        if draft.asked.get("encoding_format", "float") != "float":
            draft.refuse("encoding_format", "the container gives numbers")
        body.update((name, value) for name, value in draft.asked.items() if name not in _TAKEN)
    else:
        body = {name: value for name, value in draft.asked.items() if name != "model"}
    return finish_request(begin_request(draft, METHOD), body)


def read_embeddings(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Vectors as an OpenAI list, and the decoded body (a bare list as `{"embeddings": [...]}`).

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: There are no vectors in it.
    """
    target = sent.target
    try:
        raw = decode(body)
    except ValueError as error:
        raise garbage(target, str(error)) from None
    kept: Any = raw if isinstance(raw, dict) else {"embeddings": raw}
    found = kept.get("embeddings", kept.get("embedding"))
    if not isinstance(found, list) or not found:
        return read_openai(sent, head, body)
    vectors = [found] if isinstance(found[0], (int, float)) else found
    data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    response, _ = read_openai(sent, head, encode({"data": data}))
    if not all(isinstance(item["embedding"], list) for item in response["data"]):
        raise garbage(target, "there are no embeddings in it")
    return response, kept
