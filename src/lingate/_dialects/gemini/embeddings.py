# Embeddings, both directions.

# Three methods do it: `batchEmbedContents` (AI Studio), `embedContent` (one text a request) and Vertex's `predict`. The trait
# `embed_method` says which; answers are told apart by their fields.

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import embeddings, garbage
from lingate._dialects._check import Malformed, client_request, expect, read_json
from lingate._dialects._counts import integer
from lingate._dialects._draft import keep
from lingate._dialects._ignorable import note_others_words
from lingate._dialects._params import refuse_for_provider
from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.checks import check_parts
from lingate._dialects.gemini.content import text_alone
from lingate._dialects.gemini.draft import Draft, begin
from lingate._dialects.gemini.face_request import read_model
from lingate._dialects.gemini.facts import EMBED, EMBED_BATCH, NAME, PREDICT
from lingate._dialects.gemini.request import finish_request, method_url, resource_name
from lingate._dialects.gemini.response import read_object
from lingate._dialects.gemini.usage import canonical_usage, has_counts, native_usage
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_dicts, as_list, as_str, dig, not_null, without

_NOT_OPTIONS = frozenset({"content", "model", "outputDimensionality", "requests", "instances"})
"""Fields of a request that are not said of each of its inputs as they stand there."""
_SNAKE = {
    "task_type": "taskType",
    "title": "title",
    "auto_truncate": "autoTruncate",
    "output_dimensionality": "outputDimensionality",
}
_BACK = {name: snake for snake, name in _SNAKE.items()}
_WRITTEN = frozenset(
    {*_SNAKE, *_BACK, "input", "dimensions", "encoding_format", "user", "model", "provider_specific_fields"}
)
_MOST = {EMBED_BATCH: 100, EMBED: 1, PREDICT: 250}
_IN_PARAMETERS = ("outputDimensionality", "autoTruncate")


def embed_request(call: Call, target: Target) -> HttpRequest:
    made = begin(call, target)
    refuse_for_provider(made)
    if made.asked.get("user") is not None:
        made.note("user")
    items = _contents(made)
    method = made.traits.get("embed_method", EMBED_BATCH)
    options = _options(made, method)
    own = _kept(made, "requests", items)
    if method == PREDICT:
        body = _predict_body(items, options, made)
    elif method == EMBED:
        body = {**options, **own[0], "content": items[0]}
    else:
        name = resource_name(target.model)
        body = {"requests": [{**options, **own[n], "model": name, "content": item} for n, item in enumerate(items)]}
    body.update(without(made.asked, _WRITTEN))
    note_others_words(made.asked, made.note, NAME)
    return finish_request(made, method_url(target, method, "embeddings"), body)


def most_inputs(target: Target) -> int:
    # How many inputs a request may hold, as its method has it.
    return _MOST[target.traits.get("embed_method", EMBED_BATCH)]


def embed_response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Vectors as an OpenAI list.
    raw = read_object(body, sent.target)
    try:
        data = embeddings(_vectors(raw), sent)
    except Malformed as flaw:
        raise garbage(sent.target, str(flaw)) from None
    response: JsonDict = {"object": "list", "model": sent.target.model, "data": data}
    usage = _usage(raw)
    if usage:
        response["usage"] = usage
    rest = not_null(raw, ("embedding", "embeddings", "predictions", "usageMetadata"))
    return keep(response, NAME, rest), raw


@client_request
def parse_embed(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request of any of the three methods; its fields tell which.
    wire = camelized(read_json(body))
    canonical: JsonDict = {}
    if "requests" in wire:
        _parse_batch(wire, canonical)
    elif "instances" in wire:
        _parse_predict(wire, canonical)
    else:
        canonical["input"] = _input(wire.get("content"), "content")
        _keep(wire, canonical)
    return Call("embeddings", read_model(wire, path_args), canonical)


def render_embed(response: JsonDict) -> bytes:
    # Vectors as both methods of AI Studio show them: a single one under `embedding` too.
    vectors = [{"values": _floats(item.get("embedding"))} for item in response.get("data") or ()]
    wire: JsonDict = {"embeddings": vectors}
    if len(vectors) == 1:
        wire["embedding"] = vectors[0]
    if response.get("usage"):
        counts = native_usage(response["usage"])
        wire["usageMetadata"] = without(counts, ("candidatesTokenCount",))
    return encode(wire)


def _contents(draft: Draft) -> list[JsonDict]:
    given = draft.asked.get("input")
    items = given if isinstance(given, list) else [given]
    if not items:
        raise draft.broken("input", "is empty")
    made = []
    for n, item in enumerate(items):
        if isinstance(item, str):
            made.append({"parts": [{"text": item}]})
        elif isinstance(item, dict) and isinstance(item.get("parts"), list):
            made.append(item)
        else:
            draft.refuse(f"input[{n}]", "only text can be embedded, not token numbers")
    if not made:
        raise draft.broken("input", "holds nothing that can be embedded")
    return made


def _kept(draft: Draft, name: str, items: list[JsonDict]) -> list[JsonDict]:
    # What a client of this format had said of each input besides.
    kept = draft.native.get(name)
    return kept if isinstance(kept, list) and len(kept) == len(items) else [{}] * len(items)


def _options(draft: Draft, method: str) -> JsonDict:
    options = not_null(draft.native, _NOT_OPTIONS)
    for snake, name in _SNAKE.items():
        value = draft.asked.get(snake, draft.asked.get(name))
        if value is not None:
            options[name] = value
    said = [draft.native, *as_dicts(draft.native.get("requests"))] if method != PREDICT else []
    told = any(dig(item.get("embedContentConfig"), "outputDimensionality") is not None for item in said)
    if draft.asked.get("dimensions") is not None and not told:
        options["outputDimensionality"] = draft.asked["dimensions"]
    return options


def _predict_body(items: list[JsonDict], options: JsonDict, draft: Draft) -> JsonDict:
    own = _kept(draft, "instances", items)
    about = {snake: options[name] for snake, name in _SNAKE.items() if name in options and name not in _IN_PARAMETERS}
    instances = []
    for n, item in enumerate(items):
        texts = [part.get("text") for part in as_dicts(item["parts"])]
        if not all(isinstance(text, str) for text in texts):
            draft.refuse(f"input[{n}]", "this method embeds text only")
        instances.append({"content": "".join(map(as_str, texts)), **about, **own[n]})
    body: JsonDict = {"instances": instances}
    parameters = {name: options[name] for name in _IN_PARAMETERS if name in options}
    if parameters:
        body["parameters"] = parameters
    return body


def _vectors(raw: JsonDict) -> list[Any]:
    if raw.get("embedding") is not None and "embeddings" not in raw:
        return [_values(raw["embedding"], "embedding")]
    name = "embeddings" if raw.get("predictions") is None else "predictions"
    items: Any = raw.get(name)
    expect(items, list, name)
    found = []
    for n, item in enumerate(items):
        where = f"{name}[{n}]"
        if name == "predictions":
            expect(item, dict, where)
            item, where = item.get("embeddings"), f"{where}.embeddings"
        found.append(_values(item, where))
    return found


def _values(holder: Any, where: str) -> list[Any]:
    expect(holder, dict, where)
    values = holder.get("values")
    expect(values, list, f"{where}.values")
    if not all(isinstance(value, (int, float)) for value in values):
        raise Malformed(f"{where}.values", "must be numbers")
    return list(values)


def _floats(vector: Any) -> list[Any]:
    if not isinstance(vector, str):
        return as_list(vector)
    data = base64.b64decode(vector)
    return list(struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4]))


