# Lingate as a model client of adalflow. Needs adalflow; `lingate.hosts.deepwiki` is where to import it from.

from __future__ import annotations

import base64
import copy
import logging
import mimetypes
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adalflow.core.model_client import ModelClient
from adalflow.core.types import CompletionUsage, EmbedderOutput, Embedding, GeneratorOutput, ModelType, Usage

import lingate
from lingate.errors import ConfigError, ContextLengthError, LingateError
from lingate.hosts._shared import CUT, note_dropped, sentence, words

Kwargs = dict[str, Any]

logger = logging.getLogger(__name__)

_MODEL_VARIABLE = "LINGATE_MODEL"
# adalflow before 1.1 knows no reasoning: neither the kind of model, nor the field.
_CHAT = tuple(getattr(ModelType, name) for name in ("LLM", "LLM_REASONING") if hasattr(ModelType, name))
_OUTPUT = frozenset(GeneratorOutput.__dataclass_fields__)
_SETTINGS = ("base_url", "default_model", "drop_params", "timeout", "retries", "input_type")
_TAGGED = re.compile(
    r"\s*<START_OF_SYSTEM_PROMPT>\s*(.*?)\s*<END_OF_SYSTEM_PROMPT>"
    r"\s*<START_OF_USER_PROMPT>\s*(.*?)\s*<END_OF_USER_PROMPT>",
    re.DOTALL,
)
# deepwiki asks again without its context when an error says one of these (simple_chat.py, websocket_wiki.py).
_OVERFLOW_PHRASES = ("maximum context length", "token limit", "too many tokens")
_TOO_LONG = "maximum context length exceeded"
# A provider that is short of capacity gets about a minute, as adalflow's own clients give it.
_PATIENCE = {"base": 1.0, "cap": 20.0}
_RETRIES = 6


