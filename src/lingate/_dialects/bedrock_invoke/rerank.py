"""Reranking by models on Bedrock: Cohere's and Amazon's, in one format."""

from __future__ import annotations

from lingate._dialects._bedrock import begin_request, finish_request
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._params import refuse_for_provider
from lingate._dialects.bedrock_converse.response import read_object
from lingate._dialects.bedrock_invoke.facts import format_of
from lingate._dialects.bedrock_invoke.request import INVOKE
from lingate._dialects.bedrock_invoke.text_answers import counted
from lingate._dialects.openai_chat.ranking import canonical_rerank
from lingate._model import Call, Head, HttpRequest, JsonDict, Target

_API_VERSION = 2


def rerank_request(call: Call, target: Target) -> HttpRequest:
    """A rerank call, ready to be sent. Documents come back with the results on our side."""
    draft = Draft(call, target, asked_of(call), target.traits)
    refuse_for_provider(draft)
    documents = draft.asked.get("documents")
    if not isinstance(documents, list):
        raise draft.broken("documents", "must be a list of texts")
    texts = [item.get("text") if isinstance(item, dict) else item for item in documents]
    if not all(isinstance(text, str) for text in texts):
        draft.refuse("documents", "the model ranks text alone")
    body: JsonDict = {**draft.asked, "documents": texts}
    body.pop("return_documents", None)
    if format_of(target) == "cohere":
        body["api_version"] = _API_VERSION
    return finish_request(begin_request(draft, INVOKE, target.model), body)


def read_rerank(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Results in canonical form, and the decoded body.

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: There are no results in it.
    """
    raw = read_object(body, sent.target)
    wanted = sent.call.body.get("documents") if sent.call.body.get("return_documents") else None
    return canonical_rerank(raw, sent.target, wanted, counted(head) or None), raw
