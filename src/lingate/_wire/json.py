# JSON in and out.

# msgspec is as fast as JSON gets in Python, but stricter than the wire: it refuses lone surrogates (a provider that splits an
# emoji between two deltas), NaN, Infinity, numbers beyond a double, and a byte-order mark. Those fall back to the standard library.

from __future__ import annotations

from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()

loads = _decoder.decode
"""`decode` without what msgspec refuses, by raising one of `REFUSED`: for those who read an event per token."""

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(data: bytes | str | memoryview) -> Any:
    # Parse JSON text.
    # Raises ValueError: Not JSON. The message holds the position, never the text.
    try:
        return _decoder.decode(data)
    except UnicodeDecodeError:
        raise ValueError("not JSON: not UTF-8") from None  # where is not told: the position is one inside a string
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        pass
    import json as _stdlib  # takes 2 ms, and what msgspec refuses is rare

    text = bytes(data).decode("utf-8-sig", "replace") if not isinstance(data, str) else data.removeprefix("\ufeff")
    try:
        return _stdlib.loads(text, strict=False)  # models write line breaks into the arguments of tools
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except _stdlib.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    except ValueError:
        raise ValueError("JSON with a number of too many digits") from None


def is_json(text: bytes | str) -> bool:
    try:
        decode(text)
    except ValueError:
        return False
    return True


def encode(value: Any) -> bytes:
    # Write JSON as UTF-8 without spaces.
    # Raises TypeError: The value holds something JSON has no form for.
    try:
        try:
            return _encoder.encode(value)
        except UnicodeEncodeError:
            import json as _stdlib

            # A lone surrogate has no UTF-8 form; \ud83d escapes keep it as the sender had it.
            return _stdlib.dumps(value, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise TypeError("the value is nested too deeply for JSON") from None


def encode_str(value: Any) -> str:
    # Write JSON as text, for places where JSON travels inside JSON (tool arguments).
    return encode(value).decode()
