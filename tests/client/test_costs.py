"""What decides on the price besides the model and the counts, in the words of each format: whole answers and streams."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import ClauseContains, ClauseStartsWith, ModelInfo, ModelPrice, PriceVariant, Provider

import lingate
from lingate._providers.catalog import cost_of
from lingate.testing import FakeTransport, Reply, Streamed
from tests.dialects.bedrock_converse.support import frame, message

ENV = {
    "AWS_BEARER_TOKEN_BEDROCK": "k" * 20,
    "AWS_REGION": "us-east-1",
    "VERTEXAI_PROJECT": "p",
    "ANTHROPIC_API_KEY": "k",
    "GEMINI_API_KEY": "k",
    "OPENAI_API_KEY": "k",
    "MISTRAL_API_KEY": "k",
    "DEEPINFRA_API_KEY": "k",
}
QUESTION = [{"role": "user", "content": "hi"}]
MILLION = 1_000_000


def _dollars(**prices: str) -> ModelPrice:
    return ModelPrice(**{name: Decimal(price) for name, price in prices.items()})


def _model(name: str, prefix: str = "", **prices: str) -> ModelInfo:
    half = PriceVariant({"processing": "batch"}, _dollars(**{kind: str(Decimal(p) / 2) for kind, p in prices.items()}))
    variants = [half] if name.startswith("claude") else None
    return ModelInfo(prefix + name, ClauseContains(name), prices=_dollars(**prices), price_variants=variants)


CLAUDE = {"input_mtok": "2", "cache_write_mtok": "2.5", "cache_write_1h_mtok": "4", "output_mtok": "10"}
PLAIN = {"input_mtok": "2", "output_mtok": "10"}
SNAPSHOT = DataSnapshot(
    [
        Provider(
            "aws",
            "AWS",
            "https://bedrock-runtime\\.",
            models=[
                _model("global.anthropic.claude-sonnet-5", **CLAUDE),
                _model("claude-sonnet-5", "regional.anthropic.", **{**CLAUDE, "input_mtok": "2.2"}),
                _model("nova", **PLAIN),
            ],
        ),
        Provider(
            "google",
            "Google",
            "https://(.*\\.)?googleapis\\.com",
            models=[_model("gemini-2.5", **PLAIN), _model("gemini-3.5", **PLAIN), _model("claude", **CLAUDE)],
        ),
        Provider(
            "anthropic",
            "Anthropic",
            "https://api\\.anthropic",
            models=[_model("claude", web_searches_kcount="10", **PLAIN)],
        ),
        Provider(
            "openai",
            "OpenAI",
            "https://api\\.openai",
            models=[
                _model("gpt-4o-audio", **PLAIN),
                ModelInfo("whisper", ClauseStartsWith("whisper"), prices=_dollars(audio_hours="0.36")),
            ],
        ),
        Provider("cohere", "Cohere", "https://api\\.cohere", models=[_model("embed-v4.0", **PLAIN)]),
        Provider("mistral", "Mistral", "https://api\\.mistral", models=[_model("voxtral", audio_hours="3.6", **PLAIN)]),
    ],
    from_auto_update=True,
)


@pytest.fixture(autouse=True)
def prices() -> Iterator[None]:
    set_custom_snapshot(SNAPSHOT)
    try:
        yield
    finally:
        set_custom_snapshot(None)


def _client(answer: Any, **env: str) -> lingate.Lingate:
    return lingate.Lingate(transport=FakeTransport(answer), env={**ENV, **env}, retries=0)


def _asked(model: str, answer: Any, stream: bool, **env: str) -> Any:
    ask = partial(_client(answer, **env).chat, model, QUESTION, api_key="k", max_tokens=9)
    return ask(stream=True).final() if stream else ask()


def _both(model: str, body: dict[str, Any], stream: bytes, headers: dict[str, str] | None = None, **env: str) -> Any:
    """The cost of a whole answer, which is that of the stream: in one piece, and byte by byte."""
    kind = "application/vnd.amazon.eventstream" if model.startswith("bedrock") else "text/event-stream"
    flowing = {"content-type": kind, **(headers or {})}
    whole = _asked(model, Reply(body, headers=headers or {}), stream=False, **env)
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        streamed = _asked(model, Streamed(pieces, headers=flowing), stream=True, **env)
        assert streamed.cost_details == whole.cost_details
        assert streamed.usage.to_dict() == whole.usage.to_dict()
    return whole


def _converse(model: str, usage: dict[str, Any], **fields: Any) -> Any:
    said = {"text": "Hi"}
    frames = [
        frame("messageStart", {"role": "assistant"}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": said}),
        frame("contentBlockStop", {"contentBlockIndex": 0}),
        frame("messageStop", {"stopReason": "end_turn"}),
        frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}, **fields}),
    ]
    return _both(f"bedrock/{model}", message(said, usage=usage, **fields), b"".join(frames))


def _gemini(model: str, location: str = "global", **usage: Any) -> Any:
    counts = {"promptTokenCount": MILLION, "candidatesTokenCount": 1, "totalTokenCount": MILLION + 1, **usage}
    content = {"role": "model", "parts": [{"text": "Hi"}]}
    body = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": counts}
    return _both(model, body, b"data: " + json.dumps(body).encode() + b"\n\n", VERTEXAI_LOCATION=location)


def _anthropic(model: str, location: str = "global", **usage: Any) -> Any:
    counts = {"input_tokens": MILLION, "output_tokens": 0, **usage}
    begun = {"id": "m", "type": "message", "role": "assistant", "model": model.rpartition("/")[2].partition("@")[0]}
    body = {**begun, "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": counts}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**begun, "content": [], "usage": counts}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}},
        {"type": "message_stop"},
    ]
    stream = b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
    return _both(model, body, stream, VERTEXAI_LOCATION=location)


def test_a_cache_that_lasts_an_hour_costs_more_at_bedrock_too() -> None:
    written = {"inputTokens": 0, "outputTokens": 0, "totalTokens": MILLION, "cacheWriteInputTokens": MILLION}
    lasting = [{"ttl": "1h", "inputTokens": 600_000}, {"ttl": "5m", "inputTokens": 400_000}]

    answer = _converse("global.anthropic.claude-sonnet-5", {**written, "cacheDetails": lasting})

    assert answer.cost_details.parts == pytest.approx({"cache_write_1h": 2.4, "cache_write": 1.0})
    told = answer.usage.to_dict()["cache_creation"]
    assert told == {"ephemeral_1h_input_tokens": 600_000, "ephemeral_5m_input_tokens": 400_000}


@pytest.mark.parametrize("tier", [{"serviceTier": {"type": "flex"}}, {"performanceConfig": {"latency": "optimized"}}])
def test_a_tier_of_bedrocks_without_a_price_leaves_the_cost_open(tier: dict[str, Any]) -> None:
    usage = {"inputTokens": MILLION, "outputTokens": 0, "totalTokens": MILLION}

    answer = _converse("nova", usage, **tier)

    word = next(iter(next(iter(tier.values())).values()))
    assert answer.cost is None
    assert answer.cost_details.reason == f"the price catalogue has no {word} price of nova"
    assert _converse("nova", usage, serviceTier={"type": "default"}).cost == pytest.approx(2.0)


def test_the_tier_of_a_model_that_is_invoked_is_in_a_header() -> None:
    nova = message({"text": "Hi"}, usage={"inputTokens": MILLION, "outputTokens": 0, "totalTokens": MILLION})
    chunks: list[dict[str, Any]] = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": nova["usage"]}},
    ]
    stream = b"".join(
        frame("chunk", {"bytes": base64.b64encode(json.dumps(each).encode()).decode()}) for each in chunks
    )

    for tier, dollars in (("flex", None), ("default", 2.0)):
        told = _both("bedrock/invoke/amazon.nova-lite-v1:0", nova, stream, {"x-amzn-bedrock-service-tier": tier})
        assert told.cost == dollars


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ({"serviceTier": "flex"}, "flex"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned"),
    ],
)
def test_a_tier_of_geminis_without_a_price_leaves_the_cost_open(told: dict[str, str], tier: str) -> None:
    answer = _gemini("gemini/gemini-2.5-flash", **told)

    assert answer.cost is None
    assert answer.cost_details.reason == f"the price catalogue has no {tier} price of gemini-2.5"
    assert _gemini("gemini/gemini-2.5-flash", serviceTier="standard", trafficType="ON_DEMAND").cost == pytest.approx(
        2.00001
    )


def test_bedrocks_answers_do_not_say_that_they_were_made_anywhere() -> None:
    # The answer names the model alone, and what costs more is to have it in a region.
    usage = {"input_tokens": MILLION, "output_tokens": 0}
    body = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": "Hi"}],
    }
    answer = Reply({**body, "stop_reason": "end_turn", "usage": usage})

    for asked, dollars in (("global.anthropic.claude-sonnet-5", 2.0), ("us.anthropic.claude-sonnet-5", 2.2)):
        assert _asked(f"bedrock/invoke/{asked}", answer, stream=False).cost == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("nova", 2.0),
        ("us.nova", 2.0),
        ("eu.nova", None),
        ("us-gov.nova", None),
        ("eu.anthropic.claude-sonnet-5", 2.2),
        ("us-gov.anthropic.claude-sonnet-5", None),
    ],
)
def test_the_catalogue_knows_what_bedrock_takes_in_the_united_states(model: str, dollars: float | None) -> None:
    answer = _converse(model, {"inputTokens": MILLION, "outputTokens": 0, "totalTokens": MILLION})

    assert answer.cost == dollars
    where = model.partition(".")[0]
    assert (dollars is not None) or answer.cost_details.reason.startswith(
        f"the price catalogue has no {where} price of "
    )


def test_a_deployments_name_may_say_the_region_too() -> None:
    usage = {"prompt_tokens": MILLION, "completion_tokens": 0}

    found = [
        cost_of("bedrock", f"{region}/nova", usage).total for region in ("us-east-2", "eu-west-2", "us-gov-west-1")
    ]

    assert found == [2.0, None, None]


@pytest.mark.parametrize(
    ("told", "dollars"),
    [
        ({"inference_geo": "us"}, 2.2),
        ({"inference_geo": "global"}, 2.0),
        ({"inference_geo": "not_available"}, 2.0),
        ({"inference_geo": "us", "server_tool_use": {"web_search_requests": 100}}, 3.2),
        ({"service_tier": "batch"}, 1.0),
        ({"service_tier": "standard", "speed": "standard"}, 2.0),
        ({"service_tier": "priority"}, None),
        ({"speed": "fast"}, None),
    ],
)
def test_where_and_how_fast_anthropic_answers_decides_on_the_price(told: dict[str, Any], dollars: float | None) -> None:
    answer = _anthropic("anthropic/claude-sonnet-5", **told)

    assert answer.cost == (None if dollars is None else pytest.approx(dollars))


@pytest.mark.parametrize(
    ("model", "location", "dollars"),
    [
        ("claude-sonnet-4-5@20250929", "global", 2.0),
        ("claude-sonnet-4-5@20250929", "us-east5", 2.2),
        ("claude-opus-5", "eu", 2.2),
        ("claude-sonnet-4@20250514", "us-east5", 2.0),
        ("gemini-3.5-flash", "us-central1", 2.2),
        ("gemini-3.5-flash", "global", 2.0),
        ("gemini-2.5-flash", "us-central1", 2.0),
    ],
)
def test_newer_models_cost_more_in_a_region_of_google_clouds(model: str, location: str, dollars: float) -> None:
    ask = _anthropic if model.startswith("claude") else _gemini

    assert ask(f"vertex_ai/{model}", location).cost == pytest.approx(dollars, rel=1e-4)


def _chat(model: str, **usage: Any) -> Any:
    said = {"role": "assistant", "content": "Hi"}
    body = {"id": "c", "model": model.rpartition("/")[2], "created": 1, "usage": usage}
    whole = {**body, "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    last = {**body, "choices": [{"index": 0, "delta": said, "finish_reason": "stop"}]}
    return _both(model, whole, f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())


def test_sound_is_never_priced_as_text_where_a_model_is_made_for_sound() -> None:
    sound: dict[str, Any] = {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": {"audio_tokens": 10}}

    spoken = _chat("openai/gpt-4o-audio-preview", **sound)

    assert spoken.cost is None
    assert spoken.cost_details.reason == "the price catalogue has no price for the input audio of gpt-4o-audio"


def test_sound_that_is_paid_for_by_the_hour_is_no_text_besides() -> None:
    details = {"audio_tokens": 375}
    counts = {"prompt_tokens": 9, "completion_tokens": 100, "total_tokens": 484, "prompt_tokens_details": details}

    heard = _chat("mistral/voxtral-small-latest", prompt_audio_seconds=3, **counts)

    assert heard.cost_details.parts == pytest.approx({"input": 0.000018, "output": 0.001, "audio_seconds": 0.003})
    assert _chat("mistral/voxtral-small-latest", **counts).cost is None


def test_a_transcript_that_tells_seconds_is_paid_for_by_the_hour() -> None:
    answer = _client(Reply({"text": "Hi", "usage": {"type": "duration", "seconds": 50}})).transcribe(
        "openai/whisper-1", b"RIFF"
    )

    assert answer.cost == pytest.approx(0.005)


def test_what_cohere_bills_besides_text_is_not_left_out() -> None:
    body = {"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 10, "image_tokens": 90}}}

    found = _client(Reply(body)).embed("cohere/embed-v4.0", "hi", api_key="k").cost_details

    assert (found.total, found.reason) == (None, "the price catalogue has no price for the image tokens of embed-v4.0")
    assert found.parts == pytest.approx({"input": 0.00002})


@pytest.mark.parametrize(("told", "cost"), [("0.00025", 0.00025), ("0.0", None), ("None", None), ("nan", None)])
def test_a_gateway_tells_in_a_header_what_an_answer_cost(told: str, cost: float | None) -> None:
    said = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [said], "usage": usage}
    reply = Reply(body, headers={"x-litellm-response-cost": told})

    answer = _client(reply).chat("litellm_proxy/m", QUESTION, api_key="k", api_base="http://proxy.test/v1")

    assert (answer.cost, answer.usage.to_dict().get("cost")) == (cost, cost)
    assert answer.raw == body


@pytest.mark.parametrize("name", ["estimated_cost", "cost_usd_total"])
def test_what_a_provider_says_an_answer_costs_has_several_names(name: str) -> None:
    answer = _chat("deepinfra/any/model", prompt_tokens=3, completion_tokens=1, total_tokens=4, **{name: 0.00025})

    assert (answer.cost, answer.cost_details.source) == (0.00025, "reported by the provider")
