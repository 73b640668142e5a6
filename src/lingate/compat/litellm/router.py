"""`Router`: groups of deployments with balancing, retries, cool-down and fallbacks."""

from __future__ import annotations

import asyncio
import random
import re
import time
import warnings
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import count
from typing import Any

from lingate._call import policy
from lingate._wire.shapes import not_null
from lingate.compat import litellm as exceptions
from lingate.compat.litellm import _calls
from lingate.compat.litellm._deployments import Deployment, Fleet, deployment
from lingate.compat.litellm._params import translated
from lingate.compat.litellm._record import Record
from lingate.errors import LingateError

__all__ = ["AllowedFailsPolicy", "RetryPolicy", "Router"]

_BASE_WAIT = 0.5
_LONGEST_WAIT = 8.0
_LONGEST_HINT = 60.0
_ELSEWHERE = (401, 403, 404)
"""Statuses that say something about this deployment: another one of the group may answer."""


@dataclass(slots=True)
class _Try:
    # Arguments to ask a deployment with; then what came of it: an answer or an error, and how long it took.

    params: dict[str, Any]
    answer: Any = None
    error: Exception | None = None
    seconds: float = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        except (exceptions.OpenAIError, exceptions.BudgetExceededError) as error:
            self.error = error
        self.seconds = time.monotonic() - start


class RetryPolicy(Record):
    """Further tries by kind of error: `RateLimitErrorRetries`, `TimeoutErrorRetries`, `BadRequestErrorRetries`, ..."""


class AllowedFailsPolicy(Record):
    """Failures of a minute before a deployment rests, by kind of error: `RateLimitErrorAllowedFails`, ..."""


def _by_kind(policy: Any, error: BaseException, suffix: str) -> int | None:
    # What a policy says about an error, the nearest of its classes first; None where it says nothing.
    if isinstance(policy, Record):
        policy = policy.model_dump()
    # Nobody answered: in LiteLLM that is a failure of the server.
    silent = isinstance(error, exceptions.APIConnectionError)
    names = [*(cls.__name__ for cls in type(error).__mro__), *(["InternalServerError"] if silent else ()), "Default"]
    found = ((policy or {}).get(("TimeoutError" if name == "Timeout" else name) + suffix) for name in names)
    return next((int(value) for value in found if value is not None), None)


class Tries(policy.RetryPolicy, frozen=True, kw_only=True):
    # Of a call with a `retry_policy`; `retries` are for errors which that does not name.

    asked: Any

    def wait(self, error: LingateError, turn: int, random: Callable[[], float]) -> float | None:
        # Seconds until the next try; whoever names a kind wants it tried again, retryable or not.
        count = _by_kind(self.asked, translated(error, ""), "Retries")
        if count is None:
            return super().wait(error, turn, random)
        again = LingateError(error.message, retryable=True, retry_after=error.retry_after)
        return policy.RetryPolicy(retries=max(count, 0)).wait(again, turn, random)


_HARMLESS = re.compile(
    r"(set_verbose|debug_level|(redis|cache|caching|client|polling|router_general|semaphore)_?.*|default_priority"
    r"|default_max_parallel_requests|routing_strategy_args)"
)
"""Arguments of LiteLLM's router whose absence shows nowhere, or that docs/migrating-from-litellm.md tells of."""

_Plan = Generator[_Try | float, None, None]
"""Steps: a deployment to ask, or seconds to wait. Whoever takes them writes into a try what came of it."""


