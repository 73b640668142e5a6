# The pieces of a stream put together to what a whole answer would have been.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects.gemini.checks import check_parts
from lingate._dialects.gemini.facts import UNFINISHED
from lingate._dialects.gemini.parts import kind_of
from lingate._dialects.gemini.usage import merged_usage
from lingate._model import JsonDict
from lingate._wire.shapes import as_str, not_null, without

_PLAIN = frozenset({"text"})
_THOUGHT = frozenset({"text", "thought"})
_OWN = frozenset({"content", "finishReason", "finishMessage", "index", "logprobsResult"})


class JoinedParts:
    # Parts as they arrive: pieces of one text joined, calls whose arguments come in pieces made whole.

    # A part with a signature stays by itself, as it must go back so.

    def __init__(self) -> None:
        self._parts: list[JsonDict] = []
        self._open: JsonDict | None = None  # the first piece of a text that may go on
        self._pieces: list[str] = []
        self._call: JsonDict | None = None  # a call whose arguments are not complete
        self._args = ArgsBuilder()

    def add(self, part: JsonDict) -> list[tuple[str, JsonDict]]:
        # Take the next checked part, and say what has come: its kind and the part.
        # A call is told twice: as `call` once its name is known, as `called` once its arguments are.
        # Raises Malformed: a call has no name, or an argument no place.
        kind = kind_of(part)
        if kind == "call":
            return self._add_call(part)
        told = self.close_call()
        if kind in ("text", "thought") and (part.keys() == _PLAIN or part.keys() == _THOUGHT):
            if self._open is None or bool(self._open.get("thought")) != bool(part.get("thought")):
                self._close_text()
                self._open = part
            self._pieces.append(part["text"])
        else:
            self._close_text()
            self._parts.append(part)
        return [*told, (kind, part)]

    @property
    def is_open(self) -> bool:
        # Whether the arguments of a call are still to come.
        return self._call is not None

    def close_call(self) -> list[tuple[str, JsonDict]]:
        # The end of a call whose end was not said: recorded streams leave it out.
        if self._call is None:
            return []
        part, self._call = self._call, None
        call = without(part["functionCall"], ("willContinue",))
        part["functionCall"] = {**call, "args": {**(call.get("args") or {}), **self._args.args}}
        return [("called", part)]

    def finish(self) -> list[JsonDict]:
        self._close_text()
        return self._parts

    def _add_call(self, part: JsonDict) -> list[tuple[str, JsonDict]]:
        call = part["functionCall"]
        if self._call is not None and not call.get("name"):
            return self._go_on(part, call)
        told = self.close_call()
        if not call.get("name"):
            if call.get("args") or call.get("partialArgs"):
                raise Malformed("functionCall.name", "must be a string that is not empty")
            return told
        self._close_text()
        if not (call.get("willContinue") or call.get("partialArgs")):
            self._parts.append(part)
            return [*told, ("call", part), ("called", part)]
        known = without(call, ("partialArgs",))
        self._call = {**part, "functionCall": known}
        self._parts.append(self._call)
        self._args = ArgsBuilder()
        self._args.add(call.get("partialArgs") or [])
        return [*told, ("call", self._call), *([] if call.get("willContinue") else self.close_call())]

    def _go_on(self, part: JsonDict, call: JsonDict) -> list[tuple[str, JsonDict]]:
        assert self._call is not None
        self._args.add(call.get("partialArgs") or [])
        self._args.args.update(call.get("args") or {})
        if part.get("thoughtSignature"):
            self._call["thoughtSignature"] = part["thoughtSignature"]
        return [] if call.get("willContinue") else self.close_call()

    def _close_text(self) -> None:
        if self._open is not None:
            text = "".join(self._pieces)
            if text:
                self._parts.append({**self._open, "text": text})
            self._open, self._pieces = None, []


def whole_calls(parts: list[JsonDict]) -> list[JsonDict]:
    # The parts of a turn that was kept piece by piece, as the vendor's chats keep it: without calls that go on others, and
    # arguments in pieces.
    # Raises Malformed: a call has no name, or an argument no place.
    if all(
        call.get("name") and "partialArgs" not in call
        for part in parts
        if (call := part.get("functionCall")) is not None
    ):
        return parts
    joined = JoinedParts()
    for part in parts:
        joined.add(part)
    joined.close_call()
    return joined.finish()


def merge_extras(before: JsonDict, candidate: JsonDict) -> None:
    # Take what a candidate says besides its content: the last word counts, except that citations add up.
    for name, value in candidate.items():
        if name in _OWN or value is None or value == {}:
            continue
        have = before.get(name)
        if isinstance(have, dict) and isinstance(value, dict):
            value = {**have, **value}
            if name == "citationMetadata":
                value |= {key: _added(have.get(key), items) for key, items in value.items()}
        before[name] = value


