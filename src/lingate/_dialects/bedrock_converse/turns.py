# The conversation: canonical messages -> `system` and alternating turns.

# Where the formats differ: system text stands apart; tool results are blocks of the next user turn, ahead of its text; a
# turn without content does not exist; documents have unique names and text beside them.

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import native_fields
from lingate._dialects._tool_names import fitted_id
from lingate._dialects._tools import has_failed
from lingate._dialects._turns import (
    TEXT_FIELDS,
    TOOL_FIELDS,
    BlockTurns,
    ask_something,
    check_prefill,
    same_content,
    written,
)
from lingate._dialects.bedrock_converse.assistant import assistant_blocks, kept_blocks, not_blank, safe_id
from lingate._dialects.bedrock_converse.content import (
    cache_mark,
    cache_point,
    canonical_parts,
    content_blocks,
    is_plain,
    result_blocks,
    text_alone,
)
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import MAX_DOCUMENT_NAME, NAME
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_ONLY_IN_MESSAGES = ("toolAddition", "toolRemoval")


class Turns(BlockTurns):
    draft: Draft

    def _say(self, role: Any, text: str) -> None:
        if role == "user":
            self._rest.append({"text": text})
        else:
            self._answer([{"text": text}])

    def _add_user(self, message: JsonDict, where: str) -> None:
        self._rest += self._text_blocks(message, where)

    def finish(self) -> None:
        self._place_late()
        ask_something(self.draft, self.turns, self.system, "content")
        check_prefill(self.draft, self.turns)
        if self.turns[0]["role"] != "user" and self.draft.family != "claude":
            # "A conversation must start with a user message." Claude answers others too (recorded).
            self.turns.insert(0, {"role": "user", "content": [{"text": "."}]})
            self.draft.note("turn 1 (a full stop of the user's was added, as the model needs a turn of theirs there)")
        self._mend_documents()
        self._mend_ids()
        self.draft.body["messages"] = self.turns
        if self.system:
            self.draft.body["system"] = self.system

    def _mend_ids(self) -> None:
        # Mistral's: "Tool call id was a but must be a-z, A-Z, 0-9, with a length of 9", said of Bedrock's own too.
        taken = self.draft.traits.get("call_ids")
        if taken is None:
            return
        for block in (block for turn in self.turns for block in turn["content"]):
            for kind in block.keys() & {"toolUse", "toolResult"}:
                block[kind] = {**block[kind], "toolUseId": fitted_id(block[kind]["toolUseId"], taken)}

    def _add_system(self, message: JsonDict, where: str) -> None:
        blocks = self._text_blocks(message, where)
        stays = native_fields(message, NAME).get("in_place") or self.draft.traits.get("late_system") == "keep"
        special = any(name in block for block in blocks for name in _ONLY_IN_MESSAGES)
        started = bool(self.turns or self._results or self._rest)
        if special or (started and stays):
            if blocks:
                self._late.append({"role": "system", "content": blocks})
        elif started and blocks:
            self._say_late(blocks)
        else:
            self.system += blocks

    def _text_blocks(self, message: JsonDict, where: str) -> list[JsonDict]:
        self.draft.note_others(message, TEXT_FIELDS, where)
        kept = same_content(message, kept_blocks(message), canonical_parts)
        if kept is not None:
            return not_blank(kept)
        blocks = content_blocks(message.get("content"), f"{where}.content", self.draft)
        if blocks and "cachePoint" not in blocks[-1]:
            blocks += cache_point(message, where, self.draft)
        return blocks

    def _add_assistant(self, message: JsonDict, where: str) -> None:
        blocks = assistant_blocks(message, where, self.draft)
        for block in blocks:
            call = block.get("toolUse")
            if isinstance(call, dict) and call.get("type") is None:
                self.tools_used[call["name"]] = None
        if blocks:
            self._answer(blocks)

    def _result(self, message: JsonDict, where: str) -> list[JsonDict]:
        self.draft.note_others(message, TOOL_FIELDS, where)
        kept = _original_result(message)
        if kept is not None:
            return kept
        given = self.draft.answered(message.get("tool_call_id"), where)
        content, mark = result_blocks(message.get("content"), f"{where}.content", self.draft)
        result: JsonDict = {"toolUseId": safe_id(given), "content": content}
        failed = has_failed(message)
        if failed is not None:
            result["status"] = "error" if failed else "success"
        marked = message if message.get("cache_control") else mark
        return [{"toolResult": result}, *cache_point(marked, where, self.draft)]

    def _close_user(self) -> None:
        if self._results or self._rest:
            self.turns.append({"role": "user", "content": self._results + self._rest})
            self._results, self._rest = [], []

    def _mend_documents(self) -> None:
        taken: set[str] = set()
        for n, turn in enumerate(self.turns):
            blocks = turn["content"]
            if (len(blocks) == 1 and "text" in blocks[0]) or not _has_document(blocks):
                continue
            turn["content"] = [_renamed(block, taken) for block in blocks]
            kinds = {kind for block in turn["content"] for kind in block}
            if turn["role"] == "user" and "document" in kinds and not kinds & {"text", "guardContent"}:
                # "A text block must be included when using documents."
                at = len(turn["content"]) - ("cachePoint" in turn["content"][-1])
                turn["content"].insert(at, {"text": "."})
                self.draft.note(f"turn {n + 1} (a full stop was added, as a document needs text beside it)")