def _methods(
    name: str, arguments: Callable[..., tuple[Any, tuple[Any, ...], dict[str, Any]]]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    # `litellm.<name>` of a group, and the same awaited.
    # `arguments` takes those of the methods, and gives the group, what the function takes without a name, and the rest.
    @wraps(arguments)
    def blocking(self: Router, *args: Any, **kwargs: Any) -> Any:
        return self._run(getattr(_calls, name), *arguments(self, *args, **kwargs))

    @wraps(arguments)
    async def awaited(self: Router, *args: Any, **kwargs: Any) -> Any:
        return await self._arun(getattr(_calls, f"a{name}"), *arguments(self, *args, **kwargs))

    blocking.__name__, blocking.__doc__ = name, f"`litellm.{name}` of a group."
    awaited.__name__, awaited.__doc__ = f"a{name}", f"`{name}`, awaited."
    return blocking, awaited


class Router:
    """Calls to groups of deployments: the module's methods, with a group's name for the model.

    Args:
        model_list: Entries with `model_name`, `litellm_params` and `model_info`.
        routing_strategy: `simple-shuffle`, `least-busy`, `latency-based-routing` or `usage-based-routing`.
        num_retries: Further tries in a group; two by default.
        fallbacks: `[{"group": ["other group", ...]}]`, tried when the group has failed.
        default_fallbacks: For groups that are not in `fallbacks`.
        context_window_fallbacks: The same for prompts that do not fit.
        content_policy_fallbacks: The same for answers that a content policy refused.
        allowed_fails: Failures in a minute after which a deployment rests.
        cooldown_time: Seconds it rests.
        retry_after: Least seconds between tries.
        model_group_alias: Other names of groups.
        timeout: Seconds for each try.
        max_fallbacks: How many fallbacks are tried.
        default_litellm_params: Arguments of every call.
        disable_cooldowns: No deployment rests.
        retry_policy: Further tries by kind of error: a `RetryPolicy` or a dict; it goes before `num_retries`.
        model_group_retry_policy: The same by name of group.
        allowed_fails_policy: Allowed failures by kind of error: an `AllowedFailsPolicy` or a dict.
        **ignored: Without effect; a warning tells of them if it could matter.

    Raises:
        ValueError: The strategy or an entry is not usable.
    """

    def __init__(
        self,
        model_list: Sequence[Mapping[str, Any]] | None = None,
        *,
        routing_strategy: str = "simple-shuffle",
        num_retries: int | None = None,
        fallbacks: Sequence[Mapping[str, Any]] | None = None,
        default_fallbacks: Sequence[str] | None = None,
        context_window_fallbacks: Sequence[Mapping[str, Any]] | None = None,
        content_policy_fallbacks: Sequence[Mapping[str, Any]] | None = None,
        allowed_fails: int | None = None,
        cooldown_time: float | None = None,
        retry_after: float = 0,
        model_group_alias: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        max_fallbacks: int = 5,
        default_litellm_params: Mapping[str, Any] | None = None,
        disable_cooldowns: bool | None = None,
        retry_policy: Any = None,
        model_group_retry_policy: Mapping[str, Any] | None = None,
        allowed_fails_policy: Any = None,
        **ignored: Any,
    ) -> None:
        missed = [name for name, value in ignored.items() if value and not _HARMLESS.fullmatch(name)]
        if missed:
            warnings.warn(f"these arguments of litellm's Router have no effect here: {', '.join(missed)}", stacklevel=2)
        self.retry_policy = retry_policy
        self.model_group_retry_policy = dict(model_group_retry_policy or {})
        self.allowed_fails_policy = allowed_fails_policy
        self.num_retries = 2 if num_retries is None else num_retries
        self.fallbacks = list(fallbacks or exceptions.fallbacks or ())
        self.default_fallbacks = list(default_fallbacks or ())
        self.context_window_fallbacks = list(context_window_fallbacks or exceptions.context_window_fallbacks or ())
        self.content_policy_fallbacks = list(content_policy_fallbacks or exceptions.content_policy_fallbacks or ())
        self.retry_after = retry_after
        self.timeout = timeout
        self.max_fallbacks = max_fallbacks
        self.default_litellm_params = dict(default_litellm_params or {})
        self.routing_strategy = routing_strategy
        self._fleet = Fleet(
            routing_strategy,
            5.0 if cooldown_time is None else float(cooldown_time),
            allowed_fails,
            model_group_alias or {},
            time.monotonic,
            random.random,
            not disable_cooldowns,
        )
        self.set_model_list(model_list or ())

    @property
    def model_list(self) -> list[dict[str, Any]]:
        """The deployments, with their ids."""
        return self.get_model_list()

    @property
    def model_names(self) -> set[str]:
        """The names of the groups."""
        return set(self.get_model_names())

    def get_model_names(self) -> list[str]:
        """The names of the groups, in order."""
        return list(dict.fromkeys(item.group for item in self._fleet.deployments))

    def get_model_list(self, model_name: str | None = None) -> list[dict[str, Any]]:
        """The deployments of a group, or all."""
        found = self._fleet.deployments if model_name is None else self._fleet.group(model_name)
        return list(map(Deployment.to_dict, found))

    def set_model_list(self, model_list: Sequence[Mapping[str, Any]]) -> None:
        """Replace all deployments."""
        self._fleet.deployments = list(map(deployment, model_list))

    def add_deployment(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Add or replace a deployment."""
        made = deployment(entry)
        self.delete_deployment(made.id)
        self._fleet.deployments = [*self._fleet.deployments, made]
        return made.to_dict()

    upsert_deployment = add_deployment

    def delete_deployment(self, id: str) -> dict[str, Any] | None:
        """Take a deployment out."""
        found = self.get_deployment(id)
        self._fleet.deployments = [item for item in self._fleet.deployments if item.id != id]
        return found

    def get_deployment(self, model_id: str) -> dict[str, Any] | None:
        """The deployment of an id."""
        return next((item.to_dict() for item in self._fleet.deployments if item.id == model_id), None)

    def get_available_deployment(self, model: str, **_: Any) -> dict[str, Any]:
        """The deployment that would be asked next.

        Raises:
            BadRequestError: There is no such group.
            RouterRateLimitError: All of its deployments rest.
        """
        found = self._chosen(model, set())
        found.in_flight -= 1
        return found.to_dict()

    completion, acompletion = _methods(
        "completion", lambda self, model, messages, **kwargs: (model, (messages,), kwargs)
    )
    embedding, aembedding = _methods("embedding", lambda self, model, input, **kwargs: (model, (input,), kwargs))
    responses, aresponses = _methods(
        "responses", lambda self, input, model, **kwargs: (model, (), {**kwargs, "input": input})
    )
    text_completion, atext_completion = _methods(
        "text_completion", lambda self, model, prompt, **kwargs: (model, (), {**kwargs, "prompt": prompt})
    )
    image_generation, aimage_generation = _methods(
        "image_generation", lambda self, prompt, model, **kwargs: (model, (), {**kwargs, "prompt": prompt})
    )
    transcription, atranscription = _methods(
        "transcription", lambda self, file, model, **kwargs: (model, (file,), kwargs)
    )
    speech, aspeech = _methods(
        "speech", lambda self, model, input, voice=None, **kwargs: (model, (input, voice), kwargs)
    )
    rerank, arerank = _methods(
        "rerank", lambda self, model, query, documents, **kwargs: (model, (query, documents), kwargs)
    )

    async def abatch_completion(self, models: Sequence[str], messages: Sequence[Any], **kwargs: Any) -> list[Any]:
        """Ask several groups the same at once: their answers, an exception where one failed. A list of them for each
        conversation, where there are several."""
        if messages and not isinstance(messages[0], (list, tuple)):
            return await _gathered(self.acompletion(model, messages, **kwargs) for model in models)
        asked = (self.abatch_completion(models, item, **kwargs) for item in messages)
        return list(await asyncio.gather(*asked))

    async def abatch_completion_one_model_multiple_requests(
        self, model: str, messages: Sequence[Any], **kwargs: Any
    ) -> list[Any]:
        """Ask a group about several conversations at once; an exception stands where one of them failed."""
        return await _gathered(self.acompletion(model, conversation, **kwargs) for conversation in messages)

    def _run(self, function: Any, model: str, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Closed also where a call ends in a way that is no answer and no error of a provider: nobody stays busy.
        with closing(self._plan(model, kwargs)) as plan:
            answer = None
            for step in plan:
                if isinstance(step, float):
                    time.sleep(step)
                    continue
                with step.noted():
                    answer = step.answer = function(*_arguments(step, given), **step.params)
            return answer

    async def _arun(self, function: Any, model: str, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with closing(self._plan(model, kwargs)) as plan:
            answer = None
            for step in plan:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    continue
                with step.noted():
                    answer = step.answer = await function(*_arguments(step, given), **step.params)
            return answer

    def _plan(self, model: str, kwargs: dict[str, Any]) -> _Plan:
        # Ask the group, then its fallbacks.
        retries = kwargs.pop("num_retries", None)
        retries = self.num_retries if retries is None else int(retries)
        own = kwargs.pop("fallbacks", None)
        if kwargs.pop("disable_fallbacks", False):
            own = ()
        groups, error = [model], None
        for name in groups:
            try:
                return (yield from self._in_group(name, kwargs, retries))
            except (exceptions.OpenAIError, exceptions.RouterRateLimitError) as failure:
                if error is None:
                    groups += self._instead(model, failure, own)[: self.max_fallbacks]
                error = failure
        assert error is not None
        raise error

    def _in_group(self, model: str, kwargs: dict[str, Any], retries: int) -> _Plan:
        tried: set[str] = set()
        last: Exception | None = None
        for turn in count():
            try:
                chosen = self._chosen(model, tried)
            except exceptions.RouterRateLimitError:
                if last is not None:
                    break
                raise
            last = yield from self._asked(chosen, self._params(chosen, model, kwargs))
            if last is None:
                return
            tried.add(chosen.id)
            wait = self._wait(last, turn, any(item.id not in tried for item in self._fleet.group(model)))
            asked = _by_kind(self.model_group_retry_policy.get(model, self.retry_policy), last, "Retries")
            if asked is not None and wait is None:
                wait = float(self.retry_after)
            if wait is None or turn >= (retries if asked is None else asked):
                break
            if wait:
                yield float(wait)
        assert last is not None
        raise last

    def _asked(self, chosen: Deployment, params: dict[str, Any]) -> Generator[_Try, None, Exception | None]:
        # Ask one deployment and note how it fared; of a stream, when it has ended. The error, if there was one.
        start = time.monotonic()

        def ended(error: BaseException | None) -> None:
            if error is None:
                self._fleet.succeeded(chosen, time.monotonic() - start, 0)
            else:
                self._failed(chosen, error, None)

        streams = bool(params.get("stream"))
        asked = _Try({**params, "_on_end": ended} if streams else params)
        try:
            yield asked
        except GeneratorExit:
            self._fleet.failed(chosen, 0, None)
            raise
        if asked.error is not None:
            self._failed(chosen, asked.error, getattr(asked.error, "retry_after", None))
        elif not streams:
            usage = asked.answer.get("usage") if hasattr(asked.answer, "get") else None
            self._fleet.succeeded(chosen, asked.seconds, int((usage and usage.get("total_tokens")) or 0))
        return asked.error

    def _failed(self, chosen: Deployment, error: BaseException, wait: float | None) -> None:
        allowed = _by_kind(self.allowed_fails_policy, error, "AllowedFails")
        self._fleet.failed(chosen, _status(error), wait, allowed)

    def _chosen(self, model: str, tried: set[str]) -> Deployment:
        if not self._fleet.group(model):
            names = ", ".join(self.get_model_names())
            raise exceptions.BadRequestError(f"the router has no model {model!r}; it has {names}", model, "")
        found = self._fleet.choose(model, tried)
        if isinstance(found, Deployment):
            return found
        raise exceptions.RouterRateLimitError(model, found, self._fleet.resting(model))

    def _params(self, chosen: Deployment, model: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        own = self._fleet.params(chosen, model)
        metadata = kwargs.get("metadata") or {}
        if isinstance(metadata, Mapping):  # the call says what is wrong with any other
            metadata = {**metadata, "model_group": model, "deployment": own["model"]}
        params = {"timeout": self.timeout, **self.default_litellm_params, **own, **not_null(kwargs)}
        # The router retries, on another deployment where there is one; a second engine below it would multiply the tries.
        return {**params, "metadata": metadata, "model_info": chosen.info, "num_retries": 0, "retry_policy": None}

    def _wait(self, error: Exception, turn: int, others: bool) -> float | None:
        # Seconds until the next try, None where another try is of no use.
        status = _status(error)
        if status in _ELSEWHERE or (isinstance(error, exceptions.BadRequestError) and status != 400):
            return 0.0 if others else None
        if status not in (408, 409, 429) and status < 500:
            return None
        if others:
            return float(self.retry_after)
        hint = getattr(error, "retry_after", None)
        if hint is not None and hint > _LONGEST_HINT:
            return None
        backoff = random.random() * min(_LONGEST_WAIT, _BASE_WAIT * 2.0**turn)  # noqa: S311 - not a secret
        return max(backoff, hint or 0.0, float(self.retry_after))

    def _instead(self, model: str, error: Exception, own: Any) -> list[str]:
        if own is not None:
            named = list(_of(model, [item for item in own if isinstance(item, Mapping)]))
            return [*named, *(item for item in own if isinstance(item, str))]
        special: list[Mapping[str, Any]] = []
        if isinstance(error, exceptions.ContextWindowExceededError):
            special = self.context_window_fallbacks
        elif isinstance(error, exceptions.ContentPolicyViolationError):
            special = self.content_policy_fallbacks
        found = list(_of(model, special)) or list(_of(model, self.fallbacks)) or self.default_fallbacks
        return [name for name in found if name != model]


async def _gathered(asked: Iterable[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*asked, return_exceptions=True)


def _arguments(step: _Try, given: tuple[Any, ...]) -> tuple[Any, ...]:
    # What goes first: the model, where arguments without a name follow it.
    return (step.params.pop("model"), *given) if given else ()


def _of(model: str, table: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rules = {name: groups for entry in table for name, groups in entry.items()}
    yield from rules.get(model) or rules.get("*") or ()


def _status(error: BaseException) -> int:
    found = getattr(error, "status_code", None) or getattr(error, "status", None)
    return found if isinstance(found, int) else 500
