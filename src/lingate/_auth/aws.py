# AWS: SigV4 signatures.

# Access keys from the environment need nothing else; every other credential is botocore's.
#
# Where credentials come from, the first that there is:
#
# 1. the profile in `AWS_PROFILE_NAME` (as LiteLLM calls it), which names one on purpose;
# 2. `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`;
# 3. `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`;
# 4. botocore's own chain, of the profile in `AWS_PROFILE` or `AWS_DEFAULT_PROFILE` or the default one: shared files, SSO,
#    credential processes, the container, the instance. It reads the process's own environment.
#
# With `AWS_ROLE_NAME` that role is assumed on top (`AWS_SESSION_NAME`, `AWS_EXTERNAL_ID`). The region is the one in the name of
# AWS's host, else `AWS_REGION_NAME`, `AWS_REGION` or `AWS_DEFAULT_REGION`.

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from lingate._auth import given, need
from lingate._auth._token_cache import CachedToken, Fetched
from lingate._model import HttpRequest, ProviderRow
from lingate.errors import AuthenticationError, ConfigError, ConnectError, LingateError, MissingCredentialError

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class Credentials:
    # An access key; `token` belongs to temporary ones.

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    # What a signature is good for besides its day.

    region: str
    service: str


def signature_headers(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, scope: Scope, now: float
) -> dict[str, str]:
    # The headers that sign a request whose URL is absolute and already percent-encoded.
    # Signed are the method, the URL, the body, the host and those of the request's headers that begin with `x-amz-`: these
    # must be, and any more could be changed on the way. A signature that the headers hold is replaced.
    parts = urlsplit(url)
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    made = {"x-amz-date": stamp}
    if credentials.token:
        made["x-amz-security-token"] = credentials.token
    signed = {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-amz-")}
    signed |= {"host": parts.netloc.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, "")), **made}
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
    # The path without empty, `.` and `..` segments, as the receiving side will see it.
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


_REGION_ENV = ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")
_REGION_IN_HOST = re.compile(
    r"(?:.*\.)?([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\..*(?:amazon(?:aws|webservices)\.(?:com(?:\.cn)?|eu)|api\.aws)"
)

_LITELLM_FILE = "oidc/file/"
_RECHECK = 60.0
"""botocore renews temporary credentials by itself, well before they expire, when it is asked: so often it is asked."""

_STS_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class _Source:
    # What decides which credentials there are.

    static: Credentials | None = None
    profile: str | None = None
    token_file: str | None = None
    token_role: str | None = None
    role: str | None = None
    session_name: str | None = None
    external_id: str | None = field(default=None, repr=False)


