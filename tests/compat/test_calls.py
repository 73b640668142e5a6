"""The functions that call providers, against the simulator."""

from __future__ import annotations

import copy
import json
import pickle
from hashlib import sha256
from typing import Any

import httpx
import pydantic
import pytest

from lingate.compat import litellm
from lingate.compat.litellm._params import prepare
from lingate.simulator import Simulator
from tests.compat.conftest import ASKED

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def sent(simulator: Simulator) -> Any:
    """Body of the last request."""
    return simulator.requests()[-1].body


def test_an_answer_is_read_by_attribute_by_item_and_with_get(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/gpt-4o", ASKED, **to)

    text = answer.choices[0].message.content
    assert text.startswith("You said")
    assert answer["choices"][0]["message"]["content"] == text
    assert answer.get("choices")[0].get("message").get("content") == text
    assert answer.get("nothing", 1) == 1
    assert "usage" in answer
    assert answer.json() == answer.model_dump() == answer.dict() == answer.to_dict()
    assert answer.model_dump()["choices"][0]["message"]["content"] == text
    assert isinstance(answer.model_dump_json(), str)


def test_an_answer_can_be_changed_copied_and_pickled(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/gpt-4o", ASKED, **to)

    answer.choices[0].message.content = "other"
    answer["model"] = "renamed"

    assert answer.model_dump()["choices"][0]["message"]["content"] == "other"
    for twin in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert twin == answer
        assert twin._hidden_params == answer._hidden_params


def test_the_message_of_an_answer_goes_back_without_its_empty_fields(to: dict[str, Any], simulator: Simulator) -> None:
    message = litellm.completion("openai/gpt-4o", ASKED, **to).choices[0].message

    litellm.completion("openai/gpt-4o", [*ASKED, message, *ASKED], **to)

    assert sent(simulator)["messages"][1] == {"role": "assistant", "content": message.content}


def test_a_field_that_is_not_there_is_an_attribute_error(to: dict[str, Any]) -> None:
    message = litellm.completion("openai/gpt-4o", ASKED, **to).choices[0].message

    assert not hasattr(message, "reasoning_content")
    assert message.tool_calls is None
    with pytest.raises(AttributeError, match="nothing"):
        message.nothing  # noqa: B018


def test_the_cost_is_among_the_hidden_params(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/gpt-4o", ASKED, **to)

    hidden = answer._hidden_params
    assert hidden["custom_llm_provider"] == "openai"
    assert hidden["response_cost"] == litellm.completion_cost(answer)
    assert hidden["response_cost"] > 0
    assert "_hidden_params" not in answer.model_dump()


def test_prices_of_the_call_win_over_the_catalogue(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/x", ASKED, input_cost_per_token=1.0, output_cost_per_token=2.0, **to)

    usage = answer.usage
    assert answer._hidden_params["response_cost"] == usage.prompt_tokens + 2.0 * usage.completion_tokens


@pytest.mark.parametrize(
    ("model", "base"), [("openai/gpt-4o", "/v1"), ("anthropic/claude-sonnet-4-5", ""), ("gemini/gemini-2.5-pro", "")]
)
def test_an_answer_with_tool_calls_goes_back_into_the_messages_as_it_is(
    simulator: Simulator, to: dict[str, Any], model: str, base: str
) -> None:
    to["api_base"] = simulator.url + base
    first = litellm.completion(model, ASKED, tools=[TOOL], **to)
    message = first.choices[0].message
    call = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "nothing there"}

    for turn in (message, message.model_dump(), message.json()):
        second = litellm.completion(model, [*ASKED, turn, result], tools=[TOOL], **to)
        assert "nothing there" in second.choices[0].message.content
    assert first.choices[0].finish_reason == "tool_calls"
    assert call.function.name == call["function"]["name"] == "look"


def test_what_is_litellms_own_is_not_sent_and_the_rest_is(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.completion(
        "openai/gpt-4o",
        ASKED,
        temperature=0.5,
        anything_new=1,
        metadata={"user": "me"},
        caching=True,
        langfuse_host="x",
        input_cost_per_second=1,
        tags=["a"],
        verbose=True,
        _skip_mcp_handler=True,
        user="me",
        **to,
    )

    assert sent(simulator) == {
        "model": "gpt-4o",
        "messages": ASKED,
        "temperature": 0.5,
        "anything_new": 1,
        "user": "me",
    }


def test_a_parameter_the_provider_lacks_is_refused_unless_params_are_dropped(to: dict[str, Any]) -> None:
    with pytest.raises(litellm.UnsupportedParamsError, match="logprobs"):
        litellm.completion("groq/x", ASKED, logprobs=True, **to)

    answer = litellm.completion("groq/x", ASKED, logprobs=True, drop_params=True, **to)
    assert answer._hidden_params["dropped_params"] == ["logprobs"]
    litellm.drop_params = True
    assert litellm.completion("groq/x", ASKED, logprobs=True, **to).choices


def test_additional_drop_params_leave_out_nested_fields_and_change_nothing_of_the_callers(
    simulator: Simulator, to: dict[str, Any]
) -> None:
    tools = [{"type": "function", "function": {"name": "a", "strict": True, "parameters": {}}}]

    litellm.completion(
        "openai/x", ASKED, tools=tools, seed=1, additional_drop_params=["seed", "tools[*].function.strict"], **to
    )

    assert "seed" not in sent(simulator)
    assert "strict" not in sent(simulator)["tools"][0]["function"]
    assert tools[0]["function"]["strict"] is True  # type: ignore[index]


def test_a_pydantic_class_is_a_response_format(to: dict[str, Any]) -> None:
    class Answer(pydantic.BaseModel):
        number: int

    text = litellm.completion("openai/gpt-4o", ASKED, response_format=Answer, **to).choices[0].message.content

    assert isinstance(Answer.model_validate_json(text).number, int)


def test_base_url_headers_and_an_httpx_timeout_are_taken(simulator: Simulator, to: dict[str, Any]) -> None:
    to["base_url"] = to.pop("api_base")

    litellm.completion("openai/x", ASKED, headers={"x-mine": "1"}, timeout=httpx.Timeout(5.0, connect=2.0), **to)

    assert simulator.requests()[-1].headers["x-mine"] == "1"


def test_retries_happen_as_often_as_num_retries_or_max_retries_say(simulator: Simulator, to: dict[str, Any]) -> None:
    del to["num_retries"]
    for name in ("num_retries", "max_retries"):
        simulator.reset()
        with pytest.raises(litellm.InternalServerError) as caught:
            litellm.completion("groq/x", ASKED, extra_headers={"x-sim-fault": "server_error"}, **{name: 1}, **to)
        assert len(simulator.requests()) == 2
        assert caught.value.num_retries == 1
        assert caught.value.max_retries == 1


@pytest.mark.parametrize(
    ("fault", "policy", "tries"),
    [
        ("server_error", {"InternalServerErrorRetries": 1, "RateLimitErrorRetries": 0}, 2),
        ("rate_limit", {"InternalServerErrorRetries": 1, "RateLimitErrorRetries": 0}, 1),
        ("close_head", {"InternalServerErrorRetries": 1}, 2),
        ("bad_request", {"BadRequestErrorRetries": 1}, 2),
        ("overloaded", {"AuthenticationErrorRetries": 3}, 1),
        ("overloaded", {"AuthenticationErrorRetries": 3, "DefaultRetries": 1}, 2),
    ],
)
async def test_a_policy_of_a_call_goes_before_its_count(
    simulator: Simulator, to: dict[str, Any], fault: str, policy: dict[str, int], tries: int
) -> None:
    # As MLflow's judges call: the count beside the policy is to keep the openai package from trying again by itself.
    del to["num_retries"]
    model = f"openai/gpt-4o-sim-fault-{fault}"

    for given in (policy, litellm.RetryPolicy(**policy)):
        simulator.reset()
        with pytest.raises(litellm.OpenAIError) as caught:
            litellm.completion(model, ASKED, retry_policy=given, max_retries=0, **to)
        assert len(simulator.requests()) == tries
        assert caught.value.max_retries == 0
        with pytest.raises(litellm.OpenAIError):
            await litellm.acompletion(model, ASKED, retry_policy=given, max_retries=0, **to)
        assert len(simulator.requests()) == 2 * tries


def test_a_fallback_answers_where_the_first_model_fails(simulator: Simulator, to: dict[str, Any]) -> None:
    other = {"model": "groq/b", "api_base": to["api_base"], "api_key": "k"}

    answer = litellm.completion("openai/a-sim-fault-server_error", ASKED, fallbacks=[other], **to)

    assert answer.model == "b"
    assert answer._hidden_params["custom_llm_provider"] == "groq"


def test_a_context_window_fallback_is_for_prompts_that_do_not_fit(to: dict[str, Any]) -> None:
    other = {"model": "groq/b", "api_base": to["api_base"], "api_key": "k"}
    nobody = {**other, "api_base": "http://127.0.0.1:9"}
    table = {"gpt-4o": nobody, "openai/a-sim-fault-context": other, "openai/a-sim-fault-server_error": other}

    answer = litellm.completion("openai/a-sim-fault-context", ASKED, context_window_fallback_dict=table, **to)
    assert answer.model == "b"
    for model, kind in (
        ("a-sim-fault-server_error", "InternalServerError"),
        ("c-sim-fault-context", "ContextWindowExceededError"),
    ):
        with pytest.raises(getattr(litellm, kind)):
            litellm.completion(f"openai/{model}", ASKED, context_window_fallback_dict=table, **to)


def test_arguments_stand_for_variables_of_the_environment_for_one_call(
    simulator: Simulator, to: dict[str, Any]
) -> None:
    litellm.completion("openai/x", ASKED, organization="mine", **to)
    assert simulator.requests()[-1].headers["openai-organization"] == "mine"

    litellm.completion("openai/x", ASKED, **to)
    assert "openai-organization" not in simulator.requests()[-1].headers

    litellm.organization = "ours"
    litellm.completion("openai/x", ASKED, **to)
    assert simulator.requests()[-1].headers["openai-organization"] == "ours"


def test_credentials_of_a_cloud_reach_the_place_where_they_are_read() -> None:
    def env(model: str, **given: Any) -> dict[str, str]:
        return prepare("completion", model, (ASKED,), given).env

    assert env("bedrock/x", aws_region_name="eu-west-1", aws_access_key_id="a") == {
        "AWS_REGION_NAME": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
    }
    found = env("vertex_ai/x", vertex_project="p", vertex_credentials={"type": "service_account"})
    assert found == {"VERTEXAI_PROJECT": "p", "VERTEXAI_CREDENTIALS": '{"type":"service_account"}'}
    assert env("azure/x", azure_ad_token_provider=lambda: "token") == {"AZURE_AD_TOKEN": "token"}


def test_credentials_of_a_cloud_never_end_up_in_a_request_for_another(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.completion(
        "openai/x",
        ASKED,
        aws_secret_access_key="s",
        azure_password="s",
        s3_secret_access_key="s",
        vertex_credentials="{}",
        **to,
    )

    assert sent(simulator) == {"model": "x", "messages": ASKED}


def test_settings_of_the_module_hold_for_every_call(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.api_base, litellm.api_key, litellm.num_retries = to["api_base"], "key", 0
    litellm.headers = {"x-all": "1"}
    litellm.model_alias_map = {"fast": "openai/x"}

    assert litellm.completion("fast", ASKED).model == "x"
    assert simulator.requests()[-1].headers["x-all"] == "1"


def test_embeddings(to: dict[str, Any]) -> None:
    answer = litellm.embedding("text-embedding-3-small", ["a", "b"], dimensions=3, **to)

    assert isinstance(answer, litellm.EmbeddingResponse)
    assert [len(item["embedding"]) for item in answer.data] == [3, 3]
    assert len(answer["data"][1].embedding) == 3
    assert answer.usage.prompt_tokens == 2


def test_the_other_endpoints_answer_in_their_shapes(to: dict[str, Any], tmp_path: Any) -> None:
    image = litellm.image_generation("a cat", model="gpt-image-1", **to)
    assert image.data[0].b64_json or image.data[0]["url"]
    sound = litellm.speech("tts-1", "hi", "alloy", **to)
    sound.stream_to_file(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == sound.content == b"".join(sound.iter_bytes(7))
    assert litellm.transcription("whisper-1", ("a.wav", b"RIFF"), **to).text
    assert litellm.moderation("x", **to).results[0].flagged is False
    text = litellm.text_completion("say", model="openai/x", **to)
    assert text.choices[0].text == text["choices"][0]["text"] != ""
    ranked = litellm.rerank("jina_ai/jina-reranker-v2", "q", ["a", "b"], **to)
    assert {result["index"] for result in ranked.results} == {0, 1}


def test_what_is_to_be_cached_is_marked_by_role_or_place(simulator: Simulator, to: dict[str, Any]) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    asked = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": parts},
        litellm.Message("yes"),
        *ASKED,
    ]
    points = [
        {"location": "message", "role": "system"},
        {"location": "message", "index": "1", "control": {"type": "ephemeral", "ttl": "1h"}},
        *({"location": "message", "index": index} for index in (4, -5)),
    ]
    root = {**to, "api_base": simulator.url}

    litellm.completion("anthropic/claude-sonnet-4-5", asked, cache_control_injection_points=points, **root)
    marked = sent(simulator)
    litellm.completion("openai/gpt-4o", ASKED, cache_control_injection_points=points[:1], **to)

    assert marked["system"] == [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]
    assert marked["messages"][0]["content"] == [
        parts[0],
        {**parts[1], "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    assert json.dumps(marked).count("cache_control") == 2
    assert sent(simulator) == {"model": "gpt-4o", "messages": ASKED}
    assert "cache_control" not in json.dumps(asked, default=dict)


async def test_deployments_that_come_with_a_call_are_asked_instead(simulator: Simulator, to: dict[str, Any]) -> None:
    here = {"model": "openai/gpt-4o-mini", **to}
    deployments = [
        {"model_name": "mine", "litellm_params": {**here, "extra_headers": {"x-sim-fault": "401"}, "order": 1}},
        {"model_name": "mine", "litellm_params": {**here, "order": 2}},
        {"model_name": "other", "litellm_params": {"model": "openai/gpt-4.1", **to}},
    ]

    answer = litellm.completion("mine", ASKED, model_list=deployments, temperature=0.5)
    awaited = await litellm.acompletion(model="mine", messages=ASKED, model_list=deployments, stream=True)
    texts = [chunk.choices[0].delta.content or "" async for chunk in awaited]

    assert answer.choices[0].message.content == "".join(texts)
    assert {request.body["model"] for request in simulator.requests()} == {"gpt-4o-mini"}
    assert simulator.requests()[1].body["temperature"] == 0.5
    with pytest.raises(litellm.BadRequestError, match="no model 'nobody'"):
        litellm.completion("nobody", ASKED, model_list=deployments)


async def test_what_is_to_be_cached_is_marked_in_awaited_calls_of_a_router(
    simulator: Simulator, to: dict[str, Any]
) -> None:
    # PaperQA asks for it in every deployment.
    point = {"location": "message", "role": "system"}
    params = {"model": "anthropic/claude-sonnet-4-5", "cache_control_injection_points": [point]}
    router = litellm.Router([{"model_name": "g", "litellm_params": {**to, **params, "api_base": simulator.url}}])

    await router.acompletion("g", [{"role": "system", "content": "be brief"}, *ASKED])

    assert sent(simulator)["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control_injection_points" not in sent(simulator)


def test_events_and_items_of_responses_are_told_apart_by_their_classes(to: dict[str, Any]) -> None:
    answer = litellm.responses("look", model="openai/x", tools=[{"name": "look", **TOOL, "parameters": {}}], **to)
    events = list(litellm.responses("hi", model="openai/x", stream=True, **to))
    kinds = litellm.types.llms.openai

    assert isinstance(answer.output[0], kinds.OutputFunctionToolCall)
    assert isinstance(events[-1].response.output[0], litellm.types.responses.main.GenericResponseOutputItem)
    assert isinstance(answer.usage, kinds.ResponseAPIUsage)
    assert "hi" in "".join(event.delta for event in events if isinstance(event, kinds.OutputTextDeltaEvent))
    assert any(event.type == kinds.ResponsesAPIStreamEvents.OUTPUT_ITEM_DONE for event in events)
    assert isinstance(events[-1], kinds.ResponseCompletedEvent)
    assert isinstance(events[-1].response, litellm.ResponsesAPIResponse)
    assert all(isinstance(event, litellm.types.llms.base.BaseLiteLLMOpenAIResponseObject) for event in events)


def test_a_chat_that_is_marked_for_the_responses_api_goes_there(simulator: Simulator, to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/responses/gpt-4o", ASKED, **to)

    assert answer.choices[0].message.content.startswith("You said")
    assert simulator.requests()[-1].path.endswith("/responses")
    assert sent(simulator)["model"] == "gpt-4o"


def test_responses(to: dict[str, Any]) -> None:
    for model in ("openai/x", "groq/x"):
        answer = litellm.responses("hi", model=model, **to)
        assert answer.output_text.startswith("You said")
        assert answer.output[-1].content[0].text == answer.output_text
        events = [event.type for event in litellm.responses("hi", model=model, stream=True, **to)]
        assert events[0] == "response.created"
        assert events[-1] == "response.completed"


async def test_every_function_has_an_awaited_twin(to: dict[str, Any]) -> None:
    assert (await litellm.acompletion("openai/x", ASKED, **to)).choices[0].message.content
    assert (await litellm.aembedding("openai/x", "a", **to)).data
    assert (await litellm.aresponses("hi", model="openai/x", **to)).output_text
    assert (await litellm.atext_completion("say", model="openai/x", **to)).choices[0].text
    assert (await litellm.aimage_generation("a cat", model="gpt-image-1", **to)).data
    assert (await litellm.aspeech("tts-1", "hi", "alloy", **to)).content
    assert (await litellm.atranscription("whisper-1", ("a.wav", b"RIFF"), **to)).text
    assert (await litellm.arerank("jina_ai/x", "q", ["a"], **to)).results
    assert (await litellm.amoderation("x", **to)).results


def test_a_batch_has_an_exception_where_a_conversation_failed(to: dict[str, Any]) -> None:
    found = litellm.batch_completion("openai/x", [ASKED, [{"no": "role"}]], **to)

    assert found[0].choices
    assert isinstance(found[1], litellm.BadRequestError)


def test_counts_the_provider_did_not_give_are_estimated_and_marked(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/x", ASKED, extra_headers={"x-sim-fault": "no_usage"}, **to)

    assert answer.usage.prompt_tokens > 0
    assert answer._hidden_params["usage_estimated"] is True
    assert answer._hidden_params["response_cost"] is None


def test_a_kind_of_token_the_provider_does_not_tell_apart_is_none(to: dict[str, Any]) -> None:
    details = litellm.completion("openai/x", ASKED, **to).usage.prompt_tokens_details

    assert details.cached_tokens == 0
    assert details.audio_tokens is None


def test_several_models_are_asked_at_once_and_the_first_answer_counts(to: dict[str, Any]) -> None:
    models = ["nobody-knows", "openai/x", "openai/gpt-4o"]

    answer = litellm.batch_completion_models(models=models, messages=ASKED, **to)
    found = litellm.batch_completion_models_all_responses(models=models, messages=ASKED, **to)

    assert answer.model in ("x", "gpt-4o")
    assert [item.model for item in found] == ["x", "gpt-4o"]
    own = [{"model": "openai/y", "api_base": to["api_base"]}]
    assert litellm.batch_completion_models(deployments=own, messages=ASKED, api_key="k").model == "y"
    with pytest.raises(litellm.BadRequestError, match="nobody-knows"):
        litellm.batch_completion_models(models="nobody-knows", messages=ASKED, **to)
    assert litellm.batch_completion_models_all_responses(models=[], messages=ASKED) == []


async def test_calls_with_retries_have_three_further_tries(simulator: Simulator, to: dict[str, Any]) -> None:
    del to["num_retries"]
    to["extra_headers"] = {"x-sim-fault": "unavailable=0; times=3"}

    assert litellm.completion_with_retries("openai/x", ASKED, retry_strategy="constant_retry", **to).choices
    to["extra_headers"] = {"x-sim-fault": "unavailable=0; times=1"}
    answer = await litellm.acompletion_with_retries("openai/x", ASKED, original_function=litellm.acompletion, **to)
    assert answer.choices


def test_all_calls_go_to_the_proxy_of_the_environment_where_that_is_asked_for(
    simulator: Simulator, to: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_PROXY_API_BASE", simulator.url)
    monkeypatch.setenv("LITELLM_PROXY_API_KEY", "sk-proxy")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant")

    for model in ("anthropic/claude-sonnet-4-5", "litellm_proxy/anthropic/claude-sonnet-4-5"):
        assert litellm.completion(model, ASKED, use_litellm_proxy=True).choices
        assert sent(simulator)["model"] == "anthropic/claude-sonnet-4-5"
        assert "use_litellm_proxy" not in sent(simulator)
    litellm.use_litellm_proxy = True
    assert litellm.embedding("openai/text-embedding-3-small", ["a"]).data
    assert sent(simulator)["model"] == "openai/text-embedding-3-small"
    litellm.use_litellm_proxy = False
    monkeypatch.setenv("USE_LITELLM_PROXY", "True")
    assert litellm.completion("team-model", ASKED).choices
    told = sha256(b"sk-proxy").hexdigest()[:16]
    assert simulator.requests()[-1].headers["authorization"] == f"Bearer sha256:{told}"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"timeout": "soon"}, litellm.BadRequestError, "a number of seconds, not 'soon'"),
        ({"timeout": "5", "stream": True, "stream_timeout": 0.001}, litellm.Timeout, "in time"),
        ({"model": None}, litellm.BadRequestError, "not None"),
        ({"fallbacks": [{"api_key": "k"}]}, litellm.BadRequestError, "not ''"),
        ({"fallbacks": [5]}, litellm.BadRequestError, "not 5"),
        ({"metadata": "abc"}, litellm.BadRequestError, "metadata must be a mapping, not str"),
        ({"headers": ["a"]}, litellm.BadRequestError, "headers must be a mapping, not list"),
        ({"extra_headers": 5}, litellm.BadRequestError, "extra_headers must be a mapping, not int"),
        ({"fallbacks": 5}, litellm.BadRequestError, "fallbacks must be a list, not int"),
        ({"additional_drop_params": 5}, litellm.BadRequestError, "additional_drop_params must be a list, not int"),
        ({"custom_llm_provider": ["a"]}, litellm.BadRequestError, "custom_llm_provider must be a string, not list"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_named(
    to: dict[str, Any], given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        litellm.completion(**{"model": "openai/sim-first-200", "messages": ASKED, **to, **given})


def test_images_are_changed_and_varied_and_tokens_counted_by_the_provider(to: dict[str, Any]) -> None:
    image = b"\x89PNG\r\n\x1a\n"

    edited = litellm.image_edit(image=image, prompt="more red", model="openai/gpt-image-1", **to)
    varied = litellm.image_variation(image, model="openai/dall-e-2", **to)

    assert edited.data[0].revised_prompt.startswith("more red of image.png")
    assert varied.data[0].revised_prompt.startswith("A variation of image.png")


async def test_tokens_are_counted_by_the_provider(simulator: Simulator, to: dict[str, Any]) -> None:
    found = await litellm.acount_tokens("anthropic/sim", ASKED, api_base=simulator.url, api_key="key")

    assert (found.total_tokens, found.model_used, found.request_model) == (5, "sim", "anthropic/sim")
    assert simulator.requests()[-1].path.endswith("/count_tokens")


def test_a_key_is_tried(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{simulator.url}/v1")

    assert litellm.check_valid_key("openai/sim", "key") is True
    assert litellm.check_valid_key("openai/sim-fault-401", "key") is False


def test_an_answer_is_read_as_a_dict_is(to: dict[str, Any]) -> None:
    answer = litellm.completion("openai/gpt-4o", ASKED, **to)

    assert dict(answer) == dict(answer.items()) == dict(zip(answer.keys(), answer.values(), strict=True))
    assert answer == answer.model_dump()
    assert answer != 5
    assert "model='gpt-4o'" in repr(answer)
    assert answer._response_ms > 0
    del answer["id"]
    assert "id" not in answer


def test_clients_of_many_variables_do_not_pile_up(to: dict[str, Any]) -> None:
    for number in range(70):
        litellm.completion("openai/gpt-4o", ASKED, organization=f"org-{number}", **to)

    assert len(litellm._calls._clients) <= 64


def test_a_stream_of_texts_has_a_choice_in_every_chunk(to: dict[str, Any]) -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}, **to}
    mocked = litellm.text_completion("a", model="gpt-4o", mock_response="b c", stream=True)

    chunks = list(litellm.text_completion("Go on", model="openai/gpt-3.5-turbo-instruct", **asked))

    assert "".join(chunk.choices[0].text for chunk in chunks).endswith(".")
    assert chunks[-1].usage.total_tokens > 0
    assert "".join(chunk.choices[0].text for chunk in mocked) == "b c"
