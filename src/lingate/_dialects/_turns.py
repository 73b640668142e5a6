# The conversation as turns of blocks: what several wire formats ask of it, and what a message kept of the blocks it came from.

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count
from typing import Any, Protocol, TypeVar

from lingate._dialects._check import Malformed
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._late import TOLD, marked
from lingate._dialects._reading import Reading, content_text, gist_of
from lingate._model import JsonDict
from lingate._wire.plain import plain_text
from lingate._wire.shapes import as_str, dig

TEXT_FIELDS = frozenset({"role", "content", "cache_control", "provider_specific_fields"})
TOOL_FIELDS = TEXT_FIELDS | {"tool_call_id", "name", "is_error"}


class Turns(Protocol):
    draft: Any

    def add(self, message: Any, at: int) -> None: ...

    def finish(self) -> None: ...


class BlockTurns:
    # The turns so far, where tool results are blocks of the user's next turn, ahead of its text.

    draft: Draft
    _say: Callable[[Any, str], None]
    _add_system: Callable[[JsonDict, str], None]
    _add_user: Callable[[JsonDict, str], None]
    _add_assistant: Callable[[JsonDict, str], None]
    _result: Callable[[JsonDict, str], list[JsonDict]]
    _close_user: Callable[[], None]

    def __init__(self, draft: Any) -> None:
        self.draft = draft
        self.system: list[JsonDict] = []
        """Blocks of the `system` field."""
        self.turns: list[JsonDict] = []
        """Finished messages."""
        self.tools_used: dict[str, None] = {}
        """Names of the tools that the conversation calls, in order of first use."""
        self._told: set[str] = set()
        self._owed: dict[str, list[str]] = {}
        self._results: list[JsonDict] = []
        self._rest: list[JsonDict] = []
        self._late: list[JsonDict] = []

    def add(self, message: Any, at: int) -> None:
        # Raises ConfigError: it is not a message.
        role = dig(message, "role")
        if (text := plain_text(message)) is not None and role in ("user", "assistant"):
            self._say(role, text)
            return
        where = f"messages[{at}]"
        if role in ("system", "developer"):
            self._add_system(message, where)
        elif role == "user":
            self._add_user(message, where)
        elif role == "assistant":
            self._add_assistant(self._with_own_ids(message), where)
        elif role == "tool":
            owed = self._owed.get(as_str(message.get("tool_call_id")))
            if owed == []:  # "each tool_use must have a single result", says Claude (QwenLM/qwen-code#8163)
                self.draft.note(f"{where} (a second result of one call)")
                return
            self._results += self._result({**message, "tool_call_id": owed.pop(0)} if owed else message, where)
        else:
            raise self.draft.broken(f"{where}.role", "must be system, developer, user, assistant, tool or function")

    def _with_own_ids(self, message: JsonDict) -> JsonDict:
        # The message, each of its calls with an id that none before it has; its results are told by `_owed`.
        # Kimi's are unique within an answer only (fw-ai/fireconnect#16); these formats take none twice.
        calls = message.get("tool_calls")
        if calls and (self._rest or self._results):  # a new answer: results from now on are its calls'
            self._owed = {}
        own = [self._own_id(call) for call in calls] if isinstance(calls, list) else calls
        return message if own == calls else {**message, "tool_calls": own}

    def _own_id(self, call: Any) -> Any:
        given = as_str(dig(call, "id"))
        if not given:
            return call
        others = (f"{given}_{n}" for n in count(len(self._told)))
        own = next(other for other in chain((given,), others) if other not in self._told)
        self._told.add(own)
        self._owed.setdefault(given, []).append(own)
        return call if own == given else {**call, "id": own}

    def _say_late(self, blocks: list[JsonDict]) -> None:
        # Where system turns are refused: the user's turn says it, behind the results that it may have.
        self.draft.note(TOLD)
        self._rest += marked(blocks)

    def _place_late(self) -> None:
        # System turns wait until the user's turn before them is complete. Claude: "role 'system' must follow a 'user' message or
        # an 'assistant' message ending in a server tool result", and "must precede an 'assistant' message or end the array".
        self._close_user()
        for said in self._late:
            last = self.turns[-1] if self.turns else said
            plain = said.keys() == {"role", "content"} and all("text" in block for block in as_blocks(said["content"]))
            ends = as_blocks(last["content"])[-1].get("type") if last["role"] == "assistant" else "tool_result"
            if plain and "tool_result" not in str(ends):
                self.draft.note(TOLD)
                self.turns.append({"role": "user", "content": marked(as_blocks(said["content"]))})
            else:
                self.turns.append(said)
        self._late = []

    def _answer(self, content: Any) -> None:
        self._place_late()
        if self.turns and self.turns[-1]["role"] == "assistant":
            self.turns[-1]["content"] = [*as_blocks(self.turns[-1]["content"]), *as_blocks(content)]
        else:
            self.turns.append({"role": "assistant", "content": content})


_T = TypeVar("_T", bound=Turns)


def written(turns: _T, messages: list[Any]) -> _T:
    # The turns, with these messages taken and written.
    for at, message in enumerate(messages):
        turns.add(message, at)
    turns.finish()
    return turns


def ask_something(draft: Draft, turns: list[JsonDict], system: list[JsonDict], content: str) -> None:
    # See to it that there is a turn to answer; `content` is where turns have theirs.
    if not turns and system:
        # OpenAI answers a lone system message.
        turns.append({"role": "user", content: system[:]})
        system.clear()
        draft.note("messages[0].role (a lone system message was sent as the user's)")
    if not turns:
        raise draft.broken("messages", "hold nothing to answer")


def as_blocks(content: Any) -> list[JsonDict]:
    # A turn's content, which may be plain text, as blocks.
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def check_prefill(draft: Draft, turns: list[JsonDict]) -> None:
    # See to the end of a conversation that ends with the assistant: it asks to continue that very text.
    last = turns[-1]
    blocks = as_blocks(last.get("content", ""))  # a system message with fields of its own may say nothing
    text = blocks[-1].get("text")
    if last["role"] != "assistant" or not isinstance(text, str):
        return
    if not draft.traits.get("prefill") and len(turns) > 1 and blocks[-1].get("type", "text") == "text":
        draft.refuse("messages[-1]", "the model does not continue a message of the assistant")
        turns.pop()
    elif text != text.rstrip():
        # Claude: "final assistant content cannot end with trailing whitespace".
        draft.note("messages[-1].content (trailing whitespace)")
        last["content"] = [*blocks[:-1], {**blocks[-1], "text": text.rstrip()}]


def kept(message: JsonDict, dialect: str, name: str, check: Callable[[Any, str], None]) -> list[JsonDict] | None:
    # The blocks of a format that a canonical message carries beside its own content; None if they cannot be read.
    if "provider_specific_fields" not in message:
        return None
    blocks = native_fields(message, dialect).get(name)
    try:
        check(blocks, dialect)
    except Malformed:
        return None
    return blocks if isinstance(blocks, list) else None


def same_content(
    message: JsonDict, blocks: list[JsonDict] | None, read: Callable[[list[JsonDict]], Any]
) -> list[JsonDict] | None:
    # Kept blocks, unless the message they were read into was edited since.
    return list(blocks) if blocks is not None and read(blocks) == message.get("content") else None


def says_the_same(message: JsonDict, reading: Reading) -> bool:
    # Whether a message of the assistant still is what was read of its blocks.
    thinking = message.get("thinking_blocks")
    return (
        content_text(message.get("content")) == reading.text
        and gist_of(message.get("tool_calls")) == gist_of(reading.calls)
        and (thinking is None or thinking == reading.thinking)
    )
