"""Finding the credential of a request, and writing down that there was one without writing it down."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

_BARE = ("x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_SCHEMED = ("authorization", "proxy-authorization")
_SIGNATURE = "AWS4-HMAC-SHA256"
_OTHER = frozenset({"cookie", "x-amz-security-token"})
_QUERY = frozenset({"key", "api_key", "api-key", "access_token"})


def credential_of(headers: Mapping[str, str], query: str) -> str:
    """The credential, from whichever place it came in; empty if there is none."""
    for name in _BARE:
        if headers.get(name, "").strip():
            return headers[name].strip()
    scheme, _, value = headers.get("authorization", "").strip().partition(" ")
    if scheme.upper() == _SIGNATURE:
        # Signatures differ from request to request; the key's id stays.
        return value.partition("Credential=")[2].partition("/")[0]
    if value.strip():
        return value.strip()
    from_query = next((value for name, value in parse_qsl(query) if name in _QUERY and value), "")
    return from_query or ("" if scheme.lower() in ("", "bearer", "basic") else scheme)


def fingerprint(credential: str) -> str:
    """What stands for a credential in recorded requests: equal for equal ones, and of no other use."""
    return "sha256:" + sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()[:16] if credential else ""


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with fingerprints in the place of credentials; the scheme of `Authorization` stays."""
    shown = {}
    for name, value in headers.items():
        if name in _SCHEMED:
            scheme, space, rest = value.partition(" ")
            value = f"{scheme} {fingerprint(rest.strip())}" if space else fingerprint(scheme)
        elif name in _BARE or name in _OTHER:
            value = fingerprint(value.strip())
        shown[name] = value
    return shown


def redacted_query(query: str) -> str:
    """The query string with fingerprints in the place of credentials; as it was if it holds none."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(name in _QUERY for name, _ in pairs):
        return query
    return urlencode([(name, fingerprint(value) if name in _QUERY else value) for name, value in pairs])
