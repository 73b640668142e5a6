# What both clients share: configuration, where calls go, and the plans for them. Holds no state of any single call.

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import Any

from lingate._auth import signer
from lingate._call.plan import Context, Route
from lingate._call.policy import COVERED, Timeout
from lingate._dialects._base import OperationFormat
from lingate._dialects._format_choice import form_of
from lingate._endpoints._arguments import require_model
from lingate._endpoints.chat import changed
from lingate._io import choose
from lingate._io.config import Config, load, policy_of
from lingate._model import Call, Operation, ProviderRow, Record, Signer, Target, replaced
from lingate._providers import lookup
from lingate._providers.settings import SENSITIVE
from lingate.errors import ConfigError, MissingCredentialError, MissingExtraError

_MOST_PLACES = 1024
_MOST_SIGNERS = 64
_REPLACEABLE = frozenset({"chat", "responses", "completions"})
"""What another model can do as well. Its vectors, its count of tokens and the list of its provider are another thing."""

_FALLBACK_KEYS = frozenset({"model", "api_key", "api_base", "api_version", "on", "params"})

_Given = tuple[str | None, str | None, str | None]
"""Key, base URL and version of the API as a call gives them."""

_NOTHING_GIVEN = (None, None, None)


def _reader(env: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[object], object]]:
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


class _Place(Record):
    # A look-up that was made, and what it rests on: the providers that were registered, and variables.

    registered: int
    names: tuple[object, ...]
    values: tuple[object, ...]
    found: tuple[Target, OperationFormat]


class Options(Record):
    # The per-call arguments that are not the provider's business.

    api_key: str | None = None
    api_base: str | None = None
    api_version: str | None = None
    timeout: float | Timeout | None = None
    retries: Any = None
    fallbacks: Any = None
    drop_params: bool = False
    extra_headers: Any = None
    extra_body: Any = None


