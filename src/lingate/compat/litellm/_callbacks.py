# Who is told of calls: functions and `CustomLogger`s. What they raise is logged and does not reach the caller.

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from lingate._wire.shapes import without
from lingate.compat import litellm as settings
from lingate.compat.litellm._names import words
from lingate.compat.litellm._params import Request

_log = logging.getLogger("lingate.compat.litellm")
_warned: set[str] = set()


class CustomLogger:
    """Base class for loggers in `litellm.callbacks`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Takes anything, as LiteLLM's does."""

    def log_pre_api_call(self, model: str, messages: Any, kwargs: dict[str, Any]) -> None:
        """Before a call is made."""

    def log_post_api_call(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """After an answer has come, or failed."""

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """After a blocking call that succeeded; of a stream, after its end."""

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """After a blocking call that failed; `kwargs["exception"]` says how."""

    def log_stream_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Never called, as in LiteLLM."""

    async def async_log_pre_api_call(self, model: str, messages: Any, kwargs: dict[str, Any]) -> None:
        """Before an awaited call is made."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """After an awaited call that succeeded."""

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """After an awaited call that failed."""

    async def async_log_stream_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Never called, as in LiteLLM."""


class Watch:
    """One call, followed from its beginning to its end. Tells of the end once."""

    def __init__(self, request: Request) -> None:
        own = request.own
        params = without(request.options, _OURS)
        metadata = own.get("metadata") or own.get("litellm_metadata") or {}
        asked = _hidden(request.given[0] if request.given else None)
        self.details: dict[str, Any] = {
            **params,
            "model": request.name,
            "messages": asked,
            "input": asked,
            "call_type": request.call_type,
            "custom_llm_provider": request.provider,
            "stream": request.stream,
            "user": request.options.get("user"),
            "optional_params": params,
            "litellm_params": {
                "metadata": metadata,
                "api_base": request.options.get("api_base"),
                "custom_llm_provider": request.provider,
                "litellm_call_id": request.call_id,
                "model_info": own.get("model_info") or {},
            },
            "litellm_call_id": request.call_id,
            "litellm_trace_id": own.get("litellm_trace_id"),
            "metadata": metadata,
            "start_time": request.started,
            "additional_args": {},
            "cache_hit": True if own.get("cache_hit") else None,
            "cache_key": own.get("cache_hit"),
        }
        self._started = request.started
        self._keep: Any = own.get("_keep")
        self._own = own
        self._silent = bool(own.get("no-log"))
        self._logger_fn: Any = own.get("logger_fn")
        self._over = False
        self.begun: datetime | None = None
        """When the first chunk of a stream came."""

    def before(self) -> None:
        """Tell of the call."""
        for call in self._starts():
            _guard(call)

    def ended(self, response: Any = None, error: BaseException | None = None) -> None:
        """Tell of the answer, or of the error."""
        for call in self._ends(response, error, False):
            _guard(call)

    async def aended(self, response: Any = None, error: BaseException | None = None) -> None:
        """`ended`, for awaited calls."""
        for call in self._ends(response, error, True):
            await _aguard(call)

    def _told(self, name: str) -> list[Any]:
        # The callbacks of a list, and those of this call alone.
        own = self._own.get(name) or ()
        return [*getattr(settings, name), *(own if isinstance(own, (list, tuple)) else [own])]

    def _starts(self) -> Iterator[Callable[[], Any]]:
        if self._silent:
            return
        if callable(self._logger_fn):
            yield partial(self._logger_fn, self.details)
        model, messages = self.details["model"], self.details["messages"]
        before = self._told("input_callback")
        for found in _known([*before, *self._told("callbacks")]):
            if callable(getattr(found, "log_pre_api_call", None)):
                yield partial(found.log_pre_api_call, model, messages, self.details)
            elif found in before:
                yield partial(found, self.details)

    def _ends(self, response: Any, error: BaseException | None, awaited: bool) -> Iterator[Callable[[], Any]]:
        if self._over:
            return
        self._over = True
        settings._current_cost += (getattr(response, "_hidden_params", None) or {}).get("response_cost") or 0.0
        if self._keep is not None and response is not None:
            _guard(partial(self._keep, response))
        if self._silent:
            return
        ended = datetime.now()
        self._note(response, error, ended)
        always = self._told("callbacks")
        for found in _known(always):
            if callable(getattr(found, "log_post_api_call", None)):
                yield partial(found.log_post_api_call, self.details, None, self._started, ended)
        method = "log_success_event" if error is None else "log_failure_event"
        own = self._told("success_callback" if error is None else "failure_callback")
        later = settings._async_success_callback if error is None else settings._async_failure_callback
        shown = _hidden(response)
        for found in _known([*own, *later, *always]):
            if callable(getattr(found, method, None)):
                target = getattr(found, f"async_{method}" if awaited else method)
            elif callable(found) and (awaited or not inspect.iscoroutinefunction(found)):
                target = found
            else:
                continue
            yield partial(target, self.details, shown, self._started, ended)

    def _note(self, response: Any, error: BaseException | None, ended: datetime) -> None:
        hidden = getattr(response, "_hidden_params", None) or {}
        if error is not None:
            told = {"exception": error, "traceback_exception": str(error)}
        elif self.details["stream"]:
            told = dict.fromkeys(
                ("complete_streaming_response", "async_complete_streaming_response"), _hidden(response)
            )
        else:
            told = {}
        self.details.update(
            told,
            end_time=ended,
            response_cost=hidden.get("response_cost") if error is None else 0.0,
            log_event_type="post_api_call" if error is not None else "successful_api_call",
            completion_start_time=self.begun or ended,
        )
        self.details["standard_logging_object"] = self._payload(response, error, ended, dict(hidden))

    def _payload(self, response: Any, error: BaseException | None, ended: datetime, hidden: Any) -> dict[str, Any]:
        # What LiteLLM calls the standard logging payload.
        answer, usage = (response.get("id"), response.get("usage")) if hasattr(response, "get") else (None, None)
        usage = usage or {}
        details, params, shown = self.details, self.details["litellm_params"], _hidden(response)
        started, over = self._started.timestamp(), ended.timestamp()
        failure = {"error_class": type(error).__name__, "error_code": str(getattr(error, "status_code", ""))}
        return {
            **dict.fromkeys(_NOT_HERE),
            **{name: details[name] for name in _AS_TOLD},
            "id": answer or details["litellm_call_id"],
            "trace_id": details["litellm_trace_id"] or details["litellm_call_id"],
            "model_id": params["model_info"].get("id") or "",
            "model_group": details["metadata"].get("model_group") or "",
            "model_parameters": details["optional_params"],
            "api_base": params["api_base"] or "",
            "status": "success" if error is None else "failure",
            "error_str": None if error is None else str(error),
            "error_information": None if error is None else {**failure, "error_message": str(error)},
            "saved_cache_cost": 0.0,
            **{name: usage.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
            "startTime": started,
            "endTime": over,
            "completionStartTime": details["completion_start_time"].timestamp(),
            "response_time": over - started,
            "request_tags": list(details["metadata"].get("tags") or ()),
            "end_user": details["user"] or "",
            "response": shown.model_dump() if hasattr(shown, "model_dump") else shown,
            "hidden_params": hidden,
        }


_AS_TOLD = words("call_type model custom_llm_provider response_cost cache_hit cache_key metadata messages stream")
"""Fields of LiteLLM's payload that are those of the details."""
_NOT_HERE = words(
    """requester_ip_address user_agent guardrail_information cost_breakdown model_map_information
    response_cost_failure_debug_info standard_built_in_tools_params"""
)
"""Fields of LiteLLM's payload for which there is nothing to say here."""
_OURS = frozenset({"api_key", "api_base", "api_version", "fallbacks", "retries", "timeout", "drop_params", "stream"})


def _hidden(value: Any) -> Any:
    return "redacted-by-litellm" if settings.turn_off_message_logging and value is not None else value


def _known(found: list[Any]) -> list[Any]:
    # The callbacks that can be called, each once.
    seen: list[Any] = []
    for item in found:
        if isinstance(item, str):
            if item not in _warned:
                _warned.add(item)
                text = f"the callback {item!r} names an integration of litellm that is not here"
                warnings.warn(f"{text}: pass a function or a CustomLogger", stacklevel=2)
        elif not any(item is other for other in seen):
            seen.append(item)
    return seen


def _guard(call: Callable[[], Any]) -> None:
    try:
        made = call()
    except Exception:
        # The boundary to code of the application's: its fault must not fail a call that has succeeded.
        _log.exception("a callback failed")
        return
    if inspect.iscoroutine(made):
        made.close()


async def _aguard(call: Callable[[], Any]) -> None:
    try:
        made = call()
        if inspect.isawaitable(made):
            await made
    except Exception:
        # As above.
        _log.exception("a callback failed")
