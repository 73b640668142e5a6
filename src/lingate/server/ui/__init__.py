# The gateway in a browser: spend, calls, who is limited, and deployments, at `/ui`.

# The pages hold no data: a script asks the admin API with the key that somebody types in, which stays in the tab. It
# comes from here only, and may speak to here only. They are written in `ui/`; `pages.z` is made of that by `make docs`.

from __future__ import annotations

from pathlib import Path

import msgspec

from lingate.server.http import Headers

PAGE = "/ui"

_PACKED = Path(__file__).with_name("pages.z")
_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
_NAMES = frozenset(
    {"style.css", *(f"{name}.js" for name in ("app", "base", "calls", "chart", "limits", "models", "spend"))}
)

_HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
)


def is_ours(path: str) -> bool:
    return path in (PAGE, f"{PAGE}/") or path.removeprefix(f"{PAGE}/") in _NAMES


def answer(path: str) -> tuple[int, Headers, bytes]:
    # What is served at a path: status, head and body.
    if path == f"{PAGE}/":
        # The page names its parts by where it is itself, wherever a proxy has put the gateway.
        return 308, [("location", f"..{PAGE}")], b""
    import zlib

    name = "index.html" if path == PAGE else path.removeprefix(f"{PAGE}/")
    kind = _KINDS[name.rpartition(".")[2]]
    pages = msgspec.json.decode(zlib.decompress(_PACKED.read_bytes()))
    return 200, [("content-type", kind), *_HEADERS], pages[name].encode()
