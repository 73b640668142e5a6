"""The server's side: clients' requests are read strictly and lose nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects.anthropic import DIALECT
from lingate._providers.lookup import resolve
from lingate.errors import BadRequestError, UnsupportedError
from tests.dialects.anthropic.oracle import parse_count, parse_models
from tests.dialects.anthropic.samples import (
    MARK,
)
from tests.dialects.anthropic.support import (
    CHAT,
    COUNT,
    MODELS,
    NEWEST,
    target,
    text,
)


def parse(path_args: dict[str, str] | None = None, **body: Any) -> Any:
    given = {"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], **body}
    return CHAT.parse_call(json.dumps(given).encode(), path_args or {})


def canonical(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    return parse(messages=list(messages)).body["messages"]


def test_a_plain_request_is_a_plain_call() -> None:
    made = parse(
        stream=True, system="Be brief.", temperature=0.5, stop_sequences=["END"], metadata={"user_id": "u"}, top_k=3
    )

    assert (made.operation, made.model, made.stream) == ("chat", "claude-x", True)
    assert made.body == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "top_k": 3,
        "stop": ["END"],
        "user": "u",
    }


def test_the_model_may_come_with_the_path() -> None:
    assert parse({"model": "from-path"}, model=None).model == "from-path"


def test_tool_results_become_messages_of_their_own_ahead_of_the_text() -> None:
    made = canonical(
        {
            "role": "user",
            "content": [
                text("so?"),
                {"type": "tool_result", "tool_use_id": "a", "content": "1", "cache_control": MARK},
                {"type": "tool_result", "tool_use_id": "b", "content": [text("2")], "is_error": True},
                {"type": "tool_result", "tool_use_id": "c"},
            ],
        }
    )

    assert [(m["role"], m["content"]) for m in made] == [
        ("tool", "1"),
        ("tool", [text("2")]),
        ("tool", ""),
        ("user", [text("so?")]),
    ]
    assert made[0]["cache_control"] == MARK
    assert "provider_specific_fields" not in made[0]
    assert made[1]["provider_specific_fields"]["anthropic"]["content"][0]["is_error"] is True


def test_an_assistant_turn_is_text_thinking_and_tool_calls() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}

    (made,) = canonical({"role": "assistant", "content": [thought, text("Let me see."), use]})

    assert made == {
        "role": "assistant",
        "content": "Let me see.",
        "reasoning_content": "hm",
        "thinking_blocks": [thought],
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}],
    }


def test_images_and_documents_are_parts_that_other_formats_know() -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="},
        "cache_control": MARK,
    }
    pdf = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="},
        "title": "T",
    }
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    found = {"type": "search_result", "source": "https://x.test", "title": "X", "content": [text("said")]}

    (made,) = canonical({"role": "user", "content": [image, pdf, plain, found]})

    assert made["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}, "cache_control": MARK},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "T"}},
        text("words"),
        text("X https://x.test"),
        text("said"),
    ]
    assert made["provider_specific_fields"]["anthropic"]["content"] == [image, pdf, plain, found]


def test_documents_of_other_kinds_are_kept_beside_what_others_understand() -> None:
    nested = {"type": "document", "source": {"type": "content", "content": "words"}}
    listed = {"type": "document", "source": {"type": "content", "content": [text("a"), text("b")]}}
    uploaded = {"type": "document", "source": {"type": "file", "file_id": "f_1"}}
    picture = {"type": "image", "source": {"type": "file", "file_id": "f_2"}}
    unknown = {"type": "document", "source": {"type": "cloud", "path": "x"}}

    (made,) = canonical({"role": "user", "content": [nested, listed, uploaded, picture, unknown]})

    assert made["content"] == [
        text("words"),
        text("a"),
        text("b"),
        {"type": "file", "file": {"file_id": "f_1"}},
        picture,
        unknown,
    ]
    sent = json.loads(CHAT.request(parse(messages=[{"role": "user", "content": [nested, unknown]}]), target()).body)
    assert sent["messages"][0]["content"] == [nested, unknown]


def test_metadata_of_the_clients_own_is_openais_metadata() -> None:
    made = parse(metadata={"user_id": None, "trace": "1"}).body

    assert "user" not in made
    assert made["metadata"] == {"trace": "1"}


def test_tools_are_functions_and_the_providers_own_stay_as_they_are() -> None:
    own = {"type": "web_search_20250305", "name": "web_search"}
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True, "defer_loading": True}

    made = parse(tools=[tool, own], tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True}).body

    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    assert made["tools"] == [{"type": "function", "function": function, "defer_loading": True}, own]
    assert made["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert made["parallel_tool_calls"] is False


@pytest.mark.parametrize(("native", "word"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_tool_choices_are_openais_words(native: str, word: str) -> None:
    assert parse(tool_choice={"type": native}).body["tool_choice"] == word


def test_effort_and_format_are_openais_and_come_back_as_they_were() -> None:
    shape = {
        "type": "json_schema",
        "schema": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
    }
    for fields in (
        {"output_config": {"effort": "high", "format": shape, "task_budget": {"x": 1}}},
        {"output_format": shape},
    ):
        made = parse(**fields)

        assert made.body["response_format"]["json_schema"]["schema"] == shape["schema"]
        again = json.loads(CHAT.request(made, target(NEWEST)).body)
        assert "thinking" not in again
        for name, value in fields.items():
            assert again[name] == value


def test_effort_that_was_changed_on_the_way_is_the_one_that_is_sent() -> None:
    made = parse(output_config={"effort": "high"})
    made.body["reasoning_effort"] = "low"

    again = json.loads(CHAT.request(made, target(NEWEST)).body)

    assert again["output_config"] == {"effort": "low"}


def test_fields_we_do_not_know_are_kept() -> None:
    made = parse(
        thinking={"type": "adaptive"}, container="c", mcp_servers=[{"name": "x"}], brand_new=1, cache_control=MARK
    )

    for name in ("thinking", "container", "mcp_servers", "brand_new", "cache_control"):
        assert name in made.body


def test_citations_that_this_face_invented_do_not_come_back_to_the_provider() -> None:
    ours = {"type": "web_search_result_location", "url": "u", "cited_text": "x", "encrypted_index": ""}
    theirs = {**ours, "encrypted_index": "e"}

    (only_ours,) = canonical({"role": "assistant", "content": [text("x", citations=[ours])]})
    (both,) = canonical({"role": "assistant", "content": [text("x", citations=[ours, theirs])]})
    (real,) = canonical({"role": "assistant", "content": [text("x", citations=[theirs])]})

    assert only_ours == {"role": "assistant", "content": "x"}
    assert real == both
    assert both["provider_specific_fields"]["anthropic"]["content"] == [text("x", citations=[theirs])]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]},
            "messages[0].content[0].source.media_type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "content"}}]}]},
            "messages[0].content[0].source.content",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [5]}]}]},
            "messages[0].content[0].content[0]",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": "x"}]}
                ]
            },
            "messages[0].content[0].input",
        ),
        ({"system": 5}, "system"),
        ({"system": [5]}, "system[0]"),
        ({"tools": {}}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": [5]}, "stop_sequences"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"metadata": "u"}, "metadata"),
        ({"thinking": True}, "thinking"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
    ],
)
def test_a_request_that_is_not_valid_is_refused_with_its_place(body: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse(**body)

    assert str(caught.value).startswith(f"{said}: ")
    status, rendered = DIALECT.render_error(caught.value)
    assert status == 400
    assert said in json.loads(rendered)["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    for operation in (CHAT, COUNT):
        with pytest.raises(BadRequestError):
            operation.parse_call(body, {})


def test_a_token_count_needs_no_limit() -> None:
    made = COUNT.parse_call(b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}', {})

    assert (made.operation, made.model) == ("count_tokens", "m")
    with pytest.raises(BadRequestError, match="messages"):
        COUNT.parse_call(b'{"model": "m"}', {})
    assert parse_count(COUNT.render({"input_tokens": 7})) == 7


def test_a_list_of_models_is_rendered_as_the_package_reads_it() -> None:
    made = MODELS.parse_call(b"", {"limit": "5", "after_id": "x"})
    listed = {
        "object": "list",
        "data": [{"id": "a/b", "object": "model", "created": 1767312000, "owned_by": "b"}, {"id": "c"}],
    }

    found = parse_models(MODELS.render(listed))

    assert (made.operation, made.body) == ("models", {"limit": "5", "after_id": "x"})
    assert [model["id"] for model in found] == ["a/b", "c"]
    assert found[0]["type"] == "model"
    assert str(found[0]["created_at"]).startswith("2026-01-02")
    assert json.loads(MODELS.render({"object": "list", "data": []}))["data"] == []


def test_a_model_of_no_possible_time_does_not_spoil_the_list() -> None:
    listed = {"object": "list", "data": [{"id": "a", "object": "model", "created": 10**20}]}

    assert str(parse_models(MODELS.render(listed))[0]["created_at"]).startswith("1970-01-01")


def test_a_system_without_blocks_is_none() -> None:
    assert parse(system=[]).body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(("betas", "kept"), [("context-1m", False), (".*", True)])
def test_whose_cache_it_is_is_not_said_to_hosts_that_know_one_only(betas: str, kept: bool) -> None:
    # Claude Code marks its instructions so; Bedrock and Vertex AI refuse the field, and the beta that it belongs to.
    mark = {"type": "ephemeral", "ttl": "1h", "scope": "global"}
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": MARK}
    asked = parse(system=[text("S", cache_control=mark)], tools=[tool])
    sent = CHAT.request(asked, target({"cache_control": True, "betas": betas}))
    told = json.loads(sent.body)

    assert told["system"][0]["cache_control"] == {
        "type": "ephemeral",
        "ttl": "1h",
        **({"scope": "global"} if kept else {}),
    }
    assert told["tools"][0]["cache_control"] == MARK
    assert sent.dropped == ([] if kept else ["cache_control.scope of system[0]"])
    assert asked.body["messages"][0]["content"][0]["cache_control"] == mark


BILL = text("x-anthropic-billing-header: cc_version=2.1.160.b1c; cc_entrypoint=cli; cch=d1d48;")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("anthropic/claude-sonnet-4-6", True),
        ("bedrock/us.anthropic.claude-sonnet-4-6", False),
        ("bedrock/invoke/us.anthropic.claude-sonnet-4-6", False),
        ("openai/gpt-4.1", False),
        ("gemini/gemini-2.5-flash", False),
        ("hosted_vllm/m", False),
    ],
)
def test_a_line_for_the_bill_stands_in_nobody_elses_way(model: str, told: bool) -> None:
    # Claude Code's instructions begin with it, and it is another one in each request: no prompt cache knew the rest.
    asked = parse(system=[BILL, text("You are an agent.")])
    to = resolve(model, env={"AWS_REGION": "us-east-1"}, api_key="k" * 20, api_base="https://a.example/v1")
    sent = form_of(to, "chat").request(asked, to).body

    assert (b"cch=d1d48" in sent, b"You are an agent." in sent) == (told, True)
    assert asked.body["messages"] == parse(system=[text("You are an agent.")]).body["messages"]
    if told:
        assert json.loads(sent)["system"] == [BILL, text("You are an agent.")]
        assert json.loads(form_of(to, "chat").request(parse(system=[BILL]), to).body)["system"] == [BILL]


def test_the_standard_tier_is_said_in_the_word_that_others_know() -> None:
    call = parse(service_tier="standard_only")

    assert call.body["service_tier"] == "default"
    assert json.loads(CHAT.request(call, target()).body)["service_tier"] == "standard_only"


def test_tools_of_another_provider_are_refused_by_name() -> None:
    call = parse()
    call.body["tools"] = [{"urlContext": {}}]

    with pytest.raises(UnsupportedError, match="urlContext"):
        CHAT.request(call, target())


def test_an_empty_list_of_tools_is_none() -> None:
    made = parse(tools=[], messages=[{"role": "user", "content": "hi"}])

    assert "tools" not in made.body


def test_who_called_a_tool_goes_back_as_the_client_said_it() -> None:
    # Newer answers say of every call that the model itself made it, and the vendor's own loops send that back.
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {}, "caller": {"type": "direct"}}
    told = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [use]}]
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x"}

    made = parse(messages=[*told, {"role": "user", "content": [result]}])

    assert json.loads(CHAT.request(made, target()).body)["messages"][1] == told[1]
