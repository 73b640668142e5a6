# Streams as LiteLLM shapes them, and chunks put together again.

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self

from lingate._endpoints._arguments import plain
from lingate._wire.json import encode
from lingate.compat.litellm import _shapes
from lingate.compat.litellm._callbacks import Watch
from lingate.compat.litellm._params import Request, translated
from lingate.compat.litellm._records import ModelResponse
from lingate.errors import LingateError, StreamInterruptedError

_END = object()
_CLAUDE = re.compile("anthropic|bedrock")


class CustomStreamWrapper:
    # An answer that is still arriving: iterate over it with `for`, or with `async for` where it was awaited.

    # A stream that ends before it is complete raises `APIConnectionError`, whose `partial` is what had arrived.

    _on_end: Callable[[BaseException | None], None] | None = None

    def __init__(
        self,
        stream: Any,
        request: Request,
        watch: Watch,
        piece: Callable[[dict[str, Any], Request], Any],
        whole: Callable[[Any, Request], Any],
        on_end: Callable[[BaseException | None], None] | None = None,
    ) -> None:
        self.completion_stream = stream
        self.model = request.name
        self.custom_llm_provider = request.provider
        self.chunks: list[Any] = []
        self._hidden_params: dict[str, Any] = {
            **_shapes.call_facts(request, stream),
            "custom_llm_provider": request.provider if request.mocked else stream.provider,
            "additional_headers": {},
        }
        self._request = request
        # A block of Claude's goes back as it came, so what LiteLLM tells of it is what applications put together.
        request.proven = bool(_CLAUDE.search(stream._state.sent.target.row.dialect))
        self._watch = watch
        self._piece = piece
        self._whole = whole
        self._on_end = on_end
        self._over = False

    @property
    def response_uptil_now(self) -> str:
        texts = (choice.delta.content or "" for chunk in self.chunks for choice in chunk.choices if not choice.index)
        return "".join(texts)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._over:
            raise StopIteration
        try:
            found = next(self.completion_stream, _END)
            if found is not _END:
                return self._keep(found)
            answer = self.completion_stream.final()
        except LingateError as error:
            failure = self._failed(error)
            self._watch.ended(error=failure)
            raise failure from error
        self._watch.ended(self._done(answer))
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._over:
            raise StopAsyncIteration
        try:
            found = await anext(self.completion_stream, _END)
            if found is not _END:
                return self._keep(found)
            answer = await self.completion_stream.final()
        except LingateError as error:
            failure = self._failed(error)
            await self._watch.aended(error=failure)
            raise failure from error
        await self._watch.aended(self._done(answer))
        raise StopAsyncIteration

    def _keep(self, found: Any) -> Any:
        made = self._piece(found.to_dict(), self._request)
        if not self.chunks:
            self._watch.begun = datetime.now()
        usage = made.__dict__.get("usage")
        if usage is not None:
            stream = self.completion_stream
            whole = self._whole(stream._shape.response(stream._state), self._request)
            usage.cost = whole._hidden_params["response_cost"]
        self.chunks.append(made)
        return made

    def _done(self, answer: Any) -> Any:
        self._finish(None)
        made = self._whole(answer, self._request)
        self._hidden_params = {**made._hidden_params, **self._hidden_params}
        last = getattr(self.chunks[-1], "_hidden_params", None) if self.chunks else None
        if last is not None and not made._hidden_params.get("usage_estimated"):
            # The counts that the provider gave, for `stream_chunk_builder`: callers see them only if they ask for them.
            last.update(usage=made.get("usage"), response_cost=made._hidden_params.get("response_cost"))
        return made

    def _failed(self, error: LingateError) -> Exception:
        self._finish(error)
        failure = translated(error, self._request.asked, self._request.retries)
        partial = getattr(failure, "partial", None)
        if partial is not None:
            failure.partial = self._whole(partial, self._request)  # type: ignore[attr-defined]
        return failure

    def _finish(self, error: BaseException | None) -> None:
        self._over = True
        if self._on_end is not None:
            self._on_end(error)
            self._on_end = None

    def __del__(self) -> None:
        # A router takes a stream's deployment for busy until it is told.
        if self._on_end is not None:
            self._finish(None)

    def close(self) -> None:
        # Let the upstream go. Callbacks are told of a failure, if the stream had not ended.
        if not self._over:
            self._finish(None)
            self.completion_stream.close()
            self._watch.ended(error=self._closed())

    async def aclose(self) -> None:
        # `close`, where the stream was awaited.
        if not self._over:
            self._finish(None)
            await self.completion_stream.aclose()
            await self._watch.aended(error=self._closed())

    def _closed(self) -> Exception:
        error = StreamInterruptedError("the caller closed the stream before its end", provider=self._request.provider)
        return translated(error, self._request.asked, self._request.retries)


class TextCompletionStreamWrapper(CustomStreamWrapper):
    # A completion of a prompt that is still arriving.
    pass


def stream_chunk_builder(
    chunks: Sequence[Any], messages: Sequence[Any] | None = None, start_time: Any = None, end_time: Any = None, **_: Any
) -> ModelResponse | None:
    # Put the chunks of a stream together to the whole answer.
    # Tool calls whose pieces have no index are told apart by their ids. Tokens are those that the provider counted, if the
    # stream was read to its end; else they are estimated.
    # Raises APIConnectionError: The chunks are not those of a whole stream: none says why the answer ended.
    if not chunks:
        return None
    # Imported here because it brings a whole client, and this is rarely called.
    from lingate.compat.litellm._replies import collected

    plain_chunks = [plain(chunk, "chunks") for chunk in chunks]
    last = getattr(chunks[-1], "_hidden_params", None) or {}
    if last.get("usage") is not None and not any(chunk.get("usage") for chunk in plain_chunks):
        plain_chunks[-1] = {**plain_chunks[-1], "usage": plain(last["usage"], "usage")}
    answer = collected(list(map(encode, plain_chunks)))
    model = plain_chunks[0].get("model") or ""
    asked = Request(
        call_type="completion",
        asked=model,
        name=model,
        provider="",
        given=(messages or [],),
        options={},
        own={},
        env={},
        stream=True,
        call_id="",
        started=datetime.now(),
    )
    made = _shapes.chat(answer, asked)
    first = getattr(chunks[0], "_hidden_params", None) or {}
    made._hidden_params.update(
        custom_llm_provider=first.get("custom_llm_provider"), response_cost=last.get("response_cost")
    )
    return made
