"""Where `litellm.types.llms` has its modules."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("types.llms")
