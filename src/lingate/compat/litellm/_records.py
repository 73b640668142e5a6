# The classes of answers and their parts, under LiteLLM's names.

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from lingate._wire.json import encode_str
from lingate.compat.litellm._record import Fields, Record


class Function(Record, defaults={"arguments": "", "name": None}, order=("arguments", "name")):
    """Name and arguments of a tool call."""

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        if name == "arguments" and not isinstance(value, str):
            return "" if value is None else encode_str(value)
        return value


class FunctionCall(Function):
    """The call that answers the older `functions` parameter."""


class ChatCompletionMessageToolCall(
    Record, parts={"function": Function}, defaults={"function": None, "id": None, "type": "function"}
):
    """A tool call to execute."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        super().__init__(*values, **fields)
        if self.get("id") is None:
            self.id: Any = f"call_{uuid.uuid4()}"


class ChatCompletionDeltaToolCall(
    Record, parts={"function": Function}, defaults={"id": None, "function": None, "type": "function", "index": 0}
):
    """A piece of a tool call."""


class ChatCompletionAudioResponse(Record):
    """Spoken words: `data`, `transcript`, `id` and `expires_at`."""


class Message(
    Record,
    order=("content", "role", "function_call", "tool_calls"),
    parts={
        "audio": ChatCompletionAudioResponse,
        "tool_calls": ChatCompletionMessageToolCall,
        "function_call": FunctionCall,
    },
    defaults={
        "content": None,
        "role": "assistant",
        "tool_calls": None,
        "function_call": None,
        "provider_specific_fields": None,
    },
):
    """The model's message."""


class Delta(
    Record,
    order=("content", "role", "function_call", "tool_calls"),
    parts={
        "tool_calls": ChatCompletionDeltaToolCall,
        "function_call": FunctionCall,
    },
    defaults={
        "content": None,
        "role": None,
        "function_call": None,
        "tool_calls": None,
        "audio": None,
        "provider_specific_fields": None,
    },
):
    """What one chunk adds to a message."""


class TopLogprob(Record, defaults={"bytes": None}):
    """A token that could have come, and its probability."""


class ChatCompletionTokenLogprob(TopLogprob, parts={"top_logprobs": TopLogprob}):
    """A token that came, and its probability."""


class ChoiceLogprobs(
    Record,
    parts=dict.fromkeys(("content", "refusal"), ChatCompletionTokenLogprob),
    defaults={"content": None, "refusal": None},
):
    """The tokens of an answer with their probabilities."""


class Choices(
    Record,
    order=("finish_reason", "index", "message"),
    parts={"message": Message, "logprobs": ChoiceLogprobs},
    defaults={"finish_reason": "stop", "index": 0},
):
    """One of the `n` answers."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        super().__init__(*values, **fields)
        self.__dict__.setdefault("provider_specific_fields", {})
        if self.__dict__.get("message") is None:
            self.message = Message()


class StreamingChoices(
    Record,
    order=("finish_reason", "index", "delta", "logprobs"),
    parts={"delta": Delta, "logprobs": ChoiceLogprobs},
    defaults={"finish_reason": None, "index": 0, "logprobs": None},
):
    """One answer's part of a chunk."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        super().__init__(*values, **fields)
        if self.__dict__.get("delta") is None:
            self.delta = Delta()


class _Details(Fields):
    # Kinds of token among a count. DSPy adds up those of several calls: dicts, or pydantic's own models.

    def __getattr__(self, name: str) -> Any:
        # Which kinds a provider tells apart differs; the others are unknown, not errors.
        return super().__getattr__(name) if name.startswith("_") else self.get(name)


class PromptTokensDetailsWrapper(_Details):
    """Kinds of input tokens."""


class CompletionTokensDetailsWrapper(_Details):
    """Kinds of output tokens."""


class ServerToolUse(Record):
    """How often a provider's own tools ran, such as `web_search_requests`."""


PromptTokensDetails, CompletionTokensDetails = PromptTokensDetailsWrapper, CompletionTokensDetailsWrapper


