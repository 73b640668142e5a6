# The conversation: canonical messages -> `system` and strictly alternating turns.

# Where the formats differ: system text stands apart; tool results are blocks of the next user turn, ahead of its text; a
# turn without content does not exist.

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import native_fields
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
from lingate._dialects.anthropic.assistant import assistant_blocks, kept_blocks, safe_id
from lingate._dialects.anthropic.content import canonical_parts, content_blocks, is_plain
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import NAME, SYSTEM_BETAS, TOOL_CHANGES_BETA
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, as_list


class Turns(BlockTurns):
    draft: Draft
    _plain: str | None = None
    _system_plain: str | None = None

    def finish(self) -> None:
        self._place_late()
        ask_something(self.draft, self.turns, self.system, "content")
        check_prefill(self.draft, self.turns)
        if self.draft.traits.get("billed"):
            self.system[:0] = as_dicts(self.draft.native.get("bill"))
        if self.system:
            only_text = self._system_plain is not None and len(self.system) == 1
            self.draft.body["system"] = self._system_plain if only_text else self.system
        self.draft.body["messages"] = self.turns

    def _add_system(self, message: JsonDict, where: str) -> None:
        blocks = self._text_blocks(message, where)
        stays = self.draft.traits.get("late_system") == "keep"
        kinds = {block["type"] for block in blocks}
        seen = not kinds.isdisjoint(("image", "document"))  # a system message has none
        special = not seen and kinds - {"text"}
        started = bool(self.turns or self._results or self._rest)
        fields = as_dict(native_fields(message, NAME).get("fields"))
        if not (started and stays):
            self.draft.note_others(fields, (), where)
            fields = {}
        if not blocks and not fields:
            return
        if special or (started and stays):
            self._need_for(blocks, fields)
            plain = isinstance(message.get("content"), str) and not message.get("cache_control")
            said = {"content": message["content"] if plain else blocks} if blocks else {}
            self._late.append({"role": "system", **said, **fields})
            return
        if started or seen:
            self._plain = None
            self._say_late(blocks)
            return
        first = not self.system and isinstance(message.get("content"), str) and "cache_control" not in message
        self._system_plain = message["content"] if first else None
        self.system.extend(blocks)

    def _need_for(self, blocks: list[JsonDict], fields: JsonDict) -> None:
        if any(block["type"] in ("tool_addition", "tool_removal") for block in blocks):
            self.draft.need(TOOL_CHANGES_BETA)
        for name, beta in SYSTEM_BETAS.items():
            if name in fields:
                self.draft.need(beta)

    def _add_user(self, message: JsonDict, where: str) -> None:
        content = message.get("content")
        first = not self._rest and not self._results and isinstance(content, str) and "cache_control" not in message
        blocks = self._text_blocks(message, where)
        self._plain = content if first and blocks else None
        self._rest.extend(blocks)

    def _say(self, role: Any, text: str) -> None:
        # A text alone, which is not blank.
        if role == "assistant":
            self._answer(text)
            return
        self._plain = None if self._rest or self._results else text
        self._rest.append({"type": "text", "text": text})

    def _text_blocks(self, message: JsonDict, where: str) -> list[JsonDict]:
        self.draft.note_others(message, TEXT_FIELDS, where)
        kept = same_content(message, kept_blocks(message), canonical_parts)
        blocks = kept if kept is not None else content_blocks(message.get("content"), f"{where}.content", self.draft)
        if message.get("cache_control") and blocks and "cache_control" not in blocks[-1]:
            blocks[-1] = {**blocks[-1], "cache_control": message["cache_control"]}
        return blocks

    def _add_assistant(self, message: JsonDict, where: str) -> None:
        blocks = assistant_blocks(message, where, self.draft)
        for block in blocks:
            if block["type"] == "tool_use":
                self.tools_used[block["name"]] = None
        if not blocks:
            return
        content = message.get("content")
        plain = isinstance(content, str) and blocks == [{"type": "text", "text": content}]
        self._answer(content if plain else blocks)

    def _result(self, message: JsonDict, where: str) -> list[JsonDict]:
        self.draft.note_others(message, TOOL_FIELDS, where)
        kept = _original_result(message)
        if kept is not None:
            return [kept]
        given = self.draft.answered(message.get("tool_call_id"), where)
        block: JsonDict = {"type": "tool_result", "tool_use_id": safe_id(given)}
        content, mark = message.get("content"), None
        if isinstance(content, str):
            block["content"] = content
        else:
            blocks = content_blocks(content, f"{where}.content", self.draft)
            for one in blocks:
                mark = one.pop("cache_control", mark)  # has no place inside of a result
            block |= {"content": blocks} if blocks else {}
        failed = has_failed(message)
        if failed is not None:
            block["is_error"] = failed
        if mark := message.get("cache_control") or mark:
            block["cache_control"] = mark
        return [block]

    def _close_user(self) -> None:
        alone = self._plain is not None and not self._results
        content = self._plain if alone else [*self._results, *self._rest]
        if content:
            self.turns.append({"role": "user", "content": content})
        self._results, self._rest, self._plain = [], [], None


def write_messages(draft: Draft) -> Turns:
    return written(Turns(draft), draft.messages(NAME))


def result_message(block: JsonDict) -> JsonDict:
    # A checked `tool_result` block as a canonical tool message, without what only this format knows.
    content = block.get("content")
    parts = canonical_parts(content) if isinstance(content, list) else content or ""
    message: JsonDict = {"role": "tool", "tool_call_id": block["tool_use_id"], "content": parts}
    if "cache_control" in block:
        message["cache_control"] = block["cache_control"]
    return message


def is_plain_result(block: JsonDict) -> bool:
    # Whether `result_message` says all that the block says.
    content = block.get("content")
    plain = all(is_plain(one) and "cache_control" not in one for one in as_list(content))
    return plain and content is not None and set(block) <= {"type", "tool_use_id", "content", "cache_control"}


def _original_result(message: JsonDict) -> JsonDict | None:
    blocks = kept_blocks(message)
    if blocks is None or len(blocks) != 1 or blocks[0]["type"] != "tool_result":
        return None
    read = result_message(blocks[0])
    same = all(read.get(key) == message.get(key) for key in ("tool_call_id", "content", "cache_control"))
    return {**blocks[0], "tool_use_id": safe_id(blocks[0]["tool_use_id"])} if same else None
