"""Drives the gateway's routing without sockets: a configuration in words, a clock of its own, and scripted providers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lingate._call.plan import Context, Send, Sleep, complete
from lingate._call.policy import RetryPolicy, Timeout
from lingate._model import Call, Head
from lingate._wire.json import encode
from lingate.errors import LingateError
from lingate.server.config.loading import interpret
from lingate.server.config.reading import ConfigFileError
from lingate.server.config.settings import GatewayConfig
from lingate.server.config.source import parse
from lingate.server.routing import RouteChain, Router

Answer = int | tuple[int, dict[str, str] | bytes] | LingateError | bytes
"""A status, a status with headers or a body, no answer at all, or the body of a 400."""

CONTEXT = encode({"error": {"message": "too long", "code": "context_length_exceeded", "type": "invalid_request_error"}})
FILTER = encode({"error": {"message": "no", "code": "content_filter", "type": "invalid_request_error"}})


def config_of(text: str, env: Mapping[str, str] | None = None) -> GatewayConfig:
    """The configuration that a text means."""
    loaded = interpret(parse(textwrap.dedent(text), "gateway.yaml"), None, env or {})
    if loaded.problems:
        raise ConfigFileError("gateway.yaml", loaded.problems)
    return loaded.config


def problems_of(text: str, env: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a configuration."""
    return [
        str(problem) for problem in interpret(parse(textwrap.dedent(text), "gateway.yaml"), None, env or {}).problems
    ]


def warnings_of(text: str, env: Mapping[str, str] | None = None) -> str:
    """What its owner is told."""
    return "\n".join(interpret(parse(textwrap.dedent(text), "gateway.yaml"), None, env or {}).config.warnings)


def deployments(*names: str, group: str = "gpt", more: str = "") -> str:
    """Entries of `model_list`, all of one group; `more` are further parameters of each."""
    return "".join(
        f"  - {{model_name: {group}, litellm_params: {{model: openai/{name}, api_key: k{more and ', ' + more}}}}}\n"
        for name in names
    )


@dataclass
class Outcome:
    """How one call went."""

    chain: RouteChain
    sent: list[str]
    waits: list[float]
    body: dict[str, Any] = field(default_factory=dict)
    error: LingateError | None = None

    @property
    def answered(self) -> str | None:
        """The model that answered."""
        return self.sent[-1] if self.error is None else None


class Driver:
    """A router with scripted providers.

    Args:
        config: A configuration, or its text.
        script: What models answer, by name, one after another; the last answer stays. Default: 200.
    """

    def __init__(
        self,
        config: GatewayConfig | str,
        script: Mapping[str, Iterable[Answer] | Answer] | None = None,
        *,
        seed: int = 1,
        previous: Driver | None = None,
        shared: Any = None,
    ) -> None:
        self.clock = 1000.0 if previous is None else previous.clock
        self.script: dict[str, list[Answer]] = {}
        for name, answers in (script or {}).items():
            self.answer(name, *([answers] if isinstance(answers, int | tuple | bytes | LingateError) else answers))
        made = config_of(config) if isinstance(config, str) else config
        self.router = Router(
            made,
            now=lambda: self.clock,
            random=Random(seed),
            shared=shared,
            previous=None if previous is None else previous.router,
        )

    def answer(self, name: str, *answers: Answer) -> None:
        """What a model answers from now on."""
        self.script[name] = list(answers)

    def chain(
        self, model: str = "gpt", body: dict[str, Any] | None = None, retries: int | None = None, **how: Any
    ) -> RouteChain:
        """A ride with its context, not yet begun."""
        group = self.router.group(model)
        assert group is not None, self.router.why_not(model)
        call = Call("chat", model, {"messages": [{"role": "user", "content": "hi"}], **(body or {})})
        chain = self.router.chain(group, call, **how)
        chain.retries = retries
        chain.context = Context(RetryPolicy(), Timeout(), lambda: self.clock, lambda: 0.5)
        return chain

    def ask(
        self, model: str = "gpt", *, seconds: float = 0.1, tokens: int | None = 10, finish: bool = True, **how: Any
    ) -> Outcome:
        """Make a call to its end; `finish=False` leaves it under way."""
        chain = self.chain(model, **how)
        assert chain.context is not None
        outcome = Outcome(chain, [], [])
        plan = complete(chain, chain.context)
        reply: Any = None
        try:
            while True:
                step = plan.send(reply)
                if isinstance(step, Sleep):
                    self.clock += step.seconds
                    outcome.waits.append(step.seconds)
                    reply = None
                    continue
                assert isinstance(step, Send)
                self.clock += seconds
                outcome.body = step.request.call.body
                reply = self._reply(step.request.target.model, outcome)
        except StopIteration:
            if finish:
                chain.succeeded(seconds, tokens)
        except LingateError as error:
            outcome.error = error
            chain.failed(error)
        return outcome

    def _reply(self, model: str, outcome: Outcome) -> Any:
        outcome.sent.append(model)
        answers = self.script.get(model) or [200]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, LingateError):
            return answer
        if isinstance(answer, bytes):
            return Head(400, {"content-type": "application/json"}), answer
        status, more = (answer, {}) if isinstance(answer, int) else answer
        headers, body = ({}, more) if isinstance(more, bytes) else (more, _body(status, model))
        return Head(status, {"content-type": "application/json", **headers}), body

    def in_flight(self) -> int:
        """Calls under way at all deployments."""
        return sum(item.load.in_flight for item in self.router.deployments())

    def health(self, name: str) -> Any:
        """How the deployment of a model fares."""
        return next(item for item in self.router.deployments() if item.model == name).health


def _body(status: int, model: str) -> bytes:
    if status != 200:
        return encode({"error": {"message": "no", "type": "error"}})
    message = {"role": "assistant", "content": "yes"}
    return encode(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
        }
    )
