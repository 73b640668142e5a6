# Reranking: the canonical form, which is Cohere's and Jina's, what every wire of it shares, and OpenAI's hosts' `/rerank`.

#     request   {"query": text, "documents": [text | {"text": text, ...}, ...], "top_n": count, "return_documents": flag,
#                "max_tokens_per_doc": count, ...}
#     response  {"object": "rerank", "id": text, "model": text, "usage": {...},
#                "results": [{"index": place in documents, "relevance_score": number, "document": {"text": text}}, ...]}
#
# The best result is first, and there are no more than `top_n`, whatever the server thinks of both. `document` is there only
# where documents were asked for (`return_documents`). `usage` has OpenAI's names (`prompt_tokens`, `total_tokens`), and
# whatever else a provider counts by (`billed_units`). Further fields of the provider's stay where they were, such as
# Cohere's `meta`.

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from lingate._dialects._answers import decode_list, hidden_error, malformed, new_id
from lingate._dialects._base import Form
from lingate._dialects._counts import integer
from lingate._dialects._envelope import seal
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.parameters import begin
from lingate._dialects.openai_chat.usage import input_usage
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_dict, as_str, dig, is_number, not_null

_LISTS = ("results", "data", "rankings")
_SCORES = ("relevance_score", "score", "logit")


def canonical_rerank(raw: Any, sent: HttpRequest, usage: JsonDict | None = None) -> JsonDict:
    # A decoded answer in canonical form, with the request's documents in it if they were asked for.
    # `raw`: an object with results under one of their names, or the bare list of them.
    # `usage`: token counts, where they are not in `raw["usage"]`.
    # Raises ProtocolError: there are no results, or one of them has no place or no score.
    target, asked = sent.target, sent.call.body
    documents = asked.get("documents") if asked.get("return_documents") else None
    holder = as_dict(raw)
    found = [holder.get(name) for name in _LISTS] if holder else [raw]
    results = next((items for items in found if isinstance(items, list)), None)
    if results is None:
        raise malformed(target, "the answer has no results")
    rest = not_null(holder, _LISTS)
    given, model = rest.get("id"), rest.get("model")
    ranked = [_result(item, at, target, documents) for at, item in enumerate(results)]
    ranked.sort(key=itemgetter("relevance_score"), reverse=True)
    return {
        **rest,
        "object": "rerank",
        "id": as_str(given) or new_id("rerank-"),
        "model": as_str(model) or target.model,
        "results": ranked[: asked.get("top_n")],
        "usage": input_usage(holder.get("usage")) if usage is None else usage,
    }


def check_rerank(fields: JsonDict) -> None:
    if not isinstance(fields.get("query"), str):
        fail("query", "expected text")
    documents = fields.get("documents")
    if not isinstance(documents, list) or not documents:
        fail("documents", "expected a list of texts that is not empty")
    for at, document in enumerate(documents):
        if not isinstance(document, str | dict):
            fail(f"documents[{at}]", "expected text or an object")
    for name in ("top_n", "max_tokens_per_doc"):
        if name in fields and (type(fields[name]) is not int or fields[name] < 1):
            fail(name, "expected a whole number above 0")
    if not isinstance(fields.get("return_documents", False), bool):
        fail("return_documents", "expected true or false")


def document_object(document: Any) -> Any:
    return {"text": document} if isinstance(document, str) else document


def _result(raw: Any, at: int, target: Target, documents: Any) -> JsonDict:
    index = integer(raw.get("index")) if isinstance(raw, dict) else None
    score = next((raw[name] for name in _SCORES if is_number(raw.get(name))), None) if index is not None else None
    if index is None or score is None:
        raise malformed(target, f"results[{at}] has no index or no score")
    rest = {name: value for name, value in raw.items() if name not in _SCORES and name != "document"}
    made = {**rest, "index": index, "relevance_score": score}
    shown = raw.get("document", raw.get("text"))
    if shown is None and isinstance(documents, list) and 0 <= index < len(documents):
        shown = documents[index]
    if shown is not None:
        made["document"] = document_object(shown)
    return made


def request(call: Call, target: Target) -> HttpRequest:
    return seal(*begin(call, target, "rerank", "/rerank"))


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Gives the canonical response, and the decoded body (a bare list as `{"results": [...]}`).
    target = sent.target
    raw = decode_list(body, target, "results", "results")
    hidden = hidden_error(raw, target, head.headers)
    if hidden is None and not any(isinstance(value, list) for value in raw.values()):
        hidden = body_failure(raw, target, headers=head.headers)
    if hidden is not None:
        raise hidden
    return canonical_rerank(raw, sent, _counts(raw)), raw


def _counts(raw: JsonDict) -> JsonDict | None:
    # Token counts that stand where Cohere has them, as at SiliconFlow; None where they are in `usage`.
    meta = raw.get("meta")
    tokens = meta.get("tokens") if isinstance(meta, dict) else raw.get("tokens")
    count = dig(tokens, "input_tokens")
    if raw.get("usage") or type(count) is not int:
        return None
    return {"prompt_tokens": count, "total_tokens": count}


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, path_args)
    check_rerank(fields)
    return Call("rerank", model, fields)


FORM = Form(request, response, parse_call, render)
