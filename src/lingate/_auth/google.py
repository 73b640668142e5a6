# Google Cloud: access tokens, from google-auth's own credentials.

# Where credentials come from, and in which order, is in docs/clouds.md; `VERTEXAI_CREDENTIALS` is LiteLLM's name. A file may
# hold a service account, a user's credential, workload identity federation or an impersonated account.

from __future__ import annotations

import json
import warnings
from calendar import timegm
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from lingate._auth import given, need
from lingate._auth._token_cache import CachingSigner, Fetched
from lingate._model import ProviderRow
from lingate.errors import AuthenticationError, ConfigError, ConnectError, LingateError, MissingCredentialError

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIMIT = 30.0
_LIFE = 300.0


def signer(argument: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> GoogleSigner:
    # The signer for Google Cloud; `argument` is a scope other than the usual one.
    need("google.auth", "lingate[vertex]", row)
    need("requests", "lingate[vertex]", row)

    get = partial(given, env)
    credentials = get("VERTEXAI_CREDENTIALS") or get("GOOGLE_APPLICATION_CREDENTIALS")
    return GoogleSigner(credentials, get("GOOGLE_CLOUD_QUOTA_PROJECT"), argument or _SCOPE, row)


class GoogleSigner(CachingSigner):
    # Signs with an access token; see `Signer`.

    __slots__ = ("_found", "_given", "_project", "_row", "_scope")

    def __init__(self, given: str | None, project: str | None, scope: str, row: ProviderRow) -> None:
        super().__init__()
        self._given = given
        self._project = project
        self._scope = scope
        self._row = row
        self._found: Any = None

    @property
    def key(self) -> Hashable:
        return "google", self._given, self._project, self._scope, self._row.name

    def _fetch(self, now: float) -> Fetched[Mapping[str, str]]:
        from google.auth.transport.requests import Request

        try:
            if self._found is None:
                self._found = self._find()
            self._found.refresh(partial(Request(), timeout=_LIMIT))
        except Exception as error:  # of a file that lacks what it should hold, AttributeError and KeyError
            raise _failure(error, self._row) from None
        headers = {"authorization": f"Bearer {self._found.token}"}
        project = self._project or self._found.quota_project_id
        if project:
            headers["x-goog-user-project"] = project
        expiry = self._found.expiry
        return Fetched(headers, now + _LIFE if expiry is None else float(timegm(expiry.utctimetuple())))

    def _find(self) -> Any:
        import google.auth

        library: Any = google.auth  # its functions have no types
        if self._given is None:
            return library.default(scopes=[self._scope])[0]
        text = self._given
        if not text.startswith("{"):
            with open(text, encoding="utf-8-sig") as file:
                text = file.read()
        with warnings.catch_warnings():
            # Told to whoever reads credentials of others; these are the user's own.
            warnings.simplefilter("ignore", DeprecationWarning)
            return library.load_credentials_from_dict(json.loads(text), scopes=[self._scope])[0]


def _failure(error: Exception, row: ProviderRow) -> LingateError:
    # Our error for one of google-auth's. Its text names files and addresses, never a secret.
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

    variables = row.key_env + row.token_env + row.sign_env
    if isinstance(error, TransportError):
        return ConnectError(f"{row.name}: fetching a Google access token failed: {error}", provider=row.name)
    if isinstance(error, RefreshError):
        told = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
        code = told.get("error")
        return AuthenticationError(
            f"{row.name}: Google refused to give an access token",
            provider=row.name,
            code=code if isinstance(code, str) else None,
            retryable=bool(error.retryable),
            detail=str(told.get("error_description") or error.args[0] if error.args else ""),
            hint="check the credential, or sign in again with `gcloud auth application-default login`",
        )
    if isinstance(error, DefaultCredentialsError):
        return MissingCredentialError(
            f"{row.name} needs Google credentials and none can be used: set {' or '.join(variables)}, or sign in with "
            "`gcloud auth application-default login`",
            variables=variables,
            provider=row.name,
            detail=str(error),
        )
    # The text of a broken file may hold a part of it.
    return ConfigError(
        f"{row.name}: the Google credentials cannot be read ({type(error).__name__})",
        provider=row.name,
        hint="VERTEXAI_CREDENTIALS is JSON or the path of a file, GOOGLE_APPLICATION_CREDENTIALS is a path",
    )
