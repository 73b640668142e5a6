# The process's environment, read fast enough to be read at every call.

from __future__ import annotations

import os
from collections.abc import Callable, Mapping


def reader(env: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[object], object]]:
    # How to look a variable up in this environment again and again.
    # `os.environ.get` costs a microsecond, more when a variable is unset, because it encodes the name and goes through
    # an exception; a call looks at several, to notice a key that was set or rotated. The dict behind it, with names
    # encoded once, costs 40 ns. It is not public, so anything unexpected about it means the public way.
    # Returns a function from a name to its key, and one from that key to a value that changes when the variable does.
    inner = getattr(env, "_data", None)
    encode = getattr(env, "encodekey", None)
    if env is os.environ and type(inner) is dict and callable(encode):
        return encode, inner.get
    return str, env.get  # type: ignore[return-value]
