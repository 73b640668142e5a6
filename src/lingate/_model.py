# The records that every layer speaks: rows, calls, targets, requests, stream events.

# Data only.
#
# The canonical form of a request and of a response is the OpenAI chat dict (see `types.py`), extended by the names the
# field already uses. What is here is what travels around those dicts.

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

import msgspec

from lingate.errors import LingateError

JsonDict = dict[str, Any]

Operation = Literal[
    "chat",
    "completions",
    "responses",
    "embeddings",
    "models",
    "rerank",
    "images",
    "speech",
    "transcription",
    "moderations",
    "count_tokens",
]
"""What a call asks for. A dialect or a row that does not have an operation answers with `UnsupportedError`."""


class Traits(TypedDict, total=False):
    # Facts about a provider or a model family that change what is written on the wire; all optional, later layers win.

    # Layers, weakest first: the dialect's defaults, the provider's row, the model family, the user's own settings.
    # `efforts`, `names`, `thinking_needs_stream`, `reasoning_owed` and `sampling: effort_none` are carried out by edits
    # that the look-up puts on the target (`_providers/quirks.py`); dialects need not know them.

    max_tokens_param: Literal["max_tokens", "max_completion_tokens"]
    """Name of the field that caps the answer on an OpenAI-shaped wire. Default `max_tokens`."""
    default_max_tokens: int
    """Sent when the caller gave none and the wire format requires one."""
    max_stop: int
    """How many stop sequences the wire takes. The rest is enforced on our side."""
    sampling: Literal["any", "one", "none", "effort_none"]
    """`any`; `one` (temperature or top_p, not both: temperature is kept); `none` (neither, nor top_k); `effort_none`
    (as `none` while the model reasons, see `default_effort`; `any` while it does not).
    """
    max_temperature: float
    """Upper end of the temperature range; larger values are clamped and reported as dropped."""
    structured: Literal["json_schema", "json_schema_alone", "json_object", "tool", "none"]
    """How a JSON schema is asked for: `json_schema` (native), `json_schema_alone` (native, but by a forced tool where
    other tools are offered), `json_object` (schema in the prompt), `tool` (a forced tool whose arguments are the
    answer), `none`.
    """
    thinking: Literal["adaptive", "budget", "level", "none"]
    """How Claude- and Gemini-shaped wires think: `adaptive`, `budget`, `level` or `none`."""
    budgets: bool
    """Whether a Claude that thinks adaptively, or a Gemini by levels, still takes a budget. Default true."""
    reasoning_param: Literal[
        "reasoning_effort",
        "reasoning",
        "thinking",
        "thinking_bool",
        "enable_thinking",
        "chat_template_kwargs",
        "think",
        "reasoning_config",
        "none",
    ]
    """How `reasoning_effort` is written: `reasoning_effort`, `reasoning` (object), `thinking` (object with type),
    `thinking_bool`, `enable_thinking`, `chat_template_kwargs`, `think`, `reasoning_config` (Bedrock), `none`.
    """
    reasoning_history: Literal["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "drop"]
    """Field in which an assistant message's reasoning goes back: `reasoning_content`, `reasoning`, `reasoning_details`,
    `thinking_blocks`, or `drop`.
    """
    canonical_history: bool
    """Messages go back with every field of the canonical form: the other end is a gateway of this kind."""
    text_content: bool
    """Content must be a plain string where it holds only text."""
    tool_choice_required: Literal["required", "any", "auto"]
    """The word for "must call a tool": `required` (default), `any`, or `auto` if there is none."""
    tool_schema_drop: tuple[str, ...]
    """Keys removed from tool definitions and their JSON schemas, at every depth."""
    needs_parameters: bool
    """A tool without a schema is refused: it goes out with an empty one."""
    needs_user: bool
    """A conversation without a user's turn is refused."""
    regular_schema: bool
    """Schemas of tools refer to the root's `$defs` alone, with no type beside it, nor beside `anyOf`. Default: as they are."""
    stream_usage: bool
    """Ask for usage in streams with `stream_options.include_usage`. Default true."""
    stream_end: Literal["done", "finish"]
    """What ends a stream: `done` ([DONE], default) or `finish` (a finish reason is enough)."""
    system_role: Literal["system", "developer", "user"]
    """Role under which system text is sent: `system` (default), `developer`, `user`."""
    late_system: Literal["keep", "user", "result"]
    """Whose system messages behind the first turn become, marked: the `user`'s, or the `result`'s that they follow, if any."""
    billed: bool
    """The line that clients put before their instructions for the bill is for this provider. Default false."""
    tools_by_responses: Literal["asked", "always"]
    """Chats that offer functions go out as responses, as the host's chats refuse them: while the model is `asked` to think, or
    `always` but where it is not to. Default: never.
    """
    tool_media: bool
    """Whether the results of tools may hold images and files on an OpenAI-shaped wire. Default true."""
    strict_turns: Literal[True, "answers"]
    """No user's turn may follow the result of a tool, and no answer be empty; or no answer be empty. Default: all may."""
    prefill: bool
    """Whether a trailing assistant message is taken as the beginning of the answer."""
    think_tags: bool
    """Reasoning arrives as <think>...</think> at the head of the content."""
    cache_control: bool
    """Whether `cache_control` marks inside content parts are understood. Default false on OpenAI wires."""
    strict_schema: bool
    """Unknown request fields are refused by the provider, ours must not be sent."""
    efforts: tuple[str, ...]
    """The words `reasoning_effort` may take; any other is replaced by the nearest of them."""
    default_effort: str
    """What the model does when `reasoning_effort` is not set."""
    unthinking: str
    """The type of `thinking` with which Claude does not think: `disabled` (default) or another; empty if it always does."""
    custom_tools: bool
    """Whether an OpenAI-shaped wire takes tools for free text; else they are sent as functions. Default false."""
    tool_names: str
    """Regular expression of the names of tools that are taken; others go out as names that are."""
    betas: str
    """Regular expression of the `anthropic-beta` features that are taken; others, which a client asks of any host that it
    talks to, stay away.
    """
    call_ids: str
    """Regular expression of the ids of tool calls that are taken; others, which another provider gave, are replaced
    where they stand.
    """
    names: Literal["any", "user", "tool", "none"]
    """Which messages may carry `name`: `any` (default), `user`, `tool` (only these roles) or `none`."""
    reasoning_owed: Literal[True, "beside_tools"]
    """While it thinks, a turn with calls and without the reasoning before them is refused; where tools are offered, any turn."""
    thinking_needs_stream: bool
    """Thinking is refused without streaming, and on unless the request says otherwise."""
    body_format: str
    """On hosts that take each model's own body: which it is, where the model's name does not tell."""
    schema_language: Literal["json_schema", "openapi"]
    """What schemas are written in on a Gemini-shaped wire: `json_schema` (default), or `openapi`, the subset of older
    models.
    """
    embed_method: Literal["batchEmbedContents", "embedContent", "predict"]
    """What embeds on a Gemini-shaped wire: `batchEmbedContents` (default), `embedContent` (one text a request) or
    `predict`.
    """
    most_inputs: int
    """How many inputs one request may have embedded; more go out as several requests. Default: the wire format's."""
    agent: bool
    """On a wire of interactions it is an agent and no model, which works in the background."""
    searched_once: bool
    """On a Gemini-shaped wire several searches for one answer are paid for as one."""
    cost_header: str
    """The header of a whole answer that tells what it cost, in US dollars."""
    away: str
    """Regular expression of model names that say where they run, where that is not where the price catalogue's prices hold; its
    first group is the place.
    """
    one_price: bool
    """All its service tiers cost the same."""
    priced_as: str
    """The model whose price it has, where the price catalogue's is that of the one which had this name before."""
    regional_price: bool
    """At Google Cloud, an answer that is made in one region costs more."""
    google_cloud: bool
    """The Gemini-shaped wire is Google Cloud's: counts are asked for in another form, and search beside functions needs
    no leave.
    """


class Record(msgspec.Struct):
    """What is made anew for every call or token: as a dataclass with slots, but made in half the time (50 ns)."""


class Fixed(msgspec.Struct, frozen=True):
    # What is made once and never changed, such as a row or a setting.

    # As a frozen dataclass; but `dataclasses` and what it makes of ten classes take a fifth of a client's start.

    def __repr__(self) -> str:
        told = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _NOT_SHOWN)
        return f"{type(self).__name__}({', '.join(told)})"


