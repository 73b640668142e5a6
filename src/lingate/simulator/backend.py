# From a request to the steps that answer it, and the cache of prompts. HTTP is only data here, sockets are the server's.

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl

from lingate._dialects._base import dialect
from lingate._model import Call, Fixed, JsonDict, Record
from lingate._wire import json
from lingate.errors import AuthenticationError, LingateError, NotFoundError
from lingate.simulator.answers import CacheHit, Identity, answer_chat, answer_completion, prompt_tokens
from lingate.simulator.edits import Scene
from lingate.simulator.faults import FAULT_NAMES, FAULTS
from lingate.simulator.media import (
    answer_embeddings,
    answer_images,
    answer_moderation,
    answer_rerank,
    answer_speech,
    answer_transcription,
)
from lingate.simulator.options import FaultSpec, Options, read_options
from lingate.simulator.prompt import count, count_message, holds, without
from lingate.simulator.stats import RecordedRequest, Stats, credential_of, redacted_headers, redacted_query
from lingate.simulator.steps import Steps, body_steps, error_steps, json_steps
from lingate.simulator.turn import ROUTES, Route, Turn, find_route

IMPLICIT_TOKENS = 1024
"""Without marks, only prompts of this length are cached, in steps of `IMPLICIT_STEP` (OpenAI's numbers)."""

IMPLICIT_STEP = 128
_MAX_PREFIXES = 4096
_MARK = ("cache_control",)