class LingateClient(ModelClient):  # type: ignore[misc]  # adalflow has no types
    # Any provider for adalflow's `Generator` and `Embedder`, by `provider/model`.

    # It holds settings and nothing of any call, so one instance serves any number of threads; connections belong to
    # Lingate's default clients. Failures that may pass are tried again below it, by Lingate; once the first piece of a
    # stream has been handed over nothing is tried again, and a stream that breaks raises `StreamInterruptedError`.
    # api_key: For all calls. Unset or blank: the provider's own variables (`OPENAI_API_KEY`, ...).
    # base_url: For all calls. Unset or blank: the provider's own.
    # default_model: `provider/model` for calls without a model. Unset: the variable `LINGATE_MODEL`.
    # drop_params: Leave out what a provider cannot express, instead of refusing the call.
    # timeout: Seconds for a call, tries and waits included; for a stream, until its first piece.
    # retries: Tries after the first, for errors that may pass (rate limit, overload, time-out, connection, 5xx).
    # input_type: `messages` splits adalflow's tagged prompts into a system and a user message.
    # chat_completion_parser: Gets a whole completion and returns its text. Not kept by `to_dict`.
    # Raises ConfigError: `input_type` is neither `text` nor `messages`.

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        default_model: str | None = None,
        drop_params: bool = True,
        timeout: float | None = None,
        retries: int = _RETRIES,
        input_type: str = "text",
        chat_completion_parser: Callable[[Any], str] | None = None,
    ) -> None:
        super().__init__()
        if input_type not in ("text", "messages"):
            raise ConfigError(f"input_type is 'text' or 'messages', not {input_type!r}")
        self._api_key = (api_key or "").strip() or None
        self.base_url = (base_url or "").strip() or None
        self.default_model = default_model
        self.drop_params = drop_params
        self.timeout = timeout
        self.retries = retries
        self.input_type = input_type
        self.chat_completion_parser = chat_completion_parser

    def convert_inputs_to_api_kwargs(
        self, input: Any = None, model_kwargs: Kwargs | None = None, model_type: ModelType = ModelType.UNDEFINED
    ) -> Kwargs:
        # Turn a prompt, messages or texts into the arguments of a call: JSON, without keys.
        # input: For chat a prompt or a list of messages; for embeddings a text or a list of texts.
        # model_kwargs: Parameters of the call. `images` (paths, URLs or image parts) go with the prompt.
        # Raises ValueError: Any other kind of model.
        kwargs = dict(model_kwargs or {})
        if model_type == ModelType.EMBEDDER:
            kwargs["input"] = [input] if isinstance(input, str) else list(input)
        elif model_type in _CHAT:
            images, detail = kwargs.pop("images", None), kwargs.pop("detail", None)
            kwargs["messages"] = self._messages(input, _image_parts(images, detail))
        else:
            raise _unsupported(model_type)
        return kwargs

    def _messages(self, input: Any, images: list[Kwargs]) -> list[Kwargs]:
        if isinstance(input, Sequence) and not isinstance(input, str):
            return list(map(dict, input))
        prompt = str(input)
        tagged = _TAGGED.fullmatch(prompt.strip()) if self.input_type == "messages" else None
        system = [{"role": "system", "content": tagged[1]}] if tagged else []
        text = tagged[2] if tagged else prompt
        content = [{"type": "text", "text": text}, *images] if images else text
        return [*system, {"role": "user", "content": content}]

    def call(self, api_kwargs: Kwargs | None = None, model_type: ModelType = ModelType.UNDEFINED) -> Any:
        # Ask, and wait: a completion, embeddings, or with `stream` an iterator of chunks.
        # Raises LingateError: The call failed; of a prompt that is too long, the text says "maximum context length".
        model, subject, rest = self._arguments(api_kwargs or {}, model_type)
        with _told_to_the_host():
            ask: Any = lingate.embed if model_type == ModelType.EMBEDDER else lingate.chat
            answer = ask(model, subject, **rest)
        note_dropped(model, answer.dropped)
        return answer

    async def acall(self, api_kwargs: Kwargs | None = None, model_type: ModelType = ModelType.UNDEFINED) -> Any:
        # `call`, awaited; with `stream` an async iterator of chunks.
        model, subject, rest = self._arguments(api_kwargs or {}, model_type)
        with _told_to_the_host():
            ask: Any = lingate.aembed if model_type == ModelType.EMBEDDER else lingate.achat
            answer = await ask(model, subject, **rest)
        note_dropped(model, answer.dropped)
        return answer

    def _arguments(self, api_kwargs: Kwargs, model_type: ModelType) -> tuple[str, Any, Kwargs]:
        # Model, messages or texts, and the rest. The client's own settings win over those of the call.
        if model_type not in (*_CHAT, ModelType.EMBEDDER):
            raise _unsupported(model_type)
        given = dict(api_kwargs)
        base = given.pop("base_url", None)
        given["api_base"] = self.base_url or given.get("api_base") or base or None
        given["api_key"] = self._api_key or given.get("api_key") or None
        rest = {"drop_params": self.drop_params, "timeout": self.timeout, "retries": self._policy(), **given}
        model = rest.pop("model", None) or self.default_model or os.environ.get(_MODEL_VARIABLE)
        if not model:
            raise ConfigError(
                f"no model was named: give `model`, the client's `default_model`, or set {_MODEL_VARIABLE}"
            )
        subject = rest.pop("input" if model_type == ModelType.EMBEDDER else "messages", None) or []
        return model, subject, {name: value for name, value in rest.items() if value is not None}

    def _policy(self) -> lingate.RetryPolicy:
        return lingate.RetryPolicy(retries=self.retries, **_PATIENCE)

    async def stream_text(self, input: Any, model_kwargs: Mapping[str, Any] | None = None) -> AsyncIterator[str]:
        # Ask for a stream and yield its text, piece by piece. Leaving the loop lets the provider go.
        # Raises LingateError: The call failed, the stream broke, or it was cut before its first word. Its text is for those
        # who read deepwiki's pages: a sentence of ours. What the provider said is in the log.
        kwargs = self.convert_inputs_to_api_kwargs(input, {**(model_kwargs or {}), "stream": True}, ModelType.LLM)
        try:
            async with await self.acall(kwargs, ModelType.LLM) as stream:
                async for text in _atexts(stream):
                    yield text
                answer = await stream.final()
        except ConfigError:
            raise  # our own words
        except LingateError as error:
            logger.warning("the call failed: %s", error)
            said = _TOO_LONG if isinstance(error, ContextLengthError) else sentence(error)
            raise _saying(error, said, None) from error.__cause__
        if not words(answer) and (why := CUT.get(answer.finish_reason or "")):
            raise LingateError(why)

    def parse_chat_completion(self, completion: Any) -> GeneratorOutput:
        # The text of a completion as `raw_response`, of a stream an iterator of texts, with usage and reasoning.
        # adalflow takes `data` from `raw_response`, so that is where the text has to be.
        if isinstance(completion, lingate.AsyncChatStream):
            return GeneratorOutput(raw_response=_atexts(completion))
        if isinstance(completion, lingate.ChatStream):
            return GeneratorOutput(raw_response=(text for text in map(words, completion) if text))
        parser = self.chat_completion_parser
        fields = {
            "id": completion.id,
            "raw_response": words(completion) if parser is None else parser(completion),
            "thinking": completion.reasoning or None,
            "usage": self.track_completion_usage(completion),
        }
        return GeneratorOutput(**{name: value for name, value in fields.items() if name in _OUTPUT})

    def track_completion_usage(self, completion: Any) -> CompletionUsage:
        # Token counts; None is what the provider did not say.
        usage = completion.usage
        if usage is None:
            return CompletionUsage(None, None, None)
        return CompletionUsage(usage.completion_tokens, usage.prompt_tokens, usage.total_tokens)

    def parse_embedding_response(self, response: Any) -> EmbedderOutput:
        # The vectors in the order of the texts.
        usage = response.usage
        counts = None if usage is None else Usage(usage.prompt_tokens or 0, usage.total_tokens or 0)
        data = [Embedding(embedding=item.embedding, index=item.index) for item in response.data]
        return EmbedderOutput(data=data, model=response.model, usage=counts)

    def list_models(self, provider: str | None = None) -> list[str]:
        # Names for `model`, as the provider lists them.
        # provider: Whose; without it, the one of the default model.
        # Raises ConfigError: Neither is known.
        name = provider or (self.default_model or os.environ.get(_MODEL_VARIABLE, "")).partition("/")[0]
        if not name:
            raise ConfigError("name a provider, or set a default model")
        found = lingate.models(name, api_key=self._api_key, api_base=self.base_url, timeout=self.timeout)
        return [f"{name}/{model}" for model in found.ids]

    def to_dict(self, exclude: list[str] | None = None) -> Kwargs:
        # The settings, for `from_dict`; without the key and without `chat_completion_parser`, which is code.
        kept = {name: getattr(self, name) for name in _SETTINGS if name not in (exclude or ())}
        return {"type": type(self).__name__, "data": kept}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LingateClient:
        # A client with the settings of `to_dict`; its key comes from the provider's variables.
        return cls(**data.get("data", {}))


