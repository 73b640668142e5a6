"""Where `litellm.files` has its module."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("files")
