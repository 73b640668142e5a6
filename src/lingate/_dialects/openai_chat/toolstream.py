# Tool calls of one choice in a stream: told apart, named, and given ids, whatever pieces they come in.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import new_id, told_ids
from lingate._dialects._counts import integer
from lingate._dialects.openai_chat.response import arguments_text, called
from lingate._model import Event, HttpRequest, JsonDict, Text, ToolArgs, ToolStart
from lingate._wire.json import decode, is_json
from lingate._wire.shapes import as_dicts, as_str, dig, without

_KNOWN = frozenset({"index", "id", "type", "function", "custom"})


class _Call:
    # One call as far as it has arrived. It starts (`tool` is its number) once its name is known.

    __slots__ = (
        "answer",
        "begun",
        "early",
        "empty",
        "extra",
        "id",
        "kind",
        "name",
        "pieces",
        "repeats",
        "size",
        "tool",
    )

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id = ""
        self.name = ""
        self.begun = ""  # what has come of a name that may go on
        self.tool = -1
        self.answer = False
        self.early: list[str] = []
        self.empty = False  # an empty object has come: all there is, or what some servers send before the arguments
        self.pieces: list[str] = []
        self.repeats = False  # each piece holds the ones before it too
        self.size = 0
        self.extra: JsonDict = {}

    @property
    def started(self) -> bool:
        return bool(self.name)

    def text(self) -> str:
        return "".join(self.pieces or self.early) or ("{}" if self.empty else "")

    def news(self, text: str) -> str:
        # What a piece adds to the arguments.
        # Some servers repeat all of them at the end, others what has come so far in each piece. Only what cannot go on
        # as JSON is taken for that: an object cannot begin at the end of another, nor where a name is expected.
        if self.kind == "custom":
            return text
        if not self.pieces:
            nothing = text in ("{}", "null")
            self.empty = self.empty or nothing
            return "" if nothing else text
        # A much shorter one is no repetition, however it is spaced; looking at what was told would cost its length each time.
        if text[0] != "{" or len(text) * 4 < self.size or (len(text) < self.size and text[-1] != "}"):
            return text
        told = "".join(self.pieces)
        if text.startswith(told):
            rest = text[len(told) :]
            # A value may begin here, or the name "{" be complete.
            open_ended = told.rstrip()[-1:] in (":", ",", "[") or (told.strip() == '{"' and rest[:1] in ("", ":"))
            if self.repeats or not open_ended:
                self.repeats = True
                return rest
        return "" if told[-1] == text[-1] == "}" and _is_same(told, text) else text


