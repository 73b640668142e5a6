"""Hot reload: a changed file is read when it has come to rest, a wrong one is told and the old one stays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from lingate.server.config import ConfigFileError, GatewayConfig, Watcher, load, watch
from tests.server.driving import Driver, config_of, deployments

ANY_PROVIDER = "lingate: {serve_all_providers: true, providers: {openai: {api_key: k}}}"
BEHIND_A_STAR = "model_list: [{model_name: openai/*, litellm_params: {model: openai/*, api_key: k}}]"
GOOD = "model_list:\n" + deployments("a")
OTHER = "model_list:\n" + deployments("b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "gateway.yaml"
    made.write_text(GOOD)
    return made


def looks(watcher: Watcher, count: int = 2) -> list[bool]:
    return [watcher.is_due() for _ in range(count)]


def test_nothing_is_due_while_nothing_changes(path: Path) -> None:
    assert looks(Watcher(load(str(path), {}), {})) == [False, False]


def test_a_change_is_due_when_the_file_has_come_to_rest(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})

    path.write_text(OTHER[: len(OTHER) // 2])
    assert not watcher.is_due()
    path.write_text(OTHER + "\n")
    assert looks(watcher) == [False, True]

    config = watcher.reload()
    assert isinstance(config, GatewayConfig)
    assert config.deployments[0].model == "b"
    assert looks(watcher) == [False, False]


def test_a_file_that_is_put_in_the_place_of_the_other_is_a_change(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    fresh = path.with_suffix(".new")
    fresh.write_text(OTHER)
    os.replace(fresh, path)

    assert looks(watcher) == [False, True]


def test_a_wrong_file_is_told_once_and_a_corrected_one_is_read(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.write_text("model_lst: []")

    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), ConfigFileError)
    assert looks(watcher) == [False, False]
    path.write_text(OTHER)
    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), GatewayConfig)


def test_a_file_that_is_gone_is_told_and_one_that_is_back_is_read(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.unlink()
    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), ConfigFileError)

    path.write_text(GOOD)
    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), GatewayConfig)


def test_an_included_file_is_watched_too(path: Path) -> None:
    inner = path.with_name("models.yaml")
    inner.write_text(OTHER)
    path.write_text("include: [models.yaml]")
    watcher = Watcher(load(str(path), {}), {})

    inner.write_text("model_list:\n" + deployments("c"))

    assert looks(watcher) == [False, True]
    config = watcher.reload()
    assert isinstance(config, GatewayConfig)
    assert config.deployments[0].model == "c"


def test_an_included_file_that_is_new_and_wrong_is_read_again_when_it_is_corrected(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    inner = path.with_name("models.yaml")
    inner.write_text("model_list: 3")
    path.write_text("include: [models.yaml]")
    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), ConfigFileError)
    assert looks(watcher) == [False, False]

    inner.write_text(OTHER)

    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), GatewayConfig)


def test_a_file_that_may_be_read_again_is_a_change(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.chmod(0)
    assert looks(watcher) == [False, True]
    watcher.reload()

    path.chmod(0o600)

    assert looks(watcher) == [False, True]


@pytest.mark.parametrize("odd", ["2024-02-30", "0x_", "!!timestamp soon"])
def test_a_date_or_number_that_there_is_not_is_an_error_with_its_line_and_ends_no_watch(path: Path, odd: str) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.write_text(f"{GOOD}\nlingate:\n  host: {odd}\n")

    assert looks(watcher) == [False, True]
    found = watcher.reload()

    assert isinstance(found, ConfigFileError)
    line = path.read_text().split("\n").index(f"  host: {odd}") + 1
    told = f"{path}:{line}: is not valid YAML: there is no such date or number; write it in quotes"
    assert [str(problem) for problem in found.problems] == [told]


def test_a_reload_can_be_asked_for_without_a_change(path: Path) -> None:
    assert isinstance(Watcher(load(str(path), {}), {}).reload(), GatewayConfig)


def test_an_empty_file_is_no_configuration_without_models_but_one_that_is_still_being_written(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.write_text("")
    assert looks(watcher, 3) == [False, False, False]

    path.write_text(OTHER)

    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), GatewayConfig)


def test_a_file_that_is_emptied_between_the_look_and_the_reading_waits_for_the_next_look(path: Path) -> None:
    watcher = Watcher(load(str(path), {}), {})
    path.write_text(OTHER)
    assert looks(watcher) == [False, True]

    path.write_text("")

    assert watcher.reload() is None
    path.write_text(OTHER)
    assert looks(watcher) == [False, True]
    assert isinstance(watcher.reload(), GatewayConfig)


@pytest.mark.parametrize("half", ["{}", OTHER[: len(OTHER) // 2], "model_lst: []"])
def test_a_file_that_is_written_while_it_is_read_is_read_again(
    path: Path, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_slowly(*args: Any) -> GatewayConfig:
        try:
            return load(*args)
        finally:
            if path.read_text() == half:
                path.write_text(OTHER)

    watcher = Watcher(load(str(path), {}), {})
    monkeypatch.setattr("lingate.server.config.watching.load", load_slowly)
    path.write_text(half)

    assert looks(watcher) == [False, True]
    assert watcher.reload() is None
    assert looks(watcher) == [False, True]
    config = watcher.reload()
    assert isinstance(config, GatewayConfig)
    assert config.deployments[0].model == "b"


async def test_the_watcher_tells_of_each_change(path: Path) -> None:
    told: asyncio.Queue[GatewayConfig | ConfigFileError] = asyncio.Queue()
    config = load(str(path), {})
    task = asyncio.create_task(Watcher(config, {}).run(told.put_nowait, 0.02))
    try:
        await asyncio.to_thread(path.write_text, "nonsense: 1")
        assert isinstance(await asyncio.wait_for(told.get(), 5), ConfigFileError)
        await asyncio.to_thread(path.write_text, OTHER)
        found = await asyncio.wait_for(told.get(), 5)
        assert isinstance(found, GatewayConfig)
        assert found.deployments[0].model == "b"
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_without_a_file_or_an_interval_there_is_nothing_to_watch(path: Path) -> None:
    await asyncio.to_thread(path.write_text, GOOD + "lingate: {reload: 0}")

    await asyncio.wait_for(watch(load(None, {}), {}, lambda found: None), 1)
    await asyncio.wait_for(watch(load(str(path), {}), {}, lambda found: None), 1)


# What a reload keeps


def test_deployments_that_stay_keep_their_rest_and_their_calls_under_way() -> None:
    two = "model_list:\n" + deployments("a", "b")
    before = Driver(two, {"a": (429, {"retry-after": "30"})})
    while before.health("a").until <= before.clock:
        before.ask()
    busy = before.ask(finish=False)

    after = Driver(config_of(two + deployments("c")), previous=before)

    assert after.health("a").until > after.clock
    assert after.in_flight() == 1
    assert {after.ask().answered for _ in range(20)} == {"b", "c"}
    busy.chain.succeeded(0.1)
    assert after.in_flight() == 0


def test_a_rest_survives_a_reload_after_which_nobody_was_asked() -> None:
    first = Driver(GOOD + "router_settings: {num_retries: 0}", {"a": (429, {"retry-after": "30"})})
    first.ask()

    third = Driver(GOOD, previous=Driver(GOOD, previous=first))

    assert third.ask().sent == []


def test_five_hundred_reloads_lose_no_call_and_keep_nothing_of_what_is_gone() -> None:
    driver = Driver(GOOD)
    under_way = []
    for number in range(500):
        under_way.append(driver.ask(finish=False))
        assert under_way[-1].error is None
        driver = Driver("model_list:\n" + deployments("a", f"m{number}"), previous=driver)
        if number % 3:
            under_way.pop(0).chain.succeeded(0.1)

    for outcome in under_way:
        outcome.chain.succeeded(0.1)
    assert driver.in_flight() == 0
    assert len(driver.router._build._loads) == 2


@pytest.mark.parametrize("text", [BEHIND_A_STAR, ANY_PROVIDER])
def test_reloads_forget_models_that_nobody_asks_for_any_more_but_for_those_that_rest_or_are_busy(text: str) -> None:
    driver = Driver(text, {"worn": (429, {"retry-after": "30"})})
    driver.ask("openai/worn")
    busy = driver.ask("openai/busy", finish=False)
    for number in range(50):
        driver.ask(f"openai/m{number}")
        driver = Driver(text, previous=driver)

    known = driver.router._build
    assert driver.ask("openai/worn").sent == []
    assert sum(load.in_flight for load in known._loads.values()) == 1
    assert len(known._healths) <= 3
    assert len(known._loads) <= 3
    busy.chain.succeeded(0.1)
    assert sum(load.in_flight for load in known._loads.values()) == 0


def test_other_replicas_are_told_of_a_rest_and_tell_of_theirs() -> None:
    class Told:
        def __init__(self) -> None:
            self.said: list[tuple[str, float, str]] = []

        def cooled(self, deployment: str, seconds: float, kind: str) -> None:
            self.said.append((deployment, seconds, kind))

    told = Told()
    one = Driver("model_list:\n" + deployments("a", "b"), {"a": (429, {"retry-after": "9"})}, shared=told)
    two = Driver("model_list:\n" + deployments("a", "b"), shared=Told())
    while not told.said:
        one.ask()

    (said,) = told.said
    assert said[1:] == (9.0, "rate_limit")
    two.router.rest(*said)

    assert {two.ask().answered for _ in range(20)} == {"b"}
    assert two.router.shared.said == []  # type: ignore[union-attr]