_NOT_SHOWN = {
    "env",
    "headers",
    "query",
    "body",
    "form",
    "client_secret",
    "secrets",
    "signer",
    "providers",
    "differs",
}
"""Fields that may hold a credential, and one that follows from others."""

replaced = msgspec.structs.replace
"""A copy of a record in which some fields are others."""


class ModelRule(Fixed, frozen=True, kw_only=True):
    # What differs for some models of one provider. What holds wherever a model runs is in `_providers/families.py`.

    pattern: str
    """Regular expression that the whole model name matches, upper and lower case alike."""
    traits: Traits = msgspec.field(default_factory=Traits)
    """Stronger than the row's and the family's."""
    unsupported: tuple[str, ...] = ()
    """Request fields refused for these models, on top of the row's."""
    url: str | None = None
    """Base URL for these models, with `\\1` for what the pattern found; one that begins with a slash is put behind the
    base URL instead.
    """
    model: str | None = None
    """The name sent upstream, with `\\1` for what the pattern found."""
    dialect: str | None = None
    """Wire format for these models, where it is not the row's."""


class TokenExchange(Fixed, frozen=True, kw_only=True):
    # Where a key, or an id with a secret, is exchanged for a token that lives for a while.
    #
    # Texts are templates with the syntax of `ProviderRow.url`. Besides variables they take `{key}` (the provider's key),
    # `{basic}` (`client_id` and `client_secret` as HTTP's basic authentication writes them), `{origin}` (scheme and host of
    # the base URL) and `{uuid}` (a new one each time).

    url: str
    """Where the exchange is posted to."""
    form: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Fields of the form that is posted; one whose variable is unset is left out."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Headers of the request; one whose variable is unset is left out."""
    client_id: str = ""
    """Template of the client's id."""
    client_secret: str = ""
    """Template of its secret."""
    key_json: bool = False
    """The key may be JSON. Its values are variables then, before those of the environment and for the base URL too:
    `{"a": {"b": "x"}}` is `KEY_A_B`.
    """


