"""AWS Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.

Pure: key, request and time in, headers out. Where the key comes from is `aws.py`'s matter.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; `token` belongs to temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for besides its day."""

    region: str
    service: str


def signature_headers(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, scope: Scope, now: float
) -> dict[str, str]:
    """The headers that sign a request.

    Signed are the method, the URL, the body, the host and those of the request's headers that begin with `x-amz-`: these
    must be, and any more could be changed on the way.

    Args:
        method: HTTP method.
        url: Absolute and already percent-encoded.
        headers: Of the request; a signature that they hold is replaced.
        body: As it will be sent.
        credentials: Whose signature it is.
        scope: Region and service.
        now: Epoch seconds.
    """
    parts = urlsplit(url)
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    made = {"x-amz-date": stamp}
    if credentials.token:
        made["x-amz-security-token"] = credentials.token
    signed = {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-amz-")}
    signed |= {"host": parts.netloc.removesuffix(_DEFAULT_PORTS.get(parts.scheme, "")), **made}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method.upper(),
            # Encoded once more than on the wire, for every service but S3.
            quote(_without_dots(parts.path), safe="/~") or "/",
            "&".join(f"{name}={value}" for name, value in sorted(_query(parts.query))),
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            signed.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
        )
    )
    day = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{day}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(_day_key(credentials.secret_key, day), text.encode(), hashlib.sha256).hexdigest()
    made["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{day}, SignedHeaders={names}, Signature={signature}"
    )
    return made


def _day_key(secret: str, day: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in day.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _query(query: str) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(name, value) for name, _, value in pairs]


def _without_dots(path: str) -> str:
    """The path without empty, `.` and `..` segments, as the receiving side will see it."""
    if "." not in path and "//" not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment and segment != ".":
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + tail
