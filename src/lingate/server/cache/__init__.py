# Answers that are kept for equal calls: in memory or in Redis, each caller's apart unless the owner says otherwise.

from lingate.server.cache.response_cache import CacheRequest, ResponseCache, collected, outlived, response_cache_of

__all__ = ["ResponseCache", "CacheRequest", "response_cache_of", "collected", "outlived"]
