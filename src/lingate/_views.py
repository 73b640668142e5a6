# Slotted read-only views over canonical dicts: attributes where users expect them, nothing copied, nothing lost.

# A field without a property here is still an attribute, because unknown names are looked up in the dict.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from lingate._model import Attempt, JsonDict
from lingate._wire.json import decode, encode_str
from lingate.errors import ProtocolError


class View:
    """One JSON object: attribute, item and `get` access; equal to a view or dict with the same content."""

    __slots__ = ("_data",)

    def __init__(self, data: JsonDict) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        # Only called for names without a slot or property; `_data` itself is missing while a copy is being made.
        if name.startswith("__") or name == "_data":
            raise AttributeError(name)
        try:
            return view(self._data[name])
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(self._data)}") from None

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            return self._data == other._data
        return self._data == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data,)

    def get(self, key: str, default: Any = None) -> Any:
        """The raw value of a field, or the default."""
        return self._data.get(key, default)

    def keys(self) -> Any:
        """Names of the fields, so that `dict(view)` works."""
        return self._data.keys()

    def to_dict(self) -> JsonDict:
        """A deep copy as plain dicts and lists, ready for JSON or for sending back."""
        return cast(JsonDict, _copy(self._data))

    def to_json(self) -> str:
        """The same as JSON text."""
        return encode_str(self._data)

    def model_dump(self, **_: Any) -> JsonDict:
        """`to_dict` under the name that pydantic users look for."""
        return self.to_dict()

    def model_dump_json(self, **_: Any) -> str:
        """`to_json` likewise."""
        return self.to_json()


def given(name: str, instead: Any = None) -> Any:
    """A field as a read-only attribute.

    Args:
        name: Of the field.
        instead: What is read where the field is absent, null or empty; None for what is there.
    """
    if instead is None:
        return property(lambda self: self._data.get(name))
    return property(lambda self: self._data.get(name) or instead)


def part(name: str, kind: type[View], *, needed: bool = True) -> Any:
    """A field that is an object, as a view of this kind. Where it is absent, null or empty: an empty view if one is
    `needed`, else None."""
    if needed:
        return property(lambda self: kind(self._data.get(name) or {}))
    return property(lambda self: kind(found) if (found := self._data.get(name)) else None)


def parts(name: str, kind: type[View], *, needed: bool = True) -> Any:
    """The same of a list of objects: a list of views, empty where there are none if one is `needed`, else None."""
    if needed:
        return property(lambda self: list(map(kind, self._data.get(name) or ())))
    return property(lambda self: list(map(kind, found)) if (found := self._data.get(name)) else None)


def detail(group: str, name: str) -> Any:
    """A field of a field; None where either is absent."""
    return property(lambda self: found.get(name) if isinstance(found := self._data.get(group), dict) else None)


def anything(name: str) -> Any:
    """A field of any shape: its objects as views."""
    return property(lambda self: view(self._data.get(name)))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_copy, value))
    return value


def view(value: Any) -> Any:
    """A view of an object, views of a list's objects, any other value as it is."""
    if isinstance(value, dict):
        return View(value)
    if isinstance(value, list):
        return list(map(view, value))
    return value


class Function(View):
    """Name and arguments of a tool call."""

    __slots__ = ()

    name: str = given("name", "")
    """Name of the function."""

    arguments: str = given("arguments", "{}")
    """Arguments as the JSON text the model wrote; `{}` where it wrote none."""


class ToolCall(View):
    """A tool call the caller is asked to execute."""

    __slots__ = ()

    id: str = given("id", "")
    """Goes back as `tool_call_id` with the result."""

    type: str = given("type", "function")
    """`function`, or the kind of a custom tool."""

    function: Function = part("function", Function)
    """Name and arguments."""

    @property
    def arguments(self) -> JsonDict:
        """Arguments, parsed; none where the model wrote none, or `null`.

        Raises:
            ProtocolError: The model wrote something that is not a JSON object.
        """
        try:
            value = decode(self.function.arguments)
        except ValueError as error:
            raise ProtocolError(f"arguments of tool call {self.function.name!r} are {error}") from None
        if not isinstance(value, dict) and value is not None:
            raise ProtocolError(f"arguments of tool call {self.function.name!r} are not a JSON object")
        return value or {}


