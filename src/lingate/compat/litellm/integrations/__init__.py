"""Where `litellm.integrations` has its modules."""

from __future__ import annotations

from lingate.compat.litellm._names import exported

__getattr__ = exported("integrations")
