# Azure: Entra ID's access tokens, from azure-identity's own credentials.

# A service principal (`AZURE_CLIENT_SECRET`), workload identity (`AZURE_FEDERATED_TOKEN_FILE`), then azure-identity's own
# chain, which reads the process's own environment; `AZURE_CLIENT_ID` alone names a managed identity there.
#
# The scope is that of the row, in the cloud that the host is in, or `AZURE_SCOPE`; the authority is `AZURE_AUTHORITY_HOST`,
# or the public cloud's.

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from lingate._auth import given, need
from lingate._auth._token_cache import CachingSigner, Fetched
from lingate._model import ProviderRow
from lingate.errors import AuthenticationError, ConfigError, ConnectError, LingateError, MissingCredentialError

_OTHER_CLOUDS = (".azure.us", ".azure.cn")
_CLOUDS = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"})


@dataclass(frozen=True, slots=True)
class _Source:
    # What decides which credential there is.

    scope: str
    authority: str | None
    tenant: str | None
    client: str | None
    secret: str | None = field(default=None, repr=False)
    token_file: str | None = None


def signer(argument: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> AzureSigner:
    # The signer for one scope, which `argument` names.
    need("azure.identity", "lingate[azure]", row)

    get = partial(given, env)
    # Tokens of the public cloud are refused in another one: Azure/azure-sdk-for-net#44021.
    cloud = next((end for end in _OTHER_CLOUDS if (urlsplit(url).hostname or "").endswith(end)), ".azure.com")
    source = _Source(
        scope=get("AZURE_SCOPE") or argument.replace(".azure.com", cloud),
        authority=get("AZURE_AUTHORITY_HOST"),
        tenant=get("AZURE_TENANT_ID"),
        client=get("AZURE_CLIENT_ID"),
        secret=get("AZURE_CLIENT_SECRET"),
        token_file=get("AZURE_FEDERATED_TOKEN_FILE"),
    )
    if source.secret or source.token_file:
        missing = [name for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID") if get(name) is None]
        if missing:
            raise MissingCredentialError(
                f"{row.name} needs all of a service principal: set {' and '.join(missing)} too",
                variables=tuple(missing),
                provider=row.name,
            )
    return AzureSigner(source, row)


class AzureSigner(CachingSigner):
    # Signs with an access token; see `Signer`.

    __slots__ = ("_found", "_row", "_source")

    def __init__(self, source: _Source, row: ProviderRow) -> None:
        super().__init__()
        self._source = source
        self._row = row
        self._found: Any = None

    @property
    def key(self) -> Hashable:
        return self._source, self._row.name

    def _fetch(self, now: float) -> Fetched[Mapping[str, str]]:
        try:
            if self._found is None:
                self._found = self._find()
            token = self._found.get_token(self._source.scope)
        except Exception as error:  # as at the other clouds, whatever the vendor's package trips over
            raise _failure(error, self._row) from None
        return Fetched({"authorization": f"Bearer {token.token}"}, float(token.expires_on))

    def _find(self) -> Any:
        from azure.identity import ClientSecretCredential, DefaultAzureCredential, WorkloadIdentityCredential

        source = self._source
        place: dict[str, Any] = {}
        if source.authority:
            host = urlsplit(source.authority).hostname or source.authority
            # The public cloud is asked whether it knows an authority; of a private one it knows nothing.
            place = {"authority": source.authority, "disable_instance_discovery": host not in _CLOUDS}
        if source.secret:
            return ClientSecretCredential(source.tenant or "", source.client or "", source.secret, **place)
        if source.token_file:
            return WorkloadIdentityCredential(
                tenant_id=source.tenant, client_id=source.client, token_file_path=source.token_file, **place
            )
        known = {"managed_identity_client_id": source.client} if source.client else {}
        return DefaultAzureCredential(**known, **place)


def _failure(error: Exception, row: ProviderRow) -> LingateError:
    # Our error for one of azure-identity's. Its text names tenants and addresses, never a secret.
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError
    from azure.identity import CredentialUnavailableError

    variables = row.key_env + row.token_env + row.sign_env
    if isinstance(error, CredentialUnavailableError):
        return MissingCredentialError(
            f"{row.name} needs a key or Entra credentials and none were found: set {' or '.join(variables)}, or sign in "
            "with `az login`",
            variables=variables,
            provider=row.name,
            detail=str(error),
        )
    # Its credentials call everything that goes wrong a failed authentication; what did go wrong is the cause.
    if _cause(error, (ServiceRequestError, ServiceResponseError, OSError)):
        return ConnectError(f"{row.name}: fetching an Entra token failed: {error}", provider=row.name)
    if isinstance(error, ClientAuthenticationError):
        return AuthenticationError(
            f"{row.name}: Entra ID refused to give a token",
            provider=row.name,
            status=error.status_code,
            detail=str(error.message),
            hint="check tenant, client id and secret, or sign in again with `az login`",
        )
    return ConfigError(f"{row.name}: the Entra credentials cannot be used: {error}", provider=row.name)


def _cause(error: BaseException | None, kinds: tuple[type[BaseException], ...]) -> bool:
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False