class Message(View):
    """The model's message; `to_dict()` is what goes back into `messages` for the next turn, signatures included."""

    __slots__ = ()

    role: str = given("role", "assistant")
    """Always `assistant`."""

    content: str | None = given("content")
    """The text, None where there are only tool calls."""

    tool_calls: list[ToolCall] | None = parts("tool_calls", ToolCall, needed=False)
    """Tool calls to execute, None where there are none."""

    reasoning_content: str | None = given("reasoning_content")
    """The reasoning the provider shows, as text."""

    @property
    def thinking_blocks(self) -> list[JsonDict]:
        """Reasoning blocks with signatures, to be sent back as they are."""
        return self._data.get("thinking_blocks") or []

    refusal: str | None = given("refusal")
    """The refusal's text."""

    @property
    def annotations(self) -> list[JsonDict]:
        """Citations, as OpenAI annotation objects."""
        return self._data.get("annotations") or []


class Choice(View):
    """One of the `n` answers."""

    __slots__ = ()

    index: int = given("index", 0)
    """Position among the answers."""

    message: Message = part("message", Message)
    """The answer."""

    finish_reason: str | None = given("finish_reason")
    """`stop`, `length`, `tool_calls` or `content_filter`; None only for an answer that was interrupted."""

    logprobs: Any = anything("logprobs")
    """Token log-probabilities, if asked for."""


class Usage(View):
    """Token counts in OpenAI's convention: prompt includes cached input, completion includes reasoning.

    A count that the provider did not give is None.
    """

    __slots__ = ()

    prompt_tokens: int | None = given("prompt_tokens")
    """All input tokens, cached ones and cache writes included."""

    completion_tokens: int | None = given("completion_tokens")
    """All output tokens, reasoning included."""

    total_tokens: int | None = given("total_tokens")
    """Prompt and completion."""

    cached_tokens: int | None = detail("prompt_tokens_details", "cached_tokens")
    """Input tokens read from the provider's cache."""

    cache_write_tokens: int | None = detail("prompt_tokens_details", "cache_write_tokens")
    """Input tokens written to the provider's cache."""

    reasoning_tokens: int | None = detail("completion_tokens_details", "reasoning_tokens")
    """Output tokens spent on reasoning."""


class Response(View):
    """What every operation's answer has besides its content.

    Attributes:
        raw: The provider's own body, decoded and untouched (of a stream: the collected response).
        provider: Name of the provider that answered.
        attempts: The trail of tries, the last being this answer.
        dropped: Parameters that did not reach the provider, in words.
        request_id: The provider's id of the request, None if it gave none.
    """

    __slots__ = ("attempts", "dropped", "provider", "raw", "requested_model")

    def __init__(
        self,
        data: JsonDict,
        raw: Any = None,
        provider: str = "",
        requested_model: str = "",
        attempts: tuple[Attempt, ...] = (),
        dropped: tuple[str, ...] = (),
    ) -> None:
        self._data = data
        self.raw = data if raw is None else raw
        self.provider = provider
        self.requested_model = requested_model
        self.attempts = attempts
        self.dropped = dropped

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data, self.raw, self.provider, self.requested_model, self.attempts, self.dropped)

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request."""
        return self.attempts[-1].request_id if self.attempts else None

    id: str = given("id", "")
    """The provider's id of the answer."""

    @property
    def model(self) -> str:
        """The model that answered, as the provider names it."""
        return cast(str, self._data.get("model") or self.requested_model)

    usage: Usage | None = part("usage", Usage, needed=False)
    """Token counts, None where the provider gave none."""

    @property
    def cost(self) -> float | None:
        """US dollars, None where unknown; `cost_details.reason` says why."""
        total: float | None = self.cost_details.total
        return total

    @property
    def cost_details(self) -> Any:
        """The cost split by kind of token, see `lingate._providers.catalog.Cost`."""
        from lingate._providers.catalog import cost_of
        from lingate._providers.counts import with_own_tools

        data = self._counted()
        return cost_of(
            self.provider,
            self.requested_model,
            with_own_tools(data),
            answered=data.get("model"),
            service_tier=data.get("service_tier"),
        )

    def _counted(self) -> JsonDict:
        # The answer with canonical counts.
        return self._data