class ProviderRow(Fixed, frozen=True):
    # One provider: where it is, how it is spoken to, and in what it differs. The only place its name appears.

    name: str
    """What users write before the slash."""
    title: str = ""
    """The provider's own name, for people."""
    url: str | None = None
    """Base URL without a trailing slash; None where the user must give one. `{NAME}` is filled from the environment
    variable NAME; `{A|B=word}` is the first of A and B that is set, else `word`.
    """
    key_env: tuple[str, ...] = ()
    """Variables that may hold the key, in the order they are tried."""
    operations: tuple[Operation, ...] = ("chat",)
    """What the provider serves."""
    dialect: str = "openai_chat"
    """Wire format, a module of `_dialects`."""
    token_env: tuple[str, ...] = ()
    """Variables that may hold a token, which goes out as `Authorization: Bearer` whatever `auth` says; looked at after
    `key_env`.
    """
    sign_env: tuple[str, ...] = ()
    """Variables any of which says that signing in by `auth`'s module will work; never read for a key."""
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Values of environment variables for this provider alone; they win over the process's own."""
    url_env: tuple[str, ...] = ()
    """Variables that may hold a base URL, in order; they win over `url`."""
    url_tail: str = ""
    """Path put behind a base URL from the user that has no path of its own."""
    auth: str = "bearer"
    """`bearer`, `header:<Name>`, `header:<Name> <Word>` (`Name: Word KEY`), `scheme:<Word>` (`Authorization: Word
    KEY`), `none` (a key is optional and sent as bearer), or a module of `_auth` with what it needs to know: `google`,
    `aws:<service>`. `bearer|aws:<service>`: a key goes out in the first way, and where there is none the second signs
    in; a module alone gets the key too.
    """
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Sent with every request. `{NAME}` is filled from the environment, with `url`'s syntax, and `{key}` with the
    credential; a header whose variable is unset is left out.
    """
    aliases: tuple[str, ...] = ()
    """Other names for the same row."""
    paths: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Paths (from the base URL) that differ from the dialect's own, by operation."""
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Query parameters of every request, unless the base URL has them; templates as in `headers`. `api_version` of a
    call or a configuration stands in for the one whose name ends in `version`.
    """
    rename: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Request fields with another name here. `a=b` renames one value: `{"tool_choice=required": "any"}` in the form
    `field=value` -> new value; `a` -> `b.c` nests.
    """
    unsupported: tuple[str, ...] = ()
    """Request fields the provider refuses; `n>1` style marks a value that is refused."""
    traits: Traits = msgspec.field(default_factory=Traits)
    """See `Traits`."""
    models: tuple[ModelRule, ...] = ()
    """What differs for some of its models; every rule whose pattern fits applies, later ones win."""
    exchange: TokenExchange | None = None
    """How a key becomes the token that is sent, for `auth` by the module `oauth`."""
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Fields of every chat request, unless the caller sets them. Templates in texts are filled from the environment
    with `url`'s syntax; a field whose variable is unset is left out.
    """
    quirks: tuple[str, ...] = ()
    """Names of functions in `_providers/quirks.py` that edit the wire body last."""
    error_kinds: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Kind of error for exact codes of this provider, where they mean something else than elsewhere. `status:429`
    stands for that status, whatever its codes that are not listed.
    """
    prices: str | None = None
    """Id of this provider in the price catalogue, where neither its address nor its name tells."""
    otel: str | None = None
    """What OpenTelemetry's GenAI conventions call it (`gen_ai.provider.name`), where that is another name."""
    local: bool = False
    """Runs on the user's own machine or network; a key is not expected."""
    ended: str | None = None
    """When and how the service ended and what replaces it; calls raise with this text."""
    note: str = ""
    """What a user or maintainer should know."""
    source: str = ""
    """Where the facts come from."""


