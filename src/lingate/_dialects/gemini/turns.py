"""The conversation: canonical messages -> `systemInstruction` and `contents`.

Where the formats differ: system text stands apart; the answers to parallel calls are parts of one user turn and repeat the
function's name; a turn without parts does not exist.
"""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._draft import native_fields
from lingate._dialects._plain import plain_text
from lingate._dialects.gemini.assistant import model_parts
from lingate._dialects.gemini.checks import check_parts
from lingate._dialects.gemini.content import canonical_content, content_parts
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.parts import wire_id
from lingate._dialects.gemini.results import result_content, result_object
from lingate._model import JsonDict

_TOOL_FIELDS = frozenset(
    {"role", "content", "tool_call_id", "name", "cache_control", "provider_specific_fields", "is_error"}
)
_TEXT_FIELDS = frozenset({"role", "content", "cache_control", "provider_specific_fields"})


class Turns:
    """The turns so far.

    Attributes:
        system: Parts of `systemInstruction`.
        contents: Finished turns.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.system: list[JsonDict] = []
        self.contents: list[JsonDict] = []
        self._results: list[tuple[int, JsonDict]] = []
        self._beside: list[JsonDict] = []
        self._order: dict[str, int] = {}

    def add(self, message: Any, at: int) -> None:
        """Take the next canonical message.

        Raises:
            ConfigError: It is not a message.
        """
        role = message.get("role") if isinstance(message, dict) else None
        # What long conversations are made of needs none of the questions that the others are asked.
        if (text := plain_text(message)) is not None and role in ("user", "assistant"):
            self._close_results()
            if role == "assistant":
                self._order = {}
            self.contents.append({"role": "user" if role == "user" else "model", "parts": [{"text": text}]})
            return
        where = f"messages[{at}]"
        if role == "tool":
            self._add_result(message, where)
        elif role in ("system", "developer"):
            self._add_system(message, where)
        elif role == "user":
            self._add_user(message, where)
        elif role == "assistant":
            self._add_assistant(message, where)
        else:
            raise self.draft.broken(f"{where}.role", "must be system, developer, user, assistant or tool")

    def finish(self) -> None:
        """Close the last turn and write `systemInstruction` and `contents`."""
        self._close_results()
        draft = self.draft
        if not self.contents and self.system:
            # At least one turn is required; OpenAI answers a lone system message.
            self.contents.append({"role": "user", "parts": self.system})
            self.system = []
            draft.note("messages[0].role (a lone system message was sent as the user's)")
        if not self.contents:
            raise draft.broken("messages", "hold nothing to answer")
        if self.contents[-1]["role"] == "model" and draft.traits.get("prefill") is False and len(self.contents) > 1:
            draft.refuse("messages[-1]", "the model does not continue a message of the assistant")
            self.contents.pop()
        if self.system and draft.traits.get("system_role") == "user":
            draft.note("messages[].role (system text was sent as the user's)")
            self._say_as_user(self.system)
        elif self.system:
            draft.body["systemInstruction"] = {"parts": self.system}
        draft.body["contents"] = self.contents

    def _say_as_user(self, parts: list[JsonDict]) -> None:
        """Put parts in front of all that the user says."""
        if self.contents[0]["role"] == "user":
            self.contents[0] = {"role": "user", "parts": [*parts, *self.contents[0]["parts"]]}
        else:
            self.contents.insert(0, {"role": "user", "parts": parts})

    def _add_system(self, message: JsonDict, where: str) -> None:
        for n, part in enumerate(self._parts(message, where)):
            if part.keys() == {"text"}:
                self.system.append(part)
            else:
                self.draft.refuse(f"{where}.content[{n}]", "system instructions are text")

    def _add_user(self, message: JsonDict, where: str) -> None:
        parts = self._parts(message, where)
        if not parts:
            return
        with_results = self._results and native_fields(message, NAME).get("with_results")
        self._close_results()
        if with_results:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": "user", "parts": parts})

    def _parts(self, message: JsonDict, where: str) -> list[JsonDict]:
        self.draft.note_others(message, _TEXT_FIELDS, where)
        if message.get("cache_control"):
            self.draft.note("cache_control")
        kept = _original_parts(message)
        return content_parts(message.get("content"), f"{where}.content", self.draft) if kept is None else kept

    def _add_assistant(self, message: JsonDict, where: str) -> None:
        self._close_results()
        parts = model_parts(message, where, self.draft)
        calls = message.get("tool_calls")
        ids = [call.get("id") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        self._order = {given: n for n, given in enumerate(ids) if isinstance(given, str)}
        if parts:
            self.contents.append({"role": "model", "parts": parts})

    def _add_result(self, message: JsonDict, where: str) -> None:
        self.draft.note_others(message, _TOOL_FIELDS, where)
        if message.get("cache_control"):
            self.draft.note("cache_control")
        given, name = self._call_of(message, where)
        kept = _original_result(message)
        if kept is None:
            text, media = self._result_parts(message.get("content"), f"{where}.content")
            kept = {"name": name, "response": result_object(text, message.get("is_error"))}
            if media and self.draft.newest:
                kept["parts"] = media
            else:
                self._beside += media
        known = self.draft.wire_ids
        on_wire = known[given] if given in known else wire_id(given)
        result = {"name": name, **{key: value for key, value in kept.items() if key not in ("id", "name")}}
        if on_wire is not None:
            result = {"id": on_wire, **result}
        self._results.append((self._order.get(given, len(self._order)), {"functionResponse": result}))

    def _result_parts(self, content: Any, where: str) -> tuple[str, list[JsonDict]]:
        """The text that a tool gave, and what is no text."""
        if isinstance(content, str):
            return content, []
        made = content_parts(content, where, self.draft)
        text = "".join(part["text"] for part in made if "text" in part)
        return text, [part for part in made if "text" not in part]

    def _call_of(self, message: JsonDict, where: str) -> tuple[str, str]:
        """Id and function name of the call that a message answers."""
        name, given = message.get("name"), message.get("tool_call_id")
        if not isinstance(given, str) or not given:
            raise self.draft.broken(f"{where}.tool_call_id", "must be the id of the tool call that this answers")
        known = self.draft.names.get(given, name)
        if not isinstance(known, str) or not known:
            raise self.draft.broken(f"{where}.tool_call_id", "answers no tool call of this conversation")
        return given, known

    def _close_results(self) -> None:
        """One turn for all answers, in the order of the calls: without ids that is how they are told apart."""
        if self._results:
            ordered = [part for _, part in sorted(self._results, key=lambda item: item[0])]
            self.contents.append({"role": "user", "parts": [*ordered, *self._beside]})
            self._results, self._beside = [], []


def write_messages(draft: Draft) -> None:
    """Write `systemInstruction` and `contents`.

    Raises:
        ConfigError: The messages make no sense in any format.
        UnsupportedError: A part has no counterpart here and `drop_params` is off.
    """
    messages = draft.asked.get("messages")
    if not isinstance(messages, list):
        raise draft.broken("messages", "must be a list of messages")
    turns = Turns(draft)
    for at, message in enumerate(messages):
        turns.add(message, at)
    turns.finish()


def _original_parts(message: JsonDict) -> list[JsonDict] | None:
    if "provider_specific_fields" not in message:
        return None
    parts = native_fields(message, NAME).get("parts")
    try:
        check_parts(parts, NAME)
    except Malformed:
        return None
    assert isinstance(parts, list)
    return list(parts) if canonical_content(parts) == message.get("content") else None


def _original_result(message: JsonDict) -> JsonDict | None:
    """The function response that a tool message was read from, unless the message was edited since."""
    if "provider_specific_fields" not in message:
        return None
    parts = native_fields(message, NAME).get("parts")
    try:
        check_parts(parts, NAME)
    except Malformed:
        return None
    assert isinstance(parts, list)
    found = parts[0].get("functionResponse") if len(parts) == 1 else None
    return found if found is not None and result_content(found) == message.get("content") else None