class ChatResponse(Response):
    """A chat answer: an OpenAI chat completion, with `.text`, `.tool_calls` and `.parsed` for the first choice."""

    __slots__ = ("_format",)

    def __init__(
        self,
        data: JsonDict,
        raw: Any = None,
        provider: str = "",
        requested_model: str = "",
        attempts: tuple[Attempt, ...] = (),
        dropped: tuple[str, ...] = (),
        format_class: type | None = None,
    ) -> None:
        # Not through super(): this is made once a call, and that costs as much as the rest of it.
        self._data = data
        self.raw = data if raw is None else raw
        self.provider = provider
        self.requested_model = requested_model
        self.attempts = attempts
        self.dropped = dropped
        self._format = format_class

    def __reduce__(self) -> tuple[Any, ...]:
        kind, facts = super().__reduce__()
        return kind, (*facts, self._format)

    created: int = given("created", 0)
    """When, in Unix seconds."""

    choices: list[Choice] = parts("choices", Choice)
    """The answers, one unless `n` asked for more."""

    @property
    def message(self) -> Message:
        """The first answer's message."""
        choices = self._data.get("choices")
        return Message(choices[0].get("message") or {}) if choices else Message({})

    @property
    def text(self) -> str:
        """The first answer's text, empty where there is none."""
        return self.message.content or ""

    @property
    def reasoning(self) -> str:
        """The first answer's reasoning text, empty where there is none."""
        return self.message.reasoning_content or ""

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The first answer's tool calls, an empty list where there are none."""
        return self.message.tool_calls or []

    @property
    def finish_reason(self) -> str | None:
        """Why the first answer ended."""
        choices = self._data.get("choices")
        return choices[0].get("finish_reason") if choices else None

    @property
    def parsed(self) -> Any:
        """The answer to a `response_format`: an object of the class that was given, else the decoded JSON.

        Raises:
            ProtocolError: The text is not the JSON that was asked for, or does not fit the class; the message says why, and
                what the class said is the cause.
        """
        try:
            value = decode(self.text)
        except ValueError as error:
            refusal = self.message.refusal
            why = ": it was cut at the token limit" if self.finish_reason == "length" else ""
            what = f"a refusal: {refusal}" if refusal and not self.text else f"{error}{why}"
            raise ProtocolError(f"the answer is {what}", provider=self.provider) from None
        made = self._format
        if made is None:
            return value
        validate, from_json = getattr(made, "model_validate", None), getattr(made, "model_validate_json", None)
        try:
            if from_json is not None:  # a strict model takes a text for a date from JSON alone
                return from_json(encode_str(value))
            if validate is not None:
                return validate(value)
            return made(**value) if isinstance(value, Mapping) else made(value)
        except (TypeError, ValueError) as error:
            raise ProtocolError(f"the answer does not fit {made.__name__}: {error}", provider=self.provider) from error


class ToolCallDelta(View):
    """A piece of a tool call: id and name in the first, argument text in those after it."""

    __slots__ = ()

    index: int = given("index", 0)
    """Which tool call of the message this belongs to."""

    id: str | None = given("id")
    """In the first piece only."""

    type: str | None = given("type")
    """In the first piece only."""

    @property
    def function(self) -> View:
        """`name` in the first piece, `arguments` text in any."""
        data = self._data.get("function") or {}
        return View({"name": data.get("name"), "arguments": data.get("arguments"), **data})