class ToolStream:
    # The tool calls of one choice.

    __slots__ = ("_by_index", "_calls", "_choice", "_count", "_last", "_legacy", "_sent")

    def __init__(self, choice: int, sent: HttpRequest) -> None:
        self._choice = choice
        self._sent = sent
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._last: _Call | None = None
        self._legacy: _Call | None = None
        self._count = 0

    @property
    def any(self) -> bool:
        # There are calls that the caller is to execute.
        return any(call.started and not call.answer for call in self._calls)

    @property
    def legacy(self) -> bool:
        # The call is an old-style `function_call`.
        return self._legacy is not None

    def add(self, deltas: list[Any], raw: JsonDict, events: list[Event]) -> None:
        for delta in deltas:
            if isinstance(delta, dict):
                self._add(delta, raw, events)

    def add_legacy(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        # Take the `function_call` of one delta; there is at most one such call.
        if not any(delta.values()):
            return
        call = self._legacy = self._legacy or self._open("function_call", None)
        self._extend(call, delta.get("name"), delta.get("arguments"), raw, events)

    def settle(self, raw: JsonDict | None, events: list[Event]) -> bool:
        # Nothing more will come: calls without arguments get an empty object.
        # Gives false if a call never got a name, which nobody could execute.
        for call in self._calls:
            self._name(call, raw, events)
            if not call.started:
                if call.id or call.text().strip():
                    return False
            elif call.kind != "custom" and not "".join(call.pieces).strip():
                self._tell(call, "{}", raw, events)
        return True

    def whole(self) -> bool:
        # The arguments of every call are complete JSON, before `settle` has put some where none came.
        return all(call.kind == "custom" or is_json(call.text()) for call in self._calls if call.started)

    def _add(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        kind, function = called(delta)
        field = "input" if kind == "custom" else "arguments"
        name = as_str(function.get("name"))
        if name == "null" and self._calls:  # some servers' word for none
            name = ""
        call_id = as_str(delta.get("id"))
        call = self._find(delta.get("index"), call_id, name, function.get(field), kind)
        if not call.started:
            call.id = call.id or call_id
            if not delta.keys() <= _KNOWN:
                call.extra.update(without(delta, _KNOWN))
        self._extend(call, name, function.get(field), raw, events)

    def _find(self, index: Any, call_id: str, name: str, arguments: Any, kind: str) -> _Call:
        # The call that a delta belongs to: the one of its index or, without an index, of its id, or the last; else a new one.
        at = integer(index)
        if at is not None:
            known = self._by_index.get(at)
            if known is None and not call_id and not name and self._last and not is_json(self._last.text() or "?"):
                known = self._by_index[at] = self._last  # LibreChat numbers the arguments otherwise than the name
            elif known is not None and call_id and known.id != call_id:
                known = next((call for call in self._calls if call.id == call_id), known)  # all have one number
        else:
            known = next((call for call in reversed(self._calls) if call_id and call.id == call_id), self._last)
        if known is None or _is_another(known, call_id, name, arguments not in (None, ""), at is not None):
            return self._open(kind, at)
        return known

    def _open(self, kind: str, index: int | None) -> _Call:
        call = _Call(kind)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _extend(self, call: _Call, name: Any, arguments: Any, raw: JsonDict, events: list[Event]) -> None:
        last, self._last = self._last, call
        if last is not None and last is not call:
            self._name(last, raw, events)
            if last.started and last.empty and not last.pieces:
                self._tell(last, "{}", raw, events)  # all there is: while it is still the last one
        if name and isinstance(name, str) and not call.started:
            call.begun += name
            if not self._goes_on(call.begun):
                self._name(call, raw, events)
        if arguments is None or arguments == "":
            return
        self._name(call, raw, events)
        text = arguments if isinstance(arguments, str) else arguments_text(arguments)
        if call.started:
            self._emit(call, text, raw, events)
        else:
            call.early.append(text)

    def _goes_on(self, begun: str) -> bool:
        # Whether this is the beginning of a tool's name, and none itself: some stream names in pieces (continuedev/continue#5849).
        tools = as_dicts(self._sent.call.body.get("tools"))
        names = {as_str(dig(tool, "function", "name")) for tool in tools}.union(self._sent.renamed or ())
        return begun not in names and any(name.startswith(begun) for name in names)

    def _name(self, call: _Call, raw: JsonDict | None, events: list[Event]) -> None:
        # Begin the call with what has come of its name, if it has not begun.
        if call.started or not call.begun:
            return
        call.name = name = call.begun
        call.answer = name == self._sent.answer_tool
        if not call.answer:
            call.id = ident = call.id or new_id("call_")
            if any(other.id == ident and other.tool >= 0 for other in self._calls) or ident in told_ids(self._sent):
                ident = new_id("call_")  # two of one id could not be answered
            call.tool = self._count
            self._count += 1
            events.append(ToolStart(call.tool, ident, name, self._choice, call.kind, call.extra or None, raw))
        for text in call.early:
            self._emit(call, text, raw, events)

    def _emit(self, call: _Call, text: str, raw: JsonDict | None, events: list[Event]) -> None:
        news = call.news(text)
        if news:
            self._tell(call, news, raw, events)

    def _tell(self, call: _Call, text: str, raw: JsonDict | None, events: list[Event]) -> None:
        call.pieces.append(text)
        call.size += len(text)
        if call.answer:
            events.append(Text(text, self._choice, raw))
        else:
            events.append(ToolArgs(call.tool, text, self._choice, raw))


def _is_another(known: _Call, call_id: str, name: str, has_arguments: bool, indexed: bool) -> bool:
    # Whether a delta begins another call although the known one is where it points.
    # With an index that takes a name as well as a new id: some servers number all calls 0, others invent an id for every
    # delta. Without an index a new id is enough. A new name begins a call, and so does, without ids, the same name once
    # more when the call so far is complete.
    if call_id and known.id and call_id != known.id:
        return bool(name) or not indexed
    if not name or not known.started or name != known.name:
        return bool(name) and known.started
    return call_id != known.id and has_arguments and is_json(known.text() or "?")


def _is_same(told: str, again: str) -> bool:
    try:
        return bool(decode(told) == decode(again))
    except ValueError:
        return False
