"""What is known about models and providers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.compat import litellm
from lingate.compat.litellm._names import CAPABILITIES


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("ft:gpt-4o-mini:mine", "openai"),
        ("text-embedding-3-small", "openai"),
        ("whisper-1", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "vertex_ai"),
        ("command-r-plus", "cohere"),
        ("mistral-large-latest", "mistral"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "bedrock"),
        ("us.amazon.nova-pro-v1:0", "bedrock"),
    ],
)
def test_a_bare_name_of_a_well_known_family_has_a_provider(model: str, provider: str) -> None:
    assert litellm.get_llm_provider(model) == (model, provider, None, None)


def test_a_provider_is_told_by_the_slash_by_an_argument_or_by_the_address() -> None:
    assert litellm.get_llm_provider("groq/a/b")[:2] == ("a/b", "groq")
    assert litellm.get_llm_provider("a/b", custom_llm_provider="together_ai")[:2] == ("a/b", "together_ai")
    assert litellm.get_llm_provider("groq/a", custom_llm_provider="groq")[:2] == ("a", "groq")
    assert litellm.get_llm_provider("a/b", api_base="https://api.groq.com/openai/v1")[:2] == ("a/b", "groq")
    with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
        litellm.get_llm_provider("no-such-vendor/llama")


def test_every_provider_of_the_model_names_has_a_row() -> None:
    from lingate._providers import lookup
    from lingate._providers.rows_models import MODEL_NAMES

    assert all(lookup.find(provider) for _, provider in MODEL_NAMES)


def test_what_is_known_of_a_model() -> None:
    info = litellm.get_model_info("gpt-4o")

    assert info["key"] == "gpt-4o"
    assert (info["litellm_provider"], info["mode"]) == ("openai", "chat")
    assert (info["max_input_tokens"], info["max_output_tokens"], info["max_tokens"]) == (128_000, 16_384, 16_384)
    assert info["input_cost_per_token"] == pytest.approx(2.5e-06)
    assert info["output_cost_per_token"] == pytest.approx(1e-05)
    assert info["supports_vision"] is True
    assert "tools" in info["supported_openai_params"]
    assert litellm.get_max_tokens("gpt-4o") == 16_384
    assert litellm.model_cost["gpt-4o"]["input_cost_per_token"] == info["input_cost_per_token"]


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("gpt-6.2-sol", (922_000, 128_000)),
        ("gpt-5.4-mini", (272_000, 128_000)),
        ("ft:gpt-4.1-mini-2025-04-14:me::1", (1_047_576, 32_768)),
        ("claude-opus-4-5", (200_000, 64_000)),
        ("claude-haiku-5-5", (1_000_000, 128_000)),
        ("openrouter/anthropic/claude-opus-4.6", (1_000_000, 128_000)),
        ("gemini/gemini-4-argon", (1_048_576, 1_048_576)),
        ("gemini/gemini-flash-latest", (1_048_576, 65_536)),
        ("xai/grok-4.7", (500_000, 500_000)),
        ("xai/grok-4.20-reasoning", (1_000_000, 1_000_000)),
        ("xai/grok-4-0709", (256_000, 256_000)),
        ("deepseek-v4-pro", (1_000_000, 393_216)),
        ("moonshot/kimi-k3.1-pro", (1_048_576, 1_048_576)),
        ("zai/glm-5.3", (1_000_000, 128_000)),
        ("mistral/mistral-large-4", (1_048_576, 1_048_576)),
        ("mistral/mistral-large-latest", (262_144, 262_144)),
        ("mistral/magistral-medium-latest", (262_144, 262_144)),
    ],
)
def test_the_limits_of_a_model_are_those_of_its_generation(model: str, limits: tuple[int, int]) -> None:
    info = litellm.get_model_info(model)

    assert (info["max_input_tokens"], info["max_output_tokens"]) == limits


def test_an_unknown_model_is_said_to_be_unknown() -> None:
    with pytest.raises(litellm.ModelNotMappedError, match=r"isn't mapped yet.*model_prices_and_context_window\.json"):
        litellm.get_model_info("groq/no-such-model-at-all")
    with pytest.raises(litellm.ModelNotMappedError):
        litellm.get_max_tokens("no-such-model-at-all")
    assert litellm.supports_vision("no-such-model-at-all") is False


@pytest.mark.parametrize("name", sorted(CAPABILITIES))
def test_each_question_about_a_model_has_an_answer(name: str) -> None:
    question = getattr(litellm, name)

    assert isinstance(question("gpt-4o"), bool)
    assert question.__name__ == name


def test_capabilities() -> None:
    assert litellm.supports_reasoning("o3")
    assert not litellm.supports_reasoning("gpt-4o")
    assert litellm.supports_function_calling("anthropic/claude-sonnet-4-5")
    assert litellm.supports_vision("openrouter/anthropic/claude-sonnet-4-5")
    assert not litellm.supports_function_calling("gpt-3.5-turbo-instruct")


def test_a_model_can_be_registered() -> None:
    litellm.register_model({"mine-for-this-test": {"max_tokens": 5, "supports_vision": True, "litellm_provider": "x"}})

    assert litellm.get_max_tokens("mine-for-this-test") == 5
    assert litellm.supports_vision("mine-for-this-test")
    assert litellm.model_cost["mine-for-this-test"]["max_tokens"] == 5


def test_parameters_a_provider_refuses_are_not_listed() -> None:
    groq = litellm.get_supported_openai_params("groq/llama-3.3-70b-versatile")

    assert "temperature" in groq
    assert "logprobs" not in groq
    assert "reasoning_effort" in litellm.get_supported_openai_params("o3")
    assert "dimensions" in litellm.get_supported_openai_params("openai/x", request_type="embeddings")
    assert litellm.get_supported_openai_params("nothing-known") is None


def test_the_environment_is_checked_for_every_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    assert litellm.validate_environment("groq/x") == {"keys_in_environment": False, "missing_keys": ["GROQ_API_KEY"]}
    monkeypatch.setenv("GROQ_API_KEY", "k")
    assert litellm.validate_environment("groq/x") == {"keys_in_environment": True, "missing_keys": []}
    assert litellm.validate_environment("ollama/x")["keys_in_environment"]
    assert litellm.validate_environment("gpt-4o", api_key="k")["keys_in_environment"]
    assert litellm.validate_environment() == {"keys_in_environment": False, "missing_keys": []}
    for provider in ("scaleway", "nebius"):
        assert not litellm.validate_environment(f"{provider}/x")["keys_in_environment"]


def test_providers_and_their_models_are_listed() -> None:
    assert {"openai", "anthropic", "groq"} <= set(litellm.provider_list)
    assert "gpt-4o" in litellm.models_by_provider["openai"]
    assert "gpt-4o" in litellm.model_list


def test_models_that_could_be_called_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gpt-4o" not in litellm.get_valid_models()
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert "gpt-4o" in litellm.get_valid_models()


def test_costs_of_counts() -> None:
    prompt, answer = litellm.cost_per_token("gpt-4o", 1000, 100)
    assert (prompt, answer) == (pytest.approx(0.0025), pytest.approx(0.001))

    cached, _ = litellm.cost_per_token("gpt-4o", 1000, 100, cache_read_input_tokens=1000)
    assert cached == pytest.approx(0.00125)
    mine = {"input_cost_per_token": 1.0, "output_cost_per_token": 2.0}
    assert litellm.cost_per_token("x/y", 3, 4, custom_cost_per_token=mine) == (3.0, 8.0)
    assert litellm.completion_cost(model="gpt-4o", prompt="hello", completion="you") > 0
    response = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    assert litellm.completion_cost(response) == pytest.approx(0.0035)
    for model in ("openai/gpt-4o", "gpt-4o"):  # behind a gateway that has not said what it cost
        assert litellm.completion_cost(response, f"litellm_proxy/{model}") == pytest.approx(0.0035)
    with pytest.raises(litellm.NotFoundError, match="no price"):
        litellm.cost_per_token("litellm_proxy/mine", 1, 1)


def test_a_cost_that_is_not_known_is_an_error_and_never_zero() -> None:
    with pytest.raises(litellm.NotFoundError, match="no price"):
        litellm.cost_per_token("groq/no-such-model-at-all", 1, 1)
    assert litellm.response_cost_calculator({"model": "groq/no-such", "usage": {"prompt_tokens": 1}}) is None


def test_tokens_are_estimated_close_to_what_tokenizers_say() -> None:
    # Counted with o200k_base.
    assert (
        13
        <= litellm.token_counter("gpt-4o", messages=[{"role": "user", "content": "Hello, how are you doing today?"}])
        <= 17
    )
    text = "The quick brown fox jumps over the lazy dog, internationalization!"
    assert 11 <= litellm.token_counter("gpt-4o", text=text) <= 17
    assert litellm.token_counter(text=["a", "b"]) == 2
    assert litellm.token_counter(text="") == 0


def test_tools_images_and_a_tokenizer_of_ones_own_count() -> None:
    asked = [{"role": "user", "content": "a"}]
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]

    class Letters:
        def encode(self, text: str) -> list[str]:
            return list(text)

    assert litellm.token_counter(messages=asked, tools=[{"type": "function"}]) > litellm.token_counter(messages=asked)
    assert litellm.token_counter(messages=image) > 100
    assert litellm.token_counter(text="abc", custom_tokenizer=Letters()) == 3
    assert litellm.token_counter(text="abc", custom_tokenizer={"type": "x", "tokenizer": Letters()}) == 3


def test_providers_can_be_told_by_a_member_of_an_enum() -> None:
    from lingate.compat.litellm.types.utils import LlmProviders

    assert (LlmProviders.OPENAI.value, LlmProviders("vertex_ai").name) == ("openai", "VERTEX_AI")
    assert LlmProviders.TOGETHER_AI == "together_ai"
    assert isinstance(LlmProviders.GROQ, LlmProviders)
    assert litellm.get_llm_provider("x", custom_llm_provider=LlmProviders.GROQ)[:2] == ("x", "groq")
    assert litellm.get_model_cost_map(url="") is litellm.model_cost


LONG = "one two three four five six seven eight nine ten " * 20


def roles(messages: list[dict[str, object]]) -> list[object]:
    return [message["role"] for message in messages]


def test_the_newest_messages_that_fit_are_kept_behind_those_of_the_system() -> None:
    asked = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": LONG},
        {"role": "system", "content": "be kind"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "second"},
    ]
    before = [dict(message) for message in asked]

    trimmed = litellm.trim_messages(asked, "gpt-4o", max_tokens=60)

    assert asked == before
    assert roles(trimmed) == ["system", "user", "assistant", "user"]
    assert trimmed[0]["content"] == "be brief\nbe kind"
    assert trimmed[1]["content"].startswith("one two")
    assert ".." in trimmed[1]["content"]
    assert trimmed[2:] == asked[3:]
    assert litellm.token_counter(messages=trimmed) <= 60 + 3


def test_what_fits_and_what_is_for_a_model_of_unknown_size_is_left_as_it_is() -> None:
    asked = [{"role": "user", "content": LONG}]

    assert litellm.trim_messages(asked, "gpt-4o") == asked
    assert litellm.trim_messages(asked * 2000, model="nobody/knows") == asked * 2000
    assert len(litellm.trim_messages(asked * 2000, model="openai/gpt-4o")) < 600
    assert len(litellm.trim_messages(asked * 2000, "gpt-4o", 0.1)) < 80
    kept, left = litellm.utils.trim_messages(asked, "gpt-4o", return_response_tokens=True, max_tokens=1000)
    assert (kept, left) == (asked, 1000 - litellm.token_counter(messages=asked))


def test_what_a_tool_answered_is_kept_with_its_call_or_not_at_all() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}
    turn = [call, {"role": "tool", "tool_call_id": "1", "content": LONG}]
    asked = [{"role": "user", "content": LONG}, *turn, {"role": "user", "content": "now"}]

    assert litellm.trim_messages(asked, max_tokens=40)[-1:] == asked[-1:]
    assert not {"tool", "assistant"} & set(roles(litellm.trim_messages(asked, max_tokens=40)))
    assert litellm.trim_messages(asked[:3], max_tokens=20) == turn
    assert (
        litellm.trim_messages([*turn, {"role": "user", "content": [{"type": "text", "text": LONG}]}], max_tokens=9)
        == []
    )


def test_a_system_message_alone_loses_its_middle_too() -> None:
    (system,) = litellm.trim_messages([{"role": "system", "content": LONG}, *ASKED_LONG], max_tokens=30)

    assert system["role"] == "system"
    assert litellm.token_counter(messages=[system]) <= 30


ASKED_LONG = [{"role": "user", "content": LONG}]


@given(
    st.lists(
        st.builds(
            lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant"]), st.text()
        ),
        max_size=8,
    ),
    st.integers(0, 80),
)
def test_trimmed_messages_fit_and_are_the_newest_in_their_order(asked: list[dict[str, str]], room: int) -> None:
    trimmed = litellm.trim_messages(asked, max_tokens=room)

    assert litellm.token_counter(messages=trimmed) <= max(room, 0)
    assert len(trimmed) <= len(asked)
    whole = [message for message in trimmed if ".." not in message["content"]]
    rest = iter(asked)
    assert all(message in rest for message in whole)


@given(st.text())
def test_a_text_becomes_as_many_numbers_as_are_counted_and_itself_again(text: str) -> None:
    numbers = litellm.encode(model="gpt-4o", text=text)

    assert litellm.decode(model="gpt-4o", tokens=numbers) == text
    assert len(numbers) == litellm.token_counter(text=text) or not text.strip()
    assert "".join(litellm.decode(tokens=[number]) for number in numbers) == text


def test_numbers_of_an_applications_tokenizer_are_its_own() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0, "tide": 1, "moon": 2}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()

    made = litellm.utils.create_tokenizer(words.to_str())

    assert litellm.encode(text="moon tide", custom_tokenizer=made) == [2, 1]
    assert litellm.decode(tokens=[2, 1], custom_tokenizer=made) == "moon tide"
    assert litellm.token_counter(text="tide tide moon", custom_tokenizer=made) == 3


def test_counts_of_the_responses_api_can_be_made() -> None:
    from lingate.compat.litellm.types.llms.openai import ResponseAPIUsage, ResponsesAPIResponse

    answer = ResponsesAPIResponse(id="r", output=[], usage=ResponseAPIUsage(input_tokens=1, output_tokens=2))

    assert (answer.usage.output_tokens, answer.usage["input_tokens"]) == (2, 1)
