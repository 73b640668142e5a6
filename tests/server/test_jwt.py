"""Sign-in with tokens that an issuer has signed."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate.server.access import AccessSettings
from lingate.server.access.inputs import NewPrincipal, PrincipalPatch
from lingate.server.access.oidc import Issuer, SignIn, read
from tests.server.access_kit import MASTER, ROOT, Admin, access, outcome
from tests.servers import RawServer, Script

ISSUER = "https://login.example.test"
KEYS: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "other": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
_ALGORITHMS = {"rsa": "RS256", "other": "RS256", "ec": "ES256", "ed": "EdDSA"}


def jwk(name: str, **more: Any) -> dict[str, Any]:
    public = KEYS[name].public_key()
    algorithm = jwt.get_algorithm_by_name(_ALGORITHMS[name])
    return {**json.loads(algorithm.to_jwk(public)), "kid": name, **more}


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def signed(name: str = "rsa", *, kid: str | None = None, algorithm: str | None = None, **claims: Any) -> str:
    facts = {"iss": ISSUER, "aud": "lingate", "sub": "ann", "exp": time.time() + 600, **claims}
    facts = {claim: value for claim, value in facts.items() if value is not None}
    headers = {"kid": name if kid is None else kid}
    return jwt.encode(facts, KEYS[name], algorithm=algorithm or _ALGORITHMS[name], headers=headers)


def b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def issuer(tmp_path: Path, **facts: Any) -> Issuer:
    path = tmp_path / "jwks.json"
    if not path.exists():
        path.write_text(jwks(jwk("rsa"), jwk("ec"), jwk("ed")))
    return Issuer(**{"issuer": ISSUER, "audience": ("lingate",), "jwks": str(path), **facts})


def believing(tmp_path: Path, **facts: Any) -> AccessSettings:
    return AccessSettings(master_key=MASTER, issuers=(issuer(tmp_path, **facts),))


@pytest.mark.parametrize("name", ["rsa", "ec", "ed"])
async def test_a_signed_token_is_its_user_and_known_from_then_on(tmp_path: Path, name: str) -> None:
    async with access(tmp_path, believing(tmp_path)) as found:
        token = signed(name)
        assert found.known(token) is None

        caller = await found.find(token)

        assert caller is not None
        assert (caller.key_id, caller.user_id, caller.team_id, caller.admin) == ("jwt:ann", "ann", None, False)
        assert found.known(token) is caller
        assert found.known(MASTER) is not None


async def test_claims_name_team_tags_and_administrators(tmp_path: Path) -> None:
    settings = believing(
        tmp_path,
        team_claim="groups",
        tags_claim="labels",
        scope_claim="scp",
        admin_scope="lingate:admin",
        required_scope="llm",
    )
    async with access(tmp_path, settings) as found:
        await found.service.create(ROOT, "team", NewPrincipal(id="red", models=("gpt-*",), rpm_limit=1))
        token = signed(groups=["unknown", "red"], labels="a b", scp=["llm", "lingate:admin"])

        caller = await found.find(token)

        assert caller is not None
        assert (caller.team_id, caller.tags, caller.admin, caller.models) == ("red", ("a", "b"), True, ("gpt-*",))
        assert [await outcome(found.limiter, caller) for _ in range(2)] == ["ok", "rate_limit"]
        assert (await Admin(found).ask("GET", "/admin/keys", key=token))[0] == 200
        assert await found.find(signed(groups="red", scp="other")) is None
        assert await found.find(signed(groups="blue", scp="llm")) is None
        assert await found.find(signed(scp="llm")) is not None


async def test_a_teams_name_may_be_of_several_words(tmp_path: Path) -> None:
    async with access(tmp_path, believing(tmp_path, team_claim="department")) as found:
        for team in ("Data", "Data Science"):
            await found.service.create(ROOT, "team", NewPrincipal(id=team))

        callers = [await found.find(signed(department=team)) for team in ("Data Science", "Data", "none Data")]

        assert [caller and caller.team_id for caller in callers] == ["Data Science", "Data", "Data"]


@pytest.mark.parametrize("team", [42, 0, {"id": "red"}, [42], " ", "r" * 201])
async def test_a_team_that_nobody_can_read_is_not_no_team(tmp_path: Path, team: Any) -> None:
    async with access(tmp_path, believing(tmp_path, team_claim="team")) as found:
        token = signed(team=team)

        assert await found.find(token) is None
        assert "names no team" in (found.refusal(token) or "")
        assert await found.find(signed(team=[])) is not None


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": time.time() - 60}, "this token has expired"),
    "no end": ({"exp": None}, "not valid"),
    "end that is no number": ({"exp": "tomorrow"}, "not valid"),
    "end beyond all numbers": ({"exp": 10**400}, "not valid"),
    "not yet": ({"nbf": time.time() + 86_400}, "not valid"),
    "other audience": ({"aud": "another"}, "not valid"),
    "no audience": ({"aud": None}, "not valid"),
    "audience as a part": ({"aud": "lingate-staging"}, "not valid"),
    "other issuer": ({"iss": ISSUER + "/"}, "issuer"),
    "issuer in capitals": ({"iss": ISSUER.upper()}, "issuer"),
    "no issuer": ({"iss": None}, "issuer"),
    "issuer as a list": ({"iss": None, "x": [ISSUER]}, "issuer"),
    "no user": ({"sub": None}, "user"),
    "user that is no text": ({"sub": None, "x": 5}, "user"),
    "user with control characters": ({"sub": "ann\n"}, "user"),
    "unknown key": ({"kid": "nobody"}, "does not have the key"),
    "key of another family": ({"kid": "ec"}, "not for"),
    "signed by somebody else": ({"name": "other", "kid": "rsa"}, "not valid"),
    "algorithm that is not allowed": ({"algorithm": "RS512"}, "not accepted"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_tokens_that_are_not_good_are_refused_and_their_holder_is_told_why(tmp_path: Path, case: str) -> None:
    claims, why = REFUSED[case]
    async with access(tmp_path, believing(tmp_path)) as found:
        token = signed(**claims)

        assert await found.find(token) is None
        assert found.known(token) is None
        assert why in (found.refusal(token) or "")


async def test_no_signature_and_signatures_with_a_shared_secret_are_refused(tmp_path: Path) -> None:
    public = (
        KEYS["rsa"]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    unsigned = jwt.encode(
        {"iss": ISSUER, "aud": "lingate", "sub": "ann", "exp": time.time() + 600},
        None,  # type: ignore[arg-type]
        algorithm="none",
        headers={"kid": "rsa"},
    )
    body = unsigned.split(".")[1]
    head = b64({"alg": "HS256", "typ": "JWT", "kid": "rsa"})
    mac = hmac.new(public, f"{head}.{body}".encode(), "sha256").digest()
    forged = [
        unsigned,
        f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}",
        signed()[:-4] + "AAAA",
        ".".join([*signed().split(".")[:2], ""]),
    ]
    async with access(tmp_path, believing(tmp_path)) as found:
        for token in forged:
            assert await found.find(token) is None

    with pytest.raises(ValueError, match="HS256"):
        import msgspec

        msgspec.convert({**msgspec.structs.asdict(issuer(tmp_path)), "algorithms": ["HS256"]}, Issuer)


async def test_the_same_key_id_of_two_issuers_is_two_keys(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(jwks(jwk("rsa", kid="1")))
    (tmp_path / "two.json").write_text(jwks(jwk("other", kid="1")))
    issuers = (
        issuer(tmp_path, issuer="https://one.test", jwks=str(tmp_path / "one.json")),
        issuer(tmp_path, issuer="https://two.test", jwks=str(tmp_path / "two.json")),
    )
    async with access(tmp_path, AccessSettings(master_key=MASTER, issuers=issuers)) as found:
        assert await found.find(signed("rsa", kid="1", iss="https://one.test")) is not None
        assert await found.find(signed("other", kid="1", iss="https://two.test")) is not None
        assert await found.find(signed("rsa", kid="1", iss="https://two.test")) is None
        assert await found.find(signed("other", kid="1", iss="https://one.test")) is None


async def test_a_key_that_names_its_algorithm_or_use_is_for_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(
        jwks(jwk("rsa", alg="RS512"), jwk("other", use="enc"), jwk("ec", crv="nonsense"))
    )
    async with access(tmp_path, believing(tmp_path)) as found:
        for name in ("rsa", "other", "ec"):
            assert await found.find(signed(name)) is None


async def test_a_blocked_user_or_team_is_refused_at_once_although_the_token_was_known(tmp_path: Path) -> None:
    async with access(tmp_path, believing(tmp_path, team_claim="team")) as found:
        await found.service.create(ROOT, "team", NewPrincipal(id="red"))
        await found.service.create(ROOT, "user", NewPrincipal(id="ann"))
        token = signed(team="red")
        assert await found.find(token) is not None

        await found.service.update(ROOT, "team", "red", PrincipalPatch(blocked=True))

        assert found.known(token) is None
        assert await found.find(token) is None
        assert found.refusal(token) == "the team of this key is blocked"


async def test_a_known_token_ends_when_it_says(tmp_path: Path) -> None:
    async with access(tmp_path, believing(tmp_path)) as found:
        token = signed(exp=time.time() + 100)
        assert await found.find(token) is not None
        assert found.sign_in is not None
        real, found.sign_in._now = found.sign_in._now, lambda: real() + 101

        assert found.known(token) is None


async def test_keys_are_fetched_once_and_again_for_a_new_key_but_not_for_made_up_ones(tmp_path: Path) -> None:
    with RawServer(Script([jwks(jwk("rsa")).encode()], headers={"content-type": "application/json"})) as server:
        place = server.url + "/keys"
        async with access(tmp_path, believing(tmp_path, jwks=place)) as found:
            await asyncio.gather(*[found.find(signed(sub=f"user{number}")) for number in range(20)])
            assert len(server.requests) == 1
            assert await found.find(signed(sub="user1")) is not None

            server.script = Script([jwks(jwk("rsa"), jwk("other")).encode()])
            for number in range(20):
                assert await found.find(signed(kid=f"made-up-{number}")) is None
            assert len(server.requests) == 1
            assert found.sign_in is not None
            found.sign_in._asked_at.clear()
            assert await found.find(signed("other")) is not None
            assert len(server.requests) == 2


async def test_an_issuer_that_is_away_is_not_asked_for_every_token(tmp_path: Path) -> None:
    asked = []

    async def fetch(place: str) -> bytes:
        asked.append(place)
        raise OSError("away")

    async with access(tmp_path) as found:
        sign_in = SignIn([issuer(tmp_path, jwks="https://login.example.test/keys")], found.keys, fetch=fetch)
        for number in range(20):
            assert await sign_in.verify(signed(sub=f"user{number}")) is None

    assert len(asked) == 1


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"keys": 5}', '{"keys": [5, {}, {"kty": "oct", "k": "AAAA"}]}', "x" * 100]
)
async def test_a_document_without_keys_is_no_error(tmp_path: Path, document: str) -> None:
    (tmp_path / "jwks.json").write_text(document)
    async with access(tmp_path, believing(tmp_path)) as found:
        assert await found.find(signed()) is None


@pytest.mark.parametrize(
    "place",
    ["http://login.example.test/keys", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1.evil.test/"],
)
def test_keys_are_not_read_over_a_line_that_anybody_can_change(tmp_path: Path, place: str) -> None:
    with pytest.raises(ValueError, match="https"):
        SignIn([issuer(tmp_path, jwks=place)], None)  # type: ignore[arg-type]


async def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        await read(str(tmp_path / "nothing"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.builds(".".join, st.lists(st.text("eyJ0A_-=ab", max_size=30), min_size=3, max_size=3)),
    )
)
def test_what_is_no_token_is_nobody_and_no_error(tmp_path: Path, text: str) -> None:
    async def run() -> None:
        sign_in = SignIn([issuer(tmp_path)], None)  # type: ignore[arg-type]
        sign_in._keys = type("Keys", (), {"generation": 0, "principals": {}})()  # type: ignore[assignment]
        assert await sign_in.verify(text) is None
        assert await sign_in.verify("e30." + text) is None

    asyncio.run(run())


class Described:
    """An issuer whose own description says where its keys are."""

    def __init__(self, **description: Any) -> None:
        self.asked: list[str] = []
        self.description = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **description}
        self.keys = jwks(jwk("rsa"))

    async def __call__(self, place: str) -> bytes:
        self.asked.append(place)
        return self.keys.encode() if place.endswith("/keys") else json.dumps(self.description).encode()


async def _found_by(tmp_path: Path, described: Described, token: str) -> Any:
    found = Issuer(issuer=ISSUER, audience=("lingate",))
    async with access(tmp_path, AccessSettings(master_key=MASTER)) as made:
        sign_in = SignIn([found], made.keys, fetch=described)
        return await sign_in.verify(token) or sign_in.refusal(token)


async def test_the_issuers_own_description_says_where_its_keys_are(tmp_path: Path) -> None:
    described = Described()
    assert (await _found_by(tmp_path, described, signed())).user_id == "ann"
    assert described.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://other.example.test"},
        {"jwks_uri": None},
        {"jwks_uri": "/etc/keys"},
        {"jwks_uri": "http://login.example.test/keys"},
    ],
    ids=["another issuer's", "no place", "a file", "in the clear"],
)
async def test_a_description_that_leads_elsewhere_is_not_followed(tmp_path: Path, description: dict[str, Any]) -> None:
    described = Described(**description)
    assert "does not have the key" in await _found_by(tmp_path, described, signed())
    assert len(described.asked) == 1


@pytest.mark.parametrize("document", ["", "{", "[]", "null", "[", '{"a":' + "[" * 100_000, "\\xff"])
async def test_what_an_issuer_says_and_nobody_can_read_is_no_error(
    tmp_path: Path, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fetch(place: str) -> bytes:
        return document.encode("latin-1")

    for found in (Issuer(issuer=ISSUER, audience=("lingate",)), issuer(tmp_path, jwks=f"{ISSUER}/keys")):
        async with access(tmp_path, AccessSettings(master_key=MASTER)) as made:
            sign_in = SignIn([found], made.keys, fetch=fetch)
            assert await sign_in.verify(signed()) is None
    assert caplog.text.count("cannot be read") == 2


async def test_keys_whose_ids_are_no_texts_are_passed_over(tmp_path: Path) -> None:
    described = Described()
    described.keys = jwks({**jwk("ec"), "kid": 5}, jwk("rsa"))
    assert (await _found_by(tmp_path, described, signed())).user_id == "ann"


def test_two_issuers_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same name"):
        SignIn([issuer(tmp_path)] * 2, None)  # type: ignore[arg-type]


async def test_a_token_that_names_no_key_is_checked_with_the_only_one_there_is(tmp_path: Path) -> None:
    described = Described()
    assert (await _found_by(tmp_path, described, signed(kid=""))).user_id == "ann"
    assert "not valid" in await _found_by(tmp_path, described, signed("other", kid=""))
    described.keys = jwks(jwk("rsa"), jwk("ec"))
    assert "does not have the key" in await _found_by(tmp_path, described, signed(kid=""))
