"""What applications are seen to do with litellm's names, beyond the calls themselves."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import warnings
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, TypeAdapter

from lingate.compat import litellm
from lingate.compat.litellm.__main__ import check
from lingate.compat.litellm._params import prepare
from tests.compat.conftest import ASKED

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002, "litellm_provider": "openai"}


@pytest.fixture
def whole(to: dict[str, Any]) -> Any:
    return litellm.completion("openai/gpt-4o", ASKED, logprobs=True, top_logprobs=2, **to)


def test_probabilities_of_tokens_are_read_by_attribute(whole: Any, to: dict[str, Any]) -> None:
    first = whole.choices[0].logprobs.content[0]
    chunks = litellm.completion("openai/gpt-4o", ASKED, logprobs=True, top_logprobs=2, stream=True, **to)
    streamed = next(chunk.choices[0].logprobs for chunk in chunks if chunk.choices[0].logprobs)

    assert first.logprob <= 0
    assert [type(whole.choices[0].logprobs).__name__, type(first).__name__] == [
        "ChoiceLogprobs",
        "ChatCompletionTokenLogprob",
    ]
    assert first.top_logprobs[0].token == first["token"] == streamed.content[0].token
    bare = litellm.ChoiceLogprobs(content=[{"token": "a", "logprob": 0.0, "top_logprobs": [{"token": "b"}]}]).content[0]
    assert (bare.bytes, bare.top_logprobs[0].bytes) == (None, None)


def test_sound_and_counts_of_a_providers_own_tools_are_read_by_attribute() -> None:
    message = litellm.Message(content=None, audio={"data": "AAA=", "transcript": "hi"})
    usage = litellm.Usage(server_tool_use={"web_search_requests": 2})

    assert (message.audio.data, message.audio["transcript"]) == ("AAA=", "hi")
    assert usage.server_tool_use.web_search_requests == 2


def test_cache_counts_have_the_private_names_that_agents_read_them_by() -> None:
    written = litellm.Usage(prompt_tokens=9, cache_creation_input_tokens=5, cache_read_input_tokens=3)
    told = litellm.Usage(prompt_tokens=9, prompt_tokens_details={"cache_write_tokens": 5, "cached_tokens": 3})
    none = litellm.Usage(prompt_tokens=9, completion_tokens=None)

    for usage in (written, told, copy.deepcopy(told)):
        assert (usage._cache_creation_input_tokens, usage._cache_read_input_tokens) == (5, 3)
        assert (usage.prompt_tokens_details.cache_write_tokens, usage.prompt_tokens_details.cached_tokens) == (5, 3)
    assert (none._cache_creation_input_tokens, none._cache_read_input_tokens, none.completion_tokens) == (0, 0, 0)
    assert not any(name.startswith("_") or "cache" in name for name in none.model_dump())


def test_a_field_of_several_classes_keeps_the_answer_that_it_is_given() -> None:
    # OpenHands keeps `ModelResponse | ResponsesAPIResponse`.
    both = TypeAdapter(litellm.ModelResponse | litellm.ResponsesAPIResponse)
    chat, responses = litellm.ModelResponse(), litellm.ResponsesAPIResponse(id="r", output=[])

    assert both.validate_python(responses) is responses
    assert both.validate_python(chat) is chat
    with pytest.raises(ValueError, match="is made of an object, not of Delta"):
        TypeAdapter(litellm.Message).validate_python(litellm.Delta())


def test_a_dump_takes_nested_rules_as_pydantics_does(whole: Any) -> None:
    without = whole.model_dump(exclude={"usage": True, "choices": {"__all__": {"message": {"content"}}}})
    only = whole.model_dump(include={"choices": {0: {"message": {"role"}}}, "model": True})

    assert "usage" not in without
    assert "content" not in without["choices"][0]["message"]
    assert without["choices"][0]["message"]["role"] == "assistant"
    assert only == {"model": "gpt-4o", "choices": [{"message": {"role": "assistant"}}]}
    assert json.loads(whole.model_dump_json(indent=2)) == whole.model_dump()
    assert "\n" in whole.model_dump_json(indent=2)


def test_an_answer_has_what_pydantic_objects_have(whole: Any) -> None:
    text = whole.model_dump_json()

    assert type(whole).model_validate_json(text) == type(whole).parse_obj(whole.model_dump()) == whole
    counts = CompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    assert type(whole.usage).model_validate(counts).total_tokens == 3
    assert type(whole).construct(**whole.model_dump()).choices[0].message.content
    assert whole.model_extra["usage"].total_tokens == whole.usage.total_tokens
    assert "choices" in type(whole).model_fields
    assert "choices" in whole.model_fields_set
    assert whole.usage.get("model_extra", {}) == whole.usage.model_extra
    # OpenHands tells by it whether anything was written to the cache.
    assert litellm.PromptTokensDetailsWrapper(cached_tokens=3).model_fields_set == {"cached_tokens"}
    assert whole.copy(update={"model": "mine"}).model == "mine"


def test_a_model_that_was_constructed_of_an_answers_parts_can_be_written(whole: Any) -> None:
    # CAMEL gives openai's class, unchecked, the usage as it came.
    whole.usage.prompt_tokens_details = litellm.PromptTokensDetailsWrapper(cached_tokens=3)
    made = ChatCompletion.construct(id="x", model="m", choices=whole.choices, usage=whole.usage)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydantic's: of another class than declared
        written, text = made.model_dump(exclude_none=True), made.model_dump_json()

    assert written["usage"]["total_tokens"] == whole.usage.total_tokens
    assert written["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}
    assert json.loads(text)["choices"][0]["message"]["content"] == whole.choices[0].message.content


def test_an_answer_can_be_a_field_of_a_pydantic_model(whole: Any) -> None:
    Kept = type("Kept", (BaseModel,), {"__annotations__": {"answer": litellm.ModelResponse}})
    kept = Kept(answer=whole)

    assert kept.answer is whole
    assert json.loads(kept.model_dump_json())["answer"]["model"] == "gpt-4o"
    assert Kept(answer=whole.model_dump()).answer == whole
    assert Kept.model_json_schema()["properties"]["answer"]["type"] == "object"
    assert TypeAdapter(list[litellm.Message]).validate_python([{"content": "x"}])[0].content == "x"
    with pytest.raises(ValueError, match="made of an object"):
        Kept(answer=3)


def test_a_field_that_is_missing_is_an_attribute_error_and_a_key_error(whole: Any) -> None:
    for kind in (AttributeError, KeyError):
        with pytest.raises(kind, match="nothing"):
            whole["nothing"]


def test_parts_are_built_as_litellms_are() -> None:
    call = litellm.ChatCompletionMessageToolCall(function=litellm.Function(name="f", arguments={"a": 1}))

    assert litellm.Message("hi", "user").role == "user"
    assert litellm.Choices("stop", 0, litellm.Message("a")).message.content == "a"
    assert litellm.Usage(1, 2, 3).total_tokens == 3
    assert litellm.Usage(reasoning_tokens=2).completion_tokens_details.reasoning_tokens == 2
    assert json.loads(call.function.arguments) == {"a": 1}
    assert call.id.startswith("call_")
    assert litellm.Function(name="f", arguments=None).arguments == ""
    assert litellm.ModelResponse("mine").id == "mine"
    with pytest.raises(TypeError, match="at most 3"):
        litellm.Usage(1, 2, 3, 4)


def test_a_chunk_is_no_whole_answer_but_both_are_responses(whole: Any, to: dict[str, Any]) -> None:
    chunk = next(iter(litellm.completion("openai/gpt-4o", ASKED, stream=True, **to)))

    assert not isinstance(chunk, litellm.ModelResponse)
    assert isinstance(chunk, litellm.ModelResponseBase)
    assert isinstance(whole, litellm.ModelResponseBase)
    assert (chunk.citations, whole.choices[0].provider_specific_fields) == (None, {})


def test_vectors_are_dicts_that_json_takes(to: dict[str, Any]) -> None:
    found = litellm.embedding("openai/text-embedding-3-small", ["a"], dimensions=3, **to).data

    assert json.loads(json.dumps(found))[0]["index"] == 0
    assert found[0]["embedding"] == found[0].embedding == copy.deepcopy(found)[0]["embedding"]


def test_prices_that_are_registered_are_what_calls_cost(to: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    litellm.register_model({"openai/mine-1": {**PRICES, "max_input_tokens": 9, "supports_vision": True}})
    monkeypatch.setitem(litellm.model_cost, "openai/mine-2", {**PRICES, "cache_read_input_token_cost": 0.0})
    answer = litellm.completion("openai/mine-1", ASKED, **to)
    price = answer.usage.prompt_tokens * 0.001 + answer.usage.completion_tokens * 0.002

    assert answer._hidden_params["response_cost"] == pytest.approx(price)
    assert litellm.completion_cost(answer) == litellm.cost_calculator.completion_cost(answer) == pytest.approx(price)
    assert litellm.cost_per_token("openai/mine-2", 10, 1, cache_read_input_tokens=4) == pytest.approx((0.006, 0.002))
    assert litellm.get_model_info("mine-1", "openai")["max_input_tokens"] == 9
    assert litellm.supports_vision("mine-1", custom_llm_provider="openai")
    assert litellm.get_model_info("openrouter/openai/gpt-4o")["litellm_provider"] == "openrouter"
    with pytest.raises(litellm.BadRequestError):
        litellm.completion_cost(model="no-such-model", prompt="a")


def test_an_answer_of_the_responses_api_has_its_price(to: dict[str, Any]) -> None:
    answer = litellm.responses("hi", "openai/gpt-4o", **to)
    price = sum(litellm.cost_per_token("gpt-4o", answer.usage.input_tokens, answer.usage.output_tokens))

    assert litellm.completion_cost(answer, model="openai/gpt-4o") == pytest.approx(price)
    assert litellm.completion_cost(answer) == pytest.approx(price)


def test_an_answer_costs_what_its_tier_does_and_what_its_provider_ran() -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    answer = {"model": "gpt-5", "usage": usage}
    searched = {"choices": [{"message": {"annotations": [{"type": "url_citation"}]}}]}

    flex = litellm.completion_cost({**answer, "service_tier": "flex"})

    assert flex == pytest.approx(sum(litellm.cost_per_token("gpt-5", 1_000, 100, service_tier="flex")))
    assert flex == pytest.approx(litellm.completion_cost(answer) / 2)
    assert litellm.completion_cost({**answer, **searched}) > litellm.completion_cost(answer)
    with pytest.raises(litellm.NotFoundError, match="no priority price"):
        litellm.completion_cost({**answer, "model": "gpt-3.5-turbo", "service_tier": "priority"})


def test_the_models_of_a_provider_have_a_name_of_their_own() -> None:
    assert "claude-sonnet-4-5" in litellm.anthropic_models
    assert litellm.groq_models == litellm.models_by_provider["groq"]
    assert all(name.startswith("groq/") for name in litellm.groq_models)


def test_parameters_that_calls_refuse_are_not_said_to_be_supported() -> None:
    claude = litellm.get_supported_openai_params("claude-sonnet-4-5")
    assert claude is not None
    assert {"temperature", "tools", "reasoning_effort"} <= set(claude)
    assert {"frequency_penalty", "n", "seed", "logit_bias"}.isdisjoint(claude)
    assert "seed" in (litellm.get_supported_openai_params("azure/mine") or ())


def test_the_key_that_is_missing_is_named_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    for model, variable in {
        "mistral/x": "MISTRAL_API_KEY",
        "azure/x": "AZURE_API_KEY",
        "groq/x": "GROQ_API_KEY",
        "openrouter/x": "OPENROUTER_API_KEY",
        "cohere/x": "COHERE_API_KEY",
        "gemini/x": "GEMINI_API_KEY",
        "bedrock/x": "AWS_ACCESS_KEY_ID",
    }.items():
        assert litellm.validate_environment(model)["missing_keys"] == [variable]


def test_reasoning_is_dropped_for_models_that_have_none(to: dict[str, Any]) -> None:
    def dropped(model: str, **given: Any) -> Any:
        return litellm.completion(model, ASKED, drop_params=True, **given, **to)._hidden_params["dropped_params"]

    assert dropped("openai/gpt-4o", reasoning_effort="low") == ["reasoning_effort"]
    assert dropped("openai/o3-mini", reasoning_effort="low") == []
    assert dropped("openai/a-model-of-mine", reasoning_effort="low") == []


def test_a_model_that_goes_on_from_prompts_is_sent_to_the_function_for_that(to: dict[str, Any]) -> None:
    with pytest.raises(litellm.LiteLLMUnknownProvider, match="call text_completion"):
        litellm.completion("text-completion-openai/gpt-3.5-turbo-instruct", ASKED, **to)
    assert litellm.text_completion("once", "text-completion-openai/gpt-3.5-turbo-instruct", **to).choices[0].text


def test_a_mock_that_is_false_is_no_mock(to: dict[str, Any]) -> None:
    assert litellm.completion("openai/gpt-4o", ASKED, mock_response=False, **to).choices[0].message.content
    assert litellm.mock_completion("gpt-4o", ASKED, mock_response="z").choices[0].message.content == "z"


def test_settings_that_have_no_effect_can_be_read_and_are_reported(tmp_path: Path) -> None:
    assert (litellm.use_litellm_proxy, litellm.pre_call_rules, litellm.project) == (False, [], None)
    (tmp_path / "a.py").write_text("import litellm\nlitellm.pre_call_rules = [len]\nlitellm.json_logs = True\n")

    assert [use.name for use in check(tmp_path).missing] == ["pre_call_rules"]


def test_secrets_are_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s")
    monkeypatch.setenv("A_FLAG", "True")

    assert litellm.get_secret("os.environ/A_SECRET") == litellm.get_secret_str("A_SECRET") == "s"
    assert (litellm.get_secret_bool("A_FLAG"), litellm.get_secret_bool("A_SECRET")) == (True, None)
    assert (litellm.get_secret_str("A_FLAG"), litellm.get_secret("NO_SUCH", 3)) == (None, 3)


@pytest.mark.parametrize("setting", ["openai_key", "together_ai_key", "togetherai_api_key", "groq_key", "cohere_key"])
def test_a_providers_own_key_is_none_until_it_is_set(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"o": "openai/x", "t": "together_ai/x", "g": "groq/x", "c": "cohere_chat/x"}[setting[0]]
    assert getattr(litellm, setting) is None

    monkeypatch.setattr(litellm, setting, "sk-own", raising=False)

    assert prepare("completion", model, ([],), {}).options["api_key"] == "sk-own"


@pytest.mark.parametrize(
    ("model", "key", "own_address"),
    [
        ("openai/x", "for all", False),
        ("azure/x", "for all", False),
        ("anthropic/x", "its own", False),
        ("groq/x", None, True),
        ("gemini/x", None, False),
        ("mistral/x", "for all", True),
        ("perplexity/x", "for all", True),
        ("bedrock/x", None, False),
        ("vertex_ai/x", None, False),
        ("hosted_vllm/x", "for all", False),
    ],
)
def test_settings_for_all_calls_hold_where_litellm_heeds_them(
    model: str, key: str | None, own_address: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pr-agent sets a key for all calls where there is none of OpenAI's, and Azure's version and address.
    for name, value in (("api_key", "for all"), ("anthropic_key", "its own"), ("api_version", "2024-06-01")):
        monkeypatch.setattr(litellm, name, value, raising=False)
    monkeypatch.setattr(litellm, "api_base", "https://all.invalid/v1")
    for name in ("OPENAI", "ANTHROPIC", "GROQ", "GEMINI"):
        monkeypatch.setenv(f"{name}_API_KEY", "of the environment")

    found = prepare("completion", model, ([],), {}).options
    given = prepare("completion", model, ([],), {"api_key": "k", "api_base": "https://b.invalid"}).options
    routed = prepare("completion", "openai/y", ([],), {"fallbacks": [model]}).options["fallbacks"][0]

    assert found.get("api_key") == routed.get("api_key") == key
    assert found.get("api_base") == routed.get("api_base") == (None if own_address else "https://all.invalid/v1")
    assert found.get("api_version") == ("2024-06-01" if model == "azure/x" else None)
    assert (given["api_key"], given["api_base"]) == ("k", "https://b.invalid")


def test_a_fallback_of_the_same_provider_is_asked_at_the_same_address() -> None:
    here = {"api_key": "k", "api_base": "https://a.invalid/v1"}
    asked = [
        "openai/b",
        "groq/c",
        {"model": "openai/d", "api_key": "own"},
        {"model": "openai/e", "api_base": "https://e.invalid"},
    ]

    found = prepare("completion", "openai/a", ([],), {**here, "fallbacks": asked}).options["fallbacks"]

    assert [(item.get("api_base"), item.get("api_key")) for item in found] == [
        ("https://a.invalid/v1", "k"),
        (None, None),
        ("https://a.invalid/v1", "own"),
        ("https://e.invalid", None),
    ]


def test_a_deployment_by_its_id_is_azures() -> None:
    for model in ("gpt-4o", "azure/gpt-4o"):
        assert prepare("completion", model, ([],), {"deployment_id": "mine"}).model == "azure/mine"


def test_settings_that_nothing_heeds_are_not_taken_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value, text in (
        ("drop_parms", True, "did you mean 'drop_params'"),
        ("pre_call_rules", [len], "before the call"),
        ("enable_json_schema_validation", True, "response_format"),
        ("cache", object(), "gateway"),
    ):
        with pytest.warns(UserWarning, match=text):
            monkeypatch.setattr(litellm, name, value, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, value in (("service_callback", []), ("suppress_debug_info", True), ("_mark_of_an_application", 1)):
            monkeypatch.setattr(litellm, name, value, raising=False)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("caching.redis_cache", "gateway"),
        ("llms.anthropic.chat", "lingate.register"),
        ("proxy.proxy_server", "lingate serve"),
        ("litellm_core_utils.litellm_logging", "no drop-in"),
    ],
)
def test_a_module_that_is_not_here_says_what_to_use_instead(module: str, text: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=text):
        import_module(f"lingate.compat.litellm.{module}")


def test_a_module_of_another_package_is_looked_for_as_ever() -> None:
    code = "import lingate.compat.litellm\ntry:\n import no_such_module\nexcept ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "No module named 'no_such_module'\n"


def test_names_for_annotations_are_dicts() -> None:
    from lingate.compat.litellm.types.llms.openai import ChatCompletionToolParam, ResponsesAPIResponse
    from lingate.compat.litellm.types.utils import CostPerToken

    assert ChatCompletionToolParam(type="function", function={"name": "f"}) == {
        "type": "function",
        "function": {"name": "f"},
    }
    assert CostPerToken(input_cost_per_token=1.0) == {"input_cost_per_token": 1.0}
    assert ResponsesAPIResponse is litellm.ResponsesAPIResponse
    assert litellm.litellm is litellm


def test_cached_tokens_under_anthropics_name_are_counted_among_the_prompts() -> None:
    usage = litellm.Usage(prompt_tokens=100, completion_tokens=1, total_tokens=101, cache_read_input_tokens=25)

    assert usage.prompt_tokens_details.cached_tokens == usage.cache_read_input_tokens == 25
    whole, cached = (
        litellm.completion_cost({"model": "gpt-4o", "usage": found})
        for found in (litellm.Usage(prompt_tokens=100, completion_tokens=1), usage)
    )
    assert cached < whole


def test_the_log_can_be_turned_on_and_off() -> None:
    logger = import_module("lingate.compat.litellm._logging").verbose_logger
    level, handlers = logger.level, list(logger.handlers)
    try:
        litellm._turn_on_debug()
        assert logger.isEnabledFor(10)
        litellm._logging._disable_debugging()
        assert not logger.isEnabledFor(10)
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_a_logger_is_told_of_the_answer_and_given_the_payload(to: dict[str, Any]) -> None:
    seen: list[Any] = []

    class Mine(litellm.CustomLogger):  # type: ignore[misc,name-defined]
        def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            seen.append("post")

        def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            seen.append(kwargs)

    litellm.callbacks = [Mine()]
    list(litellm.completion("openai/gpt-4o", ASKED, stream=True, temperature=0.5, metadata={"tags": ["t"]}, **to))

    payload = seen[1]["standard_logging_object"]
    assert seen[0] == "post"
    assert seen[1]["temperature"] == 0.5
    assert payload["messages"] == ASKED
    assert payload["response"]["choices"][0]["message"]["content"]
    assert (payload["request_tags"], payload["status"]) == (["t"], "success")
    assert payload["startTime"] <= payload["completionStartTime"] < payload["endTime"]
    assert isinstance(seen[1]["completion_start_time"], datetime)


def test_pydantic_writes_an_answer_that_stands_where_anything_may(to: dict[str, Any]) -> None:
    # LangChain's messages and traces keep answers in fields of any type, and are stored as JSON.
    class Kept(BaseModel):
        value: Any

    answer = litellm.completion("openai/gpt-4o", ASKED, tools=[TOOL], **to)

    kept = Kept(value=[answer, answer.usage, answer.choices[0].message.tool_calls])
    calls = [call.model_dump() for call in answer.choices[0].message.tool_calls]
    told = [answer.model_dump(), answer.usage.model_dump(), calls]
    assert kept.model_dump()["value"] == told
    assert json.loads(kept.model_dump_json())["value"] == told
    assert pydantic_core.to_jsonable_python(answer) == answer.model_dump()


def test_the_details_of_usage_can_be_summed_up_and_written_as_dicts(to: dict[str, Any]) -> None:
    # DSPy adds up what are numbers and dicts, and knows other objects as pydantic's models only.
    usage = litellm.completion("openai/gpt-4o", ASKED, **to).usage
    details = usage.prompt_tokens_details

    assert isinstance(details, dict)
    assert json.loads(json.dumps(dict(usage))) == usage.model_dump()
    assert details.cached_tokens == details["cached_tokens"] == 0
    assert details.audio_tokens is None
    details.cached_tokens = 3
    for twin in (copy.deepcopy(usage), pickle.loads(pickle.dumps(usage))):
        assert (
            twin.prompt_tokens_details.cached_tokens == twin.model_dump()["prompt_tokens_details"]["cached_tokens"] == 3
        )
    assert repr(details) == "PromptTokensDetailsWrapper(cached_tokens=3)"
    assert details.model_dump(exclude={"cached_tokens"}) == {}
    assert details.model_copy(update={"cached_tokens": 1}).model_dump_json() == '{"cached_tokens":1}'

    class Told(BaseModel):
        details: litellm.PromptTokensDetailsWrapper

    assert Told(details=details).details is details
    assert Told(details={"cached_tokens": 1}).details.cached_tokens == 1
    assert Told(details=details).model_dump() == {"details": {"cached_tokens": 3}}


def test_chunks_say_which_deployment_they_are_of(to: dict[str, Any]) -> None:
    stream = litellm.completion("openai/gpt-4o", ASKED, stream=True, model_info={"id": "here"}, **to)

    assert {chunk._hidden_params["model_id"] for chunk in stream} == {"here"}
