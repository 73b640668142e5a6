"""What callers hold: records with attribute, item and `get` access that may be changed, as pydantic objects may."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from lingate._wire.json import encode_str


class Record:
    """One JSON object. Fields are ordinary attributes, so they can be changed, copied and pickled.

    A dict in a field becomes a record too; `_parts` says of which class, for fields that have a class of their own.
    """

    _parts: ClassVar[Mapping[str, type[Record]]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **fields: Any) -> None:
        for name, value in {**self._defaults, **fields}.items():
            self.__dict__[name] = self._convert(name, value)

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        part = cls._parts.get(name)
        if part is None:
            return value
        if isinstance(value, list):
            return [part(**item) if isinstance(item, dict) else item for item in value]
        return part(**value) if isinstance(value, dict) else value

    @classmethod
    def model_validate(cls, data: Mapping[str, Any] | Record) -> Self:
        """A record of this class with the fields of a mapping."""
        return cls(**(data.model_dump() if isinstance(data, Record) else dict(data)))

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there; pydantic's message, because hosts show it.
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, key: str) -> Any:
        try:
            return self.__dict__[key]
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __delitem__(self, key: str) -> None:
        del self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._public().items())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self.model_dump() == other.model_dump()
        return self.model_dump() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    def _public(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field, or the default."""
        return self.__dict__.get(key, default)

    def setdefault(self, key: str, default: Any) -> Any:
        """The value of a field, which is set to the default if there is none."""
        return self.__dict__.setdefault(key, default)

    def keys(self) -> list[str]:
        """Names of the fields, so that `dict(record)` works."""
        return list(self._public())

    def items(self) -> list[tuple[str, Any]]:
        """Names and values of the fields."""
        return list(self._public().items())

    def model_dump(
        self, *, exclude_none: bool = False, exclude: Any = (), include: Any = None, **_: Any
    ) -> dict[str, Any]:
        """The record as plain dicts and lists."""
        return {
            name: _plain(value, exclude_none)
            for name, value in self
            if name not in (exclude or ())
            and (include is None or name in include)
            and not (exclude_none and value is None)
        }

    def dict(self, **options: Any) -> dict[str, Any]:
        """`model_dump` under pydantic's older name."""
        return self.model_dump(**options)

    def to_dict(self, **options: Any) -> dict[str, Any]:  # type: ignore[valid-type]  # `dict` is a method here
        """`model_dump` under the openai package's name."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> dict[str, Any]:  # type: ignore[valid-type]
        """The record as a dict: text is what `model_dump_json` gives."""
        return self.model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        """The record as JSON text."""
        return encode_str(self.model_dump(**options))

    def to_json(self, **options: Any) -> str:
        """`model_dump_json` under the openai package's name."""
        return self.model_dump_json(**options)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Another record with the same fields, some of them changed."""
        import copy

        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made


def _plain(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, Record):
        return value.model_dump(exclude_none=exclude_none)
    if isinstance(value, dict):
        return {key: _plain(item, exclude_none) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, exclude_none) for item in value]
    return value


class Function(Record):
    """Name and arguments of a tool call."""

    _defaults: ClassVar[Mapping[str, Any]] = {"arguments": "", "name": None}


class FunctionCall(Function):
    """The call that answers the older `functions` parameter."""


class ChatCompletionMessageToolCall(Record):
    """A tool call to execute."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"function": Function}
    _defaults: ClassVar[Mapping[str, Any]] = {"function": None, "id": None, "type": "function"}


class ChatCompletionDeltaToolCall(ChatCompletionMessageToolCall):
    """A piece of a tool call."""

    _defaults: ClassVar[Mapping[str, Any]] = {"id": None, "function": None, "type": "function", "index": 0}


class Message(Record):
    """The model's message."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {
        "tool_calls": ChatCompletionMessageToolCall,
        "function_call": FunctionCall,
    }
    _defaults: ClassVar[Mapping[str, Any]] = {
        "content": None,
        "role": "assistant",
        "tool_calls": None,
        "function_call": None,
        "provider_specific_fields": None,
    }


class Delta(Record):
    """What one chunk adds to a message."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {
        "tool_calls": ChatCompletionDeltaToolCall,
        "function_call": FunctionCall,
    }
    _defaults: ClassVar[Mapping[str, Any]] = {
        "content": None,
        "role": None,
        "function_call": None,
        "tool_calls": None,
        "audio": None,
        "provider_specific_fields": None,
    }


class Choices(Record):
    """One of the `n` answers."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"message": Message}
    _defaults: ClassVar[Mapping[str, Any]] = {"finish_reason": "stop", "index": 0}

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        if self.__dict__.get("message") is None:
            self.message = Message()


class StreamingChoices(Record):
    """One answer's part of a chunk."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"delta": Delta}
    _defaults: ClassVar[Mapping[str, Any]] = {"finish_reason": None, "index": 0, "logprobs": None}

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        if self.__dict__.get("delta") is None:
            self.delta = Delta()


