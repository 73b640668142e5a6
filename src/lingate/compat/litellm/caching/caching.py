"""The names of `litellm.caching.caching`: loaded on first use from where they live."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("caching.caching")