class PromptCache:
    # Prefixes of prompts, message by message. Marked ones (`cache_control`) are cached whatever their length.

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def look_up(self, call: Call) -> CacheHit:
        # What the cache does for this prompt; the prompt is in the cache afterwards.
        prefixes = list(_prefixes(call))
        marked = any(mark for _, _, mark in prefixes)
        read = written = 0
        for key, tokens, mark in prefixes:
            if key in self._seen:
                read = tokens
            elif mark:
                written = tokens - read
        for key, tokens, mark in prefixes:
            if mark or (not marked and tokens >= IMPLICIT_TOKENS):
                self._seen[key] = None
                self._seen.move_to_end(key)
                if len(self._seen) > _MAX_PREFIXES:
                    self._seen.popitem(last=False)
        if marked:
            return CacheHit(read, max(written, 0))
        return CacheHit(read // IMPLICIT_STEP * IMPLICIT_STEP)


def _prefixes(call: Call) -> Iterator[tuple[bytes, int, bool]]:
    # Each beginning of the prompt: what identifies it, its tokens, and whether it ends at a mark.
    body: JsonDict = call.body
    digest = sha256(call.model.encode("utf-8", "surrogatepass"))
    tokens = 0
    if body.get("tools"):
        written = json.encode(body["tools"])
        digest.update(written)
        tokens += count(written.decode())
        yield digest.digest(), tokens, holds(body["tools"], _MARK)
    messages = [message for message in body.get("messages") or () if isinstance(message, Mapping)]
    for at, message in enumerate(messages):
        # A conversation moves its mark along, and the prompt before it stays the same.
        digest.update(json.encode(without(message, _MARK)))
        tokens += count_message(message)
        last = at == len(messages) - 1
        yield digest.digest(), tokens, holds(message, _MARK) or (last and "cache_control" in body)


DEFAULT_MODELS = ("sim-large", "sim-small", "sim-embed")

_CREATED = 1_750_000_000  # ids and times are part of the answer, so they stay the same unless asked otherwise

_ANSWERS = {
    "images": answer_images,
    "moderations": answer_moderation,
    "rerank": answer_rerank,
    "speech": answer_speech,
    "transcription": answer_transcription,
}
"""Answers that depend on the request alone."""

HELP = """Lingate provider simulator

Known paths (anything may stand before them):
{paths}

How to answer is said by parts of the model's name or by headers:
  sim-words-200             x-sim-words: 200             length of the answer
  sim-delay-20              x-sim-delay-ms: 20           before each token
  sim-first-500             x-sim-first-token-ms: 500    before the first event
  sim-parallel-3            x-sim-parallel: 3            tool calls at once
  sim-notools               x-sim-tools: no              text although tools are offered
  sim-dims-256              x-sim-dimensions: 256        size of embeddings
                            x-sim-unique: yes            new ids for each answer
  sim-fault-cut-3-flaky-2   x-sim-fault: cut=3; times=2  a fault, here for two requests

GET  /simulator/faults      all faults
GET  /simulator/stats       counters
GET  /simulator/requests    the last requests
POST /simulator/reset       forget them
"""


class Config(Fixed, frozen=True):
    # How a simulator behaves.

    keys: frozenset[str] | None = None
    """Credentials that are accepted; None accepts any."""
    require_key: bool = False
    """Whether a request without a credential is refused; always so if `keys` are given."""
    options: Options = Options()
    """What holds where a request does not say."""
    models: tuple[str, ...] = DEFAULT_MODELS
    """Names in the list of models."""
    max_body: int = 64 * 1024 * 1024
    """Largest request body in bytes."""
    keep: int = 1000
    """How many requests are recorded."""


class HttpCall(Fixed, frozen=True):
    # One request as it was read from the wire; header names are in lower case.

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Exchange(Record):
    # What to do for a request. `record` is None for the simulator's own pages, which are not counted.

    steps: Steps
    record: RecordedRequest | None = None
    prompt_tokens: int = 0


class Backend:
    # Answers requests; holds what outlives one: the prompt cache and how often faults have struck.

    def __init__(self, config: Config, stats: Stats) -> None:
        self.config = config
        self.stats = stats
        self._cache = PromptCache()
        self._struck: Counter[tuple[str, FaultSpec]] = Counter()
        self._answers = 0

    def reset(self) -> None:
        # New ones, not emptied ones: this may be called from another thread while a request is read.
        self._cache = PromptCache()
        self._struck = Counter()
        self.stats.reset()

    def respond(self, request: HttpCall) -> Exchange:
        own = self._own_page(request)
        if own is not None:
            return Exchange(own)
        record = _record(request)
        found = find_route(request.method, request.path, request.headers)
        if found is None:
            known = f"no such path: {request.method} {request.path}; GET / lists what is known"
            exchange = Exchange(json_steps(404, {"error": {"message": known, "type": "invalid_request_error"}}), record)
        else:
            route, args = found
            args = {**dict(parse_qsl(redacted_query(request.query))), **args}
            if "content-type" in request.headers:
                args["content-type"] = request.headers["content-type"]
            exchange = self._face(Turn(route, dialect(route.dialect), args), request, record)
        self.stats.started(record)
        return exchange

    def refuse(self, request: HttpCall, error: LingateError) -> Exchange:
        # The steps for a request that was not read to its end.
        record = _record(request)
        found = find_route(request.method, request.path, request.headers)
        face = dialect(found[0].dialect if found else ROUTES[0].dialect)
        self.stats.started(record)
        return Exchange(error_steps(face, error), record)

    def _own_page(self, request: HttpCall) -> Steps | None:
        match f"{request.method.replace('HEAD', 'GET')} {request.path.rstrip('/')}":
            case "GET ":
                paths = dict.fromkeys(f"  {route.method:<5}{route.path}" for route in ROUTES)
                return body_steps(200, "text/plain; charset=utf-8", HELP.format(paths="\n".join(paths)).encode())
            case "GET /simulator/stats":
                return json_steps(200, self.stats.snapshot())
            case "GET /simulator/requests":
                return json_steps(200, [record.to_dict() for record in self.stats.records()])
            case "GET /simulator/faults":
                rows = []
                for name, fault in FAULTS.items():
                    aliases = sorted(alias for alias, known in FAULT_NAMES.items() if known == name != alias)
                    rows.append({"name": name, "aliases": aliases, "about": fault.about, "default": fault.arg or None})
                return json_steps(200, rows)
            case "POST /simulator/reset":
                self.reset()
                return json_steps(200, {"reset": True})
        return None

    def _face(self, turn: Turn, request: HttpCall, record: RecordedRequest) -> Exchange:
        record.dialect, record.operation = turn.route.dialect, turn.route.operation
        try:
            key = self._checked_key(request)
            call = turn.read(request.body)
            record.model, record.stream = call.model, call.stream
            options = read_options(call.model, request.headers, FAULT_NAMES, self.config.options)
            struck = [spec for spec in options.faults if self._strikes(call.model, spec)]
            record.faults = tuple(spec.name for spec in struck)
            return self._answer(turn, options, struck, turn.scene(key), record)
        except LingateError as error:
            return Exchange(error_steps(turn.face, error), record)

    def _checked_key(self, request: HttpCall) -> str:
        keys = self.config.keys
        given = credential_of(request.headers, request.query)
        if not given and (keys is not None or self.config.require_key):
            raise AuthenticationError("You didn't provide an API key.")
        if keys is not None and given not in keys:
            raise AuthenticationError(f"Incorrect API key provided: {given}.")
        return given

    def _strikes(self, model: str, spec: FaultSpec) -> bool:
        self._struck[model, spec] += 1
        return spec.times is None or self._struck[model, spec] <= spec.times

    def _answer(
        self, turn: Turn, options: Options, struck: list[FaultSpec], scene: Scene, record: RecordedRequest
    ) -> Exchange:
        faults = [(FAULTS[spec.name], spec.arg) for spec in struck]
        for fault, arg in faults:
            if fault.error:
                return Exchange(error_steps(turn.face, fault.error(scene, arg), fault.status), record)
        response = self._response(turn.route, turn.call, options)
        for fault, arg in faults:
            if fault.answer:
                fault.answer(response, fault.arg if arg is None else arg)
        steps = turn.steps(response, options)
        for fault, arg in faults:
            if fault.steps:
                steps = fault.steps(steps, scene, fault.arg if arg is None else arg)
        return Exchange(steps, record, (response.get("usage") or {}).get("prompt_tokens") or 0)

    def _response(self, route: Route, call: Call, options: Options) -> JsonDict:
        # What a path stands for is not always what is asked for in canonical words: some prompts become chats.
        if call.operation == "chat":
            return answer_chat(call, options, self._cache.look_up(call), self._identity(route, options))
        if call.operation == "embeddings":
            return answer_embeddings(call, options.dimensions)
        if call.operation == "completions":
            return answer_completion(call, options, self._identity(route, options))
        if call.operation in _ANSWERS:
            return _ANSWERS[call.operation](call)
        if route.operation == "count_tokens":
            return {"input_tokens": prompt_tokens(call.body)}
        return self._models(call.model)

    def _identity(self, route: Route, options: Options) -> Identity:
        if not options.unique:
            return Identity(route.id_prefix, _CREATED, native=route.native)
        self._answers += 1
        return Identity(route.id_prefix, int(time.time()), str(self._answers), route.native)

    def _models(self, wanted: str) -> JsonDict:
        # The list of models, or one of them, in a form that is OpenAI's and Anthropic's at once.
        created = datetime.fromtimestamp(_CREATED, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entries: list[JsonDict] = [
            {
                "id": name,
                "object": "model",
                "created": _CREATED,
                "owned_by": "simulator",
                "type": "model",
                "display_name": name,
                "created_at": created,
            }
            for name in self.config.models
        ]
        if not wanted:
            names = self.config.models or (None,)
            return {"object": "list", "data": entries, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        for entry in entries:
            if entry["id"] == wanted:
                return entry
        raise NotFoundError(f"The model `{wanted}` does not exist")


def _record(request: HttpCall) -> RecordedRequest:
    try:
        body = json.decode(request.body) if request.body else None
    except ValueError:
        body = None
    return RecordedRequest(
        method=request.method,
        path=request.path,
        query=redacted_query(request.query),
        headers=redacted_headers(request.headers),
        raw=request.body,
        body=body,
    )
