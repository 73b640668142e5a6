# Text from a provider made fit to be shown and logged: secrets blanked, markup reduced, length bounded.

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from lingate._model import Target
from lingate._wire import json
from lingate.errors import LingateError, ProtocolError, StreamInterruptedError

MAX_DETAIL = 2_000
_MAX_SCANNED = 16_000
_BLANK = "[redacted]"


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    # A pattern that is compiled when it is first needed. `re` itself keeps 512 for all of a process: beside an application
    # with as many, ours would be compiled anew for each error.
    return re.compile(pattern)


def redact(text: str, secrets: Iterable[str], limit: int = MAX_DETAIL) -> str:
    # Blank what is, or looks like, a credential, and bound the length.
    # Known secrets are blanked before anything is cut off, so that no cut can leave half of one standing.
    # `secrets`: strings that must not appear. Those under four characters are ignored: they are dummies, and would
    # blank half of the text.
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        if len(form) >= 8:
            text = text.replace(form, _BLANK)
        elif form in text:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _BLANK, text)
    # A lone surrogate would fail wherever the text is written.
    text = text[:_MAX_SCANNED].encode("utf-8", "replace").decode()
    text = compiled(_CREDENTIALS).sub(_blanked, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def readable(text: str) -> str:
    # The title and words of an error page, or a part of one, without markup; text that is none as it is.
    start = text[:1_000].lstrip("\ufeff \t\r\n").lower()
    if not (start[:1] == "<" and (start[1:2].isalpha() or start[1:2] in ("!", "?"))) and "<html" not in start:
        return text.strip()
    from html import unescape

    text = text[:_MAX_SCANNED]
    title = compiled(_TITLE).search(text)
    words = " ".join(unescape(compiled(_MARKUP).sub(" ", text)).split())[:600]
    head = " ".join(unescape(title.group(1)).split()) if title else ""
    return f"{head}: {words}" if head and not words.startswith(head) else words or head


def with_words(error: LingateError, body: bytes, target: Target) -> LingateError:
    # The error for what is neither an answer nor a stream, with the words that came: a proxy's page, or a website's.
    came = body[:_MAX_SCANNED].decode("utf-8", "replace").lstrip("\ufeff \r\n")
    data = compiled(_DATA).match(came)
    if isinstance(error, (ProtocolError, StreamInterruptedError)) and not data:
        error.detail = redact(readable(came), target.secrets, 600) or None
        error.message += f"; what came instead: {error.detail}"
        error.hint = f"check the base URL {target.url.partition('?')[0]}"
    return error


def _forms(secret: str) -> tuple[str, ...]:
    # How a secret may have been written: as it is, in a URL, in JSON.
    if len(secret) < 4:
        return ()
    if secret.isascii() and secret.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return (secret,)
    from urllib.parse import quote

    return secret, quote(secret, safe="", errors="replace"), json.encode_str(secret)[1:-1]


def _blanked(found: re.Match[str]) -> str:
    return f"{found.group('lead') or found.group('word') or ''}{_BLANK}"


_CREDENTIALS = (
    # "Bearer authentication required" is prose: what follows must hold a digit, or be long.
    r"(?i)(?P<lead>\bBearer\s+(?=[^\s\"',;]*\d|[^\s\"',;]{20})"
    r"|(?<![a-z0-9])(?:api[-_]?key|(?:access|auth|refresh|security|session)[-_]?token|client[-_]?secret"
    r"|secret[-_]?(?:access[-_]?)?key|password|authorization)[\"']?\s*[=:]\s*[\"']?(?:(?:basic|token)\s+)?"
    r"|[?&](?:key|api_key|access_token|token|sig|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)="
    r"|://[^/\s:@]{1,64}:(?=[^/\s@]{1,128}@))[^\s\"'&,;<>@]{8,}"
    r"|(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{8,}|AIza[A-Za-z0-9_-]{20,}|(?:ya29|AQ)\.[A-Za-z0-9._-]{20,}"
    # A long one is taken without its dot: looking for that from every "eyJ" in it takes its length each time.
    r"|eyJ[A-Za-z0-9_-]{8,64}\.[A-Za-z0-9_-]{8,}[A-Za-z0-9._-]*|eyJ[A-Za-z0-9_-]{65}[A-Za-z0-9._-]*"
    r"|(?:gsk|xai|hf|r8|fw|csk|cpk|pplx|nvapi|jina|vck|flp|fpk|tgp|pk|rk|sk|sess|rpa|xapp|xox[a-z])[-_][A-Za-z0-9_-]{20,}"
    # "key-value-store-of-many-things" is prose, too.
    r"|(?:key|ark|dop)[-_](?=[a-z_-]{0,40}\d)[A-Za-z0-9_-]{20,}"
    r"|bce-v3/[A-Za-z0-9/-]{16,}|(?:ghp|gho|ghs|ghu|github_pat|glpat)[-_][A-Za-z0-9_-]{16,}|dapi[0-9a-f]{32}|(?:AKIA|ASIA|AKID|AKLT|LTAI|GOOG1)[A-Z0-9]{16,}"
    r"|[0-9a-f]{32}\.[A-Za-z0-9]{16})"
    # What has no mark of its own is known by the word before it: a UUID, or many letters and digits without a pause.
    r"|(?P<word>\b(?:key|token|secret)[\"']?(?:\s{1,3}(?:provided|given|is|was))?\s{0,3}[=:]?\s{0,3}[\"'`(<]?)"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=(?:[a-z]*\d){3})[a-z0-9]{24,})(?:[:._-]\w+)*"
)
_DATA = r"$|[\[{\":]|(?:data|event|id|retry)\b|.{0,99}[\0\ufffd]"
_TITLE = r"(?i)<title[^<>]*>([^<]{0,300})"
# What does not end goes to the end of the text, as in a browser, so that nothing is looked through twice.
_MARKUP = r"(?is)<(script|style|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[a-z/!?][^>]*(?:>|\Z)"
