# Running the simulator: in a thread beside tests, or as a program of its own.

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lingate._model import JsonDict
from lingate.simulator.backend import DEFAULT_MODELS, Backend, Config
from lingate.simulator.options import Options
from lingate.simulator.stats import RecordedRequest, Stats

if TYPE_CHECKING:
    from lingate.simulator.server import Server


class Simulator:
    # A simulator in a daemon thread, for the time of a `with` or `async with` block.
    # keys: Credentials that are accepted, all others get a 401. None accepts any, also none.
    # require_key: Refuse requests without a credential. Given `keys`, they always are.
    # delay: Seconds before each token, where a request does not say.
    # first_delay: Seconds before the first event, on top.
    # models: Names in the list of models; any other name is answered too.
    # port: Port to listen on; 0 takes a free one.
    # on_request: Called with each request when it is over, in the simulator's thread: it must not block.
    # url: Where it listens, without a trailing slash. Empty before it was started.
    # Raises MissingExtraError: h11 is not installed.
    #
    # Example:
    #     >>> with Simulator() as simulator:
    #     ...     simulator.stats()["requests"]["total"]
    #     0

    def __init__(
        self,
        *,
        keys: Iterable[str] | None = None,
        require_key: bool = False,
        delay: float = 0.0,
        first_delay: float = 0.0,
        models: Iterable[str] = DEFAULT_MODELS,
        host: str = "127.0.0.1",
        port: int = 0,
        on_request: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        self.url = ""
        self._address = (host, port)
        options = Options(delay=delay, first_delay=first_delay)
        config = Config(None if keys is None else frozenset(keys), require_key, options, tuple(models))
        self._backend = Backend(config, Stats(config.keep, on_request))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> Self:
        # Listen; returns once requests are answered.
        if self._thread is not None:
            raise RuntimeError("the simulator was started before")
        server = self._server()
        self._thread = threading.Thread(target=self._run, args=(server,), name="lingate-simulator", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def close(self) -> None:
        # Close the socket and all connections. Closing twice does nothing.
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the thread has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def stats(self) -> JsonDict:
        # Counters so far, as `GET /simulator/stats` has them.
        return self._backend.stats.snapshot()

    def requests(self) -> list[RecordedRequest]:
        # The last requests, oldest first: headers without credentials, the body's bytes and its JSON.
        return self._backend.stats.records()

    def reset(self) -> None:
        # Forget counters, requests, the prompt cache and which faults have struck how often.
        self._backend.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def _server(self) -> Server:
        # Only here is h11 needed: the tables and answers of the simulator are readable without it.
        from lingate.simulator.server import Server

        return Server(self._backend)

    def _run(self, server: Server) -> None:
        try:
            asyncio.run(_listen(server, *self._address, 0.0, self._listening))
        except OSError as error:
            self._failure = error  # the address is taken or not ours; raised by start()
        except UnicodeError:
            self._failure = OSError(f"{self._address[0]!r} is not the name of a host")
        finally:
            self._started.set()

    def _listening(self, url: str, stop: asyncio.Event) -> None:
        self._loop, self._stop, self.url = asyncio.get_running_loop(), stop, url
        self._started.set()


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    keys: Iterable[str] | None = None,
    require_key: bool = False,
    delay: float = 0.0,
    first_delay: float = 0.0,
    grace: float = 5.0,
    ready: Callable[[str], None] | None = None,
) -> None:
    # Run a simulator until SIGINT or SIGTERM. Arguments and errors are `Simulator`'s.
    # grace: Seconds that answers under way have to finish at the end.
    # ready: Called with the URL once requests are answered.
    # Raises OSError: The address cannot be listened on.

    def listening(url: str, stop: asyncio.Event) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not every platform, and no thread but the main one, can have signal handlers on the loop.
            with contextlib.suppress(ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        if ready is not None:
            ready(url)

    simulator = Simulator(keys=keys, require_key=require_key, delay=delay, first_delay=first_delay)
    asyncio.run(_listen(simulator._server(), host, port, grace, listening))


async def _listen(
    server: Server, host: str, port: int, grace: float, listening: Callable[[str, asyncio.Event], None]
) -> None:
    stop = asyncio.Event()
    listening(await server.listen(host, port), stop)
    try:
        await stop.wait()
    finally:
        await server.close(grace)