def write_messages(draft: Draft) -> Turns:
    return written(Turns(draft), draft.messages(NAME))


def result_message(block: JsonDict, mark: JsonDict | None) -> JsonDict:
    # A checked `toolResult` block as a canonical tool message, without what only this format knows.
    # `mark`: the cache mark behind it, if there is one.
    inner = block["toolResult"]
    content: Any = text_alone(inner["content"])
    if content is None:
        parts = [part for item in inner["content"] for part in _result_part(item)]
        plain = len(parts) == 1 and set(parts[0]) == {"type", "text"}
        content = parts[0]["text"] if plain else parts
    message: JsonDict = {"role": "tool", "tool_call_id": inner["toolUseId"], "content": content}
    if mark is not None:
        message["cache_control"] = mark
    return message


def is_plain_result(block: JsonDict) -> bool:
    # Whether `result_message` says all that the block says.
    inner = block["toolResult"]
    return set(block) == {"toolResult"} and set(inner) == {"toolUseId", "content"} and is_plain(inner["content"])


def _result_part(item: JsonDict) -> list[JsonDict]:
    if "json" in item:
        return [{"type": "text", "text": encode_str(item["json"])}]
    return canonical_parts([item])


def _has_document(blocks: list[JsonDict]) -> bool:
    for block in blocks:
        if "document" in block:
            return True
        result = block.get("toolResult")
        if isinstance(result, dict) and _has_document(result["content"]):
            return True
    return False


def _renamed(block: JsonDict, taken: set[str]) -> JsonDict:
    # The block, with a document's name changed if it is taken; blocks inside a tool result count too.
    document, result = block.get("document"), block.get("toolResult")
    if isinstance(result, dict):
        return {**block, "toolResult": {**result, "content": [_renamed(item, taken) for item in result["content"]]}}
    if not isinstance(document, dict):
        return block
    given = name = document.get("name") or ""
    number = 1
    while name in taken:
        number += 1
        name = f"{given[: MAX_DOCUMENT_NAME - 5]}-{number}"
    taken.add(name)
    return block if name == given else {**block, "document": {**document, "name": name}}


def _original_result(message: JsonDict) -> list[JsonDict] | None:
    blocks = kept_blocks(message)
    if not blocks or "toolResult" not in blocks[0]:
        return None
    mark = cache_mark(blocks[1]) if len(blocks) == 2 and "cachePoint" in blocks[1] else None
    read = result_message(blocks[0], mark)
    if any(read.get(key) != message.get(key) for key in ("tool_call_id", "content", "cache_control")):
        return None
    inner = blocks[0]["toolResult"]
    return [{**blocks[0], "toolResult": {**inner, "toolUseId": safe_id(inner["toolUseId"])}}, *blocks[1:]]
