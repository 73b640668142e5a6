# The litellm package as a transport, for providers that it knows and we do not: `pip install 'lingate[litellm]'`.

# It is asked for one try: no retries, fallbacks, cache or callbacks of its own. Its exceptions become our errors, and a
# stream whose end it made up is an interrupted one. What is the package's own business stays so: it reads credentials and
# settings from the process's environment, its global settings (`litellm.api_base`, ...) hold if the application has made
# any, and importing it takes two seconds. It is imported when the first call needs it.

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from lingate._call.policy import Timeout
from lingate._io.transport import AsyncByteStream, ByteStream
from lingate._io.via_litellm_call import Chunks, arguments, let_go, stream_head, whole
from lingate._model import Head, HttpRequest, ProviderRow, replaced
from lingate._providers.lookup import borrowed
from lingate._providers.missing import plain
from lingate._providers.rows_litellm import LITELLM
from lingate.errors import MissingExtraError

_END = object()

_package: Any = None
_IMPORTING = threading.Lock()

# While it is imported: else it fetches its price list from the network, and reads the `.env` of whatever directory this is.
_QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}


def row(name: str) -> ProviderRow | None:
    # The row of a provider that the installed package knows; None if it does not, or is not installed.
    if not _installed():
        return None
    known = borrowed(name)
    if known is not None:
        return known
    own = _names(load()).get(plain(name))
    return None if own is None else replaced(LITELLM, name=own)


def _installed() -> bool:
    found = sys.modules.get("litellm")
    # Applications may put our drop-in in its place; that would ask us.
    return find_spec("litellm") is not None if found is None else found.__name__ == "litellm"


def _names(litellm: Any) -> dict[str, str]:
    # What the package calls its providers, those that the application added to it included.
    listed = [getattr(name, "value", name) for name in litellm.provider_list]
    added = [item["provider"] for item in litellm.custom_provider_map]
    return {plain(name): name for name in (*listed, *_configured(), *added) if isinstance(name, str)}


@lru_cache(maxsize=1)
def _configured() -> tuple[str, ...]:
    # Those that the package has only as a configuration.
    try:
        from litellm.llms.openai_like.json_loader import JSONProviderRegistry
    except ImportError:  # it came later than the oldest version that will do
        return ()
    return tuple(JSONProviderRegistry.list_providers())


def load() -> Any:
    # The package, imported without a network access and without reading `.env`.
    # Raises MissingExtraError: It is not installed.
    global _package
    if _package is None:
        with _IMPORTING, _quiet_environment():
            ours = "litellm" not in sys.modules
            try:
                if not _installed():
                    raise ModuleNotFoundError(name="litellm")
                import litellm
            except ImportError as error:
                missing = error.name or "litellm"
                raise MissingExtraError(f"{missing} is not installed: pip install 'lingate[litellm]'") from None
            _silence(litellm, ours)
            _package = litellm
    return _package


def _silence(litellm: Any, ours: bool) -> None:
    # It prints an advertisement with every exception otherwise. There is no argument for it, only this global.
    litellm.suppress_debug_info = True
    if ours and "LITELLM_LOG" not in os.environ:
        # It writes to stderr by a handler of its own. An application that imports it, or sets its variable, wants that.
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL + 1)