class Delta(View):
    """What one chunk adds to a message."""

    __slots__ = ()

    role: str | None = given("role")
    """`assistant` in the first chunk."""

    content: str | None = given("content")
    """More text."""

    reasoning_content: str | None = given("reasoning_content")
    """More reasoning."""

    tool_calls: list[ToolCallDelta] | None = parts("tool_calls", ToolCallDelta, needed=False)
    """Beginnings and pieces of tool calls."""

    refusal: str | None = given("refusal")
    """More of a refusal."""


class ChunkChoice(View):
    """One answer's part of a chunk."""

    __slots__ = ()

    index: int = given("index", 0)
    """Position among the answers."""

    delta: Delta = part("delta", Delta)
    """What is added."""

    finish_reason: str | None = given("finish_reason")
    """In the last chunk of this answer."""

    logprobs: Any = anything("logprobs")
    """Token log-probabilities of this piece."""


class Chunk(View):
    """One chunk of a stream.

    Attributes:
        raw: The provider's own event, decoded and untouched; None where the chunk has none of its own.
    """

    __slots__ = ("raw",)

    def __init__(self, data: JsonDict, raw: JsonDict | None = None) -> None:
        self._data = data
        self.raw = raw

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data, self.raw)

    usage: Usage | None = part("usage", Usage, needed=False)
    """Token counts, in the usage chunk."""


class ChatChunk(Chunk):
    """One chunk of a chat stream, in OpenAI's shape; `raw` is what the provider sent for it."""

    __slots__ = ("_choices",)

    def __init__(self, data: JsonDict, raw: JsonDict | None = None) -> None:
        self._data = data
        self.raw = raw
        self._choices: list[ChunkChoice] | None = None

    id: str = given("id", "")
    """The same in all chunks of a stream."""

    model: str = given("model", "")
    """The model that answers."""

    @property
    def choices(self) -> list[ChunkChoice]:
        """One item, or none in the usage chunk that `stream_options={"include_usage": True}` asks for."""
        found = self._choices  # kept, because most loops ask whether there are any before they look at the first
        if found is None:
            found = self._choices = list(map(ChunkChoice, self._data["choices"]))
        return found

    @property
    def text(self) -> str:
        """The text this chunk adds to the first answer, empty where it adds none."""
        for choice in self._data["choices"]:
            if not choice.get("index"):
                return choice["delta"].get("content") or ""
        return ""

    @property
    def reasoning(self) -> str:
        """The reasoning this chunk adds to the first answer."""
        for choice in self._data["choices"]:
            if not choice.get("index"):
                return choice["delta"].get("reasoning_content") or ""
        return ""


class Embedding(View):
    """One vector."""

    __slots__ = ()

    index: int = given("index", 0)
    """Which input this belongs to."""

    @property
    def embedding(self) -> list[float]:
        """The vector; base64 text where `encoding_format="base64"` was asked for."""
        return cast(list[float], self._data.get("embedding"))


class EmbeddingResponse(Response):
    """Vectors, in the order of the inputs."""

    __slots__ = ()

    data: list[Embedding] = parts("data", Embedding)
    """One item an input."""

    @property
    def vectors(self) -> list[list[float]]:
        """The vectors alone, in the order of the inputs."""
        return [item.embedding for item in sorted(self.data, key=lambda item: item.index)]


class ModelInfo(View):
    """A model a provider offers."""

    __slots__ = ()

    id: str = given("id", "")
    """What goes after `provider/`."""


class ModelList(Response):
    """The models a provider offers to this key: `data`, or `ids` for their names alone."""

    __slots__ = ()

    data: list[ModelInfo] = parts("data", ModelInfo)
    """The models."""

    @property
    def ids(self) -> list[str]:
        """Names of the models."""
        return [item.id for item in self.data]
