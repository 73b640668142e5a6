"""Virtual keys: who a token belongs to, in every state of key and database."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from lingate.server.access import AccessSettings, Issuer, Limits, may_call, may_come_from, may_use
from lingate.server.access.database import Changes, Database
from lingate.server.access.inputs import KeyPatch, NewKey, NewPrincipal, PrincipalPatch, Rotation
from lingate.server.access.keys import digest, fault_of, make_token, masked
from lingate.server.access.service import RefusedError
from lingate.server.records import Caller
from tests.server.access_kit import MASTER, ROOT, access, bytes_in, estimate, outcome


def test_a_token_holds_its_public_id_and_256_bits_of_secret() -> None:
    made = [make_token() for _ in range(100)]

    assert len({token for _, token in made}) == 100
    for key_id, token in made:
        assert token.startswith(f"sk-{key_id}-")
        assert len(token.removeprefix(f"sk-{key_id}-")) == 43
        assert fault_of(token) is None
        assert token not in masked(token)


async def test_only_the_hash_of_a_key_is_stored(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        key, token = await found.service.create_key(ROOT, NewKey(alias="ci"))
        await found.service.rotate_key(ROOT, key.id, Rotation(overlap="1h"))

    stored = bytes_in(tmp_path)
    assert digest(token).hex().encode() in stored
    assert token.encode() not in stored
    assert token.removeprefix(f"sk-{key.id}-").encode() not in stored
    assert MASTER.encode() not in stored


async def test_a_key_is_known_as_soon_as_it_is_made_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        key, token = await found.service.create_key(
            ROOT, NewKey(alias="ci", tags=("a",), models=("gpt-*",), aliases={"fast": "gpt-mini"})
        )

        caller = found.known(token)
        assert caller is not None
        assert (caller.key_id, caller.key_alias, caller.tags, caller.admin) == (key.id, "ci", ("a",), False)
        assert caller.aliases == {"fast": "gpt-mini"}
        for wrong in (token + "x", token[:-1], token.upper(), "", "sk-", key.id, "Bearer " + token):
            assert found.known(wrong) is None
            assert await found.find(wrong) is None
            assert found.refusal(wrong) is None


async def test_a_key_made_on_another_replica_is_found_at_once_and_known_afterwards(tmp_path: Path) -> None:
    async with access(tmp_path) as here, access(tmp_path) as there:
        _, token = await there.service.create_key(ROOT, NewKey())

        assert here.known(token) is None
        callers = await asyncio.gather(*[here.find(token) for _ in range(20)])
        assert all(caller is not None for caller in callers)
        assert here.known(token) is not None


async def test_what_another_replica_changes_is_seen_with_the_next_look(tmp_path: Path) -> None:
    async with access(tmp_path) as here, access(tmp_path) as there:
        key, token = await there.service.create_key(ROOT, NewKey())
        await here.keys.refresh()
        await there.service.block_key(ROOT, key.id, True)

        await here.keys.refresh()

        assert here.known(token) is None
        assert here.refusal(token) == "this key is blocked"
        await there.service.delete_key(ROOT, key.id)
        await here.keys.refresh()
        assert here.refusal(token) is None


async def test_more_changes_than_fit_into_one_look_are_all_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingate.server.access.database._MOST_ROWS", 3)
    async with access(tmp_path) as here, access(tmp_path) as there:
        tokens = []
        for number in range(8):
            team = await there.service.create(ROOT, "team", NewPrincipal(id=f"t{number}", rpm_limit=number + 1))
            tokens.append((await there.service.create_key(ROOT, NewKey(team_id=team.id)))[1])
        await here.keys.refresh()

        assert all(here.known(token) is not None for token in tokens)
        assert here.keys.version == there.keys.version or here.keys.version == 16


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", None])
async def test_a_wrong_key_is_none_and_no_error_whatever_the_database_does(tmp_path: Path, url: str | None) -> None:
    async with access(tmp_path, url=url) as found:
        assert found.known(MASTER) is not None
        assert await found.find("sk-nobody-has-ever-seen-this-one") is None
        assert await found.find("not even a key") is None


async def test_keys_go_on_when_the_database_goes_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with access(tmp_path) as found:
        _, token = await found.service.create_key(ROOT, NewKey())
        with sqlite3.connect(tmp_path / "access.db") as broken:
            broken.execute("ALTER TABLE keys RENAME TO gone")
        broken.close()

        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                await found._refresh()
        assert found.known(token) is not None
        assert await found.find("sk-unknown-unknown-unknown") is None
        assert len(caplog.records) == 1


async def test_a_record_that_nobody_can_read_refuses_its_own_calls_and_stops_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # A newer version may have written it, before somebody went back to this one.
    async with access(tmp_path) as found:
        for name in ("team", "budget"):
            await found.service.create(ROOT, name, NewPrincipal(id=name, max_budget=1.0))
        tokens = [
            (await found.service.create_key(ROOT, new))[1]
            for new in (NewKey(), NewKey(team_id="team"), NewKey(budget_id="budget"), NewKey())
        ]
        broken = found.known(tokens[0])
        assert broken is not None
        with sqlite3.connect(tmp_path / "access.db") as database:
            database.execute("UPDATE keys SET data = '{', version = 100 WHERE id = ?", (broken.key_id,))
            database.execute("UPDATE principals SET data = '{}', version = 101 WHERE id IN ('team', 'budget')")
        database.close()

        await found._refresh()

        assert await found.find(tokens[0]) is None
        assert found.known(tokens[1]) is None
        callers = [found.known(token) for token in tokens[2:]]
        assert [await outcome(found.limiter, caller) for caller in callers if caller] == ["budget", "ok"]
        assert {"key", "team", "budget"} <= {word for item in caplog.records for word in item.getMessage().split()}
    async with access(tmp_path) as again:
        assert again.known(tokens[3]) is not None


async def test_guessing_keys_does_not_become_a_load_on_the_database(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        asked = 0
        real = found.database.key_of  # type: ignore[union-attr]

        async def counted(name: str) -> object:
            nonlocal asked
            asked += 1
            return await real(name)

        found.database.key_of = counted  # type: ignore[union-attr, method-assign, assignment]
        for _ in range(3):
            await asyncio.gather(*[found.find(f"sk-guess-{number:020}") for number in range(200)])

        assert asked <= 3 * 8


async def test_an_expired_key_is_refused_and_says_so(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        _, token = await found.service.create_key(ROOT, NewKey(duration="1h"))
        assert found.known(token) is not None
        real, found.keys._now = found.keys._now, lambda: real() + 3601

        assert found.known(token) is None
        assert await found.find(token) is None
        assert found.refusal(token) == "this key has expired"


async def test_blocking_a_key_a_team_or_a_user_refuses_the_calls(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        service = found.service
        await service.create(ROOT, "team", NewPrincipal(id="red"))
        await service.create(ROOT, "user", NewPrincipal(id="ann"))
        key, token = await service.create_key(ROOT, NewKey(team_id="red", user_id="ann"))

        await service.block(ROOT, "team", "red", True)
        assert (found.known(token), found.refusal(token)) == (None, "the team of this key is blocked")
        await service.block(ROOT, "team", "red", False)
        await service.block(ROOT, "user", "ann", True)
        assert (found.known(token), found.refusal(token)) == (None, "the user of this key is blocked")
        await service.block(ROOT, "user", "ann", False)
        await service.block_key(ROOT, key.id, True)
        assert (found.known(token), found.refusal(token)) == (None, "this key is blocked")
        await service.block_key(ROOT, key.id, False)
        assert found.known(token) is not None


async def test_rotation_with_overlap_keeps_both_tokens_good_until_it_ends(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        key, old = await found.service.create_key(ROOT, NewKey(max_budget=0.0002))
        assert await outcome(found.limiter, found.known(old)) == "ok"  # type: ignore[arg-type]
        rotated, new = await found.service.rotate_key(ROOT, key.id, Rotation(overlap="1h"))

        assert rotated.id == key.id
        assert found.known(old) is not None
        caller = found.known(new)
        assert caller is not None
        assert await outcome(found.limiter, caller) == "budget", "spending belongs to the key, not to its token"
        real, found.keys._now = found.keys._now, lambda: real() + 3601
        assert found.known(old) is None
        assert found.known(new) is not None


async def test_rotation_without_overlap_ends_the_old_token_at_once(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        key, old = await found.service.create_key(ROOT, NewKey())
        _, new = await found.service.rotate_key(ROOT, key.id, Rotation())

        assert (found.known(old), found.known(new) is not None) == (None, True)


async def test_a_key_is_under_the_limits_of_its_team_its_user_and_a_budget(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        service = found.service
        await service.create(ROOT, "budget", NewPrincipal(id="small", rpm_limit=3))
        await service.create(ROOT, "team", NewPrincipal(id="red", rpm_limit=2))
        await service.create(ROOT, "user", NewPrincipal(id="ann"))
        tokens = [
            (await service.create_key(ROOT, NewKey(team_id="red", user_id="ann", budget_id="small")))[1] for _ in "ab"
        ]

        async def calls(token: str, count: int) -> list[str]:
            caller = found.known(token)
            assert caller is not None
            return [await outcome(found.limiter, caller) for _ in range(count)]

        assert await calls(tokens[0], 1) + await calls(tokens[1], 2) == ["ok", "ok", "rate_limit"]
        await service.update(ROOT, "team", "red", PrincipalPatch(rpm_limit=None))
        assert await calls(tokens[1], 3) == ["ok", "ok", "rate_limit"], "the budget's own three"
        await service.update(ROOT, "budget", "small", PrincipalPatch(rpm_limit=100))
        await service.update(ROOT, "user", "ann", PrincipalPatch(max_parallel_requests=0))
        assert await calls(tokens[0], 1) == ["concurrency"]


async def test_a_budget_that_a_team_shares_can_be_changed_while_its_keys_are_in_use(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        service = found.service
        await service.create(ROOT, "budget", NewPrincipal(id="small", rpm_limit=1))
        await service.create(ROOT, "team", NewPrincipal(id="red", budget_id="small"))
        _, token = await service.create_key(ROOT, NewKey(team_id="red"))

        async def call() -> str:
            caller = found.known(token)
            assert caller is not None
            return await outcome(found.limiter, caller)

        assert [await call(), await call()] == ["ok", "rate_limit"]
        await service.update(ROOT, "budget", "small", PrincipalPatch(rpm_limit=3))
        assert [await call() for _ in range(3)] == ["ok", "ok", "rate_limit"]


@pytest.mark.parametrize("token", ["key-without-the-beginning", "sk-" + "x" * 600, "sk-with a space in the middle"])
async def test_a_token_that_could_not_be_sent_is_taken_neither_for_a_new_key_nor_for_an_old_one(
    tmp_path: Path, token: str
) -> None:
    async with access(tmp_path) as found:
        key, old = await found.service.create_key(ROOT, NewKey())
        with pytest.raises(RefusedError):
            await found.service.create_key(ROOT, NewKey(key=token))
        with pytest.raises(RefusedError):
            await found.service.rotate_key(ROOT, key.id, Rotation(key=token))
        assert found.known(old) is not None

        chosen = "sk-chosen-by-an-administrator"
        await found.service.rotate_key(ROOT, key.id, Rotation(key=chosen))
        assert (found.known(old), found.known(chosen) is not None) == (None, True)


async def test_the_gateways_own_limits_hold_for_everybody(tmp_path: Path) -> None:
    async with access(tmp_path, AccessSettings(master_key=MASTER, gateway=Limits(rpm_limit=2))) as found:
        _, token = await found.service.create_key(ROOT, NewKey())
        callers = [found.known(MASTER), found.known(token), found.keys.anonymous]

        assert [await outcome(found.limiter, caller) for caller in callers if caller] == ["ok", "ok", "rate_limit"]


def test_a_caller_may_use_what_its_key_and_its_team_both_name() -> None:
    caller = Caller(key_id="k", model_rules=(("gpt-*", "claude"), ("*-mini", "claude")))

    assert [may_use(caller, name) for name in ("gpt-mini", "claude", "gpt-4", "x-mini")] == [True, True, False, False]
    assert may_use(Caller(key_id="k"), "anything")


async def test_litellms_words_for_all_models_mean_all_models(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        await found.service.create(ROOT, "team", NewPrincipal(id="red", models=("gpt-*",)))
        _, token = await found.service.create_key(ROOT, NewKey(team_id="red", models=("all-team-models",)))
        caller = found.known(token)

        assert caller is not None
        assert (may_use(caller, "gpt-4"), may_use(caller, "claude")) == (True, False)


def test_routes_and_addresses_of_a_key_are_patterns() -> None:
    caller = Caller(key_id="k", routes=("/v1/chat/*", "info_routes"), networks=("10.0.0.1",))

    assert may_call(caller, "/v1/chat/completions")
    assert may_call(caller, "/v1/models")
    assert not may_call(caller, "/v1/embeddings")
    assert not may_call(caller, "/v1/models/gemini:generateContent", "POST")
    assert may_come_from(caller, "10.0.0.1")
    assert not may_come_from(caller, "10.0.0.2")
    assert may_call(Caller(key_id="k"), "/anything")


async def test_a_master_key_is_made_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    told: list[str] = []
    async with access(tmp_path, AccessSettings(), on_master=told.append) as found:
        caller = found.known(told[0])
        assert caller is not None
        assert (caller.key_id, caller.admin) == ("master", True)
    async with access(tmp_path, AccessSettings(), on_master=told.append) as again:
        assert again.known(told[0]) is not None

    assert len(told) == 1
    assert told[0].encode() not in bytes_in(tmp_path)


async def test_two_replicas_that_start_together_have_one_master_key(tmp_path: Path) -> None:
    told: list[str] = []
    async with (
        access(tmp_path, AccessSettings(), on_master=told.append) as first,
        access(tmp_path, AccessSettings(), on_master=told.append) as second,
    ):
        assert len(told) == 1
        assert first.known(told[0]) is not None
        assert second.known(told[0]) is not None


async def test_a_new_config_replaces_the_master_key(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        found.configure(AccessSettings(master_key="sk-another-master-key"))

        assert found.known(MASTER) is None
        assert found.known("sk-another-master-key") is not None


async def test_a_config_that_is_wrong_changes_nothing_and_one_that_is_the_same_costs_nothing(tmp_path: Path) -> None:
    right = AccessSettings(master_key=MASTER, gateway=Limits(rpm_limit=5), allowed_ips=("10.0.0.0/8",))
    async with access(tmp_path, right) as found:
        _, token = await found.service.create_key(ROOT, NewKey())
        caller = found.known(token)

        for wrong in (
            AccessSettings(master_key="sk-other", allowed_ips=("everywhere",)),
            AccessSettings(master_key="sk-other", gateway=Limits(max_budget=1.0, budget_duration="soon")),
            AccessSettings(master_key="sk-other", issuers=(Issuer(issuer="corp", audience=("a",)),)),
        ):
            with pytest.raises(ValueError, match=r"everywhere|soon|corp"):
                found.configure(wrong)
        found.configure(right)

        assert found.known("sk-other") is None
        assert found.known(token) is caller
        assert found.allowed is not None
        found.configure(AccessSettings(master_key=MASTER, gateway=Limits(rpm_limit=1)))
        renewed = found.known(token)
        assert renewed is not None
        assert [await outcome(found.limiter, renewed) for _ in range(2)] == ["ok", "rate_limit"]


async def test_an_own_token_can_be_brought_along_but_not_twice(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        mine = "sk-that-is-in-all-our-scripts"
        await found.service.create_key(ROOT, NewKey(key=mine))

        assert found.known(mine) is not None
        for taken in (mine, MASTER):
            with pytest.raises(RefusedError, match="in use") as caught:
                await found.service.create_key(ROOT, NewKey(key=taken))
            assert caught.value.status == 409


async def test_changes_at_the_same_time_on_two_replicas_are_both_kept(tmp_path: Path) -> None:
    async with access(tmp_path) as here, access(tmp_path) as there:
        key, _ = await here.service.create_key(ROOT, NewKey())
        await there.keys.refresh()

        await asyncio.gather(
            here.service.update_key(ROOT, key.id, KeyPatch(alias="new")),
            there.service.update_key(ROOT, key.id, KeyPatch(rpm_limit=7)),
        )

        found = await here.service.key(key.id)
        assert (found.alias, found.rpm_limit) == ("new", 7)


async def test_what_was_read_before_a_change_does_not_undo_it(tmp_path: Path) -> None:
    class Late(Database):
        async def changes(self, since: int) -> Changes:
            found = await super().changes(since)
            read.set()
            await go_on.wait()
            return found

    read, go_on = asyncio.Event(), asyncio.Event()
    async with access(tmp_path) as found:
        key, token = await found.service.create_key(ROOT, NewKey())
        found.keys._database = Late(found.database._store)
        look = asyncio.create_task(found.keys.refresh())
        await read.wait()
        deleting = found.service._edit_key(
            ROOT, "delete", key.id, lambda _: None
        )  # without a look of its own, which would wait
        await deleting
        go_on.set()
        await look

        assert found.known(token) is None


async def test_estimates_reach_the_limits_of_a_real_key(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        _, token = await found.service.create_key(ROOT, NewKey(tpm_limit=100))
        caller = found.known(token)
        assert caller is not None

        assert await outcome(found.limiter, caller, estimate(101)) == "rate_limit"
