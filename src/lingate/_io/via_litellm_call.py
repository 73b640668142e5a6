# One call to the litellm package: its arguments from our request, our bytes from its objects. No I/O.

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from lingate._call.policy import Timeout
from lingate._dialects._envelope import note, refuse
from lingate._model import Head, HttpRequest, JsonDict
from lingate._wire.json import decode, encode
from lingate.errors import ProtocolError

STANDARD = frozenset(
    {
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "stop", "max_tokens",
        "max_completion_tokens", "modalities", "prediction", "audio", "presence_penalty", "frequency_penalty",
        "logit_bias", "user", "reasoning_effort", "verbosity", "response_format", "seed", "tools", "tool_choice",
        "parallel_tool_calls", "logprobs", "top_logprobs", "web_search_options", "safety_identifier", "service_tier",
        "store", "prompt_cache_key", "functions", "function_call", "thinking", "input", "dimensions",
        "encoding_format",
    }
)  # fmt: skip
"""Fields of a request that are the package's arguments too, with the same meaning."""

_NEVER_DROPPED = frozenset({"model", "messages", "stream", "stream_options", "user", "input"})

# Its arguments are fields of a request and its own settings in one. What looks like a place or a secret is a setting, also
# where no list of the package's has it: a gateway's client must not be able to send the gateway's key elsewhere.
_SETTING = re.compile(
    r"^(?:_|api_|extra_|aws_|azure_|gcp_|litellm_|mock_|oci_|openai_|s3_|sap_|ssl_|vertex_|watsonx_|wx_)"
    r"|(?:^|_)(?:account|base|client|credentials?|endpoint|file|headers?|host|key|password|path|profile|project|proxy"
    r"|region|role|secret|session|tenant|timeout|token|uri|url)(?:_(?:id|name|provider|type))?$"
)


def arguments(litellm: Any, request: HttpRequest, timeout: Timeout) -> dict[str, Any]:
    # What the package is called with.
    # Raises UnsupportedError: The request has a field that the package would take for a setting of its own.
    given: dict[str, Any] = decode(request.body)
    chat = request.call.operation != "embeddings"
    extra_body = given.pop("extra_body", None) if request.call.extra_body else None
    for name in [name for name in given if name not in STANDARD and is_setting(litellm, name)]:
        refuse(request, name, ": to the litellm package that is a setting; extra_body sends it to the provider")
        del given[name]
    _note_dropped(litellm, given, request)
    if extra_body:
        given["extra_body"] = extra_body
    _add_place(given, request)
    given["timeout"] = _timeout(timeout) if chat and request.call.stream else min(timeout.total, timeout.read)
    given.update({"num_retries": 0, "max_retries": 0, "drop_params": request.call.drop_params})
    given.update({"cache": {"no-cache": True, "no-store": True}, "no-log": True})
    if litellm.num_retries:
        # A retry count of the application's own is stronger than a zero, and weaker than a policy that says nothing.
        from litellm.types.router import RetryPolicy

        given["retry_policy"] = RetryPolicy()
    if chat and _routes_tools(litellm):
        given["_skip_mcp_handler"] = True
    return given


def _add_place(given: dict[str, Any], request: HttpRequest) -> None:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
    for name in [name for name in headers if name.lower() == "authorization"]:
        word, _, key = headers[name].partition(" ")
        if word == "Bearer" and key:
            given["api_key"] = key
            del headers[name]
    if headers:
        given["extra_headers"] = headers
    if request.url != request.target.row.url:
        given["api_base"] = request.url


def _timeout(timeout: Timeout) -> Any:
    import httpx

    return httpx.Timeout(timeout.read, connect=min(timeout.connect, timeout.total))


def is_setting(litellm: Any, name: str) -> bool:
    # Whether the package would take this field for something that is not the provider's.
    return looks_like_a_setting(name) or name in _settings(litellm)


def looks_like_a_setting(name: str) -> bool:
    # Whether a name says where a call goes, or as whom.
    return _SETTING.search(name) is not None


@lru_cache(maxsize=1)
def _settings(litellm: Any) -> frozenset[str]:
    from litellm.types.utils import all_litellm_params

    signatures = [inspect.signature(one).parameters for one in (litellm.completion, litellm.embedding)]
    names = [*all_litellm_params, *(name for parameters in signatures for name in parameters)]
    return frozenset(names) - STANDARD


@lru_cache(maxsize=1)
def _routes_tools(litellm: Any) -> bool:
    # Whether it looks through tools for those of MCP servers, for which it needs a package that it does not bring.
    return (Path(litellm.__file__).parent / "responses" / "mcp" / "chat_completions_handler.py").exists()


