# One choice of a stream: its deltas as events, reasoning told as blocks, and its end.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import (
    ERROR,
    canonical_reason,
    hidden_error,
    malformed,
    provider_failed,
    reason_of,
    settle,
)
from lingate._dialects._reading import detail_text, text_of
from lingate._dialects.openai_chat.content import (
    REASONING_NAMES,
    THOUGHT,
    DetailJoiner,
    ThinkSplitter,
    detail_redacted,
    detail_signature,
    read_parts,
    received,
    split_thought,
    told_reasoning,
)
from lingate._dialects.openai_chat.toolstream import ToolStream
from lingate._model import Annotations, Event, Extra, Finish, HttpRequest, JsonDict, Media, Refusal, Text, Thinking
from lingate._wire.json import encode_str
from lingate._wire.shapes import as_dicts, without


class ReasonStream:
    # `reasoning_details` number their blocks themselves. All other reasoning is one block until a signature or an
    # encrypted part closes it; what comes then is the next block. Gateways, ours among them, say the same reasoning in
    # several fields and not always in the same delta: it is told once.

    __slots__ = ("_block", "_choice", "_closed", "_details", "_empty", "_proofs", "told")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._block = 0
        self._empty = True
        self._closed = False
        self.told = False
        self._details: DetailJoiner | None = None
        self._proofs: set[str] = set()

    def add(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        # Take the reasoning of one delta, which may say the same thing in several fields.
        text = told_reasoning(delta)
        details = as_dicts(delta.get("reasoning_details"))
        if text:
            self.told = True
            index = _index(details[0]) if details else None
            if index is None:
                self.say(text, raw, events)
            else:
                events.append(Thinking(text, self._choice, index, raw=raw))
        for detail in details:
            self._detail(detail, raw, events)
        if blocks := delta.get("thinking_blocks"):
            for block in as_dicts(blocks):
                if not self.told and (piece := text_of(block.get("thinking"))):
                    self.say(piece, raw, events)
                self.close(block, raw, events)

    def say(self, text: str, raw: JsonDict | None, events: list[Event]) -> None:
        if self._closed:
            self._next()
        self._empty = False
        events.append(Thinking(text, self._choice, self._block, raw=raw))

    def close(self, block: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        # Tell what completes a block, if this does: its signature, or an encrypted block of its own.
        signature, redacted = received(block.get("signature")), received(block.get("data"))
        if not self._is_new(signature, redacted):
            return
        if self._closed or (redacted is not None and not self._empty):
            self._next()
        self._closed = True
        events.append(Thinking("", self._choice, self._block, signature, redacted, raw))

    def settle(self, raw: JsonDict | None, events: list[Event]) -> None:
        # Nothing more will come: the details as they must go back with the next turn.
        if self._details is not None:
            events.append(Extra({"reasoning_details": self._details.joined()}, self._choice, raw))

    def _next(self) -> None:
        self._block += 1
        self._empty, self._closed = True, False

    def _is_new(self, signature: str | None, redacted: str | None) -> bool:
        # Whether there is a proof that has not been told; a second one would go on the end of the first.
        proof = redacted if signature is None else signature
        if proof is None or proof in self._proofs:
            return False
        self._proofs.add(proof)
        return True

    def _detail(self, detail: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        if self._details is None:
            self._details = DetailJoiner()
        self._details.add(detail)
        block = _index(detail) or 0
        if not self.told and (text := detail_text(detail)):
            events.append(Thinking(text, self._choice, block, raw=raw))
        signature, redacted = detail_signature(detail), detail_redacted(detail)
        if self._is_new(signature, redacted):
            events.append(Thinking("", self._choice, block, signature, redacted, raw))


def _index(source: Any) -> int | None:
    index = source.get("index")
    return index if type(index) is int else None


_TEXT = frozenset({"content", "role"})
_DELTA = frozenset(
    {
        "content",
        "role",
        "refusal",
        *REASONING_NAMES,
        "reasoning_details",
        "thinking_blocks",
        "tool_calls",
        "function_call",
        "audio",
        "images",
        "annotations",
        "token_id",  # Together: the number of the one token in `content`
        # Strict servers refuse these in a history:
        "index",  # Mistral, for models of others: the choice's once more
        "channel",  # Groq, for gpt-oss: `analysis` beside each piece of reasoning
    }
)
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs", "native_finish_reason", "error"})


class ChoiceStream:
    # What one choice has said so far.

    __slots__ = (
        "_extras",
        "_in_pieces",
        "_marked",
        "_native",
        "_other_parts",
        "_reasons",
        "_sent",
        "_settled",
        "_think",
        "_tools",
        "_word",
        "finished",
        "index",
        "spoken",
        "whole",
    )

    def __init__(self, index: int, sent: HttpRequest) -> None:
        self.index = index
        self.finished = False
        """A finish reason has come."""
        self.whole = False
        """It came with the whole message beside the delta, so nothing can be missing."""
        self.spoken = False
        """Something has been told."""
        self._in_pieces = False
        self._marked = False
        self._sent = sent
        self._settled = False
        self._word: str | None = None
        self._native: str | None = None
        self._tools = ToolStream(index, sent)
        self._think = ThinkSplitter() if sent.target.traits.get("think_tags") else None
        self._reasons = ReasonStream(index)
        self._other_parts: list[Any] = []
        self._extras: JsonDict = {}

    @property
    def plain(self) -> bool:
        # Content of this choice is text and nothing but text from here on.
        return not self._marked and (self._think is None or self._think.settled)

    def add(self, choice: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        # Take one chunk's part of this choice.
        # Raises UpstreamError: the provider says that the choice failed; ProtocolError: it is not a chunk's choice.
        delta = choice.get("delta")
        if delta is not None:
            self._in_pieces = True
        else:
            delta = choice.get("message") or {}
            if self._in_pieces and self.spoken and isinstance(delta, dict):
                # MiniMax ends with the whole message, which the pieces before it have told.
                delta = {} if self._tools.any else {"tool_calls": delta.get("tool_calls")}
        if not isinstance(delta, dict):
            raise malformed(self._sent.target, "a stream event's delta is not an object")
        before = len(events)
        if self._marked or "extra_content" in delta:
            delta = self._without_thought(delta, raw, events)
        if delta.keys() <= _TEXT:
            self._content(delta.get("content"), choice, raw, events)
        else:
            self._reasons.add(delta, raw, events)
            self._content(delta.get("content"), choice, raw, events)
            self._calls(delta, raw, events)
            self._media(delta, raw, events)
            self._extra(delta, _DELTA, False, raw, events)
        self.spoken = self.spoken or len(events) > before
        if not choice.keys() <= _CHOICE:
            if "text" in choice and choice["text"] == (delta.get("content") or ""):
                choice = without(choice, ("text",))  # Together says it twice
            self._extra(choice, _CHOICE, True, raw, events)
        word = reason_of(choice, self._sent.call.body.get("stop"))
        if word or choice.get("error"):
            self._finish(choice, word)

    def settle(self, raw: JsonDict | None, events: list[Event], unsaid: str | None = None) -> None:
        # Nothing more will come: flush what was held and finish.
        # `unsaid`: the reason where none was given.
        # Raises ProtocolError: a tool call never got a name.
        if self._settled:
            return
        self._settled = True
        if self._think is not None:
            self._split(self._think.finish(), raw, events)
        self._reasons.settle(raw, events)
        if self._other_parts:
            events.append(Extra({"provider_specific_fields": {"content": self._other_parts}}, self.index, raw))
        tools = self._tools
        reason = canonical_reason(self._word) or unsaid
        whole = reason != "length" or tools.whole()
        if not tools.settle(raw, events):
            raise malformed(self._sent.target, "a tool call has no function name")
        word = settle(reason, calls=tools.any, legacy=tools.legacy, whole=whole)
        events.append(Finish(word, self.index, self._native or self._word, raw))

    def _finish(self, choice: JsonDict, word: Any) -> None:
        if choice.get("error") or canonical_reason(word) == ERROR:
            target = self._sent.target
            raise hidden_error(choice, target) or provider_failed(target, f"finish_reason {word!r}")
        if isinstance(word, str):
            self._word = word
            self.finished = True
            native = choice.get("native_finish_reason")
            self._native = native if isinstance(native, str) else None
            self.whole = isinstance(choice.get("message"), dict)

    def _content(self, content: Any, choice: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        if isinstance(content, list):
            for part in content:
                self._part(part, raw, events)
            content = ""
        elif content is not None and not isinstance(content, str):
            content = encode_str(content)  # some hosts decode each token that is JSON: a digit, `true`
        logprobs = choice.get("logprobs")
        if not isinstance(logprobs, dict) or not any(logprobs.values()):
            logprobs = None
        if content and self._think is not None and not self._think.settled:
            self._split(self._think.feed(content), raw, events)
            content = ""
        if content or logprobs:
            events.append(Text(content or "", self.index, raw, logprobs))

    def _split(self, pieces: list[tuple[bool, str]], raw: JsonDict | None, events: list[Event]) -> None:
        for is_reasoning, piece in pieces:
            if not is_reasoning:
                events.append(Text(piece, self.index, raw))
            elif not self._reasons.told:  # MiniMax has it in both
                self._reasons.say(piece, raw, events)

    def _without_thought(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> JsonDict:
        # The delta without a thought that Google's surface marks as one, and without the tag that ends the last one.
        content = delta.get("content")
        if not isinstance(content, str) or not content:
            return delta
        marked = delta.get("extra_content") == THOUGHT
        if not marked:
            self._marked = False
            return {**delta, "content": content.removeprefix("</thought>")}
        thought, content = split_thought(content)
        if thought:
            self._reasons.say(thought, raw, events)
        self._marked = not content
        return {**without(delta, ("extra_content",)), "content": content}

    def _part(self, part: Any, raw: JsonDict, events: list[Event]) -> None:
        found = read_parts([part])
        if found.reasoning:
            self._reasons.say(found.reasoning, raw, events)
        for block in found.blocks:
            self._reasons.close(block, raw, events)
        if found.text:
            events.append(Text(found.text, self.index, raw))
        self._other_parts.extend(found.others)

    def _calls(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        calls = delta.get("tool_calls")
        if isinstance(calls, dict) and "function" in calls:
            calls = [calls]  # older versions of TGI
        if isinstance(calls, list):
            self._tools.add(calls, raw, events)
        elif calls:
            raise malformed(self._sent.target, f"a stream event's tool_calls is a {type(calls).__name__}, not a list")
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._tools.add_legacy(legacy, raw, events)

    def _media(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        refusal, audio, images, notes = map(delta.get, ("refusal", "audio", "images", "annotations"))
        if refusal and isinstance(refusal, str):
            events.append(Refusal(refusal, self.index, raw))
        if isinstance(audio, dict) and any(audio.values()):
            events.append(Media("audio", audio, self.index, raw))
        if isinstance(images, list):
            events.extend(Media("image", image, self.index, raw) for image in images if isinstance(image, dict))
        if isinstance(notes, list) and (items := [item for item in notes if isinstance(item, dict)]):
            events.append(Annotations(items, self.index, raw))

    def _extra(
        self, source: JsonDict, known: frozenset[str], on_choice: bool, raw: JsonDict, events: list[Event]
    ) -> None:
        # Fields without a canonical name, when they come up or change: some servers repeat them with every chunk.
        news = {
            name: value
            for name, value in source.items()
            if name not in known and value is not None and self._extras.get(name) != value
        }
        if news:
            self._extras.update(news)
            events.append(Extra(news, self.index, raw, on_choice))
