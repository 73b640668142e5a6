# Who speaks with the gateway in the demonstration: the vendors' own packages, or Lingate's client where they are not installed.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from lingate._client import Lingate
from lingate._model import JsonDict
from lingate._version import __version__


class RefusedError(Exception):
    # The gateway refused a call; `name` is the client's own class for it, `retry_after` the seconds it asks to wait.

    def __init__(self, error: Exception, status: int, retry_after: float | None) -> None:
        super().__init__(str(error))
        self.name = type(error).__name__
        self.status = status
        self.retry_after = retry_after


def openai_side(url: str, key: str) -> OpenAISide:
    return OpenAIPackage(url, key) if find_spec("openai") else OwnOpenAISide(url, key)


def anthropic_side(url: str, key: str) -> AnthropicSide:
    return AnthropicPackage(url, key) if find_spec("anthropic") else OwnAnthropicSide(url, key)


class OpenAIPackage:
    # The openai package, as its users have it: a base URL and a key.

    def __init__(self, url: str, key: str) -> None:
        import openai

        self.name = f"openai {openai.__version__}"
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def stream(self, model: str, question: str) -> Iterator[str]:
        messages = [{"role": "user", "content": question}]
        with _refusals():
            for chunk in self._client.chat.completions.create(model=model, messages=messages, stream=True):
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        with _refusals():
            answer = self._client.chat.completions.create(model=model, messages=messages, **params)
        shown: JsonDict = answer.model_dump(exclude_unset=True)
        return shown

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        with _refusals():
            return [item.embedding for item in self._client.embeddings.create(model=model, input=texts).data]

    def close(self) -> None:
        self._client.close()


class AnthropicPackage:
    def __init__(self, url: str, key: str) -> None:
        import anthropic

        self.name = f"anthropic {anthropic.__version__}"
        self._client: Any = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def stream(self, model: str, question: str, max_tokens: int) -> Iterator[str]:
        asked = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": max_tokens}
        with _refusals(), self._client.messages.stream(**asked) as stream:
            yield from stream.text_stream

    def close(self) -> None:
        self._client.close()


class OwnOpenAISide:
    # Lingate's client, which speaks OpenAI's format with the gateway.

    face, path = "openai", "/v1"

    def __init__(self, url: str, key: str) -> None:
        self.name = f"lingate {__version__}"
        self._client = Lingate(env={}, retries=0)
        self._to: dict[str, Any] = {"api_base": url + self.path, "api_key": key}

    def stream(self, model: str, question: str, max_tokens: int | None = None) -> Iterator[str]:
        told: Any = {"stream": True, "max_tokens": max_tokens, **self._to}
        with _refusals():
            for chunk in self._client.chat(f"{self.face}/{model}", question, **told):
                yield chunk.text

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        with _refusals():
            answer: JsonDict = self._client.chat(f"{self.face}/{model}", messages, **params, **self._to).to_dict()
        return answer

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        with _refusals():
            return self._client.embed(f"{self.face}/{model}", texts, **self._to).vectors

    def close(self) -> None:
        self._client.close()


class OwnAnthropicSide(OwnOpenAISide):
    # Lingate's client, which speaks Anthropic's format with the gateway.

    face, path = "anthropic", ""


OpenAISide = OpenAIPackage | OwnOpenAISide
"""A client of the gateway's OpenAI face: pieces of streamed answers, whole answers in OpenAI's format, vectors."""
AnthropicSide = AnthropicPackage | OwnAnthropicSide
"""A client of the gateway's Anthropic face."""


@contextmanager
def _refusals() -> Iterator[None]:
    # Every client's own error about an answer as the one that the steps look at.
    try:
        yield
    except Exception as error:
        status = getattr(error, "status_code", None) or getattr(error, "status", None)
        if status is None:
            raise
        headers = getattr(getattr(error, "response", None), "headers", {})
        told = headers.get("retry-after") or getattr(error, "retry_after", None)
        raise RefusedError(error, status, None if told is None else float(told)) from error
