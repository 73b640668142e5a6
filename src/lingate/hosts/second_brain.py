"""Second Brain's LLM backend: what the drop-in file `llm_lingate.py` does, without importing the host.

The file lives in the host's tree and runs in its sandbox; it hands over the host's own `LLMResponse` and
`is_context_limit_error`, because that function decides from an error's *text* whether the user's history is compacted and
then truncated. See docs/hosts/second-brain.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lingate
from lingate.errors import ContextLengthError, LingateError, RateLimitError, UnknownProviderError
from lingate.hosts._second_brain_media import with_attachments
from lingate.hosts._shared import OVERFLOW, sentence

__all__ = ["Answering", "Patience"]

_ENDPOINT = "lingate-endpoint"
"""Provider of profiles that have an endpoint of their own and a name that begins with no known provider."""

_TIMEOUT = 570.0
"""Seconds. The host kills a box that is busy for 600, which tells the user nothing."""

_OURS = frozenset({"attachments", "messages", "model", "stream", "stream_options", "tools"})
"""What the request says elsewhere; in the profile's parameters it would be given twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience(lingate.RetryPolicy):
    """Tries again what may pass at once, but lets the user hear of a rate limit: waiting for it is theirs to decide."""

    def wait(self, error: LingateError, turn: int, random: Callable[[], float]) -> float | None:
        """Seconds to wait before the next try, None for none."""
        if isinstance(error, RateLimitError):
            return None
        # Not super(): a class with slots is made twice, and the first is the one that super() would know.
        return lingate.RetryPolicy.wait(self, error, turn, random)


class Answering:
    """Answers the host's requests, with its own `LLMResponse` and `is_context_limit_error`.

    Keeps nothing of any call or profile, so boxes of a pool are interchangeable.
    """

    def __init__(self, response: Any, overflows: Callable[[Any], bool]) -> None:
        self._response = response
        self._overflows = overflows
        # In a process of the host's own, so the name is in nobody's way.
        lingate.register(lingate.ProviderRow(name=_ENDPOINT, auth="none", local=True))

    def chat(self, sdk: Any, request: Any) -> Any:
        """The host's `LLMResponse` to its `LLMRequest`; failures come back as responses too. `sdk` has log, deltas and files."""
        try:
            model, options = _place(request)
            messages = with_attachments(sdk, request.messages, request.attachments)
            if request.stream:
                answer = _streamed(sdk, model, messages, options)
            else:
                answer = lingate.chat(model, messages, **options)
            return self._answered(answer)
        except Exception as error:
            # Whatever leaves here is judged by its text and may cost the user the conversation. The host's own
            # `Terminated` is a BaseException and passes.
            return self._failed(sdk, error)

    def _answered(self, answer: Any) -> Any:
        usage = answer.usage
        return self._response(
            content=_without_repeated_reasoning(answer.text, answer.reasoning),
            tool_calls=[
                {
                    "id": call.id or f"call_{index}",
                    "name": call.function.name,
                    "arguments": call.function.arguments or "{}",
                }
                for index, call in enumerate(answer.tool_calls)
            ],
            prompt_tokens=usage and usage.prompt_tokens,
            cached_prompt_tokens=usage and usage.cached_tokens,
            completion_tokens=usage and usage.completion_tokens,
        )

    def _failed(self, sdk: Any, error: Exception) -> Any:
        """A failure whose text the host reads as what it is."""
        sdk.log(f"{type(error).__name__}: {error}", level="warning")
        if isinstance(error, ContextLengthError):
            return self._response.failure(OVERFLOW, "context_limit")
        said = sentence(error)
        whole = f"{said} {error}" if isinstance(error, LingateError) else said
        return self._response.failure(said if self._overflows(whole) else whole, "provider_error")


def _place(request: Any) -> tuple[str, dict[str, Any]]:
    """Model and options of a request: the profile's key is the model, its endpoint and key come along if it has any."""
    options = {name: value for name, value in (request.params or {}).items() if name not in _OURS}
    options.setdefault("drop_params", True)
    options.setdefault("retries", Patience())
    options.setdefault("timeout", _TIMEOUT)
    if request.api_key:
        options.setdefault("api_key", request.api_key)
    if request.base_url:
        options.setdefault("api_base", request.base_url)
    if request.tools:
        options["tools"] = request.tools
    return _model(request.model_name, bool(options.get("api_base"))), options


def _model(name: str, has_endpoint: bool) -> str:
    """The model, for an endpoint whose models have names of their own (`qwen2.5-7b`, `Qwen/Qwen2.5-7B`) with a provider."""
    if not has_endpoint:
        return name
    provider, slash, _ = name.partition("/")
    try:
        if slash:
            lingate.credentials(provider, env={})
            return name
    except UnknownProviderError:
        pass
    return f"{_ENDPOINT}/{name}"


def _streamed(sdk: Any, model: str, messages: Any, options: Mapping[str, Any]) -> Any:
    """The same answer, shown as it arrives. Reasoning is not shown: the host wants the answer."""
    with lingate.chat(model, messages, stream=True, **options) as stream:
        for chunk in stream:
            if chunk.text:
                sdk.llm.delta(chunk.text)
        return stream.final()


def _without_repeated_reasoning(text: str, reasoning: str) -> str:
    """The text without a `<think>` block that only repeats the reasoning; whatever else is in the block stays."""
    before, opened, rest = text.partition("<think>")
    block, closed, after = rest.partition("</think>")
    said, known = block.strip(), reasoning.strip()
    if not (opened and closed and known and said.startswith(known)):
        return text
    return (before + said[len(known) :] + after).lstrip()
