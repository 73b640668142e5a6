"""Faces whose clients read a tool call as it ends, or as a whole: nothing is added to it afterwards, however it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._dialects.bedrock_converse import DIALECT as BEDROCK
from lingate._dialects.cohere import DIALECT as COHERE
from lingate._dialects.gemini import DIALECT as GEMINI
from lingate._dialects.ollama import DIALECT as OLLAMA
from lingate._model import Call, Event, Finish, Start, Text, Thinking, ToolArgs, ToolStart
from lingate._wire.eventstream import EventStreamDecoder

START = Start("c1", "gpt", 1)
DONE = Finish("tool_calls")
Blocks = list[tuple[str, Any]]


def of_anthropic(data: bytes) -> Blocks:
    blocks: Blocks = []
    for line in data.decode().splitlines():
        event = json.loads(line[6:]) if line.startswith("data: ") else {}
        kind = event.get("type")
        if kind == "content_block_start":
            own = event["content_block"]
            begin(blocks, own.get("id") or own["type"])
        elif kind == "content_block_delta":
            delta = event["delta"]
            add(blocks, event["index"], delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")
        elif kind == "content_block_stop":
            stop(blocks, event["index"])
    return blocks


def of_bedrock(data: bytes) -> Blocks:
    blocks: Blocks = []
    ended = -1
    for frame in EventStreamDecoder().feed(data):
        event, kind = json.loads(frame.payload), frame.headers[":event-type"]
        if kind == "contentBlockStart":
            begin(blocks, event["start"]["toolUse"]["toolUseId"])
        elif kind == "contentBlockDelta":
            delta = event["delta"]
            if event["contentBlockIndex"] == ended + 1 == len(blocks):
                begin(blocks, "thinking" if "reasoningContent" in delta else "text")
            told = delta.get("reasoningContent", delta).get("text") or delta.get("toolUse", {}).get("input") or ""
            add(blocks, event["contentBlockIndex"], told)
        elif kind == "contentBlockStop":
            ended = event["contentBlockIndex"]
            stop(blocks, ended)
    return blocks


def of_cohere(data: bytes) -> Blocks:
    blocks: Blocks = []
    places: dict[tuple[str, int], int] = {}
    for line in data.decode().splitlines():
        event = json.loads(line[6:]) if line.startswith("data: {") else {}
        kind, _, phase = event.get("type", "").rpartition("-")
        if kind not in ("content", "tool-call"):
            continue
        said = event.get("delta", {}).get("message", {})
        own, at = said.get("content") or said.get("tool_calls") or {}, (kind, event["index"])
        if phase == "start":
            places[at] = len(blocks)
            begin(blocks, own.get("id") or own["type"])
        elif phase == "delta":
            told = own.get("text") or own.get("thinking") or own.get("function", {}).get("arguments") or ""
            add(blocks, places[at], told)
        else:
            stop(blocks, places[at])
    return blocks


def begin(blocks: Blocks, name: str) -> None:
    assert not blocks or isinstance(blocks[-1][1], str)
    blocks.append((name, []))


def add(blocks: Blocks, index: int, text: str) -> None:
    assert index == len(blocks) - 1
    blocks[index][1].append(text)


def stop(blocks: Blocks, index: int) -> None:
    name, told = blocks[index]
    blocks[index] = (name, "".join(told))


FACES: list[tuple[Any, Callable[[bytes], Blocks]]] = [
    (ANTHROPIC, of_anthropic),
    (BEDROCK, of_bedrock),
    (COHERE, of_cohere),
]
each = pytest.mark.parametrize(("face", "read"), FACES, ids=["anthropic", "bedrock_converse", "cohere"])


def encoder_of(face: Any) -> Any:
    return face.operations["chat"].encoder(Call("chat", "m", {}))


def told(face: Any, *events: Event) -> bytes:
    encoder = encoder_of(face)
    return b"".join(map(encoder.event, (START, *events))) + bytes(encoder.end())


@each
def test_calls_that_are_told_at_once_follow_each_other(face: Any, read: Any) -> None:
    data = told(
        face,
        Text("So."),
        ToolStart(0, "a", "f"),
        ToolStart(1, "b", "g"),
        ToolArgs(0, '{"x":'),
        ToolArgs(1, '{"y":'),
        ToolStart(2, "c", "h"),
        ToolArgs(2, '{"z":3}'),
        ToolArgs(0, '{"n":1}}'),
        ToolArgs(1, "2}"),
        DONE,
    )

    assert read(data) == [("text", "So."), ("a", '{"x":{"n":1}}'), ("b", '{"y":2}'), ("c", '{"z":3}')]


@each
def test_text_between_the_pieces_of_a_call_comes_after_it(face: Any, read: Any) -> None:
    # vLLM with a model that guesses ahead: the call's last piece is in one delta with the text behind it, and after it here.
    data = told(
        face,
        ToolStart(0, "a", "f"),
        ToolArgs(0, '{"x":"}"'),
        Text("\nOk"),
        Thinking("hm", 0, 0),
        ToolArgs(0, "}"),
        Text("ay"),
        ToolStart(1, "b", "g"),
        ToolArgs(1, "{}"),
        DONE,
    )

    assert read(data) == [("a", '{"x":"}"}'), ("text", "\nOk"), ("thinking", "hm"), ("text", "ay"), ("b", "{}")]


@each
def test_calls_without_arguments_or_with_broken_ones_hold_nothing_back_for_good(face: Any, read: Any) -> None:
    data = told(
        face,
        ToolStart(0, "a", "f"),
        ToolStart(1, "b", "g"),
        ToolArgs(1, '{"y":2}'),
        ToolStart(2, "c", "h"),
        ToolArgs(2, '{"z"'),
        Text("x"),
        Finish("length"),
    )
    unfinished = told(face, ToolStart(0, "a", "f"), Text("x"))

    assert read(data) == [("a", ""), ("b", '{"y":2}'), ("c", '{"z"'), ("text", "x")]
    assert read(unfinished) == [("a", ""), ("text", "x")]


@each
def test_what_may_be_told_is_told_at_once(face: Any, read: Any) -> None:
    encoder = encoder_of(face)
    sizes = [
        len(encoder.event(event))
        for event in (
            START,
            ToolStart(0, "a", "f"),
            ToolArgs(0, '{"x":1'),
            ToolStart(1, "b", "g"),
            ToolArgs(0, "}"),
            ToolArgs(1, '{"y":2'),
            Text("soon"),
            Text("later", 1),
            ToolArgs(1, "} "),
            Text("x"),
            ToolStart(2, "c", "h", kind="custom"),
            ToolArgs(2, "free"),
            Text("y"),
        )
    ]

    assert [size > 0 for size in sizes] == [bool(at not in (3, 6, 7)) for at in range(13)]


@each
def test_very_many_calls_at_once_take_no_deep_stack_and_little_time(face: Any, read: Any) -> None:
    many = range(5_000)
    starts = [ToolStart(at, f"c{at}", "f") for at in many]
    data = told(face, *starts, *(ToolArgs(at, "{") for at in many), *(ToolArgs(at, "}") for at in many), DONE)

    assert read(data) == [(f"c{at}", "{}") for at in many]


@pytest.mark.parametrize("face", [GEMINI, OLLAMA], ids=["gemini", "ollama"])
def test_calls_that_are_told_whole_wait_for_their_last_piece_behind_text(face: Any) -> None:
    data = told(
        face,
        ToolStart(0, "a", "f"),
        ToolArgs(0, '{"x":1}'),
        Text("Let"),
        ToolStart(1, "b", "g"),
        ToolStart(2, "c", "h"),
        ToolArgs(1, '{"y":'),
        Text(" me"),
        ToolArgs(2, '{"z":3}'),
        ToolArgs(1, "2}"),
        ToolStart(3, "d", "i"),
        DONE,
    )

    assert [(call["name"], given_to(call)) for call in calls_in(data)] == [
        ("f", {"x": 1}),
        ("g", {"y": 2}),
        ("h", {"z": 3}),
        ("i", {}),
    ]
    assert data.index(b'"x"') < data.index(b'"Let"') < data.index(b'" me"') < data.index(b'"y"')


def calls_in(data: bytes) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for line in filter(None, data.decode().splitlines()):
        event = json.loads(line.removeprefix("data: "))
        if "message" in event:
            calls += [call["function"] for call in event["message"].get("tool_calls", [])]
        else:
            parts = event["candidates"][0]["content"]["parts"]
            calls += [part["functionCall"] for part in parts if "functionCall" in part]
    return calls


def given_to(call: dict[str, Any]) -> Any:
    return call.get("arguments", call.get("args", {}))
