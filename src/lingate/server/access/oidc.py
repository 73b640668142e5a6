# Sign-in with tokens that somebody else signed (JWT, OIDC): who is believed, and who their tokens stand for.

# Nothing of a token is believed before its signature is checked, but for the two names that say which key to check it
# with: issuer and key id, compared exactly, together. Only signatures with a public key are accepted.

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lingate.server.access.keys import Keys, digest
from lingate.server.access.records import Key
from lingate.server.config.settings import Algorithm
from lingate.server.records import Caller

_log = logging.getLogger("lingate.access")
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_LARGEST = 1 << 20
_LONGEST_TOKEN = 16_384
_KEEP_KEYS = 3600.0
_ASK_AGAIN = 30.0
"""Seconds between two questions to an issuer: anybody can make up ids of keys, and it may be away."""
_PATIENCE = 5.0
_MOST_KNOWN = 10_000
_MOST_REASONS = 1000

Fetch = Callable[[str], Awaitable[bytes]]


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    # An issuer whose tokens are believed.

    issuer: Annotated[str, Meta(min_length=1)]
    """Its name, exactly as in the claim `iss`."""
    audience: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Who its tokens must be meant for: one of these in the claim `aud`."""
    jwks: Annotated[str, Meta(min_length=1)] | None = None
    """Where its keys are: an `https` URL, or the path of a file. None to ask the issuer
    (`/.well-known/openid-configuration`).
    """
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1)] = ("RS256", "ES256", "EdDSA")
    """How it signs."""
    user_claim: str = "sub"
    """The claim that names the user."""
    team_claim: str | None = None
    """The claim that names the team, or a list of them of which the first one that exists counts."""
    tags_claim: str | None = None
    """A claim whose words become tags."""
    scope_claim: str = "scope"
    """The claim with the scopes, as words in one text or as a list."""
    admin_scope: str | None = None
    """The scope that makes an administrator; None for none."""
    required_scope: str | None = None
    """The scope that every token must have; None for none."""
    leeway: Annotated[float, Meta(ge=0, le=300)] = 10.0
    """Seconds that clocks may differ."""


class _RefusedError(Exception):
    # The token is not good; the text is for its holder.
    pass


class SignIn:
    # Callers by the tokens that issuers have signed.

    # Raises ValueError: Two issuers have the same name, or keys would be fetched over a line that anybody can change.

    def __init__(
        self,
        issuers: Sequence[Issuer],
        keys: Keys,
        *,
        fetch: Fetch | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        if len(self._issuers) != len(issuers):
            raise ValueError("two issuers have the same name")
        for issuer in issuers:
            keys_at(issuer.issuer, issuer.jwks)
        self._keys = keys
        self._fetch = fetch or read
        self._now = now
        # By issuer and key id together: the same key id may be another issuer's.
        self._public: dict[tuple[str, str], Any] = {}
        self._asked_at: dict[str, float] = {}
        self._read_at: dict[str, float] = {}
        self._reading: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in self._issuers}
        self._known: OrderedDict[bytes, tuple[Caller, float, int]] = OrderedDict()
        self._reasons: OrderedDict[bytes, str] = OrderedDict()

    def known(self, token: str) -> Caller | None:
        # Who a token stands for that was checked before, and is still good.
        name = digest(token)
        entry = self._known.get(name)
        if entry is None:
            return None
        caller, until, generation = entry
        if self._now() < until and generation == self._keys.generation:
            return caller
        del self._known[name]
        return None

    def refusal(self, token: str) -> str | None:
        # Why a token was not good, for its holder.
        return self._reasons.get(digest(token))

    async def verify(self, token: str) -> Caller | None:
        # Check a token; None if it is not good, or not a signed token at all.
        if token.count(".") != 2 or len(token) > _LONGEST_TOKEN:
            return None
        name = digest(token)
        generation = self._keys.generation
        try:
            issuer, claims = await self._claims(token)
            caller = self._caller(issuer, claims)
        except _RefusedError as error:
            self._reasons[name] = str(error)
            if len(self._reasons) > _MOST_REASONS:
                self._reasons.popitem(last=False)
            return None
        self._known[name] = (caller, float(claims["exp"]), generation)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return caller

    async def _claims(self, token: str) -> tuple[Issuer, Mapping[str, Any]]:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise _RefusedError("this is neither a key of this gateway nor a signed token") from None
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        if issuer is None:
            raise _RefusedError("tokens of this issuer are not accepted")
        if algorithm not in issuer.algorithms or not isinstance(key_id, str) or "crit" in header:
            raise _RefusedError("this token is signed in a way that is not accepted")
        key = await self._public_key(issuer, key_id)
        if _FAMILIES[algorithm[:2]] != key.key_type or key._jwk_data.get("alg") not in {None, algorithm}:
            raise _RefusedError("this token is signed in a way that its key is not for")
        options = {"require": ["exp", "iss", "aud"], "strict_aud": False}
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                issuer=issuer.issuer,
                audience=list(issuer.audience),
                leeway=issuer.leeway,
                options=options,  # type: ignore[arg-type]
            )
            float(claims["exp"])  # there are whole numbers that are none
        except jwt.ExpiredSignatureError:
            raise _RefusedError("this token has expired") from None
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise _RefusedError(f"this token is not valid ({type(error).__name__})") from None
        return issuer, claims

    async def _public_key(self, issuer: Issuer, key_id: str) -> Any:
        name = (issuer.issuer, key_id)
        await self._refresh(issuer, _KEEP_KEYS)
        if name not in self._public:
            await self._refresh(issuer, 0.0)
        found = self._public.get(name)
        if found is None and not key_id:
            mine = [key for (owner, _), key in self._public.items() if owner == issuer.issuer]
            found = mine[0] if len(mine) == 1 else None
        if found is None:
            raise _RefusedError("the issuer of this token does not have the key that it names")
        return found

    async def _refresh(self, issuer: Issuer, older_than: float) -> None:
        async with self._reading[issuer.issuer]:
            now = time.monotonic()
            asked_at, read_at = (at.get(issuer.issuer, -_KEEP_KEYS) for at in (self._asked_at, self._read_at))
            if now - asked_at < _ASK_AGAIN or now - read_at < older_than:
                return
            self._asked_at[issuer.issuer] = now
            try:
                async with asyncio.timeout(2 * _PATIENCE):
                    found = _public_keys(await self._fetch(issuer.jwks or await self._discovered(issuer)))
            except (OSError, TimeoutError, ValueError, msgspec.DecodeError, RecursionError) as error:
                # What was read before stays good.
                _log.warning("the keys of %s cannot be read: %s", issuer.issuer, type(error).__name__)
                return
            self._read_at[issuer.issuer] = now
            self._public = {name: key for name, key in self._public.items() if name[0] != issuer.issuer}
            self._public |= {(issuer.issuer, key_id): key for key_id, key in found.items()}

    async def _discovered(self, issuer: Issuer) -> str:
        told = msgspec.json.decode(await self._fetch(keys_at(issuer.issuer, None)), type=dict[str, Any])
        place = told.get("jwks_uri")
        if told.get("issuer") != issuer.issuer or not isinstance(place, str) or "://" not in place:
            raise ValueError("its description is another issuer's, or names no keys")
        _check_place(place)
        return place

    def _caller(self, issuer: Issuer, claims: Mapping[str, Any]) -> Caller:
        scopes = _words(claims.get(issuer.scope_claim))
        if issuer.required_scope is not None and issuer.required_scope not in scopes:
            raise _RefusedError(f"this token does not have the scope {issuer.required_scope}")
        user = claims.get(issuer.user_claim)
        if not isinstance(user, str) or not user or len(user) > 200 or not user.isprintable():
            raise _RefusedError(f"this token does not name a user ({issuer.user_claim})")
        named = claims.get(issuer.team_claim) if issuer.team_claim else None
        whole = (named,) if isinstance(named, str) else ()  # names of teams may hold spaces
        team = next((name for name in (*whole, *_words(named)) if ("team", name) in self._keys.principals), None)
        if team is None and named not in (None, "", []):  # its limits would not hold
            raise _RefusedError("this token names no team of this gateway")
        key = Key(
            id=f"jwt:{user}",
            user_id=user,
            team_id=team,
            tags=_words(claims.get(issuer.tags_claim)) if issuer.tags_claim else (),
            admin=issuer.admin_scope is not None and issuer.admin_scope in scopes,
        )
        reason = self._keys.reason(key)
        if reason is not None:
            raise _RefusedError(reason)
        return self._keys.caller_of(key)


def _words(value: object) -> tuple[str, ...]:
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(word for word in words if isinstance(word, str) and word and len(word) <= 200 and word.isprintable())


def _public_keys(raw: bytes) -> dict[str, Any]:
    # The keys of a JWKS document that signatures can be checked with, by their ids.
    import jwt

    listed = msgspec.json.decode(raw, type=dict[str, Any]).get("keys")
    if not isinstance(listed, list):
        raise ValueError("no list of keys")
    found = {}
    for plain in listed:
        if (
            not isinstance(plain, dict)
            or plain.get("kty") not in {"RSA", "EC", "OKP"}
            or plain.get("use", "sig") != "sig"
        ):
            continue
        public = {name: value for name, value in plain.items() if name != "d"}
        try:
            key = jwt.PyJWK(public)
        except (jwt.PyJWKError, jwt.InvalidKeyError, ValueError, TypeError, KeyError):
            continue
        key_id = plain.get("kid", "")
        if isinstance(key_id, str):
            found[key_id] = key
    return found


def keys_at(issuer: str, jwks: str | None) -> str:
    # Where an issuer's keys are, or what says where they are.
    # Raises ValueError: Nobody knows, or anybody could change them on their way.
    if jwks is None and "://" not in issuer:
        raise ValueError(f"say where the keys of {issuer!r} are: its name is no URL that could be asked")
    place = jwks or issuer.rstrip("/") + "/.well-known/openid-configuration"
    _check_place(place)
    return place


def _check_place(place: str) -> None:
    scheme, found, rest = place.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2].partition(":")[0]
    if found and scheme != "https" and not (scheme == "http" and host in {"localhost", "127.0.0.1"}):
        raise ValueError(f"keys are read over https or from a file, not from {scheme}://{host}")


async def read(place: str) -> bytes:
    # The document at an `https` URL or path.
    return await asyncio.to_thread(_read, place)


def _read(place: str) -> bytes:
    if "://" not in place:
        return Path(place).read_bytes()[:_LARGEST]
    # Rare and small: the standard library's client is enough, and loaded only where it is needed.
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Checked(HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
            _check_place(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    request = Request(place, headers={"accept": "application/json"})  # noqa: S310 - the scheme was checked
    with build_opener(Checked).open(request, timeout=_PATIENCE) as answer:
        raw: bytes = answer.read(_LARGEST)
    return raw