class Call(Record):
    # One canonical request, before any provider is involved.

    # `body` is the OpenAI-shaped request without `model` and `stream`; fields the caller left at None are absent.
    # `texts` is the very list of messages in it, where each is known to be a role and a text and nothing else.

    operation: Operation
    model: str
    body: JsonDict
    stream: bool = False
    drop_params: bool = False
    extra_headers: Mapping[str, str] | None = None
    extra_body: JsonDict | None = None
    texts: list[JsonDict] | None = None


Edit = Callable[[JsonDict, "HttpRequest"], None]
"""A quirk: changes the wire body in place; what it removes it adds to `HttpRequest.dropped`."""


class Signer(Protocol):
    # Makes the headers that a request needs where a key is not enough: a signature, or a token that is fetched first.
    #
    # One signer serves many calls, from threads and tasks alike; making one does no I/O.

    @property
    def key(self) -> Hashable:
        # Signers with equal keys are interchangeable, so that one of them is kept with what it has fetched.
        ...

    def ready(self, now: float) -> bool:
        # Whether `sign` would answer at once, without I/O. `now` is in epoch seconds, here and below.
        ...

    def prepare(self, now: float) -> None:
        # Fetch what signing needs, once however many threads wait for it. Blocks.
        # Raises LingateError: There is nothing to sign in with, or signing in failed.
        ...

    def sign(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        # Headers that join those of the request, names in lower case; prepares first if it must.
        # Raises LingateError: As for `prepare`.
        ...

    def refused(self, request: HttpRequest) -> bool:
        # Whether a signed request that was refused with 401 would be signed with another token now.
        ...


SendOne = Callable[["HttpRequest", float], "tuple[Head, bytes]"]
"""Sends a request and gives the whole answer, within so many seconds; blocks, and raises a LingateError without one."""


@runtime_checkable
class TokenSigner(Protocol):
    # A signer whose token is had for one HTTP request, which goes out by the transport of the call that needs it.
    #
    # It is a `Signer` too. The shell calls `exchange` before `sign` whenever it is not ready.

    def exchange(self, send: SendOne, request: HttpRequest, now: float) -> None:
        # Fetch a token, once however many threads wait for it. Blocks.
        # Raises LingateError: There was no answer, or no token in it.
        ...


class MakeSigner(Protocol):
    # How a look-up comes by a signer; `_auth.signer` is the one there is.

    def __call__(self, auth: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> Signer:
        # The signer for one provider.
        # auth: The module of `_auth` and, behind a colon, what the row tells it.
        # key: The provider's key, where there is one and the module is to use it.
        # Raises ConfigError: Signing in cannot work; the message says what is missing.
        ...


_IF_ASKED = {"default_effort", "custom_tools", "tool_names", "call_ids", "tool_media", "strict_turns", "most_inputs"}
"""Traits that matter for calls only that say how to reason, have tools, or embed."""

ORDINARY = frozenset(
    {
        "messages",
        "max_tokens",
        "temperature",
        "top_p",
        "n",
        "seed",
        "user",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "metadata",
        "stream_options",
        "response_format",
        "service_tier",
    }
)
"""Parameters of chat completions that are written as they are to every target that does not differ: most calls have
nothing else, and need not be looked through."""


class Target(Fixed, frozen=True, kw_only=True):
    # A provider and model with everything needed to send: the outcome of a look-up.

    # `headers` hold the credential, so they and `secrets` are kept out of the repr. `secrets` are the strings to be
    # blanked in any text that comes back. Requests are signed by `signer`, if there is one, just before they are sent.
    # `differs` tells that even a request of nothing but `ORDINARY` parameters is not written as chat completions have
    # it.

    row: ProviderRow
    model: str
    url: str
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    traits: Traits = msgspec.field(default_factory=Traits)
    edits: tuple[Edit, ...] = ()
    signer: Signer | None = None
    differs: bool = False

    def __post_init__(self) -> None:
        refused = any(text.startswith(tuple(ORDINARY)) for text in self.row.unsupported)
        msgspec.structs.force_setattr(
            self, "differs", bool(self.traits.keys() - _IF_ASKED or self.row.rename or refused)
        )

    @property
    def provider(self) -> str:
        return self.row.name


class HttpRequest(Record):
    # What goes out, and what the way back needs to know about it.

    method: str
    """HTTP method."""
    url: str
    """Absolute URL."""
    headers: Mapping[str, str]
    """With the credential; out of the repr."""
    body: bytes
    """Encoded body."""
    call: Call
    """The call this was made from."""
    target: Target
    """Where it goes."""
    dropped: list[str] = msgspec.field(default_factory=list)
    """Parameters that were left out, renamed values that were clamped, in words: `top_p`, `stop[4:]`."""
    answer_tool: str | None = None
    """Name of the tool that stands for the structured answer; its arguments are the content."""
    stop: tuple[str, ...] = ()
    """All stop sequences asked for, when the wire takes fewer: enforced on the way back."""
    one_call: bool = False
    """Only the first tool call of an answer is wanted, which the wire has no word for: enforced on the way back."""
    free_text: tuple[str, ...] = ()
    """Names of the functions that stand for tools with free text as input; their one argument is the input."""
    renamed: Mapping[str, str] | None = None
    """Names of tools as they go out, where those are not the caller's -> the caller's."""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url.partition('?')[0]})"  # neither a credential nor what was asked