@contextmanager
def _quiet_environment() -> Iterator[None]:
    # The variables that keep an import quiet, set for as long as it takes, unless the user has set them.
    ours = {name: value for name, value in _QUIET.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _tried(action: Callable[[], Any], request: HttpRequest) -> Any:
    # What the package returns.
    # Raises LingateError: What it raised, told by its evidence.
    outside = sys.exception()
    try:
        return action()
    except Exception as error:  # the package's own and those of every client below it: all are told apart there
        from lingate._io.via_litellm_errors import told

        found = told(error, request, outside)
    # Not inside the handler: there the package's exception, with what it may hold, would stay attached.
    raise found


def _asking(litellm: Any, request: HttpRequest, timeout: Timeout, *, awaited: bool = False) -> Callable[[], Any]:
    given = arguments(litellm, request, timeout)
    name = "embedding" if request.call.operation == "embeddings" else "completion"
    return lambda: getattr(litellm, f"a{name}" if awaited else name)(**given)


class Litellm:
    # Blocking `Transport` over `litellm.completion` and `litellm.embedding`.

    def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        return whole(_tried(_asking(load(), request, timeout), request), request)

    def open(self, request: HttpRequest, timeout: Timeout) -> ByteStream:
        return _Stream(_tried(_asking(load(), request, timeout), request), request)

    def close(self) -> None:
        """The package keeps its connections itself."""


class _Arriving:
    # A stream of the package's. Its first chunk is fetched at once: some send their request only then.

    __slots__ = ("_answer", "_chunks", "_iterator", "_ready", "_request", "head")

    def __init__(self, answer: Any, request: HttpRequest) -> None:
        self._answer = answer
        self._request = request
        self._chunks = Chunks(answer, request)
        self._ready: bytes | None = None
        self._iterator: Any = None
        self.head = stream_head(answer)

    def _all_at_once(self) -> None:
        self.head, self._ready = whole(self._answer, self._request)
        self._chunks.over = True


class _Stream(_Arriving):
    __slots__ = ()

    def __init__(self, answer: Any, request: HttpRequest) -> None:
        super().__init__(answer, request)
        if not hasattr(answer, "__iter__") or hasattr(answer, "model_dump"):
            self._all_at_once()
            return
        self._iterator = _tried(lambda: iter(answer), request)
        try:
            self._ready = self._next()
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes | None:
        ready, self._ready = self._ready, None
        return self._next() if ready is None else ready

    def _next(self) -> bytes | None:
        if self._chunks.over:
            return None
        chunk = _tried(lambda: next(self._iterator, _END), self._request)
        return self._chunks.last() if chunk is _END else self._chunks.piece(chunk)

    def finish(self) -> None:
        self.close()

    def close(self) -> None:
        answer, self._answer = self._answer, None
        self._chunks.over = True
        self._iterator = None
        if answer is not None:
            for close in let_go(answer):
                close()


async def _loaded() -> Any:
    # Seconds that other tasks are not to wait for.
    return load() if _package is not None else await asyncio.to_thread(load)


async def _atried(action: Callable[[], Awaitable[Any]], request: HttpRequest, limit: float) -> Any:
    outside = sys.exception()
    try:
        async with asyncio.timeout(limit):
            return await action()
    except Exception as error:  # as in `_tried`
        from lingate._io.via_litellm_errors import told

        found = told(error, request, outside)
    raise found


class AsyncLitellm:
    # `AsyncTransport` over `litellm.acompletion` and `litellm.aembedding`.

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        asking = _asking(await _loaded(), request, timeout, awaited=True)
        return whole(await _atried(asking, request, timeout.total), request)

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        asking = _asking(await _loaded(), request, timeout, awaited=True)
        now = asyncio.get_running_loop().time
        until = now() + timeout.total
        answer = await _atried(asking, request, timeout.total)
        stream = _AsyncStream(answer, request, timeout)
        await stream.begin(until - now())
        return stream

    async def aclose(self) -> None:
        """The package keeps its connections itself."""


class _AsyncStream(_Arriving):
    __slots__ = ("_timeout",)

    def __init__(self, answer: Any, request: HttpRequest, timeout: Timeout) -> None:
        super().__init__(answer, request)
        self._timeout = timeout

    async def begin(self, limit: float) -> None:
        if not hasattr(self._answer, "__aiter__"):
            self._all_at_once()
            return
        self._iterator = aiter(self._answer)
        try:
            self._ready = await self._next(limit)
        except BaseException:
            await self.aclose()
            raise

    async def read(self, limit: float | None = None) -> bytes | None:
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        return await self._next(self._timeout.read if limit is None else limit)

    async def _next(self, limit: float) -> bytes | None:
        iterator = self._iterator
        if iterator is None or self._chunks.over:
            return None
        chunk = await _atried(lambda: anext(iterator, _END), self._request, limit)
        return self._chunks.last() if chunk is _END else self._chunks.piece(chunk)

    async def finish(self) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        answer, self._answer = self._answer, None
        self._iterator = None
        self._chunks.over = True
        if answer is None:
            return
        for close in let_go(answer, awaited=True):
            with suppress(Exception):  # what is let go may be broken in any way
                done = close()
                if inspect.isawaitable(done):
                    await done

    def __del__(self) -> None:
        if self._answer is not None:
            # As with every transport: a stream that was forgotten has only its loop left, if that still runs.
            with suppress(RuntimeError):
                asyncio.get_running_loop().create_task(self.aclose())
