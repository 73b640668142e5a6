# The clients: typed methods, no logic. `Lingate` blocks, `AsyncLingate` is awaited; the rest is the same.

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from lingate._call.plan import Completed, complete, open_stream
from lingate._call.policy import RetryPolicy, Timeout
from lingate._call.stream import StreamState
from lingate._io import aio, calls, sync
from lingate._io.calls import Kind, Prepared
from lingate._io.chat_stream import AsyncChatStream, ChatStream
from lingate._io.choose import Chooser
from lingate._io.session import Session
from lingate._io.transport import AsyncByteStream, AsyncTransport, ByteStream, Transport
from lingate._views import ChatResponse, EmbeddingResponse, ModelList

if TYPE_CHECKING:
    from lingate._io.completion_stream import AsyncCompletionStream, CompletionStream
    from lingate._io.responses_stream import AsyncResponsesStream, ResponsesStream
    from lingate._views import Response
    from lingate._views_media import (
        CompletionResponse,
        ImageResponse,
        ModerationResponse,
        RerankResponse,
        SpeechResponse,
        TokenCount,
        TranscriptionResponse,
    )
    from lingate._views_responses import ResponsesResponse
    from lingate.types import (
        CallOptions,
        ChatParams,
        CompletionParams,
        EmbeddingParams,
        FileParam,
        ImageParams,
        ModerationParams,
        RerankParams,
        ResponsesParams,
        SpeechParams,
        TranscriptionParams,
    )

R = TypeVar("R", bound="Response")

Messages = str | Sequence[Any]