def _unsupported(model_type: ModelType) -> ValueError:
    return ValueError(f"model_type {model_type} is not supported")


async def _atexts(stream: lingate.AsyncChatStream) -> AsyncIterator[str]:
    async for chunk in stream:
        if text := words(chunk):
            yield text


def _image_parts(images: Any, detail: str | None) -> list[Kwargs]:
    given = [] if images is None else images if isinstance(images, list) else [images]
    return [image if isinstance(image, dict) else _image_part(str(image), detail) for image in given]


def _image_part(image: str, detail: str | None) -> Kwargs:
    if not image.startswith(("http://", "https://", "data:")):
        kind = mimetypes.guess_type(image)[0] or "image/jpeg"
        image = f"data:{kind};base64,{base64.b64encode(Path(image).read_bytes()).decode()}"
    return {"type": "image_url", "image_url": {"url": image, **({"detail": detail} if detail else {})}}


@contextmanager
def _told_to_the_host() -> Iterator[None]:
    # Word errors so that deepwiki asks again without context when the prompt is too long, and only then.
    try:
        yield
    except LingateError as error:
        raise _worded(error) from error.__cause__


def _worded(error: LingateError) -> LingateError:
    overflow = isinstance(error, ContextLengthError)
    if overflow == any(phrase in str(error) for phrase in _OVERFLOW_PHRASES):
        return error
    message, hint = error.message, error.hint or ""
    if overflow:
        message = f"{_TOO_LONG}: {message}"
    else:
        for phrase in _OVERFLOW_PHRASES:
            message, hint = (text.replace(phrase, phrase.replace(" ", "-")) for text in (message, hint))
    return _saying(error, message, hint or None)


def _saying(error: LingateError, message: str, hint: str | None) -> LingateError:
    other = copy.copy(error)
    other.args = (message,)
    other.message, other.hint = message, hint
    return other.with_traceback(error.__traceback__)