class Session:
    # Configuration and look-ups of one client; safe to share between threads.

    def __init__(
        self,
        config: Mapping[str, Any] | str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        timeout: float | Timeout | None,
        retries: Any,
        drop_params: bool | None,
    ) -> None:
        if not isinstance(env, Mapping | None):
            raise ConfigError(f"env must be a mapping of variables, not {type(env).__name__}")
        if drop_params not in (True, False, None):
            raise ConfigError(f"drop_params must be True or False, not {drop_params!r}")
        self.env: Mapping[str, str] = os.environ if env is None else env
        loaded = load(config)
        self.config: Config = replaced(
            loaded,
            timeout=Timeout.of(timeout, loaded.timeout),
            policy=policy_of(retries, loaded.policy),
            drop_params=loaded.drop_params if drop_params is None else drop_params,
        )
        self._env_key, self._env_value = _reader(self.env)
        self._places: dict[tuple[str, Operation, _Given], _Place] = {}
        self._signers: dict[Hashable, Signer] = {}

    def context(self, options: Options) -> Context:
        # Policy, time-outs and clock for one call.
        config = self.config
        policy, timeout = config.policy, config.timeout
        if options.retries is not None:
            policy = policy_of(options.retries, policy)
        if options.timeout is not None:
            timeout = Timeout.of(options.timeout, timeout)
        return Context(policy, timeout, time.monotonic, _chance)

    def routes(self, model: str, call: Call, options: Options) -> list[Route]:
        # The call's own place and its fallbacks, in order.
        # Raises ConfigError: A fallback is not written as it must be.
        place = self._place_for(call, model, (options.api_key, options.api_base, options.api_version))
        call.model = place[0].model
        routes = [Route(place, call)]
        fallbacks = options.fallbacks
        if fallbacks is None and call.operation in _REPLACEABLE:
            fallbacks = self.config.fallbacks
        if fallbacks:
            routes += self._fallbacks(fallbacks, call, model.partition("/")[0])
        return routes

    def _route(self, model: str, call: Call, given: _Given, on: frozenset[str] | None, home: str) -> Route:
        call.model = model
        if call.extra_headers and model.partition("/")[0] != home:
            # One provider's credential is none of another's business, and would stand in the place of its own.
            call.extra_headers = {name: text for name, text in call.extra_headers.items() if not SENSITIVE.search(name)}

        def find() -> tuple[Target, OperationFormat]:
            target, form = self._place_for(call, model, given)
            call.model = target.model
            return target, form

        return Route(find, call, on)

    def _place_for(self, call: Call, model: str, given: _Given) -> tuple[Target, OperationFormat]:
        try:
            return self.place(model, call.operation, given)
        except (MissingCredentialError, MissingExtraError):
            if not call.extra_headers:
                raise
            # The credential may be among the call's own headers. Such a place is not kept: they are this call's alone.
            target = self._resolve(model, given, self.env, call.extra_headers)
            return target, form_of(target, call.operation)

    def place(self, model: str, operation: Operation, given: _Given = _NOTHING_GIVEN) -> tuple[Target, OperationFormat]:
        # Where an operation of a model is asked for, and in which format. Made once for each.
        # given: Key, base URL and version of the API, where they are not those of configuration and environment.
        # Raises ConfigError: There is no such place, or nothing to sign in with.
        try:
            place = self._places.get((model, operation, given))
        except TypeError:  # no string can be that; the look-up says which of them it is
            place = None
        # The environment may have changed since (a test, a rotated key): what was read is read again, and only that.
        if (
            place is not None
            and place.registered == lookup.registered
            and tuple(map(self._env_value, place.names)) == place.values
        ):
            return place.found
        return self._look_up(model, operation, given)

    def _look_up(self, model: str, operation: Operation, given: _Given) -> tuple[Target, OperationFormat]:
        noted, registered = _NotingEnv(self.env), lookup.registered
        target = self._resolve(model, given, noted, None)
        names = tuple(map(self._env_key, noted.seen))
        found = target, form_of(target, operation)
        if len(self._places) >= _MOST_PLACES:
            self._places.clear()
        self._places[model, operation, given] = _Place(registered, names, tuple(map(self._env_value, names)), found)
        return found

    def _resolve(self, model: str, given: _Given, env: Mapping[str, str], headers: Mapping[str, str] | None) -> Target:
        api_key, api_base, api_version = given
        return lookup.resolve(
            model,
            env=env,
            api_key=api_key,
            api_base=api_base,
            api_version=api_version,
            config=self.config.providers,
            headers=headers,
            sign=self._signer,
            borrow=_borrow,
        )

    def _signer(self, auth: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> Signer:
        # The signer for one provider, the same as long as what it was made from is the same.
        made = signer(auth, row, env, key, url)
        if len(self._signers) >= _MOST_SIGNERS:
            self._signers.clear()
        return self._signers.setdefault((choose.forks, made.key), made)

    def _fallbacks(self, fallbacks: Any, call: Call, home: str) -> list[Route]:
        if isinstance(fallbacks, (str, Mapping)):
            fallbacks = [fallbacks]
        if not isinstance(fallbacks, Sequence):
            raise ConfigError("fallbacks must be a list of models or of dicts with a model")
        return [self._fallback(item, index, call, home) for index, item in enumerate(fallbacks)]

    def _fallback(self, item: Any, index: int, call: Call, home: str) -> Route:
        if isinstance(item, str):
            return self._route(item, copy(call), _NOTHING_GIVEN, None, home)
        if not isinstance(item, Mapping):
            raise ConfigError(f"fallbacks[{index}] must be a model or a dict with a model, not {type(item).__name__}")
        unknown = set(item) - _FALLBACK_KEYS
        if unknown:
            raise ConfigError(
                f"fallbacks[{index}] has unknown keys {sorted(map(str, unknown))}; it may hold {sorted(_FALLBACK_KEYS)}"
            )
        params = item.get("params")
        own = changed(call, params, f"fallbacks[{index}].params") if params else copy(call)
        given = item.get("api_key"), item.get("api_base"), item.get("api_version")
        return self._route(require_model(item.get("model")), own, given, _kinds(item.get("on"), index), home)


def _kinds(on: Any, index: int) -> frozenset[str] | None:
    if on is None:
        return None
    names = (on,) if isinstance(on, str) else on
    if not isinstance(names, (list, tuple, set, frozenset)):
        raise ConfigError(f"fallbacks[{index}].on must be a kind of error or a list of kinds, not {type(on).__name__}")
    for name in names:
        if not isinstance(name, str) or name not in COVERED:
            raise ConfigError(f"fallbacks[{index}].on has {name!r}: the kinds are {', '.join(sorted(COVERED))}")
    return frozenset(names)


def _chance() -> float:
    # Importing Lingate's client is to be quick, and only waits before another try are left to chance.
    from random import random

    return random()  # noqa: S311 - spreads tries, keeps no secret


def _borrow(name: str) -> ProviderRow | None:
    # Loaded only for names that are not in the table.
    from lingate._io.via_litellm import row

    return row(name)


class _NotingEnv(Mapping[str, str]):
    # An environment that notes which variables were asked for.

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.seen: dict[str, None] = {}

    def __getitem__(self, name: str) -> str:
        self.seen[name] = None
        return self._env[name]

    def __iter__(self) -> Any:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)
