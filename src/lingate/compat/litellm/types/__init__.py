"""Where `litellm.types` has its modules."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("types")
