"""The litellm engine where the package is not installed, and what of it needs no package."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._io.via_litellm_call import Chunks, let_go, looks_like_a_setting, whole
from lingate._model import Call, HttpRequest
from lingate._providers.lookup import resolve
from lingate._wire.json import decode
from lingate.errors import ProtocolError, UnsupportedError

FORCED = {"groq": {"dialect": "litellm"}}


def request(body: dict[str, Any], **fields: Any) -> HttpRequest:
    target = resolve("groq/a/model", env={}, api_key="sk-key", config=FORCED)
    operation = "embeddings" if "input" in body else "chat"
    call = Call(operation, target.model, body, **fields)  # type: ignore[arg-type]
    return dialect("litellm").operation(call.operation, "groq").request(call, target)


QUESTION = [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}]


def test_a_call_goes_out_as_it_is() -> None:
    body = {"messages": QUESTION, "thinking": {"type": "enabled", "budget_tokens": 2048}, "top_k": 3, "tools": []}

    sent = request(body, extra_body={"own": 1}, extra_headers={"x-team": "search"})

    assert decode(sent.body) == {
        "model": "groq/a/model",
        "messages": QUESTION,
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "top_k": 3,
        "extra_body": {"own": 1},
    }
    assert sent.headers["x-team"] == "search"
    assert sent.headers["authorization"] == "Bearer sk-key"
    assert body["tools"] == []
    assert sent.dropped == []


def test_a_stream_asks_for_usage() -> None:
    assert decode(request({"messages": QUESTION}, stream=True).body)["stream_options"] == {"include_usage": True}


def test_stop_sequences_beyond_the_fourth_are_enforced_here() -> None:
    sent = request({"messages": QUESTION, "stop": ["a", "b", "c", "d", "e"]})

    assert decode(sent.body)["stop"] == ["a", "b", "c", "d"]
    assert sent.stop == ("a", "b", "c", "d", "e")


def test_several_choices_in_a_stream_are_refused_or_left_out() -> None:
    with pytest.raises(UnsupportedError) as caught:
        request({"messages": QUESTION, "n": 2}, stream=True)
    sent = request({"messages": QUESTION, "n": 2}, stream=True, drop_params=True)

    assert caught.value.param == "n"
    assert "n" not in decode(sent.body)
    assert sent.dropped == ["n"]


def test_embeddings_go_out_as_they_are() -> None:
    assert decode(request({"input": ["a"], "dimensions": 4}).body) == {
        "model": "groq/a/model",
        "input": ["a"],
        "dimensions": 4,
    }


@pytest.mark.parametrize("operation", ["images", "speech", "rerank", "models", "moderations"])
def test_what_the_engine_does_not_do_is_unsupported(operation: Any) -> None:
    with pytest.raises(UnsupportedError):
        dialect("litellm").operation(operation, "groq")


class Chunk:
    """A chunk or a count, as far as the engine looks at one."""

    def __init__(self, data: dict[str, Any], usage: Any = None) -> None:
        self.data = data
        self.usage = usage

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {key: value for key, value in self.data.items() if value is not None}


class Upstream:
    """A stream of the package's, as far as the engine looks at one."""

    def __init__(self, finish: str | None, *chunks: Chunk) -> None:
        self.received_finish_reason = finish
        self.intermittent_finish_reason = None
        self.chunks = list(chunks)
        self.completion_stream: Any = None


def text(content: str | None, finish: str | None = None, **usage: Any) -> Chunk:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return Chunk({"id": "x", "choices": [choice], "usage": usage or None})


def test_a_finish_reason_that_the_package_made_up_is_left_out_and_the_stream_has_no_end() -> None:
    chunks = Chunks(Upstream(None), request({"messages": QUESTION}, stream=True))

    piece = chunks.piece(text(None, "stop", prompt_tokens=9, completion_tokens=3))

    assert b"finish_reason" not in piece
    assert b"prompt_tokens" not in piece
    assert chunks.last() is None


def test_a_stream_that_the_provider_ended_has_its_end_and_the_provider_s_counts() -> None:
    first = Chunk({}, Chunk({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}))
    last = Chunk({}, Chunk({"prompt_tokens": 0, "completion_tokens": 3, "total_tokens": 12}))
    chunks = Chunks(Upstream("stop", first, last), request({"messages": QUESTION}, stream=True))

    assert b'"finish_reason":"stop"' in chunks.piece(text(None, "stop"))
    event, done = (chunks.last() or b"").strip().split(b"\n\n")

    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    assert decode(event.removeprefix(b"data: ")) == {"choices": [], "usage": usage}
    assert done == b"data: [DONE]"