class Usage(
    Record,
    order=("prompt_tokens", "completion_tokens", "total_tokens"),
    parts={
        "prompt_tokens_details": PromptTokensDetailsWrapper,
        "completion_tokens_details": CompletionTokensDetailsWrapper,
        "server_tool_use": ServerToolUse,
    },
    defaults={
        "completion_tokens": 0,
        "prompt_tokens": 0,
        "total_tokens": 0,
        "completion_tokens_details": None,
        "prompt_tokens_details": None,
    },
):
    """Token counts in OpenAI's convention: prompt includes cached input, completion includes reasoning."""

    def __init__(self, *values: Any, reasoning_tokens: int | None = None, **fields: Any) -> None:
        if reasoning_tokens is not None and not fields.get("completion_tokens_details"):
            fields["completion_tokens_details"] = {"reasoning_tokens": reasoning_tokens}
        for kind, name in (("cached", "cache_read_input"), ("cache_write", "cache_creation_input")):
            if fields.get(f"{name}_tokens") is not None:
                told = dict(fields.get("prompt_tokens_details") or {})
                fields["prompt_tokens_details"] = {f"{kind}_tokens": fields[f"{name}_tokens"], **told}
        super().__init__(*values, **fields)
        self.__dict__.update({name: 0 for name in self._order if self.__dict__[name] is None})
        details = self.prompt_tokens_details
        written = None if details is None else details.get("cache_write_tokens")
        if written is not None:
            # Where a provider counts what it writes to its cache, LiteLLM has Anthropic's names for both counts too.
            details.setdefault("cache_creation_tokens", written)
            self.__dict__.setdefault("cache_creation_input_tokens", written)
            self.__dict__.setdefault("cache_read_input_tokens", details.get("cached_tokens") or 0)
        # OpenHands reads what was written to the cache by this name.
        self._cache_creation_input_tokens = self.get("cache_creation_input_tokens") or 0
        self._cache_read_input_tokens = self.get("cache_read_input_tokens") or 0


class Answer(Record):
    """What every answer has besides its content: `_hidden_params`, which is not part of what is dumped."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        hidden = fields.pop("_hidden_params", None)
        super().__init__(*values, **fields)
        self.__dict__["_hidden_params"] = {} if hidden is None else hidden
        self.__dict__["_response_headers"] = None

    @property
    def _response_ms(self) -> float | None:
        found: float | None = self._hidden_params.get("_response_ms")
        return found


class ModelResponseBase(Answer, order=("id", "choices", "created", "model", "object", "system_fingerprint")):
    """What an answer, a completion of a prompt and the chunks of both have in common."""

    _object = "chat.completion"
    _least: tuple[type[Record], ...] = ()
    choices: Any
    usage: Any

    def __init__(self, *values: Any, **fields: Any) -> None:
        fields.update(zip(self._order, values, strict=False))
        head = {
            "id": fields.pop("id", None) or f"chatcmpl-{uuid.uuid4()}",
            "created": fields.pop("created", None) or int(time.time()),
            "model": fields.pop("model", None),
            "object": fields.pop("object", None) or self._object,
            "system_fingerprint": fields.pop("system_fingerprint", None),
            "choices": fields.pop("choices", None),
        }
        fields.pop("stream", None)
        super().__init__(**head, **fields)
        if self.choices is None:
            self.choices = [kind() for kind in self._least]


class ModelResponse(ModelResponseBase, parts={"choices": Choices, "usage": Usage}):
    """A chat answer, as LiteLLM shapes it."""

    _least = (Choices,)

    def __init__(self, *values: Any, **fields: Any) -> None:
        super().__init__(*values, **fields)
        if self.__dict__.get("usage") is None:
            self.usage = Usage()


class ModelResponseStream(
    ModelResponseBase,
    parts={"choices": StreamingChoices, "usage": Usage},
    defaults={"provider_specific_fields": None, "citations": None},
):
    """One chunk of a chat stream."""

    _object = "chat.completion.chunk"
    _least = (StreamingChoices,)


class TextChoices(Record, defaults={"finish_reason": None, "index": 0, "text": "", "logprobs": None}):
    """One text that goes on from a prompt."""


class TextCompletionResponse(ModelResponseBase, parts={"choices": TextChoices, "usage": Usage}):
    """A completion of a prompt, or one chunk of it."""

    _object = "text_completion"


class Embedding(Fields):
    """One vector: a dict, as LiteLLM's are, whose fields are attributes too."""


class EmbeddingResponse(
    Answer,
    parts={"usage": Usage},
    order=("model", "usage"),
    defaults={"model": None, "data": [], "object": "list", "usage": None},
):
    """Vectors, in the order of the inputs."""

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        if name == "data" and isinstance(value, list):
            return [Embedding(item) if isinstance(item, dict) else item for item in value]
        return super()._convert(name, value)


