# Answers that are kept for calls that ask the same: `litellm.cache = litellm.Cache()`.

from __future__ import annotations

import logging
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from lingate._endpoints._arguments import plain
from lingate._wire.json import decode, encode
from lingate._wire.shapes import as_dict, without
from lingate.compat import litellm as settings
from lingate.compat.litellm._names import words
from lingate.compat.litellm._params import Request
from lingate.errors import ConfigError

_log = logging.getLogger("lingate.compat.litellm")
_KEPT = {"completion": "messages", "text_completion": "prompt", "embedding": "input"}
"""The functions whose answers are kept, and what they are given."""
_NOT_ASKED = words("api_key timeout retries stream stream_options extra_headers fallbacks drop_params")
"""Options that say how a call is made, not what is asked."""
_MOST = 1000
_SECONDS = 600.0
_FILE = "answers.sqlite"


class LiteLLMCacheType(StrEnum):
    # Where a cache keeps answers.

    LOCAL = "local"
    REDIS = "redis"
    REDIS_SEMANTIC = "redis-semantic"
    S3 = "s3"
    DISK = "disk"
    QDRANT_SEMANTIC = "qdrant-semantic"
    AZURE_BLOB = "azure-blob"
    GCS = "gcs"


_Answer = tuple[bytes, float, float]
"""An answer, when it was given, and until when it holds."""


class _Memory:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def get(self, key: str) -> _Answer | None:
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def put(self, key: str, answer: _Answer) -> None:
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()


class _Disk:
    # A file that several processes may share. What it cannot do is told in the log: a call does not fail for it.

    def __init__(self, folder: str) -> None:
        import sqlite3

        Path(folder).mkdir(parents=True, exist_ok=True)
        self._lock, self._failure = threading.Lock(), sqlite3.Error
        self._file = sqlite3.connect(Path(folder) / _FILE, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._file.close)  # Python 3.13 complains of one that is left open
        self._do("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer BLOB, at REAL, until REAL)")

    def _do(self, statement: str, *values: Any) -> Any:
        try:
            with self._lock:
                return self._file.execute(statement, values).fetchone()
        except self._failure as error:
            _log.warning("the cache of answers failed: %s", error)
            return None

    def get(self, key: str) -> _Answer | None:
        found: _Answer | None = self._do("SELECT answer, at, until FROM answers WHERE key = ?", key)
        return found

    def put(self, key: str, answer: _Answer) -> None:
        self._do("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", key, *answer)

    def clear(self) -> None:
        self._do("DELETE FROM answers")


class Cache:
    # Answers of `completion`, `text_completion` and `embedding`, as long as they hold.

    # `type`: `local` keeps them in this process, `disk` in a file; any other is told in a warning and kept in the process.
    # mode: `default_off` keeps answers only for calls with `cache={"use-cache": True}`.
    # ttl: Seconds for which an answer holds. Ten minutes in the process, for ever on disk.
    # **ignored: Where others keep theirs.

    def __init__(
        self,
        type: str = LiteLLMCacheType.LOCAL,
        mode: str = "default_on",
        ttl: float | None = None,
        namespace: str | None = None,
        supported_call_types: Sequence[str] | None = None,
        disk_cache_dir: str | None = None,
        **ignored: Any,
    ) -> None:
        self.type = LiteLLMCacheType(type).value
        self.mode, self.namespace = str(getattr(mode, "value", mode)), namespace
        self.supported_call_types = frozenset(name.removeprefix("a") for name in supported_call_types or _KEPT)
        on_disk = self.type == "disk"
        self.ttl = ttl if ttl is not None or on_disk else _SECONDS
        self._answers: _Disk | _Memory = _Disk(disk_cache_dir or ".litellm_cache") if on_disk else _Memory()
        if self.type not in ("local", "disk"):
            text = f"answers are kept in this process: there is no cache of type {self.type!r} here; the gateway shares one"
            warnings.warn(text, stacklevel=2)

    def get_cache_key(self, **asked: Any) -> str:
        # What calls that ask the same have in common; may be replaced.
        text = "".join(f"{name}={_text(asked[name])};" for name in sorted(asked))
        return sha256(f"{self.namespace or ''}{text}".encode(errors="surrogatepass")).hexdigest()

    def flush_cache(self) -> None:
        self._answers.clear()

    def found(self, key: str, most: Any) -> Any:
        # The answer, if it still holds and is no older than it may be.
        answer, at, until = self._answers.get(key) or (b"", 0.0, 0.0)
        now = time.time()
        return decode(answer) if now < until and (most is None or now - at < float(most)) else None

    def keep(self, key: str, ttl: Any, answer: Any) -> None:
        # Keep an answer, for a time of its own or for that of all.
        now, seconds = time.time(), self.ttl if ttl is None else float(ttl)
        self._answers.put(key, (encode(answer.model_dump()), now, float("inf") if seconds is None else now + seconds))


def enable_cache(type: str = LiteLLMCacheType.LOCAL, **options: Any) -> None:
    # Keep answers from now on, if none are kept yet.
    if settings.cache is None:
        settings.cache = Cache(type, **options)


def update_cache(type: str = LiteLLMCacheType.LOCAL, **options: Any) -> None:
    settings.cache = Cache(type, **options)


def disable_cache() -> None:
    settings.cache = None


def consult(request: Request) -> None:
    # Let a call be answered with what is kept, or have its answer kept.
    cache, own, kind = settings.cache, request.own, request.call_type
    wish = as_dict(own.get("cache"))
    if not isinstance(cache, Cache) or request.mocked or kind not in _KEPT or kind not in cache.supported_call_types:
        return
    if own.get("caching") is False or (cache.mode == "default_off" and not wish.get("use-cache")):
        return
    asked, group = without(request.options, _NOT_ASKED), as_dict(own.get("metadata")).get("model_group")
    if group is not None:  # of a router, whose deployments answer for each other
        asked.pop("api_base", None)
    asked |= {_KEPT[kind]: request.given[0], "model": group or request.model, "call_type": kind}
    if wish.get("namespace"):
        asked["namespace"] = wish["namespace"]
    key = cache.get_cache_key(**asked)
    answer = None if wish.get("no-cache") else cache.found(key, wish.get("s-maxage") or wish.get("s-max-age"))
    if answer is not None:
        own.update(mock_response=answer, cache_hit=key)
    elif not wish.get("no-store"):
        own["_keep"] = partial(cache.keep, key, wish.get("ttl"))


def _text(value: Any) -> str:
    try:
        return repr(plain(value, ""))
    except ConfigError:
        return repr(value)