class Head(Record):
    # Status and headers of an answer; header names are in lower case.

    status: int
    headers: Mapping[str, str]


class Attempt(Record):
    # One try of a call, for the trail on responses and errors.

    provider: str
    """Row name."""
    model: str
    """Model at that provider."""
    status: int | None
    """HTTP status, None if there was no answer."""
    kind: str
    """`ok`, or the error's kind."""
    seconds: float
    """How long the try took, until the answer or its first event."""
    waited: float = 0.0
    """Seconds slept before this try."""
    request_id: str | None = None
    """The provider's id of the request."""


# Stream events: made per token, never mutated by convention.
# `raw` is the decoded upstream event it came from; several events may share one.


class Start(Record):
    # The answer begins. `extra` holds top-level fields that the canonical form has no name for.

    id: str
    model: str
    created: int
    extra: JsonDict | None = None
    raw: JsonDict | None = None


class Text(Record):
    # A piece of the answer's text.

    text: str
    choice: int = 0
    raw: JsonDict | None = None
    logprobs: JsonDict | None = None


class Refusal(Record):
    # A piece of a refusal's text.

    text: str
    choice: int = 0
    raw: JsonDict | None = None


class Thinking(Record):
    # A piece of reasoning. `block` tells reasoning blocks apart; `signature` or `redacted` complete a block.

    text: str
    choice: int = 0
    block: int = 0
    signature: str | None = None
    redacted: str | None = None
    raw: JsonDict | None = None


class ToolStart(Record):
    # A tool call begins. `tool` counts the calls of one choice from 0; `id` is never empty.

    tool: int
    id: str
    name: str
    choice: int = 0
    kind: str = "function"
    extra: JsonDict | None = None
    raw: JsonDict | None = None


class ToolArgs(Record):
    # A piece of the JSON text of a tool call's arguments.

    tool: int
    text: str
    choice: int = 0
    raw: JsonDict | None = None


class Media(Record):
    # Audio or image output: `kind` is `audio` or `image`, `data` the OpenAI delta's object.

    kind: str
    data: JsonDict
    choice: int = 0
    raw: JsonDict | None = None


class Annotations(Record):
    # Citations of the answer, as OpenAI annotation objects.

    items: list[JsonDict]
    choice: int = 0
    raw: JsonDict | None = None


class Usage(Record):
    # Token counts in canonical form, cumulative: the last one counts.

    usage: JsonDict
    raw: JsonDict | None = None


class Finish(Record):
    # A choice is complete. `reason` is OpenAI's word, `native` the provider's.

    reason: str
    choice: int = 0
    native: str | None = None
    raw: JsonDict | None = None


class Extra(Record):
    # Fields the canonical form has no name for, merged into the response (`choice` is None), the message of a choice, or
    # (`on_choice`) the choice itself.

    fields: JsonDict
    choice: int | None = None
    raw: JsonDict | None = None
    on_choice: bool = False


class Opaque(Record):
    # An event only its own dialect understands; it is re-emitted to that dialect and shown to nobody else.

    dialect: str
    raw: JsonDict
    choice: int = 0


class Failed(Record):
    # The stream broke; always the last event.

    error: LingateError


Event = (
    Start
    | Text
    | Refusal
    | Thinking
    | ToolStart
    | ToolArgs
    | Media
    | Annotations
    | Usage
    | Finish
    | Extra
    | Opaque
    | Failed
)