class ImageObject(Record, defaults={"b64_json": None, "revised_prompt": None, "url": None}):
    """One image: its data, or where it can be fetched."""


class ImageResponse(
    Answer, parts={"data": ImageObject, "usage": Usage}, defaults={"created": None, "data": [], "usage": None}
):
    """Images, in the order they were made."""


class TranscriptionResponse(Answer, defaults={"text": ""}):
    """What was said."""


class RerankResponse(Answer, defaults={"id": None, "results": [], "meta": None}):
    """Documents in the order of their relevance."""


class ModerationResponse(Answer, parts={"results": Record}):
    """What was found in the inputs."""


class BaseLiteLLMOpenAIResponseObject(Record):
    """What the Responses API says, or a part of it."""

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        return deep(value)


class ResponseAPIUsage(BaseLiteLLMOpenAIResponseObject):
    """Counts of tokens in an answer of the Responses API."""


class ResponsesAPIResponse(Answer, BaseLiteLLMOpenAIResponseObject):
    """An answer of the Responses API."""

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        return ResponseAPIUsage(**value) if name == "usage" and isinstance(value, dict) else deep(value)

    @property
    def output_text(self) -> str:
        """The text of all messages among the output."""
        parts = (
            part for item in self.output or () if item.get("type") == "message" for part in item.get("content") or ()
        )
        return "".join(part.get("text") or "" for part in parts if part.get("type") == "output_text")


class OutputFunctionToolCall(BaseLiteLLMOpenAIResponseObject):
    """A tool call among the output."""


class GenericResponseOutputItem(BaseLiteLLMOpenAIResponseObject):
    """A message among the output."""


ResponseFunctionToolCall = OutputFunctionToolCall


_EVENTS = """response.created response.in_progress response.completed response.failed response.incomplete error
    output_item.added output_item.done content_part.added content_part.done output_text.delta output_text.done
    output_text.annotation.added refusal.delta refusal.done reasoning_summary_text.delta reasoning_summary_text.done
    reasoning_summary_part.done function_call_arguments.delta function_call_arguments.done"""
ResponsesAPIStreamEvents = StrEnum(  # type: ignore[misc]  # no literal: mypy knows none of its members
    "ResponsesAPIStreamEvents",
    {
        name.upper().replace(".", "_"): name if name.startswith(("response.", "error")) else f"response.{name}"
        for name in _EVENTS.split()
    },
)
_KINDS: dict[str, type[Record]] = {
    "response": ResponsesAPIResponse,
    "function_call": OutputFunctionToolCall,
    "message": GenericResponseOutputItem,
}
for _kind in ResponsesAPIStreamEvents:
    # The class of an event, such as `OutputTextDeltaEvent`.
    _name = f"{_kind.name.title().replace('_', '')}Event"
    _KINDS[_kind] = globals()[_name] = type(_name, (BaseLiteLLMOpenAIResponseObject,), {"__module__": __name__})


def deep(value: Any) -> Any:
    """Records out of objects at every depth, of the class that an object's type tells."""
    if isinstance(value, dict):
        kind = value.get("type") or value.get("object")
        made = _KINDS.get(kind) if isinstance(kind, str) else None
        return (made or BaseLiteLLMOpenAIResponseObject)(**value)
    if isinstance(value, list):
        return list(map(deep, value))
    return value


class HttpxBinaryResponseContent:
    """Sound: `content`, `read()`, `iter_bytes()`, `stream_to_file()`, `write_to_file()`."""

    def __init__(self, content: bytes, content_type: str, hidden: dict[str, Any]) -> None:
        self.content = content
        self.headers = {"content-type": content_type}
        self.status_code = 200
        self._hidden_params = hidden

    def read(self) -> bytes:
        """The sound itself."""
        return self.content

    async def aread(self) -> bytes:
        """The sound itself, for `await`."""
        return self.content

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The sound in pieces."""
        size = chunk_size or max(len(self.content), 1)
        return (self.content[start : start + size] for start in range(0, len(self.content), size))

    def write_to_file(self, file: Any) -> None:
        """Write the sound to the path `file`."""
        with open(file, "wb") as opened:
            opened.write(self.content)

    def stream_to_file(self, file: Any, *, chunk_size: int | None = None) -> None:
        """`write_to_file`: all of it has arrived."""
        self.write_to_file(file)