class _Details(Record):
    """Kinds of token among a count."""

    def __getattr__(self, name: str) -> Any:
        # Which kinds a provider tells apart differs; the others are unknown, not errors.
        if name.startswith("_"):
            raise AttributeError(name)
        return None


class PromptTokensDetailsWrapper(_Details):
    """Kinds of input tokens."""


class CompletionTokensDetailsWrapper(_Details):
    """Kinds of output tokens."""


class Usage(Record):
    """Token counts in OpenAI's convention: prompt includes cached input, completion includes reasoning."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {
        "prompt_tokens_details": PromptTokensDetailsWrapper,
        "completion_tokens_details": CompletionTokensDetailsWrapper,
    }
    _defaults: ClassVar[Mapping[str, Any]] = {
        "completion_tokens": 0,
        "prompt_tokens": 0,
        "total_tokens": 0,
        "completion_tokens_details": None,
        "prompt_tokens_details": None,
    }

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        details = self.prompt_tokens_details
        written = None if details is None else details.get("cache_write_tokens")
        if written is not None:
            # Where a provider counts what it writes to its cache, LiteLLM has Anthropic's names for both counts too.
            details.setdefault("cache_creation_tokens", written)
            self.__dict__.setdefault("cache_creation_input_tokens", written)
            self.__dict__.setdefault("cache_read_input_tokens", details.get("cached_tokens") or 0)


class Answer(Record):
    """What every answer has besides its content: `_hidden_params`, which is not part of what is dumped."""

    def __init__(self, **fields: Any) -> None:
        hidden = fields.pop("_hidden_params", None)
        super().__init__(**fields)
        self.__dict__["_hidden_params"] = {} if hidden is None else hidden
        self.__dict__["_response_headers"] = None

    @property
    def _response_ms(self) -> float | None:
        found: float | None = self._hidden_params.get("_response_ms")
        return found


class ModelResponse(Answer):
    """A chat answer, as LiteLLM shapes it."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"choices": Choices, "usage": Usage}
    _object = "chat.completion"
    choices: Any
    usage: Any

    def __init__(self, **fields: Any) -> None:
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
        self._complete()

    def _complete(self) -> None:
        if self.__dict__["choices"] is None:
            self.choices = [Choices()]
        if self.__dict__.get("usage") is None:
            self.usage = Usage()


class ModelResponseStream(ModelResponse):
    """One chunk of a chat stream."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"choices": StreamingChoices, "usage": Usage}
    _object = "chat.completion.chunk"

    def _complete(self) -> None:
        if self.choices is None:
            self.choices = [StreamingChoices()]


class TextChoices(Record):
    """One text that goes on from a prompt."""

    _defaults: ClassVar[Mapping[str, Any]] = {"finish_reason": None, "index": 0, "text": "", "logprobs": None}


class TextCompletionResponse(ModelResponse):
    """A completion of a prompt, or one chunk of it."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"choices": TextChoices, "usage": Usage}
    _object = "text_completion"

    def _complete(self) -> None:
        if self.choices is None:
            self.choices = []


class Embedding(Record):
    """One vector."""

    _defaults: ClassVar[Mapping[str, Any]] = {"embedding": [], "index": 0, "object": "embedding"}


class EmbeddingResponse(Answer):
    """Vectors, in the order of the inputs."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"usage": Usage, "data": Embedding}
    _defaults: ClassVar[Mapping[str, Any]] = {"model": None, "data": [], "object": "list", "usage": None}


class ImageObject(Record):
    """One image: its data, or where it can be fetched."""

    _defaults: ClassVar[Mapping[str, Any]] = {"b64_json": None, "revised_prompt": None, "url": None}


class ImageResponse(Answer):
    """Images, in the order they were made."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"data": ImageObject, "usage": Usage}
    _defaults: ClassVar[Mapping[str, Any]] = {"created": None, "data": [], "usage": None}


class TranscriptionResponse(Answer):
    """What was said."""

    _defaults: ClassVar[Mapping[str, Any]] = {"text": ""}


class RerankResponse(Answer):
    """Documents in the order of their relevance."""

    _defaults: ClassVar[Mapping[str, Any]] = {"id": None, "results": [], "meta": None}


class ModerationResponse(Answer):
    """What was found in the inputs."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {"results": Record}


class ResponsesAPIResponse(Answer):
    """An answer of the Responses API."""

    _parts: ClassVar[Mapping[str, type[Record]]] = {}

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        return deep(value)

    @property
    def output_text(self) -> str:
        """The text of all messages among the output."""
        parts = (
            part for item in self.output or () if item.get("type") == "message" for part in item.get("content") or ()
        )
        return "".join(part.get("text") or "" for part in parts if part.get("type") == "output_text")


def deep(value: Any) -> Any:
    """Records out of objects at every depth."""
    if isinstance(value, dict):
        return Record(**{key: deep(item) for key, item in value.items()})
    if isinstance(value, list):
        return [deep(item) for item in value]
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
