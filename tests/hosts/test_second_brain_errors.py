"""Second Brain's backend and failures: what the host reads from their text decides over the user's history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lingate import errors
from lingate.hosts import _shared
from lingate.simulator import Simulator
from tests.hosts.director_kit import completion
from tests.hosts.refusals import REFUSAL, refusing
from tests.hosts.second_brain_kit import HARMLESS, Sdk, failing
from tests.servers import RawServer

Ask = Callable[..., Any]


class Loop:
    """The host's reaction to a failure: an overflow, told by the text alone, compacts, and the next one truncates."""

    def __init__(self, guest: Any, ask: Ask, model: str) -> None:
        self._guest, self._ask, self._model = guest, ask, model
        self.done: list[str] = []
        self.reply = ""

    def turn(self) -> Loop:
        for remedy in ("compacted", "truncated", "given up"):
            answer = self._ask(self._model)
            if not answer.is_error:
                self.reply = answer.content
                break
            if not self._guest.is_context_limit_error(RuntimeError(answer.error)):
                self.done.append("failed")
                break
            self.done.append(remedy)
        return self


@pytest.mark.requirement("second-brain R6", "X8")
@pytest.mark.parametrize(("code", "status", "message"), HARMLESS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_that_sound_like_an_overflow_touch_no_history(
    ask: Ask, guest: Any, code: str | None, status: int, message: str, stream: bool
) -> None:
    assert guest.is_context_limit_error(message)
    sdk = Sdk()

    with RawServer(failing(code, status, message)) as server:

        def asked(model: str) -> Any:
            return ask(model, sdk, base_url=f"{server.url}/v1", stream=stream, params={"retries": 0})

        loop = Loop(guest, asked, "openai/qwen-max").turn()

    assert loop.done == ["failed"]
    assert len(server.requests) == 1
    assert any(message in line for line in sdk.logged)


@pytest.mark.requirement("second-brain R6", "X14")
def test_a_rate_limit_is_told_at_once_and_other_failures_are_tried_again(ask: Ask, simulator: Simulator) -> None:
    limited = ask("openai/sim-fault-429")
    flaky = ask("openai/sim-words-5-fault-500-flaky-1")

    assert limited.error.startswith("The provider rate limited this request (HTTP 429).")
    assert limited.error_code == "provider_error"
    assert flaky.error is None
    assert [item.model for item in simulator.requests()] == [
        "sim-fault-429",
        "sim-words-5-fault-500-flaky-1",
        "sim-words-5-fault-500-flaky-1",
    ]


@pytest.mark.requirement("second-brain R6")
@pytest.mark.parametrize(
    "kind", [*sorted(errors.BY_KIND), "connect", "deadline", "protocol", "stream_interrupted", "?"]
)
def test_no_sentence_but_the_overflows_is_taken_for_one(guest: Any, kind: str) -> None:
    error = errors.LingateError("x", kind=kind, status=429, retry_after=20.0)

    said = _shared.sentence(error)

    assert guest.is_context_limit_error(said) is (kind == "context_window")
    assert ("20 seconds" in said) is True
    assert _shared.sentence(ValueError("max tokens")) == "The model could not be asked."


def every_error(cls: type[errors.LingateError] = errors.LingateError) -> Iterator[type[errors.LingateError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from every_error(child)


@pytest.mark.requirement("second-brain R6")
def test_every_kind_of_error_has_a_sentence() -> None:
    abstract = {"error", "upstream", "transport", "limit"}
    kinds = {cls.kind for cls in every_error() if cls.__module__ == "lingate.errors"}

    assert kinds - abstract <= set(_shared._SENTENCES)


@pytest.mark.requirement("second-brain R6")
def test_the_providers_words_are_shown_where_they_do_no_harm(ask: Ask) -> None:
    with RawServer(failing("model_not_found", 404, "The model `gpt-9` does not exist")) as server:
        answer = ask("openai/gpt-9", base_url=f"{server.url}/v1")

    assert answer.error.startswith("The provider does not have this model (HTTP 404).")
    assert "The model `gpt-9` does not exist" in answer.error
    assert answer.content == f"Error: {answer.error}"


@pytest.mark.requirement("second-brain R7", "X8")
@pytest.mark.parametrize("model", ["openai/sim-words-5", "anthropic/sim-words-5"])
def test_a_real_overflow_compacts_exactly_once(ask: Ask, guest: Any, simulator: Simulator, model: str) -> None:
    loop = Loop(guest, ask, f"{model}-fault-context-flaky-1").turn()

    assert loop.done == ["compacted"]
    assert loop.reply != ""
    assert len(simulator.requests()) == 2


@pytest.mark.requirement("second-brain R7")
def test_an_overflow_has_its_code_and_a_text_that_says_so(ask: Ask, guest: Any) -> None:
    answers = [ask("openai/sim-fault-context", stream=stream) for stream in (False, True)]

    assert {answer.error_code for answer in answers} == {"context_limit"}
    assert {answer.error for answer in answers} == {"The conversation does not fit into the model's context window."}


@pytest.mark.requirement("second-brain R6", "second-brain R12")
@pytest.mark.parametrize("fault", ["cut-4", "error_event-4", "no_terminal", "reset-4"])
def test_a_stream_that_breaks_off_is_a_failure_and_no_short_answer(ask: Ask, fault: str) -> None:
    sdk = Sdk()

    answer = ask(f"openai/sim-words-40-fault-{fault}", sdk, stream=True)

    assert answer.is_error
    assert answer.error_code == "provider_error"
    assert sdk.deltas != []


@pytest.mark.requirement("second-brain R6")
def test_a_mistake_in_the_request_is_a_failure_and_no_exception(ask: Ask) -> None:
    answer = ask("openai/sim-words-5", params={"timeout": "max tokens"})
    broken = ask("openai/sim-words-5", messages=[7])

    assert [answer.error_code, broken.error_code] == ["provider_error", "provider_error"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_the_answer_for_which_the_host_need_not_ask_again(ask: Ask, stream: bool) -> None:
    sdk = Sdk()

    with RawServer(refusing(stream=stream)) as server:
        answer = ask("openai/m", sdk, base_url=f"{server.url}/v1", stream=stream)

    assert (answer.is_error, answer.content) == (False, REFUSAL)
    assert "".join(sdk.deltas) == (REFUSAL if stream else "")


@pytest.mark.parametrize(("reason", "said"), [("content_filter", "content policy"), ("length", "size limit")])
def test_an_answer_that_was_cut_before_its_first_word_says_why(ask: Ask, guest: Any, reason: str, said: str) -> None:
    with RawServer(completion({"content": None}, finish_reason=reason)) as server:
        answer = ask("openai/m", base_url=f"{server.url}/v1")

    assert answer.error_code == "provider_error"
    assert said in answer.error
    assert not guest.is_context_limit_error(answer.error)


@pytest.mark.requirement("second-brain R8")
def test_what_a_model_was_not_sent_is_logged(ask: Ask) -> None:
    sdk = Sdk()

    ask("anthropic/sim-words-5", sdk, params={"presence_penalty": 1.5})

    assert sdk.logged == ["left out or changed for anthropic/sim-words-5: presence_penalty"]
