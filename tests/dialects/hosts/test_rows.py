"""Hosts whose difference is in their rows: addresses, names, quirks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._model import Head
from lingate._providers.lookup import resolve
from lingate.errors import (
    BY_KIND,
    AuthenticationError,
    ContextLengthError,
    LingateError,
    OverloadedError,
    QuotaExceededError,
    StreamInterruptedError,
)
from tests.dialects.hosts.support import HELLO, KEY, TOOL, ask, chat_answer, chunk, events_of, place, read, sse, wire
from tests.dialects.short import collect
from tests.dialects.short import failed as broken


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("moonshot/kimi-k3.1-pro", "low", {"reasoning_effort": "low"}),
        ("moonshot/kimi-k3.1-pro", "none", {"reasoning_effort": "low"}),
        ("moonshotai-cn/kimi-k3", "xhigh", {"reasoning_effort": "high"}),
        ("moonshot/kimi-k2.6", "none", {"thinking": {"type": "disabled"}}),
        ("mistral/mistral-medium-3-5", "low", {"reasoning_effort": "high"}),
        ("mistral/mistral-large-4", "none", {"reasoning_effort": "none"}),
        ("mistral/zai-glm-5-3", "medium", {"reasoning_effort": "low"}),
        ("xai/grok-4.7", "none", {"reasoning_effort": "low"}),
        ("xai/grok-4.6", "max", {"reasoning_effort": "xhigh"}),
        ("xai/grok-4.3-latest", "xhigh", {"reasoning_effort": "high"}),
        ("xai/grok-4.3", "none", {"reasoning_effort": "none"}),
        ("xai/grok-5", "none", {"reasoning_effort": "low"}),
        ("xai/grok-4.5", "xhigh", {"reasoning_effort": "high"}),
        ("databricks/databricks-grok-4-7", "none", {"reasoning_effort": "low"}),
        ("zai/glm-5.3", "none", {"reasoning_effort": "low"}),
        ("zhipuai/glm-6", "max", {"reasoning_effort": "max"}),
        ("zai/glm-5.2", "max", {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
        ("zai/glm-5.2", "none", {"thinking": {"type": "disabled"}}),
        ("zai/glm-4.6", "max", {"thinking": {"type": "enabled"}}),
        ("qwencloud/qwen3.8-max", "high", {"enable_thinking": True, "reasoning_effort": "medium"}),
        ("dashscope/qwen3.8-flash", "none", {"enable_thinking": False}),
        ("dashscope/qwen3.7-max", "low", {"enable_thinking": True}),
        ("minimax/MiniMax-M3", "high", {"thinking": {"type": "adaptive"}}),
        ("minimax-cn/MiniMax-M3", "none", {"thinking": {"type": "disabled"}}),
        ("minimax/MiniMax-M3.1-Flash", "none", {"reasoning_effort": "low"}),
        ("openrouter/openai/gpt-6-astra", "max", {"reasoning": {"effort": "max"}}),
        ("regolo-ai/m", "high", {"thinking": True, "reasoning_effort": "high"}),
    ],
)
def test_each_model_is_told_the_effort_in_words_that_it_takes(model: str, asked: str, sent: Any) -> None:
    body = wire(place(model, {"DATABRICKS_HOST": "https://adb.example"}, api_key=KEY), reasoning_effort=asked)

    words = ("reasoning_effort", "reasoning", "thinking", "enable_thinking")
    assert {name: body[name] for name in words if name in body} == sent


def test_a_budget_for_thinking_that_only_adapts_is_told_as_dropped() -> None:
    sent = ask(
        place("minimax/MiniMax-M3", api_key=KEY), messages=HELLO, thinking={"type": "enabled", "budget_tokens": 2000}
    )

    assert json.loads(sent.body)["thinking"] == {"type": "adaptive"}
    assert sent.dropped == ["thinking.budget_tokens"]


@pytest.mark.parametrize(
    ("model", "path"),
    [("gpt-5.2", "chat/completions"), ("gpt-5.4", "responses"), ("gpt-6-sol", "responses"), ("gpt-7", "responses")],
)
def test_a_subscription_s_later_models_are_asked_for_responses(model: str, path: str) -> None:
    assert ask(place(f"github_copilot/{model}", api_key=KEY)).url == f"https://api.githubcopilot.com/{path}"


@pytest.mark.parametrize(
    ("model", "choice"), [("deepseek-flash", "auto"), ("deepseek-v5", "auto"), ("deepseek-chat", "required")]
)
def test_no_call_is_demanded_of_what_thinks(model: str, choice: str) -> None:
    body = wire(place(f"deepseek/{model}", api_key=KEY), tools=[TOOL], tool_choice="required")

    assert body["tool_choice"] == choice


@pytest.mark.parametrize(
    "model",
    ["grok-3", "grok-4", "grok-4-0709", "grok-4-1-fast-reasoning", "grok-4.20-0309-reasoning", "grok-build-0.1"],
)
@pytest.mark.parametrize(
    "asked", [{"reasoning_effort": "high"}, {"thinking": {"type": "enabled", "budget_tokens": 3000}}]
)
def test_groks_without_a_dial_are_told_no_effort(model: str, asked: Any) -> None:
    sent = ask(place(f"xai/{model}", api_key=KEY), drop=True, **asked)

    assert json.loads(sent.body).keys() == {"model", "messages"}
    assert "reasoning_effort" in sent.dropped


@pytest.mark.parametrize("model", ["grok-3-mini", "grok-4.20-multi-agent-0309", "grok-4.3", "grok-4.6"])
def test_the_other_groks_are_told_it(model: str) -> None:
    assert wire(place(f"xai/{model}", api_key=KEY), reasoning_effort="low")["reasoning_effort"] == "low"


@pytest.mark.parametrize("model", ["moonshot/kimi-k3", "moonshotai-cn/kimi-k2.6", "xiaomi_mimo/mimo-v2.5-pro"])
def test_a_turn_with_calls_whose_reasoning_the_client_dropped_has_a_space_for_it(model: str) -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    called = {"role": "assistant", "content": "", "tool_calls": calls}
    thought = {**called, "reasoning_content": "Hm."}
    result = {"role": "tool", "tool_call_id": "c1", "content": "1"}
    said = {"role": "assistant", "content": "So."}
    messages = [*HELLO, called, result, thought, result, said, *HELLO]

    sent = wire(place(model, api_key=KEY), messages=messages)["messages"]
    silent = wire(place(model, api_key=KEY), messages=messages, thinking={"type": "disabled"}, drop=True)

    assert [message.get("reasoning_content") for message in sent if message["role"] == "assistant"] == [
        " ",
        "Hm.",
        None,
    ]
    owed = None if silent.get("thinking") == {"type": "disabled"} else " "
    assert silent["messages"][1].get("reasoning_content") == owed


class TestDatabricks:
    ENV = {"DATABRICKS_HOST": "https://adb.example", "DATABRICKS_TOKEN": KEY}

    @pytest.mark.parametrize(
        "host", ["adb.example", "https://adb.example", "https://adb.example/", "https://adb.example/serving-endpoints"]
    )
    def test_its_host_is_often_told_without_a_scheme(self, host: str) -> None:
        to = place("databricks/m", {**self.ENV, "DATABRICKS_HOST": host})

        assert to.url == "https://adb.example/serving-endpoints"

    def at(self, model: str = "databricks-claude-sonnet-4") -> Any:
        return place(f"databricks/{model}", self.ENV)

    @pytest.mark.parametrize("base", ["https://adb.example", "https://adb.example/serving-endpoints"])
    def test_the_address(self, base: str) -> None:
        to = place("databricks/m", {"DATABRICKS_API_BASE": base, "DATABRICKS_API_KEY": KEY})

        assert ask(to).url == "https://adb.example/serving-endpoints/chat/completions"

    def test_names_are_left_out_and_text_is_no_list(self) -> None:
        messages = [
            {"role": "user", "name": "n", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
        ]
        sent = ask(self.at(), messages=messages)

        assert json.loads(sent.body)["messages"] == [{"role": "user", "content": "a\nb"}]
        assert sent.dropped == ["messages[0].name"]

    @pytest.mark.parametrize(
        ("fields", "thinking"),
        [
            ({"reasoning_effort": "low"}, {"type": "enabled", "budget_tokens": 2048}),
            ({"reasoning_effort": "high", "max_tokens": 5000}, {"type": "enabled", "budget_tokens": 4999}),
            ({"reasoning_effort": "none"}, {"type": "disabled"}),
            ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, {"type": "enabled", "budget_tokens": 3000}),
        ],
    )
    def test_claude_thinks_by_a_number_of_tokens(self, fields: Any, thinking: Any) -> None:
        sent = ask(self.at(), **fields)

        assert json.loads(sent.body)["thinking"] == thinking
        assert sent.dropped == []

    @pytest.mark.parametrize(
        ("model", "fields", "thinking", "effort", "dropped"),
        [
            ("opus-5-5", {"reasoning_effort": "xhigh"}, "adaptive", "xhigh", []),
            ("opus-5-5", {"reasoning_effort": "none"}, "adaptive", "low", ["reasoning_effort=none (sent as low)"]),
            ("sonnet-5-5", {"reasoning_effort": "none"}, "between_tools", None, []),
            ("sonnet-5", {"reasoning_effort": "none"}, "disabled", None, []),
            (
                "opus-6",
                {"thinking": {"type": "enabled", "budget_tokens": 3000}},
                "adaptive",
                None,
                ["thinking.budget_tokens"],
            ),
        ],
    )
    def test_claude_that_knows_no_numbers_is_told_how_hard_to_think(
        self, model: str, fields: Any, thinking: str, effort: str | None, dropped: list[str]
    ) -> None:
        sent = ask(self.at(f"databricks-claude-{model}"), **fields)

        body = json.loads(sent.body)
        assert (body["thinking"], sent.dropped) == ({"type": thinking}, dropped)
        assert body.get("output_config") == (effort and {"effort": effort})

    def test_other_models_take_the_effort(self) -> None:
        assert wire(self.at("databricks-gpt-5"), reasoning_effort="low")["reasoning_effort"] == "low"

    def test_claude_s_reasoning_comes_and_goes_back_as_blocks_of_the_content(self) -> None:
        summary = [{"type": "summary_text", "text": "hm", "signature": "sig"}]
        content = [{"type": "reasoning", "summary": summary}, {"type": "text", "text": "hi"}]

        message = read(self.at(), chat_answer({"role": "assistant", "content": content}))["choices"][0]["message"]
        again = wire(self.at(), messages=[*HELLO, message, *HELLO])

        assert (message["content"], message["reasoning_content"]) == ("hi", "hm")
        assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "sig"}]
        assert again["messages"][1] == {"role": "assistant", "content": content}

    def test_claude_s_reasoning_comes_in_pieces_too_and_keeps_its_proof(self) -> None:
        def told(**words: str) -> dict[str, Any]:
            return chunk({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", **words}]}]})

        events = events_of(
            self.at(),
            sse(told(text="h"), told(text="m"), told(text="", signature="sig"), chunk({"content": "hi"}, "stop")),
        )
        message = collect(events)["choices"][0]["message"]

        assert (message["content"], message["reasoning_content"]) == ("hi", "hm")
        assert "".join(block.get("signature", "") for block in message["thinking_blocks"]) == "sig"

    def test_reasoning_that_nobody_may_read_goes_back_before_a_call_without_text(self) -> None:
        function = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        blocks = [{"type": "redacted_thinking", "data": "zip"}]
        message = {"role": "assistant", "content": None, "tool_calls": [function], "thinking_blocks": blocks}
        result = {"role": "tool", "tool_call_id": "c", "content": "1"}

        again = wire(self.at(), messages=[*HELLO, message, result], tools=[TOOL])["messages"][1]

        assert again["content"] == [
            {"type": "reasoning", "summary": [{"type": "summary_encrypted_text", "data": "zip"}]}
        ]
        assert again["tool_calls"] == [function]

    def test_reasoning_that_is_not_signed_stays_here(self) -> None:
        message = {"role": "assistant", "content": "hi", "reasoning_content": "hm"}

        assert wire(self.at(), messages=[*HELLO, message, *HELLO])["messages"][1] == {
            "role": "assistant",
            "content": "hi",
        }

    def test_a_schema_is_asked_for_by_a_tool(self) -> None:
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

        assert wire(self.at(), response_format=form)["tool_choice"] == {"type": "function", "function": {"name": "x"}}

    @pytest.mark.parametrize("fields", [{"reasoning_effort": "low"}, {"thinking": {"type": "enabled"}}])
    def test_a_claude_that_thinks_is_asked_for_the_tool_and_not_made_to_call_it(self, fields: Any) -> None:
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
        made = wire(self.at(), response_format=form, **fields)

        assert (made["tool_choice"], made["thinking"]["type"]) == ("auto", "enabled")
        assert "calling the tool x" in made["messages"][0]["content"]

    @pytest.mark.parametrize("fields", [{"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}])
    def test_a_claude_that_does_not_think_is_made_to_call_it(self, fields: Any) -> None:
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

        assert wire(self.at(), response_format=form, **fields)["tool_choice"]["function"] == {"name": "x"}

    def test_errors(self) -> None:
        error = {"error_code": "PERMISSION_DENIED", "message": "Invalid access token"}
        with pytest.raises(LingateError):
            read(self.at(), json.dumps(error).encode())


class TestSnowflake:
    ENV = {"SNOWFLAKE_ACCOUNT": "org-acc", "SNOWFLAKE_CORTEX_PAT": KEY}

    def test_both_surfaces(self) -> None:
        root = "https://org-acc.snowflakecomputing.com/api/v2/cortex/v1"

        assert ask(place("snowflake/claude-sonnet-4-6", self.ENV)).url == f"{root}/chat/completions"
        claude = ask(place("snowflake_anthropic/claude-sonnet-4-6", self.ENV))
        assert claude.url == f"{root}/messages"
        assert claude.headers["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("path", ["", "/", "/api/v2", "/api/v2/cortex/", "/api/v2/cortex/v1"])
    def test_a_base_url_may_have_the_beginning_of_the_path(self, path: str) -> None:
        to = place("snowflake/llama", {"SNOWFLAKE_JWT": KEY}, api_base=f"https://x.example{path}")

        assert to.url == "https://x.example/api/v2/cortex/v1"

    def test_a_marked_key_is_called_what_it_is(self) -> None:
        for name in ("snowflake", "snowflake_anthropic"):
            sent = ask(place(f"{name}/claude-sonnet-4-6", {**self.ENV, "SNOWFLAKE_TOKEN": f"pat/{KEY}"}))

            assert sent.headers["authorization"] == f"Bearer {KEY}"
            assert sent.headers["x-snowflake-authorization-token-type"] == "PROGRAMMATIC_ACCESS_TOKEN"
            assert KEY in sent.target.secrets
            assert (
                "x-snowflake-authorization-token-type" not in ask(place(f"{name}/claude-sonnet-4-6", self.ENV)).headers
            )

    def test_how_much_to_reason_depends_on_the_model(self) -> None:
        claude = wire(place("snowflake/claude-sonnet-4-6", self.ENV), reasoning_effort="low", max_tokens=5)
        gpt = wire(place("snowflake/openai-gpt-5", self.ENV), reasoning_effort="low")

        assert claude["reasoning"] == {"effort": "low"}
        assert claude["max_completion_tokens"] == 5
        assert gpt["reasoning_effort"] == "low"

    def test_strict_is_left_out_of_tools(self) -> None:
        tool = {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]

        assert wire(place("snowflake/x", self.ENV), tools=[tool])["tools"] == [TOOL]

    def test_an_answer_without_id_and_reason(self) -> None:
        call = {
            "id": "t",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "custom": {"name": "", "input": ""},
        }
        body = chat_answer({"role": "assistant", "content": "", "tool_calls": [call]}, "", id="")

        response = read(place("snowflake/x", self.ENV), body)

        assert response["choices"][0]["finish_reason"] == "tool_calls"
        assert response["id"]


class TestCloudflare:
    TO = place("cloudflare/@cf/meta/llama-3.1-8b-instruct", {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_ACCOUNT_ID": "a1"})

    def test_an_answer_by_a_schema_is_an_object_where_others_have_its_text(self) -> None:
        response = read(self.TO, chat_answer({"role": "assistant", "content": {"city": "Oslo", "rain": True}}))

        assert response["choices"][0]["message"]["content"] == '{"city":"Oslo","rain":true}'

    def test_the_address(self) -> None:
        assert ask(self.TO).url == "https://api.cloudflare.com/client/v4/accounts/a1/ai/v1/chat/completions"
        assert wire(self.TO)["model"] == "@cf/meta/llama-3.1-8b-instruct"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [(10000, AuthenticationError), (5021, ContextLengthError), (3036, QuotaExceededError), (3040, OverloadedError)],
    )
    def test_errors_are_in_an_envelope(self, code: int, kind: Any) -> None:
        error = {
            "success": False,
            "errors": [{"code": code, "message": "Authentication error" if code == 10000 else "no"}],
        }
        error |= {"result": None, "messages": []}

        with pytest.raises(kind):
            read(self.TO, json.dumps(error).encode())


@pytest.mark.parametrize(
    "model",
    ["cerebras/llama3.1-8b", "huggingface/meta-llama/Llama-3.1-8B-Instruct:cerebras", "baseten/zai-org/GLM-5.2"],
)
def test_a_stream_of_these_ends_with_its_finish_reason(model: str) -> None:
    to = place(model, {"CEREBRAS_API_KEY": KEY, "HF_TOKEN": KEY, "BASETEN_API_KEY": KEY})
    counts = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    pieces = [chunk({"role": "assistant"}), chunk({"content": "hi"})]

    response = collect(events_of(to, sse(*pieces, chunk({}, "stop", usage=counts), done=False)))

    assert response["choices"][0]["message"]["content"] == "hi"
    assert response["usage"] == counts
    assert type(broken(events_of(to, sse(*pieces, done=False)))) is StreamInterruptedError


class TestHuggingFace:
    def test_the_provider_in_front_goes_behind(self) -> None:
        env = {"HF_TOKEN": KEY}

        assert (
            wire(place("huggingface/together/deepseek-ai/DeepSeek-R1", env))["model"]
            == "deepseek-ai/DeepSeek-R1:together"
        )
        assert wire(place("huggingface/deepseek-ai/DeepSeek-R1:groq", env))["model"] == "deepseek-ai/DeepSeek-R1:groq"
        assert ask(place("huggingface/a/b", env)).url == "https://router.huggingface.co/v1/chat/completions"

    def test_a_dedicated_endpoint_speaks_at_its_own_address(self) -> None:
        to = place("huggingface/tgi", {"HF_TOKEN": KEY}, api_base="https://x.endpoints.huggingface.cloud")

        assert ask(to).url == "https://x.endpoints.huggingface.cloud/v1/chat/completions"

    def test_arguments_may_come_as_objects(self) -> None:
        to = place("huggingface/a/b", {"HF_TOKEN": KEY})
        call = {"id": 0, "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
        whole = read(to, chat_answer({"role": "assistant", "tool_calls": [call]}, "tool_calls"))
        streamed = collect(events_of(to, sse(chunk({"tool_calls": [{"index": 0, **call}]}), chunk({}, "eos_token"))))

        for response in (whole, streamed):
            [made] = response["choices"][0]["message"]["tool_calls"]
            assert json.loads(made["function"]["arguments"]) == {"a": 1}
            assert response["choices"][0]["finish_reason"] == "tool_calls"


def test_a_path_may_hold_the_model() -> None:
    to = place("predibase/my model", {"PREDIBASE_API_KEY": KEY, "PREDIBASE_TENANT_ID": "t1"})

    assert ask(to).url == ("https://serving.app.predibase.com/t1/deployments/v2/llms/my%20model/v1/chat/completions")


def test_a_compartment_is_named_where_there_is_one() -> None:
    with_one = place("oci/xai.grok-4", {"OCI_GENAI_API_KEY": KEY, "OCI_REGION": "eu-1", "OCI_COMPARTMENT_ID": "ocid1"})

    sent = ask(with_one)
    assert sent.url == "https://inference.generativeai.eu-1.oci.oraclecloud.com/openai/v1/chat/completions"
    assert sent.headers["opc-compartment-id"] == "ocid1"
    assert "opc-compartment-id" not in ask(place("oci/x", {"OCI_GENAI_API_KEY": KEY})).headers


def test_a_user_s_own_row_may_have_a_query_and_a_body_from_the_environment() -> None:
    config = {
        "mine": {
            "url": "https://mine.example/v1",
            "query": {"version": "{MY_VERSION}", "fixed": "a b", "absent": "{NOT_SET}"},
            "body": {"owner": "{MY_OWNER}", "absent": "{NOT_SET}", "number": 5},
        }
    }
    env = {"MY_VERSION": "7", "MY_OWNER": "me"}

    sent = ask(resolve("mine/m", env=env, config=config))
    own = ask(resolve("mine/m", env=env, config=config, api_base="https://mine.example/v1?version=1", api_version="8"))

    assert sent.url == "https://mine.example/v1/chat/completions?version=7&fixed=a%20b"
    assert json.loads(sent.body) == {"model": "m", "messages": HELLO, "owner": "me", "number": 5}
    assert own.url == "https://mine.example/v1/chat/completions?version=1&fixed=a%20b"


@pytest.mark.parametrize(
    ("model", "status", "body", "kind"),
    [
        ("zai/glm-5", 429, {"error": {"code": "1112", "message": "Account locked"}}, "permission"),
        ("zai/glm-5", 429, {"error": {"code": "1300", "message": "API call blocked by policy"}}, "permission"),
        ("zai/glm-5", 429, {"error": {"code": "1309", "message": "Your plan has ended"}}, "quota"),
        ("zhipuai/glm-5", 429, {"error": {"code": "1311", "message": "x"}}, "permission"),
        ("zhipuai/glm-5", 429, {"error": {"code": "1308", "message": "Usage limit reached for 5 hour."}}, "rate_limit"),
        ("zhipuai/glm-5", 400, {"error": {"code": "1222", "message": "x"}}, "not_found"),
        ("zai/glm-5", 200, {"code": 1001, "msg": "x", "success": False}, "auth"),
        ("cloudflare/@cf/m", 400, {"success": False, "errors": [{"code": 7003, "message": "x"}]}, "not_found"),
        ("minimax/m", 200, {"base_resp": {"status_code": 1024, "status_msg": "internal error"}}, "server_error"),
        ("minimax/m", 200, {"base_resp": {"status_code": 2045, "status_msg": "rate growth limit"}}, "rate_limit"),
        ("iflowcn/m", 200, {"status": "449", "msg": "x", "body": None}, "rate_limit"),
        ("iflowcn/m", 200, {"status": "439", "msg": "x", "body": None}, "auth"),
        ("iflowcn/m", 200, {"status": "435", "msg": "x", "body": None}, "not_found"),
    ],
)
def test_a_provider_s_own_numbers_mean_what_its_documents_say(model: str, status: int, body: Any, kind: str) -> None:
    own = {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_ACCOUNT_ID": "a1"}
    to = place(model, {"ZAI_API_KEY": KEY, "ZHIPU_API_KEY": KEY, "MINIMAX_API_KEY": KEY, "IFLOW_API_KEY": KEY, **own})

    error = failure(Head(status, {}), json.dumps(body).encode(), to)

    assert error.kind == kind
    assert error.retryable is BY_KIND[kind].retryable
