# The conversation: canonical messages -> `systemInstruction` and `contents`.

# Where the formats differ: system text stands apart; the answers to parallel calls are parts of one user turn and repeat the
# function's name; a turn without parts does not exist.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._draft import native_fields
from lingate._dialects._late import TOLD, marked
from lingate._dialects._reading import SAID_FIELDS, content_text, gist_of, named_reasoning
from lingate._dialects._tool_arguments import arguments_object, calls_of
from lingate._dialects._tools import has_failed
from lingate._dialects._turns import TEXT_FIELDS, TOOL_FIELDS, ask_something, same_content, written
from lingate._dialects.gemini.content import (
    canonical_content,
    content_parts,
    kept_parts,
    result_content,
    result_object,
)
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import NAME, UNSIGNED
from lingate._dialects.gemini.media import write_image
from lingate._dialects.gemini.parts import answered_in, call_signature, kind_of, read_parts, sealed_signatures, wire_id
from lingate._model import JsonDict
from lingate._wire.plain import plain_text
from lingate._wire.shapes import as_dicts, as_str, dig, without


class Turns:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.system: list[JsonDict] = []
        """Parts of `systemInstruction`."""
        self.contents: list[JsonDict] = []
        """Finished turns."""
        self._results: list[tuple[int, JsonDict]] = []
        self._beside: list[JsonDict] = []
        self._late: list[JsonDict] = []
        self._order: dict[str, int] = {}
        self._due: dict[str, int] = {}

    def add(self, message: Any, at: int) -> None:
        role = dig(message, "role")
        if (text := plain_text(message)) is not None and role in ("user", "assistant"):
            self._close_results()
            if role == "user":
                self.contents.append({"role": "user", "parts": [{"text": text}]})
            else:
                self._say([{"text": text}], [])
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
        # Close the last turn and write `systemInstruction` and `contents`.
        self._close_results()
        draft = self.draft
        ask_something(draft, self.contents, self.system, "parts")
        if self.contents[-1]["role"] == "model" and draft.traits.get("prefill") is False and len(self.contents) > 1:
            draft.refuse("messages[-1]", "the model does not continue a message of the assistant")
            self.contents.pop()
        if self.system and draft.traits.get("system_role") == "user":
            draft.note("messages[].role (system text was sent as the user's)")
            self._say_as_user(self.system)
        elif self.system:
            draft.body["systemInstruction"] = {"parts": self.system}
        if self.contents[0]["role"] == "model" and _calls(self.contents[0]["parts"]):
            self.contents.insert(0, {"role": "user", "parts": [{"text": "."}]})
            draft.note("contents[0] (a full stop of the user's was added, as a call needs a turn of theirs before it)")
        if draft.traits.get("google_cloud") and "/v1beta1/" not in draft.target.url:
            self.contents = [_with_cloud_ids(turn) for turn in self.contents]
        draft.body["contents"] = self.contents

    def _say_as_user(self, parts: list[JsonDict]) -> None:
        if self.contents[0]["role"] == "user":
            self.contents[0] = {"role": "user", "parts": [*parts, *self.contents[0]["parts"]]}
        else:
            self.contents.insert(0, {"role": "user", "parts": parts})

    def _add_system(self, message: JsonDict, where: str) -> None:
        for n, part in enumerate(self._parts(message, where)):
            if not isinstance(part.get("text"), str):
                self.draft.refuse(f"{where}.content[{n}]", "system instructions are text")
            elif self.contents or self._results:
                self.draft.note(TOLD)
                self._late += marked([part])
            else:
                self.system.append(part)

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
        self.draft.note_others(message, TEXT_FIELDS, where)
        if message.get("cache_control"):
            self.draft.note("cache_control")
        kept = same_content(message, kept_parts(message), canonical_content)
        return content_parts(message.get("content"), f"{where}.content", self.draft) if kept is None else kept

    def _add_assistant(self, message: JsonDict, where: str) -> None:
        self._close_results()
        parts = model_parts(message, where, self.draft)
        ids = [call.get("id") for call in as_dicts(message.get("tool_calls"))]
        self._say(parts, [given for given in ids if isinstance(given, str)])

    def _say(self, parts: list[JsonDict], ids: list[str]) -> None:
        # "Function call turn comes immediately after a user turn or after a function response turn", and that one
        # immediately after it: what is said beside calls is one turn with them.
        last: JsonDict = self.contents[-1] if self.contents else {"role": "user"}
        joins = last["role"] == "model" and (_calls(parts) or _calls(last["parts"]))
        before = self._order if joins else {}
        self._due = self._due if joins else {}
        for given in ids:
            self._due[given] = self._due.get(given, 0) + 1
        self._order = {**before, **{given: len(before) + n for n, given in enumerate(ids)}}
        if joins:
            last["parts"] = [*last["parts"], *parts]
        elif parts:
            self.contents.append({"role": "model", "parts": parts})

    def _add_result(self, message: JsonDict, where: str) -> None:
        self.draft.note_others(message, TOOL_FIELDS, where)
        if message.get("cache_control"):
            self.draft.note("cache_control")
        given, name = self._call_of(message, where)
        due = self._due.get(given)
        if due == 0:  # "the number of function response parts is equal to the number of function call parts"
            self.draft.note(f"{where} (a second result of one call)")
            return
        self._due[given] = (due or 1) - 1
        kept = _original_result(message)
        if kept is None:
            text, media = self._result_parts(message.get("content"), f"{where}.content")
            kept = {"name": name, "response": result_object(text, has_failed(message))}
            if media and self.draft.newest:
                kept["parts"] = media
            else:
                self._beside += media
        known = self.draft.wire_ids
        on_wire = known[given] if given in known else wire_id(given)
        result = {"name": name, **without(kept, ("id", "name"))}
        if on_wire is not None:
            result = {"id": on_wire, **result}
        self._results.append((self._order.get(given, len(self._order)), {"functionResponse": result}))

    def _result_parts(self, content: Any, where: str) -> tuple[str, list[JsonDict]]:
        # The text that a tool gave, and what is no text.
        if isinstance(content, str):
            return content, []
        made = content_parts(content, where, self.draft)
        text = "\n".join(part["text"] for part in made if "text" in part)
        return text, [part for part in made if "text" not in part]

    def _call_of(self, message: JsonDict, where: str) -> tuple[str, str]:
        given = self.draft.answered(message.get("tool_call_id"), where)
        known = self.draft.names.get(given, message.get("name"))
        if not isinstance(known, str) or not known:
            raise self.draft.broken(f"{where}.tool_call_id", "answers no tool call of this conversation")
        return given, known

    def _close_results(self) -> None:
        # One turn for all answers, in the order of the calls: without ids that is how they are told apart. Behind them stands
        # what the system said in the meantime.
        if self._results:
            ordered = [part for _, part in sorted(self._results, key=lambda item: item[0])]
            self.contents.append({"role": "user", "parts": [*ordered, *self._beside]})
            self._results, self._beside = [], []
        if self._late:
            self.contents.append({"role": "user", "parts": self._late})
            self._late = []