def test_a_stream_without_counts_has_none() -> None:
    chunks = Chunks(Upstream("stop", Chunk({})), request({"messages": QUESTION}, stream=True))

    assert chunks.last() == b"data: [DONE]\n\n"


def test_letting_go_closes_what_lies_below_even_if_it_is_broken() -> None:
    closed: list[str] = []

    class Lower:
        def close(self) -> None:
            closed.append("lower")

    class Broken:
        streaming_response = Lower()

        def close(self) -> None:
            closed.append("broken")
            raise RuntimeError("generator already executing")

    stream = Upstream(None)
    stream.completion_stream = Broken()
    for close in let_go(stream):
        close()

    assert closed == ["broken", "lower"]
    assert stream.completion_stream is None


@pytest.mark.parametrize(
    "odd", [None, "text", [1], Chunk({"choices": [], "created": object()})], ids=lambda odd: type(odd).__name__
)
def test_what_is_no_answer_is_a_protocol_error(odd: Any) -> None:
    sent = request({"messages": QUESTION})

    with pytest.raises(ProtocolError, match="groq"):
        whole(odd, sent)
    with pytest.raises(ProtocolError, match="groq"):
        Chunks(Upstream("stop"), sent).piece(odd)


WIRE = """top_k top_a min_p typical_p min_tokens repetition_penalty stop_token_ids best_of ignore_eos random_seed safe_prompt
guided_json enable_thinking thinking_budget chat_template_kwargs num_ctx keep_alive options raw reasoning include_reasoning
provider transforms plugins prompt_cache_retention skip_special_tokens system_prompt prompt_template"""
OWN = """api_base api_key api_version base_url custom_key aws_role_name aws_session_token vertex_credentials oci_key_file
azure_ad_token_provider headers extra_headers extra_body client ssl_verify litellm_call_id mock_response mock_tool_calls
_skip_mcp_handler timeout s3_endpoint_url access_token client_secret region_name project_id identity_token_file tenant_id"""


@pytest.mark.parametrize("name", WIRE.split())
def test_a_provider_s_own_field_is_no_setting_of_the_package_s(name: str) -> None:
    assert not looks_like_a_setting(name)


@pytest.mark.parametrize("name", OWN.split())
def test_what_says_where_or_as_whom_is_never_a_field(name: str) -> None:
    assert looks_like_a_setting(name)


def without(code: str) -> list[str]:
    """What a program prints that cannot import the package."""
    lines = 'import sys\nsys.modules["litellm"] = None\n' + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_without_the_extra_its_providers_are_unknown_and_the_error_names_it() -> None:
    kind, message, *nothing = without(
        """
        import lingate
        from lingate._providers.rows_litellm import BORROWED
        from lingate._providers.lookup import rows
        taken = {name for row in rows() for name in (row.name, *row.aliases)}
        name = next(row.name for row in BORROWED if row.name not in taken)
        try:
            lingate.chat(f"{name}/model", "hi")
        except lingate.errors.UnknownProviderError as error:
            print(error.kind)
            print(error)
        """
    )

    assert (kind, nothing) == ("unknown_provider", [])
    assert "pip install 'lingate[litellm]'" in message
    assert "the closest are" in message


def test_without_the_extra_a_misspelt_name_is_only_that() -> None:
    (message,) = without(
        """
        import lingate
        try:
            lingate.chat("grok1/model", "hi")
        except lingate.errors.UnknownProviderError as error:
            print(error)
        """
    )

    assert "groq" in message
    assert "pip install" not in message


@pytest.mark.parametrize("instead", ["None", "types.ModuleType('lingate.compat.litellm')"])
def test_a_provider_that_is_sent_to_the_package_needs_it_and_no_stand_in_will_do(instead: str) -> None:
    lines = without(
        f"""
        import asyncio, types
        sys.modules["litellm"] = {instead}
        import lingate
        settings = {{"providers": {{"groq": {{"dialect": "litellm", "api_key": "k"}}}}}}
        async def awaited():
            await lingate.AsyncLingate(settings).chat("groq/model", "hi")
        for call in (
            lambda: lingate.Lingate(settings).chat("groq/model", "hi"),
            lambda: lingate.Lingate(settings).chat("groq/model", "hi", stream=True),
            lambda: lingate.Lingate(settings).embed("groq/model", "hi"),
            lambda: asyncio.run(awaited()),
        ):
            try:
                call()
            except lingate.errors.MissingExtraError as error:
                print(error, len(error.attempts))
        """
    )

    assert lines == ["litellm is not installed: pip install 'lingate[litellm]' 1"] * 4
