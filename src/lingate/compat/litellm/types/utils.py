"""The names of `litellm.types.utils`: loaded on first use from where they live."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("types.utils")