def join_chunks(chunks: list[Any]) -> JsonDict:
    # The events of a stream as one whole answer: for streams that came as a JSON array.
    # Raises Malformed: an event cannot be read.
    whole: JsonDict = {}
    candidates: dict[int, JsonDict] = {}
    parts: dict[int, JoinedParts] = {}
    for n, chunk in enumerate(chunks):
        expect(chunk, dict, f"[{n}]")
        usage = chunk.get("usageMetadata")
        if isinstance(usage, dict):
            chunk = {**chunk, "usageMetadata": merged_usage(whole.get("usageMetadata", {}), usage)}
        whole.update(not_null(chunk, ("candidates",)))
        for index, candidate, pieces in candidates_of(chunk, f"[{n}]."):
            joined = parts.setdefault(index, JoinedParts())
            for part in pieces:
                joined.add(part)
            _join_candidate(candidates.setdefault(index, {"index": index}), candidate)
    for index, candidate in candidates.items():
        parts[index].close_call()
        candidate["content"] = {"role": "model", "parts": parts[index].finish()}
    if candidates:
        whole["candidates"] = [candidates[index] for index in sorted(candidates)]
    return whole


def candidates_of(answer: JsonDict, where: str = "") -> list[tuple[int, JsonDict, list[JsonDict]]]:
    # Number, candidate and parts for each candidate of an answer or event.
    # Raises Malformed: one of them cannot be read.
    given = answer.get("candidates")
    if given is None:
        return []
    expect(given, list, f"{where}candidates")
    found = []
    for at, candidate in enumerate(given):
        place = f"{where}candidates[{at}]"
        expect(candidate, dict, place)
        content = candidate.get("content")
        parts: list[JsonDict] = []
        if content is not None:
            expect(content, dict, f"{place}.content")
            if content.get("parts") is not None:
                parts = content["parts"]
                check_parts(parts, f"{place}.content.parts")
        index = candidate.get("index")
        found.append((index if type(index) is int else at, candidate, parts))
    return found


def _join_candidate(whole: JsonDict, candidate: JsonDict) -> None:
    merge_extras(whole, candidate)
    for name in ("finishReason", "finishMessage"):
        if candidate.get(name) not in (None, "", 0, UNFINISHED):
            whole[name] = candidate[name]
    logprobs = candidate.get("logprobsResult")
    if isinstance(logprobs, dict):
        have = whole.setdefault("logprobsResult", {})
        for name, items in logprobs.items():
            known = have.get(name)
            have[name] = [*known, *items] if isinstance(known, list) and isinstance(items, list) else items


def _added(known: Any, items: Any) -> Any:
    if not isinstance(known, list) or not isinstance(items, list):
        return items
    return [*known, *(item for item in items if item not in known)]


_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPE = re.compile(r"\\(.)")
_MAX_STEPS = 64


class ArgsBuilder:
    # Arguments of a call that arrive value by value, each with the JSON path of its place (RFC 9535, names and indices
    # only): `{"jsonPath": "$.places[0].city", "stringValue": "Bos", "willContinue": true}`.

    def __init__(self) -> None:
        self.args: JsonDict = {}
        self._open: str | None = None

    def add(self, pieces: Any) -> None:
        # Take the next `partialArgs`.
        # Raises Malformed: a piece has no path, or one that leads nowhere.
        expect(pieces, list, "partialArgs")
        for piece in pieces:
            expect(piece, dict, "partialArgs[]")
            path = piece.get("jsonPath")
            expect(path, str, "partialArgs[].jsonPath")
            value = _value(piece)
            steps = _steps(path)
            if isinstance(value, str) and self._open == path:
                value = self._place(steps, None) + value
            self._place(steps, value)
            self._open = path if isinstance(value, str) and piece.get("willContinue") else None

    def _place(self, steps: list[str | int], value: Any) -> Any:
        # Put a value at the end of a path, making what is on the way; None reads what is there.
        node: Any = self.args
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            last = following is None
            if isinstance(step, int):
                _expect_room(node, step)
                if step == len(node):
                    node.append(None)
            elif not isinstance(node, dict):
                raise Malformed("partialArgs[].jsonPath", "names a member of what is no object")
            have = node[step] if isinstance(step, int) else node.get(step)
            if last:
                if value is None:
                    return as_str(have)
                node[step] = None if value is _NULL else value
            elif not isinstance(have, (dict, list)):
                node[step] = [] if isinstance(following, int) else {}
            node = node[step]
        return None


_NULL = object()


def _expect_room(node: Any, index: int) -> None:
    if not isinstance(node, list) or index > len(node):
        raise Malformed("partialArgs[].jsonPath", "has an index of what is no list, or one that leaves a gap")


def _value(piece: JsonDict) -> Any:
    # The value of a piece; a string where it names none, since empty ones are left out.
    if piece.get("numberValue") is not None:
        number = piece["numberValue"]
        return int(number) if isinstance(number, float) and number.is_integer() else number
    if "boolValue" in piece:
        return piece["boolValue"]
    if "nullValue" in piece:
        return _NULL
    text = piece.get("stringValue", "")
    expect(text, str, "partialArgs[].stringValue")
    return text


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) > _MAX_STEPS:
            break
        name, index, *quoted = found.groups()
        words = next((word for word in (name, *quoted) if word is not None), "")
        steps.append(int(index) if index is not None else words if name is not None else _ESCAPE.sub(r"\1", words))
        at = found.end()
    if not steps or at != len(path):
        raise Malformed("partialArgs[].jsonPath", "must be a path of names and indices")
    return steps