def unsupported(litellm: Any, given: Mapping[str, Any], request: HttpRequest) -> list[str]:
    # Fields that the package has no translation of for this model, as far as it tells.
    target = request.target
    asked = {"model": target.model, "custom_llm_provider": target.row.name}
    if request.call.operation == "embeddings":
        asked["request_type"] = "embeddings"
    with suppress(Exception):  # it raises whatever its providers' code raises; then it is the call that will say why
        known = litellm.get_supported_openai_params(**asked)
        if known is not None:
            return [name for name in given if name in STANDARD - _NEVER_DROPPED and name not in known]
    return []


def _note_dropped(litellm: Any, given: Mapping[str, Any], request: HttpRequest) -> None:
    if request.call.drop_params or litellm.drop_params:
        for name in unsupported(litellm, given, request):
            note(request, name)


def whole(answer: Any, request: HttpRequest) -> tuple[Head, bytes]:
    # An answer in one piece.
    # Raises ProtocolError: It is none of the package's responses.
    data = _dumped(answer, request)
    counts = data.get("usage")
    if isinstance(counts, dict) and not any(counts.get(name) for name in ("prompt_tokens", "total_tokens")):
        del data["usage"]  # zeros are how the package says that nothing was said
    return Head(200, {**_headers(answer), "content-type": "application/json"}), _written(data, answer, request)


def stream_head(answer: Any) -> Head:
    # What is known of a stream before its first chunk.
    return Head(200, {**_headers(answer), "content-type": "text/event-stream"})


def _headers(answer: Any) -> dict[str, str]:
    # The provider's own headers, where the package kept them.
    kept = getattr(answer, "_response_headers", None)
    if not isinstance(kept, Mapping):
        return {}
    return {str(name).lower(): str(value) for name, value in kept.items()}


def _dumped(answer: Any, request: HttpRequest) -> JsonDict:
    dump = getattr(answer, "model_dump", None)
    try:
        data = answer if dump is None else dump(exclude_none=True, warnings=False)
    except (TypeError, ValueError, AttributeError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise _senseless(answer, request)
    if isinstance(data.get("model"), str):
        # Some of its clients give back the name that the package was asked by.
        data["model"] = data["model"].removeprefix(f"{request.target.row.name}/")
    return data


def _written(data: JsonDict, answer: Any, request: HttpRequest) -> bytes:
    try:
        return encode(data)
    except (TypeError, ValueError):
        raise _senseless(answer, request) from None


def _senseless(answer: Any, request: HttpRequest) -> ProtocolError:
    provider = request.target.provider
    said = f"{provider}: the litellm package answered with a {type(answer).__name__} that has no JSON form"
    return ProtocolError(said, provider=provider, model=request.target.model)


class Chunks:
    # Chunks of the package's as bytes of OpenAI's stream, without what the package made up.
    #
    # Where a stream ends without a finish reason it invents `stop`, and where usage is missing it counts tokens itself.

    __slots__ = ("_request", "_stream", "over")

    def __init__(self, stream: Any, request: HttpRequest) -> None:
        self._stream = stream
        self._request = request
        self.over = False

    def piece(self, chunk: Any) -> bytes:
        data = _dumped(chunk, self._request)
        data.pop("usage", None)
        if not self._finished():
            for choice in data.get("choices") or ():
                choice.pop("finish_reason", None)
        return _event(_written(data, chunk, self._request))

    def last(self) -> bytes | None:
        # What ends the stream; None for one that was cut.
        self.over = True
        if not self._finished():
            return None
        usage = self._usage()
        counted = _written({"choices": [], "usage": usage}, usage, self._request)
        return (_event(counted) if usage else b"") + _event(b"[DONE]")

    def _finished(self) -> bool:
        # Whether the provider itself has said how the answer ended.
        stream = self._stream
        if not hasattr(stream, "received_finish_reason"):
            return True
        return bool(stream.received_finish_reason or getattr(stream, "intermittent_finish_reason", None))

    def _usage(self) -> JsonDict:
        # What the provider counted, of which some tell one half at the beginning and one at the end.
        usage: JsonDict = {}
        for chunk in getattr(self._stream, "chunks", None) or ():
            counts = getattr(chunk, "usage", None)
            if counts is not None:
                said = _dumped(counts, self._request)
                usage.update((name, value) for name, value in said.items() if value or name not in usage)
        return usage


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def let_go(answer: Any, *, awaited: bool = False) -> Iterator[Callable[[], Any]]:
    # What lets a stream's upstream go: of the stream itself, and of what the package wraps in it.
    inner = getattr(answer, "completion_stream", None)
    own = getattr(answer, "aclose", None) if awaited else None
    if own is not None:
        yield own
    for holder in (inner, getattr(inner, "streaming_response", None), getattr(inner, "response", None)):
        close = (getattr(holder, "aclose", None) if awaited else None) or getattr(holder, "close", None)
        if callable(close):
            yield close if awaited else partial(_quietly, close)
    with suppress(AttributeError):
        answer.completion_stream = None


def _quietly(close: Callable[[], Any]) -> None:
    with suppress(Exception):  # what is let go may be broken in any way
        close()
