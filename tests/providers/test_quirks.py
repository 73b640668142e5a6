"""Last edits of a wire body."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._model import Call, HttpRequest, ProviderRow, Target, Traits
from lingate._providers.lookup import resolve
from lingate._providers.quirks import EFFORT_RANK, QUIRKS, edits_for
from lingate.errors import UnsupportedError

Json = dict[str, Any]


def _run(
    body: Json,
    *,
    quirks: tuple[str, ...] = (),
    fields: Json | None = None,
    traits: Json | None = None,
    asked: Json | None = None,
    operation: Any = "chat",
    stream: bool = False,
    drop_params: bool = False,
) -> tuple[Json, list[str]]:
    target = Target(row=ProviderRow(name="some"), model="m", url="http://h", traits=cast("Traits", traits or {}))
    call = Call(operation, "m", asked or {}, stream, drop_params)
    sent = HttpRequest("POST", "http://h", {}, b"", call, target)
    wire = dict(body)
    for edit in edits_for(quirks, fields or {}, target.traits):
        edit(wire, sent)
    return wire, sent.dropped


def test_a_target_without_peculiarities_has_no_edits() -> None:
    assert resolve("openai/gpt-4o", env={"OPENAI_API_KEY": "k"}).edits == ()


@pytest.mark.parametrize(
    ("words", "asked", "sent"),
    [
        (("low", "medium", "high"), "minimal", "low"),
        (("low", "medium", "high"), "xhigh", "high"),
        (("low", "medium", "high"), "none", "low"),
        (("none", "default"), "high", "default"),
        (("none", "default"), "minimal", "default"),
        (("high", "max"), "low", "high"),
        (("none", "low", "medium", "high", "max"), "xhigh", "high"),
    ],
)
def test_an_effort_a_host_does_not_know_becomes_the_nearest_and_is_noted(
    words: tuple[str, ...], asked: str, sent: str
) -> None:
    body, dropped = _run({"reasoning_effort": asked}, traits={"efforts": words})

    assert body == {"reasoning_effort": sent}
    assert dropped == [f"reasoning_effort={asked} (sent as {sent})"]


@pytest.mark.parametrize(("words", "off"), [(("off", "low"), "off"), (("instant", "low"), "instant")])
def test_another_word_for_none_is_no_loss(words: tuple[str, ...], off: str) -> None:
    assert _run({"reasoning_effort": "none"}, traits={"efforts": words}) == ({"reasoning_effort": off}, [])


def test_efforts_inside_objects_are_fitted_too() -> None:
    more = {"reasoning_effort": "xhigh", "output_config": {"effort": "max"}}
    given = {
        "reasoning": {"effort": "max", "exclude": True},
        "output_config": {"effort": "xhigh"},
        "additionalModelRequestFields": more,
    }
    before = copy.deepcopy(given)

    body, _ = _run(given, traits={"efforts": ("low", "high")})

    assert body == {
        "reasoning": {"effort": "high", "exclude": True},
        "output_config": {"effort": "high"},
        "additionalModelRequestFields": {"reasoning_effort": "high", "output_config": {"effort": "high"}},
    }
    assert given == before


@pytest.mark.parametrize("effort", ["12000", 0.5, None, {"level": 1}, "ultra"])
def test_an_effort_in_words_of_the_host_s_own_is_left_alone(effort: Any) -> None:
    assert _run({"reasoning_effort": effort}, traits={"efforts": ("low",)}) == ({"reasoning_effort": effort}, [])


@given(st.sampled_from(sorted(EFFORT_RANK)), st.sets(st.sampled_from(sorted(EFFORT_RANK)), min_size=1))
def test_the_word_that_is_sent_is_one_the_host_knows_and_a_known_word_stays(asked: str, words: set[str]) -> None:
    body, dropped = _run({"reasoning_effort": asked}, traits={"efforts": tuple(sorted(words))})

    assert body["reasoning_effort"] in words
    if asked in words:
        assert (body["reasoning_effort"], dropped) == (asked, [])


def test_sampling_is_taken_while_the_model_does_not_reason() -> None:
    body = {"temperature": 0.2, "reasoning_effort": "none"}

    assert _run(body, traits={"sampling": "effort_none", "default_effort": "medium"}) == (body, [])
    assert _run({"top_p": 0.5}, traits={"sampling": "effort_none", "default_effort": "none"}) == ({"top_p": 0.5}, [])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"temperature": 0.2}, "temperature"),
        ({"temperature": 0.2, "reasoning_effort": "low"}, "temperature"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]}, "logprobs"),
    ],
)
def test_sampling_while_the_model_reasons_is_refused_or_dropped(body: Json, name: str) -> None:
    traits = {"sampling": "effort_none", "default_effort": "medium"}

    with pytest.raises(UnsupportedError, match=f"take `{name}` unless reasoning_effort is `none`") as caught:
        _run(body, traits=traits)
    with pytest.raises(UnsupportedError, match=f"take `{name}` .leave"):
        _run(body, traits={**traits, "efforts": ("low", "high")})
    wire, dropped = _run(body, traits=traits, drop_params=True)

    assert caught.value.param == name
    assert name not in wire
    assert wire.get("include") in (None, ["reasoning.encrypted_content"])
    assert dropped == [name]


def test_sampling_at_its_default_is_left_out_without_a_word() -> None:
    asked = {"temperature": 1, "top_p": 1.0, "logprobs": False, "top_logprobs": 0}
    assert _run(asked, traits={"sampling": "effort_none"}) == ({}, [])


@pytest.mark.parametrize(("effort", "taken"), [("none", True), ("low", False)])
def test_sampling_heeds_the_effort_inside_an_object_too(effort: str, taken: bool) -> None:
    traits: Json = {"sampling": "effort_none", "default_effort": "medium"}
    body: Json = {"reasoning": {"effort": effort}, "temperature": 0.5}

    if taken:
        assert _run(body, traits=traits) == (body, [])
    else:
        with pytest.raises(UnsupportedError):
            _run(body, traits=traits)


def test_nothing_is_stored_where_a_host_insists_unless_the_caller_does() -> None:
    assert _run({}, quirks=("store_false",), operation="responses")[0] == {"store": False}
    assert _run({"store": True}, quirks=("store_false",), operation="responses")[0] == {"store": True}
    assert _run({}, quirks=("store_false",))[0] == {}


@pytest.mark.parametrize(("allowed", "kept"), [("user", [0]), ("tool", [1]), ("none", [])])
def test_names_stay_only_on_the_messages_that_may_carry_them(allowed: str, kept: list[int]) -> None:
    messages = [{"role": "user", "content": "a", "name": "u"}, {"role": "tool", "content": "b", "name": "t"}]
    before = copy.deepcopy(messages)

    body, dropped = _run({"messages": messages}, traits={"names": allowed})

    assert [at for at, message in enumerate(body["messages"]) if "name" in message] == kept
    assert dropped == [f"messages[{at}].name" for at in (0, 1) if at not in kept]
    assert messages == before


def test_a_whole_answer_is_made_without_thinking_where_thinking_needs_a_stream() -> None:
    traits = {"thinking_needs_stream": True}

    assert _run({}, traits=traits)[0] == {"enable_thinking": False}
    assert _run({}, traits=traits, stream=True)[0] == {}
    assert _run({"enable_thinking": True}, traits=traits)[0] == {"enable_thinking": True}
    assert _run({}, traits=traits, operation="embeddings")[0] == {}


@pytest.mark.parametrize(
    ("owed", "tools", "paid"), [(True, [{}], [2]), ("beside_tools", [{}], [1, 2]), ("beside_tools", None, [2])]
)
def test_a_turn_that_owes_its_reasoning_gets_a_space(owed: Any, tools: Any, paid: list[int]) -> None:
    # Another model's turn, or one that a client took the reasoning off: 400 "`reasoning_content` [...] must be passed back".
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": ""}]
    thought = {"role": "assistant", "content": "d", "reasoning_content": "e", "tool_calls": [{}]}
    messages = [*said, {"role": "assistant", "content": "c", "tool_calls": [{}]}, thought]
    before = copy.deepcopy(messages)
    asked = {"messages": messages, **({"tools": tools} if tools else {})}

    made = _run(asked, traits={"reasoning_owed": owed})[0]["messages"]

    assert [at for at, message in enumerate(made) if message.get("reasoning_content") == " "] == paid
    assert made[3] == thought
    assert messages == before
    off = {"thinking": {"type": "disabled"}}
    assert _run(asked | off, traits={"reasoning_owed": owed})[0]["messages"] == before


def test_fields_of_a_row_are_added_to_chats_that_do_not_set_them() -> None:
    fields = {"reasoning_split": True}

    assert _run({}, fields=fields)[0] == {"reasoning_split": True}
    assert _run({"reasoning_split": False}, fields=fields)[0] == {"reasoning_split": False}
    assert _run({}, fields=fields, operation="embeddings")[0] == {}


def test_an_effort_goes_beside_the_object_that_switches_thinking() -> None:
    quirks, traits, asked = ("effort_beside_thinking",), {"efforts": ("low", "high")}, {"reasoning_effort": "high"}

    for switch in ({"thinking": {"type": "enabled"}}, {"thinking": True}, {"enable_thinking": True}):
        assert _run(switch, quirks=quirks, asked=asked, traits=traits)[0] == {**switch, **asked}
        assert _run(switch, quirks=quirks, asked=asked)[0] == switch  # where no word for it is known
    assert _run({"thinking": {"type": "disabled"}}, quirks=quirks, asked={"reasoning_effort": "none"})[0] == {
        "thinking": {"type": "disabled"}
    }


def test_the_beginning_of_an_answer_says_that_it_is_one() -> None:
    asked, begun = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}

    body, _ = _run({"messages": [asked, begun]}, quirks=("marked_prefill",))
    assert body["messages"] == [asked, {**begun, "prefix": True}]
    assert _run({"messages": [asked]}, quirks=("marked_prefill",))[0]["messages"] == [asked]


@pytest.mark.parametrize("choice", ["any", {"type": "function", "function": {"name": "f"}}])
def test_a_call_that_is_forced_has_no_format_of_an_answer_beside_it(choice: Any) -> None:
    asked = {"tool_choice": choice, "response_format": {"type": "json_object"}}

    assert _run(asked, quirks=("forced_call_alone",))[0] == {"tool_choice": choice}
    for other in ({**asked, "tool_choice": "auto"}, {"response_format": asked["response_format"]}):
        assert _run(other, quirks=("forced_call_alone",))[0] == other
    assert "forced_call_alone" in resolve("mistral/mistral-large-latest", env={}, api_key="k").row.quirks


def test_no_reasoning_is_a_null_where_that_is_the_word_for_it() -> None:
    traits = {"efforts": ("low", "medium", "high")}

    assert _run({"reasoning_effort": "none"}, quirks=("effort_null",), traits=traits) == (
        {"reasoning_effort": None},
        [],
    )
    assert _run({"reasoning_effort": "low"}, quirks=("effort_null",), traits=traits)[0] == {"reasoning_effort": "low"}


def test_template_arguments_go_under_the_other_name_and_the_caller_s_own_win() -> None:
    given = {"chat_template_kwargs": {"enable_thinking": True, "a": 1}, "chat_template_args": {"a": 2}}

    body, _ = _run(given, quirks=("chat_template_args",))

    assert body == {"chat_template_args": {"enable_thinking": True, "a": 2}}


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["effort", "name", "role", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_FIELDS = ["messages", "reasoning", "reasoning_effort", "output_config", "thinking", "temperature", "top_p"]
_TRAITS = {
    "efforts": ("low",),
    "sampling": "effort_none",
    "names": "user",
    "thinking_needs_stream": True,
    "reasoning_owed": "beside_tools",
}


@given(st.dictionaries(st.sampled_from([*_FIELDS, "chat_template_kwargs", "chat_template_args"]), _ANY, max_size=4))
def test_a_body_of_any_shape_is_edited_without_breaking_or_touching_the_caller_s(body: Json) -> None:
    before = copy.deepcopy(body)

    _run(body, quirks=tuple(QUIRKS), traits=_TRAITS, asked=body, drop_params=True)

    assert body == before