class Lingate:
    """A client for every provider, blocking. Safe to share between threads; holds no state of any call.

    Args:
        config: Settings: a mapping, or the path of a TOML, JSON or YAML file. See docs/configuration.md.
        env: Where credentials are looked up instead of the process's environment.
        transport: What sends requests instead of pyreqwest: a `Transport` (for tests: `lingate.testing.FakeTransport`).
        timeout: Default of the per-call argument: seconds in total, or a `Timeout`.
        retries: Default of the per-call argument: further tries after the first, or a `RetryPolicy`.
        drop_params: Default of the per-call argument.

    Raises:
        ConfigError: The configuration cannot be read; the message says where.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        transport: Transport | None = None,
        timeout: float | Timeout | None = None,
        retries: int | RetryPolicy | None = None,
        drop_params: bool | None = None,
    ) -> None:
        self._session = Session(config, env, timeout, retries, drop_params)
        self._transport = Chooser(transport, "sync")

    @overload
    def chat(
        self, model: str, messages: Messages, *, stream: Literal[False] | None = None, **params: Unpack[ChatParams]
    ) -> ChatResponse: ...

    @overload
    def chat(
        self, model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[ChatParams]
    ) -> ChatStream: ...

    @overload
    def chat(
        self, model: str, messages: Messages, *, stream: bool | None, **params: Unpack[ChatParams]
    ) -> ChatResponse | ChatStream: ...

    def chat(
        self, model: str, messages: Messages, *, stream: bool | None = None, **params: Any
    ) -> ChatResponse | ChatStream:
        """Ask a model.

        Args:
            model: `provider/model`; everything after the first slash belongs to the provider.
            messages: OpenAI message dicts (messages of earlier answers may be put in as they are), or one string.
            stream: Get the answer in pieces: a `ChatStream`, whose first piece has arrived when this returns.
            **params: OpenAI's chat parameters under their own names (`tools`, `temperature`, `response_format`,
                `reasoning_effort`, ...), any other parameter the provider takes, and `api_key`, `api_base`, `timeout`,
                `retries`, `fallbacks`, `drop_params`, `extra_headers`, `extra_body`. None means not set.

        Returns:
            The answer, or a stream of it.

        Raises:
            ConfigError: The call cannot be made as written; nothing was sent.
            UpstreamError: The provider refused; the subclass says why.
            TransportError: No complete answer arrived.
            DeadlineExceededError: `timeout` passed, tries and waits included.
        """
        prepared = calls.prepare_chat(self._session, model, messages, stream, params)
        if prepared.stream:
            return ChatStream(*self._open(prepared), prepared.include_usage, prepared.format_class)
        return calls.chat_response(self._send(prepared), prepared)

    @overload
    def responses(
        self,
        model: str,
        input: Any = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ResponsesParams],
    ) -> ResponsesResponse: ...

    @overload
    def responses(
        self, model: str, input: Any = None, *, stream: Literal[True], **params: Unpack[ResponsesParams]
    ) -> ResponsesStream: ...

    def responses(
        self, model: str, input: Any = None, *, stream: bool | None = None, **params: Any
    ) -> ResponsesResponse | ResponsesStream:
        """Ask a model in the words of OpenAI's Responses API, whichever provider it is of.

        A provider that has the API gets the request as it is written here; any other gets it as a chat, and what only
        the API can do (`previous_response_id`, `background`, its built-in tools) is an `UnsupportedError`.

        Args:
            model: `provider/model`.
            input: One string, or a list of items; the output of earlier answers may be put in as it is.
            stream: Get the events as they come: a `ResponsesStream`, whose first has arrived when this returns.
            **params: Fields of the API under their own names (`instructions`, `tools`, `reasoning`, `text`, ...),
                `text_format`, and the arguments that every call takes. None means not set.

        Returns:
            The answer in the API's shape, or a stream of its events.

        Raises:
            ConfigError: The call cannot be made as written; nothing was sent.
            UpstreamError: The provider refused, or its response failed.
            TransportError: No complete answer arrived.
        """
        prepared = calls.prepare_responses(self._session, model, input, {"stream": stream, **params})
        if prepared.stream:
            from lingate._io.responses_stream import ResponsesStream

            state, arriving = self._open(prepared)
            return ResponsesStream(state, arriving, state.sent.call)
        return calls.responses_response(self._send(prepared), prepared)

    def embed(self, model: str, input: Any, **params: Unpack[EmbeddingParams]) -> EmbeddingResponse:
        """Turn text into vectors.

        Args:
            model: `provider/model`.
            input: One text, a list of texts, or tokens.
            **params: `dimensions`, `encoding_format`, and the arguments that every call takes.
        """
        return self._whole(calls.EMBEDDINGS, model, input, dict(params))

    def rerank(
        self, model: str, query: str, documents: Sequence[Any], **params: Unpack[RerankParams]
    ) -> RerankResponse:
        """Order documents by their relevance to a query.

        Args:
            model: `provider/model`.
            query: What is looked for.
            documents: Texts, or dicts with a `text`.
            **params: `top_n`, `return_documents`, `max_tokens_per_doc`, any other parameter the provider takes, and the
                arguments that every call takes.
        """
        from lingate._io.media_calls import RERANK

        return self._whole(RERANK, model, (query, documents), dict(params))

    @overload
    def complete(
        self, model: str, prompt: Any, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse: ...

    @overload
    def complete(
        self, model: str, prompt: Any, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> CompletionStream: ...

    def complete(
        self, model: str, prompt: Any, *, stream: bool | None = None, **params: Any
    ) -> CompletionResponse | CompletionStream:
        """Let a model go on from where a text ends: the endpoint that chat replaced, for models that know no chat.

        Args:
            model: `provider/model`.
            prompt: One text, a list of texts, or tokens.
            stream: Get the text in pieces: a `CompletionStream`, whose first piece has arrived when this returns.
            **params: OpenAI's completion parameters (`max_tokens`, `suffix`, `echo`, ...), any other parameter the
                provider takes, and the arguments that every call takes.
        """
        from lingate._io.completion_stream import CompletionStream
        from lingate._io.media_calls import COMPLETIONS

        prepared = COMPLETIONS.prepare(self._session, model, prompt, {"stream": stream, **params})
        if prepared.stream:
            return CompletionStream(*self._open(prepared), prepared.include_usage)
        return COMPLETIONS.answer(self._send(prepared), prepared)

    def images(self, model: str, prompt: str | None = None, **params: Unpack[ImageParams]) -> ImageResponse:
        """Make images: from a prompt; with `image`, change images as a prompt says; without a prompt, vary one.

        Args:
            model: `provider/model`.
            prompt: What to draw, or what to change.
            **params: OpenAI's image parameters (`n`, `size`, `quality`, `response_format`, ...), the files `image` (one
                or a list), `mask` and `markup`, any other parameter the provider takes, and the arguments that every
                call takes. A file is a path, an open file, bytes, or a tuple of a name and one of these.

        Raises:
            ConfigError: The call cannot be made as written, or a file cannot be read; nothing was sent.
        """
        from lingate._io.media_calls import IMAGES

        return self._whole(IMAGES, model, prompt, dict(params))

    def speech(self, model: str, input: str, **params: Unpack[SpeechParams]) -> SpeechResponse:
        """Read a text aloud.

        Args:
            model: `provider/model`.
            input: What to say.
            **params: `voice`, `response_format` (`mp3`, `wav`, ...), `speed`, `instructions`, any other parameter the
                provider takes, and the arguments that every call takes.
        """
        from lingate._io.media_calls import SPEECH

        return self._whole(SPEECH, model, input, dict(params))

    def transcribe(self, model: str, file: FileParam, **params: Unpack[TranscriptionParams]) -> TranscriptionResponse:
        """Write down what is said, in the language it is said in or, with `translate=True`, in English.

        Args:
            model: `provider/model`.
            file: The sound: a path, an open file, bytes, or a tuple of a name and one of these.
            **params: OpenAI's transcription parameters (`language`, `prompt`, `response_format`, `temperature`,
                `timestamp_granularities`, ...), any other parameter the provider takes, and the arguments that every
                call takes.

        Raises:
            ConfigError: The call cannot be made as written, or the file cannot be read; nothing was sent.
        """
        from lingate._io.media_calls import TRANSCRIPTION

        return self._whole(TRANSCRIPTION, model, file, dict(params))

    def moderate(self, model: str, input: Any, **params: Unpack[ModerationParams]) -> ModerationResponse:
        """Ask whether texts or images break rules, and which.

        Args:
            model: `provider/model`.
            input: One text, a list of texts, or a list of OpenAI's content parts (`text`, `image_url`).
            **params: Any parameter the provider takes, and the arguments that every call takes.
        """
        from lingate._io.media_calls import MODERATIONS

        return self._whole(MODERATIONS, model, input, dict(params))

    def count_tokens(self, model: str, messages: Messages, **params: Unpack[ChatParams]) -> TokenCount:
        """Ask the provider how many tokens a chat would cost to read; the model is not asked anything.

        Args:
            model: `provider/model`.
            messages: As for `chat`.
            **params: As for `chat`; `tools`, `thinking` and whatever else is read counts.

        Raises:
            UnsupportedError: The provider's wire format has no such question.
        """
        from lingate._io.media_calls import COUNT_TOKENS

        return self._whole(COUNT_TOKENS, model, messages, dict(params))

    def models(self, provider: str, **options: Unpack[CallOptions]) -> ModelList:
        """List the models that a provider offers to this key."""
        prepared = calls.prepare_models(self._session, provider, dict(options))
        return calls.answer(ModelList, self._send(prepared), prepared)

    def _send(self, prepared: Prepared) -> Completed:
        return sync.perform(complete(prepared.routes, prepared.context), self._transport.get())

    def _open(self, prepared: Prepared) -> tuple[StreamState, ByteStream]:
        opened = sync.perform(open_stream(prepared.routes, prepared.context), self._transport.get())
        return StreamState(opened, prepared.context.trail), opened.stream

    def _whole(self, kind: Kind[R], model: str, given: Any, params: dict[str, Any]) -> R:
        prepared = kind.prepare(self._session, model, given, params)
        return kind.answer(self._send(prepared), prepared)

    def close(self) -> None:
        """Close idle connections. The client may be used again; it opens new ones."""
        transport = self._transport.drop()
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AsyncLingate:
    """`Lingate` for asyncio. One object may be used on several event loops, one after another or at the same time."""

    def __init__(
        self,
        config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        transport: AsyncTransport | None = None,
        timeout: float | Timeout | None = None,
        retries: int | RetryPolicy | None = None,
        drop_params: bool | None = None,
    ) -> None:
        self._session = Session(config, env, timeout, retries, drop_params)
        self._transport = Chooser(transport, "async")

    @overload
    async def chat(
        self, model: str, messages: Messages, *, stream: Literal[False] | None = None, **params: Unpack[ChatParams]
    ) -> ChatResponse: ...

    @overload
    async def chat(
        self, model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[ChatParams]
    ) -> AsyncChatStream: ...

    @overload
    async def chat(
        self, model: str, messages: Messages, *, stream: bool | None, **params: Unpack[ChatParams]
    ) -> ChatResponse | AsyncChatStream: ...

    async def chat(
        self, model: str, messages: Messages, *, stream: bool | None = None, **params: Any
    ) -> ChatResponse | AsyncChatStream:
        """Ask a model: `Lingate.chat`, awaited."""
        prepared = calls.prepare_chat(self._session, model, messages, stream, params)
        if prepared.stream:
            return AsyncChatStream(*await self._open(prepared), prepared.include_usage, prepared.format_class)
        return calls.chat_response(await self._send(prepared), prepared)

    @overload
    async def responses(
        self,
        model: str,
        input: Any = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ResponsesParams],
    ) -> ResponsesResponse: ...

    @overload
    async def responses(
        self, model: str, input: Any = None, *, stream: Literal[True], **params: Unpack[ResponsesParams]
    ) -> AsyncResponsesStream: ...

    async def responses(
        self, model: str, input: Any = None, *, stream: bool | None = None, **params: Any
    ) -> ResponsesResponse | AsyncResponsesStream:
        """Ask a model in the words of the Responses API: `Lingate.responses`, awaited."""
        prepared = calls.prepare_responses(self._session, model, input, {"stream": stream, **params})
        if prepared.stream:
            from lingate._io.responses_stream import AsyncResponsesStream

            state, arriving = await self._open(prepared)
            return AsyncResponsesStream(state, arriving, state.sent.call)
        return calls.responses_response(await self._send(prepared), prepared)

    async def embed(self, model: str, input: Any, **params: Unpack[EmbeddingParams]) -> EmbeddingResponse:
        """Turn text into vectors: `Lingate.embed`, awaited."""
        return await self._whole(calls.EMBEDDINGS, model, input, dict(params))

    async def rerank(
        self, model: str, query: str, documents: Sequence[Any], **params: Unpack[RerankParams]
    ) -> RerankResponse:
        """Order documents by their relevance to a query: `Lingate.rerank`, awaited."""
        from lingate._io.media_calls import RERANK

        return await self._whole(RERANK, model, (query, documents), dict(params))

    @overload
    async def complete(
        self, model: str, prompt: Any, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse: ...

    @overload
    async def complete(
        self, model: str, prompt: Any, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> AsyncCompletionStream: ...

    async def complete(
        self, model: str, prompt: Any, *, stream: bool | None = None, **params: Any
    ) -> CompletionResponse | AsyncCompletionStream:
        """Let a model go on from where a text ends: `Lingate.complete`, awaited."""
        from lingate._io.completion_stream import AsyncCompletionStream
        from lingate._io.media_calls import COMPLETIONS

        prepared = COMPLETIONS.prepare(self._session, model, prompt, {"stream": stream, **params})
        if prepared.stream:
            return AsyncCompletionStream(*await self._open(prepared), prepared.include_usage)
        return COMPLETIONS.answer(await self._send(prepared), prepared)

    async def images(self, model: str, prompt: str | None = None, **params: Unpack[ImageParams]) -> ImageResponse:
        """Make images: `Lingate.images`, awaited; files are read beside the event loop."""
        from lingate._io.media_calls import IMAGES

        return await self._whole(IMAGES, model, prompt, dict(params))

    async def speech(self, model: str, input: str, **params: Unpack[SpeechParams]) -> SpeechResponse:
        """Read a text aloud: `Lingate.speech`, awaited."""
        from lingate._io.media_calls import SPEECH

        return await self._whole(SPEECH, model, input, dict(params))

    async def transcribe(
        self, model: str, file: FileParam, **params: Unpack[TranscriptionParams]
    ) -> TranscriptionResponse:
        """Write down what is said: `Lingate.transcribe`, awaited; the file is read beside the event loop."""
        from lingate._io.media_calls import TRANSCRIPTION

        return await self._whole(TRANSCRIPTION, model, file, dict(params))

    async def moderate(self, model: str, input: Any, **params: Unpack[ModerationParams]) -> ModerationResponse:
        """Ask whether texts or images break rules: `Lingate.moderate`, awaited."""
        from lingate._io.media_calls import MODERATIONS

        return await self._whole(MODERATIONS, model, input, dict(params))

    async def count_tokens(self, model: str, messages: Messages, **params: Unpack[ChatParams]) -> TokenCount:
        """Ask how many tokens a chat would cost to read: `Lingate.count_tokens`, awaited."""
        from lingate._io.media_calls import COUNT_TOKENS

        return await self._whole(COUNT_TOKENS, model, messages, dict(params))

    async def models(self, provider: str, **options: Unpack[CallOptions]) -> ModelList:
        """List the models that a provider offers to this key: `Lingate.models`, awaited."""
        prepared = calls.prepare_models(self._session, provider, dict(options))
        return calls.answer(ModelList, await self._send(prepared), prepared)

    async def _send(self, prepared: Prepared) -> Completed:
        return await aio.perform(complete(prepared.routes, prepared.context), self._transport.get())

    async def _open(self, prepared: Prepared) -> tuple[StreamState, AsyncByteStream]:
        opened = await aio.perform(open_stream(prepared.routes, prepared.context), self._transport.get())
        return StreamState(opened, prepared.context.trail), opened.stream

    async def _whole(self, kind: Kind[R], model: str, given: Any, params: dict[str, Any]) -> R:
        prepared = await kind.prepare_async(self._session, model, given, params)
        return kind.answer(await self._send(prepared), prepared)

    async def aclose(self) -> None:
        """Close idle connections. The client may be used again; it opens new ones."""
        transport = self._transport.drop()
        if transport is not None:
            await transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.aclose()