def write_messages(draft: Draft) -> None:
    written(Turns(draft), draft.messages(NAME))


_CLOUD_ID = re.compile("[a-z0-9]{8}")


def _with_cloud_ids(turn: JsonDict) -> JsonDict:
    # The cloud's v1, unlike its v1beta1, refuses ids of calls as unknown (vercel/ai#15664, langchain-ai/langchainjs#10266);
    # what it gives itself looks like this.
    told = (
        {
            kind: without(said, ("id",))
            if isinstance(said, dict) and not _CLOUD_ID.fullmatch(as_str(said.get("id")))
            else said
            for kind, said in part.items()
        }
        for part in turn["parts"]
    )
    return {**turn, "parts": list(told)}


def _calls(parts: list[JsonDict]) -> bool:
    return any("functionCall" in part for part in parts)


def _original_result(message: JsonDict) -> JsonDict | None:
    # The function response that a tool message was read from, unless the message was edited since.
    parts = kept_parts(message) or []
    found = parts[0].get("functionResponse") if len(parts) == 1 else None
    return found if found is not None and result_content(found) == message.get("content") else None


_SILENT_FIELDS = SAID_FIELDS | {"images", "cache_control"}


def model_parts(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # A canonical assistant message as parts: the original ones if it still says the same, else made anew.
    if message.get("cache_control"):
        draft.note("cache_control")
    kept = original_parts(message)
    if kept is not None:
        _remember(message, kept, draft)
        return _signed(kept, draft)
    draft.note_others(message, _SILENT_FIELDS, where)
    sealed = sealed_signatures(message["thinking_blocks"]) if "thinking_blocks" in message else {}
    parts = _thoughts(message, sealed, where, draft)
    said = message.get("content") or message.get("refusal")
    if said:
        parts += content_parts(said, f"{where}.content", draft)
    if "" in sealed and parts and "text" in parts[-1]:
        parts[-1] = {**parts[-1], "thoughtSignature": sealed[""]}
    for n, image in enumerate(as_dicts(message.get("images"))):
        parts.append(write_image(image, f"{where}.images[{n}]", draft))
    parts += [_call(call, called, sealed, place, draft) for call, called, place in calls_of(message, where, draft)]
    return _signed(parts, draft)


def original_parts(message: JsonDict) -> list[JsonDict] | None:
    # The parts that an assistant message was read from, unless they are gone or the message was edited since.
    parts = kept_parts(message)
    if parts is None:
        return None
    reading = read_parts(parts, "kept")
    same = _gist(message.get("tool_calls")) == _gist(reading.calls)
    same = same and content_text(message.get("content")) == reading.text
    # Empty text is what streams end with; Vertex refuses to see it again.
    return [part for part in parts if part != {"text": ""}] if same else None


def _thoughts(message: JsonDict, sealed: dict[str, str], where: str, draft: Draft) -> list[JsonDict]:
    # Other models' reasoning is not sent unless the facts say so. This format's own is known by its signatures.
    if sealed:
        texts = [block.get("thinking") for block in as_dicts(message["thinking_blocks"])]
        # A stream of OpenAI's shows whole blocks only where they are signed, and all of the text beside them.
        texts = texts if any(texts) else [message.get("reasoning_content")]
        return [{"text": text, "thought": True} for text in texts if isinstance(text, str) and text]
    name, reasoning = named_reasoning(message)
    if reasoning and draft.traits.get("reasoning_history") in ("reasoning_content", "thinking_blocks"):
        return [{"text": reasoning, "thought": True}]
    if name or message.get("thinking_blocks"):
        draft.note(f"{where}." + (name or "thinking_blocks (another provider's)"))
    return []


def _signed(parts: list[JsonDict], draft: Draft) -> list[JsonDict]:
    # The parts, with a stand-in for the signature where another model, or an older one, made the calls.
    if not draft.newest:
        return parts
    calls = [n for n, part in enumerate(parts) if part.get("functionCall") is not None]
    if not calls or any("thoughtSignature" in parts[n] for n in calls):
        return parts
    return [{**part, "thoughtSignature": UNSIGNED} if n == calls[0] else part for n, part in enumerate(parts)]


def _call(call: JsonDict, function: JsonDict, sealed: dict[str, str], where: str, draft: Draft) -> JsonDict:
    given = call["id"]
    on_wire = wire_id(given)
    draft.names[given], draft.wire_ids[given] = function["name"], on_wire
    wire: JsonDict = {} if on_wire is None else {"id": on_wire}
    wire["name"] = function["name"]
    wire["args"] = arguments_object(function.get("arguments"), f"{where}.function.arguments", draft)
    part: JsonDict = {"functionCall": wire}
    signature = call_signature(call) or sealed.get(given)
    if signature:
        part["thoughtSignature"] = signature
    return part


def _remember(message: JsonDict, parts: list[JsonDict], draft: Draft) -> None:
    # Names and ids of calls that go out as they came.
    answered = answered_in(parts)
    wires = [part["functionCall"] for part in parts if kind_of(part, answered) == "call"]
    for call, wire in zip(message.get("tool_calls") or (), wires, strict=True):
        draft.names[call["id"]], draft.wire_ids[call["id"]] = wire.get("name") or "", wire.get("id")


def _gist(calls: Any) -> list[tuple[Any, Any, Any]]:
    # What calls ask for, with the ids that are the provider's own.
    return [(wire_id(as_str(given)), name, arguments) for given, name, arguments, _ in gist_of(calls)]