def _usage(raw: JsonDict) -> JsonDict | None:
    counts = raw.get("usageMetadata")
    if isinstance(counts, dict) and has_counts(counts):
        if "promptTokenDetails" in counts:
            # AI Studio's spelling here differs from its own elsewhere.
            counts = {"promptTokensDetails": counts["promptTokenDetails"], **counts}
            del counts["promptTokenDetails"]
        usage = canonical_usage(counts)
        usage.pop("completion_tokens", None)
        usage.setdefault("total_tokens", usage.get("prompt_tokens"))
        return usage
    tokens = [dig(item, "embeddings", "statistics", "token_count") for item in as_dicts(raw.get("predictions"))]
    known = [count for count in map(integer, tokens) if count is not None]
    return {"prompt_tokens": sum(known), "total_tokens": sum(known)} if known and len(known) == len(tokens) else None


def _input(content: Any, where: str) -> Any:
    # One content as an input: its text, or itself where it is more than one text.
    expect(content, dict, where)
    check_parts(content.get("parts"), f"{where}.parts")
    return text_alone(content["parts"]) or content


def _keep(item: JsonDict, canonical: JsonDict) -> None:
    # What one request says besides its content.
    if _size(item) is not None:
        canonical["dimensions"] = _size(item)
    keep(canonical, NAME, not_null(item, _NOT_OPTIONS))


def _size(item: JsonDict) -> Any:
    # How long a vector is to be; the cloud's clients say it in an object of its own.
    given = item.get("outputDimensionality")
    return dig(item.get("embedContentConfig"), "outputDimensionality") if given is None else given


def _parse_batch(wire: JsonDict, canonical: JsonDict) -> None:
    requests = wire["requests"]
    expect(requests, list, "requests")
    if not requests:
        raise Malformed("requests", "must not be empty")
    inputs, others = [], []
    for n, item in enumerate(requests):
        expect(item, dict, f"requests[{n}]")
        inputs.append(_input(item.get("content"), f"requests[{n}].content"))
        others.append(without(item, ("model", "content")))
    canonical["input"] = inputs
    sizes = list(map(_size, others))
    same = sizes.count(sizes[0]) == len(sizes)
    if same and sizes[0] is not None:
        canonical["dimensions"] = sizes[0]
    _keep(without(wire, ("outputDimensionality",)), canonical)
    if any(item.keys() - {"outputDimensionality"} for item in others) or not same:
        canonical.setdefault("provider_specific_fields", {}).setdefault(NAME, {})["requests"] = others


def _parse_predict(wire: JsonDict, canonical: JsonDict) -> None:
    instances, parameters = wire["instances"], wire.get("parameters") or {}
    expect(instances, list, "instances")
    expect(parameters, dict, "parameters")
    if not instances:
        raise Malformed("instances", "must not be empty")
    inputs, others = [], []
    for n, item in enumerate(instances):
        expect(item, dict, f"instances[{n}]")
        expect(item.get("content"), str, f"instances[{n}].content")
        inputs.append(item["content"])
        others.append({_BACK.get(name, name): value for name, value in item.items() if name != "content"})
    canonical["input"] = inputs
    kept: JsonDict = {"instances": others} if any(others) else {}
    if parameters.get("outputDimensionality") is not None:
        canonical["dimensions"] = parameters["outputDimensionality"]
    if parameters.get("autoTruncate") is not None:
        kept["autoTruncate"] = parameters["autoTruncate"]
    keep(canonical, NAME, kept)