def signer(argument: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> AwsSigner:
    # The signer for one AWS service, which `argument` names.
    source = _source(row, env)
    if source.static is None or source.role is not None:
        need("botocore", "lingate[bedrock]", row)
    return AwsSigner(Scope(_region(row, env, url), argument), source, row)


class AwsSigner:
    # Signs for one service in one region; see `Signer`.

    __slots__ = ("_kept", "_provider", "_scope", "_source", "_variables")

    def __init__(self, scope: Scope, source: _Source, row: ProviderRow) -> None:
        self._scope = scope
        self._source = source
        self._provider = row.name
        self._variables = row.key_env + row.token_env + row.sign_env
        self._kept = CachedToken(_Chain(source, scope.region, self._failure).fetch, early=0.0)

    @property
    def key(self) -> Hashable:
        return self._scope, self._source, self._provider

    def ready(self, now: float) -> bool:
        return self._is_static or self._kept.ready(now)

    def prepare(self, now: float) -> None:
        self._credentials(now)

    def sign(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        credentials = self._credentials(now)
        return signature_headers(
            request.method, request.url, request.headers, request.body, credentials, self._scope, now
        )

    def refused(self, request: HttpRequest) -> bool:
        return False

    @property
    def _is_static(self) -> bool:
        return self._source.static is not None and self._source.role is None

    def _credentials(self, now: float) -> Credentials:
        static = self._source.static
        return static if static is not None and self._is_static else self._kept.get(now)

    def _failure(self, error: Exception | None) -> LingateError:
        return _failure(error, self._provider, self._variables)


class _Chain:
    # botocore's credentials, found on first use.

    __slots__ = ("_failure", "_found", "_region", "_source")

    def __init__(self, source: _Source, region: str, failure: Any) -> None:
        self._source = source
        self._region = region
        self._failure = failure
        self._found: Any = None

    def fetch(self, now: float) -> Fetched[Credentials]:
        try:
            if self._found is None:
                self._found = self._find()
            frozen = None if self._found is None else self._found.get_frozen_credentials()
        except Exception as error:  # of what a credential process prints, JSONDecodeError, AttributeError, RuntimeError
            raise self._failure(error) from None
        if frozen is None:
            raise self._failure(None)
        credentials = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
        return Fetched(credentials, now + _RECHECK)

    def _find(self) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        source = self._source
        session = Session(profile=source.profile)
        session.set_config_variable("region", self._region)
        session.set_default_client_config(Config(connect_timeout=_STS_TIMEOUT, read_timeout=_STS_TIMEOUT))
        # What stands in the environment has been looked at, in the environment we were given.
        session.get_component("credential_provider").remove("env")
        if source.static is not None:
            session.set_credentials(source.static.access_key, source.static.secret_key, source.static.token)
        found = _web_identity(session, source) if source.token_file else session.get_credentials()
        return _in_role(session, source, found) if source.role and found is not None else found


def _web_identity(session: Any, source: _Source) -> Any:
    from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher, DeferredRefreshableCredentials
    from botocore.utils import FileWebIdentityTokenLoader

    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
        client_creator=session.create_client,
        web_identity_token_loader=FileWebIdentityTokenLoader(source.token_file),
        role_arn=source.token_role,
        extra_args=_session_arguments(source),
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")


def _in_role(session: Any, source: _Source, base: Any) -> Any:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session.create_client,
        source_credentials=base,
        role_arn=source.role,
        extra_args=_session_arguments(source) | ({"ExternalId": source.external_id} if source.external_id else {}),
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _session_arguments(source: _Source) -> dict[str, Any]:
    return {"RoleSessionName": source.session_name} if source.session_name else {}


def _source(row: ProviderRow, env: Mapping[str, str]) -> _Source:
    get = partial(given, env)
    profile, access, secret = get("AWS_PROFILE_NAME"), get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")
    extras: dict[str, Any] = {
        "role": get("AWS_ROLE_NAME"),
        "session_name": get("AWS_SESSION_NAME") or get("AWS_ROLE_SESSION_NAME"),
        "external_id": get("AWS_EXTERNAL_ID"),
    }
    if profile is not None:
        return _Source(profile=profile, **extras)
    if access is not None and secret is not None:
        return _Source(static=Credentials(access, secret, get("AWS_SESSION_TOKEN")), **extras)
    if access is not None or secret is not None:
        missing = "AWS_ACCESS_KEY_ID" if access is None else "AWS_SECRET_ACCESS_KEY"
        raise MissingCredentialError(
            f"{row.name} needs both halves of an AWS access key: set {missing} too",
            variables=(missing,),
            provider=row.name,
        )
    token_file, token_role = get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN")
    if token_file is not None and token_role is None:  # LiteLLM's parameters have one name for both roles
        token_role, extras["role"] = extras["role"], None
    if token_file is not None and token_role is not None:
        return _Source(token_file=token_file.removeprefix(_LITELLM_FILE), token_role=token_role, **extras)
    return _Source(profile=get("AWS_PROFILE") or get("AWS_DEFAULT_PROFILE"), **extras)


def _region(row: ProviderRow, env: Mapping[str, str], url: str) -> str:
    in_host = _REGION_IN_HOST.fullmatch(urlsplit(url).hostname or "")
    if in_host is not None:
        return in_host[1]
    found = next(filter(None, (given(env, name) for name in _REGION_ENV)), None)
    if found is None:
        raise ConfigError(f"{row.name}: the AWS region is not known: set {' or '.join(_REGION_ENV)}", provider=row.name)
    return found


def _failure(error: Exception | None, provider: str, variables: tuple[str, ...]) -> LingateError:
    # Our error for one of botocore's. Its text names profiles and endpoints, never a secret.
    if error is None:
        return MissingCredentialError(
            f"{provider} needs AWS credentials and none were found: set {' or '.join(variables)}, or sign in with the AWS CLI",
            variables=variables,
            provider=provider,
        )
    from botocore import exceptions as theirs

    if isinstance(error, theirs.ProfileNotFound):
        return ConfigError(f"{provider}: {error}", provider=provider)
    if isinstance(error, theirs.HTTPClientError | theirs.ConnectionError):
        return ConnectError(f"{provider}: fetching AWS credentials failed: {error}", provider=provider)
    if isinstance(error, theirs.ClientError):
        facts = error.response.get("Error", {})
        return AuthenticationError(
            f"{provider}: AWS refused to give credentials ({facts.get('Code')})",
            provider=provider,
            status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"),
            code=facts.get("Code"),
            detail=facts.get("Message"),
        )
    return MissingCredentialError(
        f"{provider}: the AWS credentials cannot be used: {error}",
        variables=variables,
        provider=provider,
        hint="sign in again, for instance with `aws sso login`",
    )
